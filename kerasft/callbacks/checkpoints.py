"""Early stopping and best checkpoint."""

import json
import math
import os
from pathlib import Path

import h5py
import keras

from kerasft.callbacks.best_value import BestValue
from kerasft.callbacks.resumable import Resumable
from kerasft.errors import bad_argument
from kerasft.files import check_room, file_written_aside, local_path

_SMALLER_IS_BETTER = {"loss", "error", "mse", "mae", "rmse", "crossentropy", "entropy", "perplexity", "divergence"}
_GREATER_IS_BETTER = {
    *("accuracy", "acc", "f1", "mcc", "matthews", "pearson", "spearman", "auc", "precision", "recall", "r2", "score"),
    *("bleu", "chrf", "rouge", "rouge1", "rouge2", "rougel", "rougelsum", "em", "match", "mrr", "correlation"),
}

_LORA = "kerasft_lora"


def _mode(monitor: str, mode: str | None) -> str:
    if mode is not None and mode not in ("min", "max"):
        raise bad_argument("mode", "'min', 'max' or None", mode, "None infers it from the metric's name.")
    words = set(monitor.lower().split("_"))
    if mode or words & _SMALLER_IS_BETTER:
        return mode or "min"
    if words & _GREATER_IS_BETTER:
        return "max"
    raise bad_argument("monitor", "a metric with a known direction", monitor, "Add mode='max' or mode='min'.")


def _monitored(monitor: str, logs: dict[str, float] | None) -> float:
    if monitor not in (logs or {}):
        raise bad_argument(
            "monitor",
            f"one of the logged values ({', '.join(logs or {}) or 'none'})",
            monitor,
            "Pass `validation_data` to `fit` and the metric to `compile`.",
        )
    return logs[monitor]


class _EarlyStopping(Resumable, keras.callbacks.EarlyStopping):
    """Keras' own, but a monitored value that does not exist is an error, and the loss decides between equal ones."""

    def on_train_begin(self, logs=None):
        """Forget the best of an earlier `fit`."""
        super().on_train_begin(logs)
        self._best = BestValue(self.monitor, self.mode, min_delta=self.min_delta)

    def get_monitor_value(self, logs):
        """Return the monitored value."""
        return _monitored(self.monitor, logs)

    def on_epoch_end(self, epoch, logs=None):
        """Remember the best epoch; stop after `patience` epochs without improvement."""
        value = self.get_monitor_value(logs)
        if self._best.improves(logs, epoch):
            self.wait = 0
            self.best = value
            self.best_epoch = epoch
            if self.restore_best_weights:
                self.best_weights = self.model.get_weights()
            return
        self.wait += 1
        if self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def get_state(self):
        """Return the best value and epoch, the patience used up, and the best weights if they are kept."""
        return {"wait": self.wait, "weights": list(self.best_weights or []), **self._best.get_state()}

    def set_state(self, state):
        """Continue with a state of `get_state`."""
        self.wait = state["wait"]
        self.best_weights = state["weights"] or None
        self._best.set_state(state)
        if self._best.epoch is not None:
            self.best_epoch = self._best.epoch
            self.best = self._best.value


def early_stopping(
    monitor: str = "val_loss",
    *,
    patience: int = 2,
    min_delta: float = 0.0,
    mode: str | None = None,
    restore_best_weights: bool = True,
) -> keras.callbacks.EarlyStopping:
    """Stop when a value has not improved for `patience` epochs, and restore the best weights.

    Where the value is the same as in the best epoch, or undefined in both, the loss decides; see `BestValue`.

    Args:
        monitor: A name from the epoch's logs: `"val_loss"`, `"val_accuracy"`, `"val_f1"`, ...
        patience: Number of epochs without improvement, >= 0.
        min_delta: Minimum change that counts as an improvement.
        mode: `"min"` or `"max"`; None finds it from the words of the name (losses and errors: min; accuracy, F1,
            Matthews, Pearson, Spearman, AUC, BLEU, ROUGE, ...: max).
        restore_best_weights: Whether the model has the best epoch's weights in the end, rather than the last one's.

    Returns:
        The callback.

    Raises:
        KerasftError: If the direction of a metric is unknown, or (in training) no value has that name.

    Example:

    >>> early_stopping("val_f1").mode
    'max'
    """
    return _EarlyStopping(
        monitor=monitor,
        mode=_mode(monitor, mode),
        patience=patience,
        min_delta=min_delta,
        restore_best_weights=restore_best_weights,
    )


