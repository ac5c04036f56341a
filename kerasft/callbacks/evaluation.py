"""Custom evaluation after every epoch, for metrics beyond Keras metrics: spans, answers, generated texts."""

import contextlib
import numbers
from collections.abc import Callable, Mapping

import keras

from kerasft.errors import bad_argument
from kerasft.truncation import no_warning


class Evaluation(keras.callbacks.Callback):
    """Calls a function at the end of each epoch, and adds the returned values to the epoch's logs.

    Callbacks after it in `fit(callbacks=[...])` can use them like Keras' own: best checkpoint, early stopping,
    TensorBoard, the history and Keras' output. Most useful is a pipeline's own evaluation, so that the epoch is selected
    by the metric that is reported in the end.

    Args:
        evaluate: Called without arguments; returns a dictionary of numbers. Other values are not logged.
        prefix: Prefix of each name.

    Raises:
        KerasftError: In training, if `evaluate` returns something else, or a name that is already in the logs.

    Example:

    >>> import numpy as np
    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> watch = [Evaluation(lambda: {"bleu": 31.5}), keras.callbacks.EarlyStopping("val_bleu", mode="max")]
    >>> model.fit(np.ones((4, 3)), np.ones((4, 1)), verbose=0, callbacks=watch).history["val_bleu"]
    [31.5]
    """

    def __init__(self, evaluate: Callable[[], Mapping[str, float]], *, prefix: str = "val_"):
        super().__init__()
        if not callable(evaluate):
            raise bad_argument(
                "evaluate",
                "a function without arguments",
                evaluate,
                "For example: lambda: pipeline.evaluate(dev).metrics.",
            )
        self.evaluate = evaluate
        self.prefix = prefix

    def on_epoch_end(self, epoch, logs=None):
        """Evaluate, and add to the logs in place: Keras hands one dictionary from callback to callback."""
        # What is truncated is the same after every epoch.
        with no_warning() if epoch else contextlib.nullcontext():
            results = self.evaluate()
        if not isinstance(results, Mapping):
            raise bad_argument(
                "evaluate", "a function that returns a dictionary of numbers", results, 'For example: {"f1": 0.5}.'
            )
        for name, value in results.items():
            if isinstance(value, bool) or not isinstance(value, numbers.Real):
                continue
            if logs is not None and self.prefix + name in logs:
                raise bad_argument(
                    "evaluate",
                    f"without names that the logs already have ({', '.join(logs)})",
                    name,
                    "Use another prefix.",
                )
            if logs is not None:
                logs[self.prefix + name] = float(value)
