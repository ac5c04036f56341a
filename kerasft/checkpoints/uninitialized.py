"""Build a model without computing the initial weights that a checkpoint will replace."""

import contextlib
from collections.abc import Callable, Iterable

import keras
import tensorflow as tf


class Unfilled:
    """A scope in which float variables are allocated but not initialized; they can be initialized later.

    Memory that is never written costs nothing, and sampling 124 M normal values takes longer than reading them.

    Example:

    >>> unfilled = Unfilled()
    >>> with unfilled.scope():
    ...     layer = keras.layers.Dense(2, bias_initializer="ones")
    ...     layer.build((None, 3))
    >>> unfilled.draw_all_but([layer.kernel])
    >>> layer.bias.numpy().tolist()
    [1.0, 1.0]
    """

    def __init__(self):
        self._created: list[tuple[tf.Variable, Callable]] = []

    def scope(self) -> contextlib.AbstractContextManager:
        """Return the scope to build the model in."""
        return tf.variable_creator_scope(self._create)

    def draw_all_but(self, variables: Iterable[keras.Variable]) -> None:
        """Initialize all variables except these, which the caller assigns next."""
        skipped = {id(variable.value) for variable in variables}
        for variable, draw in self._created:
            if id(variable) not in skipped:
                variable.assign(draw())
        self._created.clear()

    def _create(self, next_creator: Callable, **options) -> tf.Variable:
        draw = options.get("initial_value")
        if not callable(draw) or not tf.as_dtype(options["dtype"]).is_floating:
            return next_creator(**options)
        with tf.Graph().as_default():  # infers the shape without computing values
            tensor = tf.convert_to_tensor(draw())
        shape = tensor.shape.as_list()
        dtype = tensor.dtype
        options["initial_value"] = lambda: tf.raw_ops.Empty(shape=shape, dtype=dtype, init=False)
        variable = next_creator(**options)
        self._created.append((variable, draw))
        return variable
