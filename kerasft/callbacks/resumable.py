"""Callbacks whose state is part of a training's checkpoints."""

import weakref
from collections.abc import Mapping

import keras
import numpy as np

State = Mapping[str, "bool | int | float | str | list[np.ndarray] | None"]


class Resumable(keras.callbacks.Callback):
    """A callback whose state `kerasft.callbacks.resume` saves and restores; base class for callbacks of your own.

    Example:

    >>> class CountEpochs(Resumable):
    ...     epochs = 0
    ...     def on_epoch_end(self, epoch, logs=None):
    ...         self.epochs += 1
    ...     def get_state(self):
    ...         return {"epochs": self.epochs}
    ...     def set_state(self, state):
    ...         self.epochs = state["epochs"]
    """

    is_skipping = False
    """Whether `resume` is passing over batches that were trained before the interruption: the logs are old news."""

    _alive: "weakref.WeakSet[Resumable]" = weakref.WeakSet()

    def set_params(self, params):
        """Note the parameters of `fit`, and that this callback is used."""
        super().set_params(params)
        self._alive.add(self)

    def get_state(self) -> State:
        """Return what must survive an interruption: numbers, strings, None, and lists of arrays, by name."""
        return {}

    def set_state(self, state: State) -> None:
        """Continue with a state that `get_state` returned; called at the beginning of the first epoch, after `on_train_begin`."""

    @classmethod
    def in_fit_of(cls, callback: keras.callbacks.Callback) -> "list[Resumable]":
        """The resumable callbacks of the `fit` in which a callback is used."""
        # Keras gives all callbacks of a `fit` the same dictionary.
        return [each for each in cls._alive if each.params is callback.params]
