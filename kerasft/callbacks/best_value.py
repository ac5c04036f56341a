"""Selection of the best epoch by the monitored value; ties and undefined values are resolved by the loss."""

import logging
import math
from collections.abc import Mapping

_LOG = logging.getLogger("kerasft")


class BestValue:
    """The best of the epochs so far.

    A metric can be the same in every epoch: an accuracy of few rows, or a correlation where the model answers all rows alike
    (undefined: NaN, or 0 by convention). Then the first epoch would stay the best one. Here the loss decides: `val_loss`
    for a monitored value of the validation rows, where the logs have it, else `loss`. That is logged once.

    Args:
        monitor: A name from the epochs' logs.
        mode: `"min"` or `"max"`.
        min_delta: Minimum change that counts as an improvement.

    Example:

    >>> best = BestValue("val_spearman", "max")
    >>> best.improves({"val_spearman": 0.0, "val_loss": 0.9}, epoch=0)
    True
    >>> best.improves({"val_spearman": 0.0, "val_loss": 0.7}, epoch=1), best.epoch
    (True, 1)
    >>> best.improves({"val_spearman": 0.0, "val_loss": 0.8}, epoch=2), best.epoch
    (False, 1)
    """

    def __init__(self, monitor: str, mode: str, *, min_delta: float = 0.0):
        self.monitor = monitor
        self.sign = 1 if mode == "max" else -1
        self.min_delta = abs(min_delta)
        self.epoch: int | None = None
        self.value: float | None = None
        self.loss: float | None = None
        self._told = False

    def get_state(self) -> dict[str, float | int | None]:
        """Return the best epoch so far."""
        return {"value": self.value, "loss": self.loss, "epoch": self.epoch}

    def set_state(self, state: Mapping[str, float | int | None]) -> None:
        """Continue with the best epoch of an interrupted training."""
        self.value = state["value"]
        self.loss = state["loss"]
        self.epoch = state["epoch"]

    def improves(self, logs: Mapping[str, float], epoch: int) -> bool:
        """Return whether an epoch is better than all before it, and remember it if so.

        Args:
            logs: The epoch's logs; they have the monitored name.
            epoch: Its number from 0, for the messages.
        """
        value = _defined(logs[self.monitor])
        name, loss = self._loss(logs)
        if not self._is_better(value, loss, name=name, epoch=epoch):
            return False
        self.set_state({"value": value, "loss": loss, "epoch": epoch})
        return True

    def _loss(self, logs: Mapping[str, float]) -> tuple[str, float | None]:
        name = "val_loss" if self.monitor.startswith("val_") and "val_loss" in logs else "loss"
        if name == self.monitor:
            return name, None
        return name, _defined(logs.get(name))

    def _is_better(self, value: float | None, loss: float | None, *, name: str, epoch: int) -> bool:
        if value is None and loss is None:
            return False  # nothing that speaks for this epoch
        if self.epoch is None:
            return True
        if value is not None and self.value is None:
            return True  # a number is better than none
        if value is None and self.value is not None:
            return False
        if value != self.value:
            return self.sign * (value - self.value) > self.min_delta
        self._tell(value, name, epoch)
        if loss is None or self.loss is None:
            return loss is not None
        return self.loss - loss > self.min_delta

    def _tell(self, value: float | None, name: str, epoch: int) -> None:
        if not self._told and name != self.monitor:
            shown = "undefined (NaN)" if value is None else f"{value:.4f}"
            _LOG.warning(
                "%s is %s in epochs %d and %d: ties and undefined values are resolved by %s.",
                *(self.monitor, shown, self.epoch + 1, epoch + 1, name),
            )
            self._told = True


def _defined(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else float(value)
