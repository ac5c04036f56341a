"""The head that turns a text into one vector, so that texts of like meaning have vectors of like direction."""

import keras

from kerasft.heads.pooling import pool


def sentence_embedding(backbone: keras.Model, *, pooling: str = "mean", normalize: bool = True) -> keras.Model:
    """Extend a backbone's graph by pooling and, by default, division by the Euclidean norm (Reimers and Gurevych 2019,
    arXiv:1908.10084, section 3).

    The head has no weights of its own, so a checkpoint that was trained as a sentence embedder is one again at once.

    Args:
        backbone: A functional encoder with the inputs of `kerasft.features`: kerasft's own or KerasHub's.
        pooling: `"mean"` over the real tokens, `"cls"`, `"pooler"` or `"last"`: that of the checkpoint's own training.
        normalize: Whether vectors have length 1; then their dot product is their cosine. A text without a token gives 0.

    Returns:
        A functional model: a dictionary of int32 tensors (B, S) in, float32 `embedding` (B, H) out.

    Raises:
        KerasftError: If `pooling` is unknown, or `"pooler"` is asked of a backbone without one.

    Example:

    >>> import numpy as np
    >>> vectors = sentence_embedding(backbone)({name: np.ones((2, 3), "int32") for name in backbone.input})
    >>> np.linalg.norm(vectors, axis=1).round(4).tolist()
    [1.0, 1.0]
    """
    pooled = pool(backbone, pooling)  # (B, H)
    # Float32 also under mixed precision: cosines of float16 vectors are good to three digits only.
    if normalize:
        layer = keras.layers.UnitNormalization(dtype="float32", name="embedding")
    else:
        layer = keras.layers.Activation("linear", dtype="float32", name="embedding")
    return keras.Model(backbone.input, layer(pooled), name="sentence_embedding")  # (B, H)
