"""How the new matrices of the heads are drawn."""

import keras


def head_initializer() -> keras.initializers.Initializer:
    """Return a new initializer of a head's matrix: a normal distribution with the deviation of transformers' heads, 0.02.

    It is not truncated at two deviations, which would make it 0.0176. Each call draws a seed of its own.

    Example:

    >>> head_initializer().stddev
    0.02
    """
    return keras.initializers.RandomNormal(stddev=0.02)
