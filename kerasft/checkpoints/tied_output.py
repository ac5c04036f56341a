"""The output matrix of a language model: tied to the token embedding, or separate."""

import keras
import numpy as np

from kerasft.checkpoints.family import Weights, dense
from kerasft.checkpoints.tensors import Tensors

_NAME = "lm_head"


def output_is_tied(configured: bool, tensors: Tensors, *embeddings: str) -> bool:
    """Return whether the output matrix of a checkpoint is tied to its token embedding, by the rules of transformers 5.

    A tied matrix may be stored under both names. The values are compared, because transformers 5 writes
    `tie_word_embeddings=true` for T5 1.1 too.

    Args:
        configured: The value of `tie_word_embeddings`.
        tensors: The checkpoint.
        *embeddings: Possible names of the token embedding.

    Returns:
        True if `lm_head.weight` is absent, or is configured as tied and equals the embedding.
    """
    name = f"{_NAME}.weight"
    if name not in tensors or not configured:
        return name not in tensors
    return any(
        tensors.shape(name) == tensors.shape(other) and np.array_equal(tensors.read(name), tensors.read(other))
        for other in embeddings
        if other in tensors
    )


def output_weights(model: keras.Model) -> Weights:
    """Map the output matrix of a language model to its tensor name; empty if it is tied."""
    layer = model.get_layer("logits")
    return dense(_NAME, layer) if layer.weights else {}
