"""Activations that Keras has no name for.

This module imports Keras alone: `serialization.py` loads it as soon as Keras is there.
"""

import keras


@keras.saving.register_keras_serializable("kerasft")
def gelu_tanh(x: keras.KerasTensor) -> keras.KerasTensor:
    """The tanh approximation of GELU, as in GPT-2 (https://arxiv.org/abs/1606.08415, section 2):

        x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))

    Args:
        x: Floats of any shape.

    Returns:
        The same shape and dtype.

    Example:

    >>> round(float(gelu_tanh(1.0)), 4), round(float(keras.activations.gelu(1.0)), 4)
    (0.8412, 0.8413)
    """
    return keras.activations.gelu(x, approximate=True)
