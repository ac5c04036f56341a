"""Build a model without computing initial weights that a checkpoint will replace."""

import contextlib
from collections.abc import Callable, Iterable

import keras
import tensorflow as tf


class Unfilled:
    """A scope in which float variables get memory but no values, and how to give them their initial values later.

    Memory that nobody writes to costs nothing, and a draw of 124 M normal numbers takes longer than reading them.

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
        self._made: list[tuple[tf.Variable, Callable]] = []

    def scope(self) -> contextlib.AbstractContextManager:
        """Return the scope to build the model in."""
        return tf.variable_creator_scope(self._create)

    def draw_all_but(self, variables: Iterable[keras.Variable]) -> None:
        """Give all variables their initial values but these, which the caller fills next."""
        spared = {id(variable.value) for variable in variables}
        for variable, draw in self._made:
            if id(variable) not in spared:
                variable.assign(draw())
        self._made.clear()

    def _create(self, next_creator: Callable, **options) -> tf.Variable:
        draw = options.get("initial_value")
        if not callable(draw) or not tf.as_dtype(options["dtype"]).is_floating:
            return next_creator(**options)
        with tf.Graph().as_default():  # which tells the shape, and computes nothing
            tensor = tf.convert_to_tensor(draw())
        shape = tensor.shape.as_list()
        dtype = tensor.dtype
        options["initial_value"] = lambda: tf.raw_ops.Empty(shape=shape, dtype=dtype, init=False)
        variable = next_creator(**options)
        self._made.append((variable, draw))
        return variable
