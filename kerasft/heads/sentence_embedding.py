"""Sentence embedding head: embeddings of similar texts have a high cosine similarity."""

import keras

from kerasft.backbones.token_embedding import find_config
from kerasft.errors import bad_argument
from kerasft.heads.pooling import pool
from kerasft.heads.sentence_encoder import PROJECTION, SentenceEncoder


def sentence_embedding(
    backbone: keras.Model, *, pooling: str | None = None, normalize: bool | None = None
) -> keras.Model:
    """Extend a backbone's graph by pooling and, by default, L2 normalization (Reimers and Gurevych 2019,
    arXiv:1908.10084, section 3).

    The head has no new weights, so pretrained sentence embedding models work without training. Pooling, normalization, dense
    layers and prompts come from the checkpoint if it specifies them (a sentence-transformers folder, or a bundle of such a
    model).

    Args:
        backbone: A functional encoder with the inputs of `kerasft.features`: kerasft's own or KerasHub's.
        pooling: `"mean"` over real tokens, `"cls"`, `"pooler"` or `"last"`; None: the checkpoint's, or `"mean"`.
        normalize: Whether embeddings have unit length, so that the dot product is the cosine similarity. Embeddings of texts
            without tokens are 0. None: the checkpoint's, or True.

    Returns:
        A functional model from a dictionary of int32 tensors (B, S) to the float32 `embedding` (B, H).

    Raises:
        KerasftError: If `pooling` is unknown, or is `"pooler"` for a backbone without a pretrained pooler.

    Example:

    >>> from kerasft.demo import tiny
    >>> backbone = tiny.backbone()
    >>> import numpy as np
    >>> vectors = sentence_embedding(backbone)({name: np.ones((2, 3), "int32") for name in backbone.input})
    >>> np.linalg.norm(vectors, axis=1).round(4).tolist()
    [1.0, 1.0]
    """
    encoder = getattr(backbone, "sentence_encoder", None)
    own = encoder or SentenceEncoder(pooling=getattr(find_config(backbone), "pooling", None) or "mean")
    pooling = own.pooling if pooling is None else pooling
    missing = getattr(getattr(backbone, "checkpoint_report", None), "missing", ())
    if pooling == "pooler" and any(name.startswith("pool") for name in missing):
        fix = "The checkpoint has no pooler weights, so they would be random."
        raise bad_argument("pooling", "'mean' or 'cls' for a checkpoint without a pooler", pooling, fix)
    vector = pool(backbone, pooling)  # (B, H)
    for number, projection in enumerate(own.projections):
        vector = projection(vector, f"{PROJECTION}{number}")  # (B, outputs)
    # Float32 also under mixed precision: cosine similarities in float16 are accurate to three digits only.
    if own.normalize if normalize is None else normalize:
        layer = keras.layers.UnitNormalization(dtype="float32", name="embedding")
    else:
        layer = keras.layers.Activation("linear", dtype="float32", name="embedding")
    model = keras.Model(backbone.input, layer(vector), name="sentence_embedding")  # (B, H)
    model.bundle_settings = own.settings
    model.bundle_max_length = own.max_length
    return model
