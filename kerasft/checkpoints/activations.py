"""Activation names of Hugging Face."""

from collections.abc import Callable

import keras

from kerasft.activations import gelu_tanh
from kerasft.errors import CheckpointError, bad_argument

ACTIVATIONS = {
    "gelu": "gelu",
    "gelu_python": "gelu",
    "gelu_new": gelu_tanh,
    "gelu_pytorch_tanh": gelu_tanh,
    "gelu_python_tanh": gelu_tanh,
    "gelu_fast": gelu_tanh,
    "gelu_accurate": gelu_tanh,
    "relu": "relu",
    "relu6": "relu6",
    "silu": "silu",
    "swish": "silu",
    "mish": "mish",
    "tanh": "tanh",
    "sigmoid": "sigmoid",
    "linear": "linear",
}
"""`hidden_act` of a checkpoint -> equivalent Keras activation."""


def activation_name(activation: str | Callable) -> str:
    """Return Hugging Face's name of a Keras activation.

    Raises:
        CheckpointError: If Hugging Face does not support it.

    Example:

    >>> activation_name(gelu_tanh), activation_name("gelu")
    ('gelu_new', 'gelu')
    """
    function = keras.activations.get(activation)
    if function is gelu_tanh:
        return "gelu_new"  # of several names, the one that every version of transformers supports
    for name, ours in ACTIVATIONS.items():
        if function is keras.activations.get(ours):
            return name
    raise bad_argument(
        "activation", "an activation that Hugging Face supports", activation, 'Use "gelu".', kind=CheckpointError
    )
