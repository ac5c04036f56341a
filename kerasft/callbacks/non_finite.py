"""Stop training if the loss is NaN or infinite."""

import math

import keras

from kerasft.callbacks.resumable import Resumable
from kerasft.epoch_order import EpochOrder
from kerasft.errors import KerasftError


def find_optimizer(model: keras.Model) -> keras.optimizers.Optimizer | None:
    """Return the model's optimizer, without the loss scaling that mixed precision wraps around it.

    Example:

    >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    >>> model.compile(keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.5)), "mse")
    >>> type(find_optimizer(model)).__name__
    'SGD'
    """
    optimizer = getattr(model, "optimizer", None)
    return getattr(optimizer, "inner_optimizer", optimizer)


def optimizer_state(model: keras.Model) -> dict[str, float]:
    """Return `learning_rate` and, if the optimizer records it, `gradient_norm`.

    Example:

    >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    >>> model.compile(keras.optimizers.SGD(0.5), "mse")
    >>> optimizer_state(model)
    {'learning_rate': 0.5}
    """
    optimizer = find_optimizer(model)
    values = {name: getattr(optimizer, name, None) for name in ("learning_rate", "gradient_norm")}
    return {name: float(keras.ops.convert_to_numpy(value)) for name, value in values.items() if value is not None}


class StopOnNonFinite(keras.callbacks.Callback):
    """Stops training at the first step whose loss is NaN or infinite; the error names step, rows and last good checkpoint.

    It raises, while `keras.callbacks.TerminateOnNaN` ends the epoch normally: so no checkpoint or best model is overwritten
    by the corrupted weights, and `kerasft.callbacks.resume` finds the last good checkpoint. The rows of the batch are named
    for shuffled datasets of `kerasft.data` in memory.

    Raises:
        KerasftError: In the step after which the loss is not finite.

    Example:

    >>> import numpy as np
    >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    >>> model.compile(keras.optimizers.SGD(1.0), "mse")
    >>> try:
    ...     model.fit(np.array([[np.inf]]), np.ones((1, 1)), verbose=0, callbacks=[StopOnNonFinite()])
    ... except KerasftError as error:
    ...     print(str(error)[:57])
    The loss must be finite; received: inf in epoch 1, step 1
    """

    async_safe = True  # Keras may call it from its thread, and so need not wait for the device after every step

    def on_epoch_begin(self, epoch, logs=None):
        """Remember the epoch, and the datasets' positions, for the message."""
        self._epoch = epoch
        self._started = [(order, order.started) for order in EpochOrder.alive()]

    def on_train_batch_end(self, batch, logs=None):
        """Check the loss. It is the epoch's running mean, which stays NaN once a batch was."""
        loss = (logs or {}).get("loss", 0.0)
        if math.isfinite(loss):
            return
        state = ", ".join(f"{name} {value:.3g}" for name, value in optimizer_state(self.model).items())
        raise KerasftError(
            f"The loss must be finite; received: {loss} in epoch {self._epoch + 1}, step {batch + 1}{self._rows(batch)}"
            f" ({state or 'no optimizer'}). Training was stopped.{self._checkpoint()} Lower the learning rate,"
            " use a longer warm-up, clip the gradients (global_clipnorm=1.0), and look for NaN in targets and weights."
        )

    def _rows(self, batch: int) -> str:
        """The rows of a batch of the running epoch, where they can be told."""
        for order, before in self._started:
            if order.started > before and order.batch_rows is not None:
                rows = next(order.batch_rows(before).skip(batch).as_numpy_iterator())
                return f", rows {', '.join(str(row + 1) for row in sorted(rows.tolist()))} of the training data"
        return ""

    def _checkpoint(self) -> str:
        for callback in Resumable.in_fit_of(self):
            checkpoint = getattr(callback, "last_checkpoint", None)
            if checkpoint is not None:
                return f" The last good checkpoint is that of {checkpoint.position} in {callback.folder}."
        return ""