class _BestCheckpoint(Resumable):
    """Saves the model when the monitored value is the best so far."""

    def __init__(self, path: Path, monitor: str, mode: str):
        super().__init__()
        self.path = path
        self.monitor = monitor
        self.mode = mode
        self.record = _record_of(path)

    def on_train_begin(self, logs=None):
        """Forget the best of an earlier `fit`."""
        self._best = BestValue(self.monitor, self.mode)

    def get_state(self):
        """Return the best value and its epoch."""
        return self._best.get_state()

    def set_state(self, state):
        """Continue with a state of `get_state`."""
        self._best.set_state(state)

    def on_epoch_end(self, epoch, logs=None):
        """Save if better; a NaN is never better than a number."""
        _monitored(self.monitor, logs)
        if not self._best.improves(logs, epoch):
            return
        with file_written_aside(self.path) as aside:
            check_room(aside, _sizes(self.model.variables))
            if self.path.name.endswith(".weights.h5"):
                without_optimizer(self.model).save_weights(aside)
                _add_lora(self.model, aside)
            else:
                self.model.save(aside)
        record = {"monitor": self.monitor, "value": self._best.value, "loss": self._best.loss, "epoch": epoch + 1}
        with file_written_aside(self.record) as aside:
            aside.write_text(json.dumps(record), "utf-8")


def best_checkpoint(
    path: str | os.PathLike, monitor: str = "val_loss", *, mode: str | None = None
) -> keras.callbacks.Callback:
    """Keep the model of the epoch in which a value was best; between equal or undefined ones the loss decides.

    The file is written aside and then renamed, so that a crash leaves the old one whole. Beside it, `<path>.json` holds
    the value and the epoch; a resumed training continues comparing with that value.

    Args:
        path: A file `*.keras` (the whole model) or `*.weights.h5` (the weights alone, a third of that size; see
            `load_best_weights`).
        monitor: A name from the epoch's logs.
        mode: `"min"` or `"max"`; None finds it from the name, as in `early_stopping`.

    Returns:
        The callback.

    Raises:
        KerasftError: For another suffix, an unknown direction, or (in training) a name that the logs lack.

    Example:

    >>> best_checkpoint("best.keras", "val_accuracy").mode
    'max'
    """
    path = local_path(path)
    if not path.name.endswith((".keras", ".weights.h5")):
        raise bad_argument("path", "a file *.keras or *.weights.h5", str(path), "For example: path='best.keras'.")
    return _BestCheckpoint(path, monitor, _mode(monitor, mode))


def load_best_weights(model: keras.Model, path: str | os.PathLike) -> None:
    """Load the weights that `best_checkpoint` saved in a file `*.weights.h5`; the optimizer is unchanged.

    Args:
        model: The model that was trained, or a new one of the same layers.
        path: The file.

    Example:

    >>> import numpy as np
    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> best = best_checkpoint("best.weights.h5", "loss")
    >>> _ = model.fit(np.ones((4, 3)), np.ones((4, 1)), verbose=0, callbacks=[best])
    >>> load_best_weights(model, "best.weights.h5")
    """
    without_optimizer(model).load_weights(path)
    _restore_lora(model, Path(path))


def best_epoch(path: str | os.PathLike) -> int | None:
    """Return the number, from 1, of the epoch whose model `best_checkpoint` kept in a file; None if it kept none.

    Args:
        path: The file; the record beside it is read.

    Example:

    >>> best_epoch("none.weights.h5") is None
    True
    """
    record = _record_of(local_path(path))
    return json.loads(record.read_text("utf-8"))["epoch"] if record.is_file() else None


def _record_of(path: Path) -> Path:
    """The file beside a checkpoint that says which epoch it is of, and what its value was."""
    return path.with_name(f"{path.name}.json")


def without_optimizer(model: keras.Model) -> keras.Model:
    """The same layers as a model that was never compiled, for files of a third of the size.

    Args:
        model: A functional or sequential model; one of another kind is returned as it is.

    Example:

    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    >>> model.compile("adam", "mse")
    >>> without_optimizer(model).compiled
    False
    """
    if isinstance(model, keras.Sequential):
        return keras.Model(model.inputs, model.outputs, name=model.name)
    return keras.Model(model.input, model.output, name=model.name) if hasattr(model, "input") else model


def _lora_state(model: keras.Model) -> dict[str, keras.Variable]:
    """The matrices of LoRA and the kernels or tables that they are of; nothing for a model without LoRA."""
    parts = {weight.path.rpartition("/")[0] for weight in model.weights if weight.name.startswith("lora_")}
    state = [weight for weight in model.weights if weight.path.rpartition("/")[0] in parts and weight.name != "bias"]
    return {str(number): weight for number, weight in enumerate(state)}


def _add_lora(model: keras.Model, path: Path) -> None:
    """Add LoRA's matrices to a file of weights: Keras itself writes merged kernels, and zeros both matrices on loading."""
    if state := _lora_state(model):
        with h5py.File(path, "a") as file:
            for name, weight in state.items():
                file[f"{_LORA}/{name}"] = keras.ops.convert_to_numpy(weight)


def _restore_lora(model: keras.Model, path: Path) -> None:
    """After Keras has loaded a file of weights: take apart again what it has merged. Two zero matrices could not be trained."""
    if state := _lora_state(model):
        with h5py.File(path, "r") as file:
            for name, weight in state.items() if _LORA in file else ():
                weight.assign(file[f"{_LORA}/{name}"][()])


def _sizes(variables) -> list[int]:
    """Bytes of each variable."""
    widths = {"float64": 8, "int64": 8, "uint64": 8}  # others have 4 bytes or fewer
    return [math.prod(variable.shape) * widths.get(str(variable.dtype), 4) for variable in variables]
