"""Initializer of the heads' matrices."""

import keras


def head_initializer() -> keras.initializers.Initializer:
    """Return a new initializer of a head's matrix: a normal distribution with standard deviation 0.02, as in transformers.

    It is not truncated at two deviations, which would make it 0.0176. Each call uses a new seed.

    Example:

    >>> head_initializer().stddev
    0.02
    """
    return keras.initializers.RandomNormal(stddev=0.02)
