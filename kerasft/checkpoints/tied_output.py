"""The output matrix of a language model: tied to the token embedding, or separate."""

import keras
import numpy as np

from kerasft.checkpoints.family import Weights, dense
from kerasft.checkpoints.tensors import Tensors

_NAME = "lm_head"


def output_is_tied(configured: bool, tensors: Tensors, *embeddings: str) -> bool:
    """Tell whether the output matrix of a checkpoint is its token embedding, as transformers 5 does.

    A tied matrix may be stored under both names. One that is not tied is told from that by its numbers, because
    transformers 5 writes `tie_word_embeddings=true` for T5 1.1 too.

    Args:
        configured: What `tie_word_embeddings` says.
        tensors: The checkpoint.
        *embeddings: Names that the token embedding may have.

    Returns:
        True where `lm_head.weight` is absent, or equal to the embedding and configured to be.
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
    """Name the output matrix of a model with logits over the vocabulary; nothing where it is tied."""
    layer = model.get_layer("logits")
    return dense(_NAME, layer) if layer.weights else {}
