"""Configuration of a sentence encoder in addition to its backbone: pooling, normalization, dense layers, prompts."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from kerasft.heads.pooling import pooling_of

PROJECTION = "projection_"
"""Name prefix of the dense layers between pooling and output."""


@dataclasses.dataclass(frozen=True, eq=False)
class Projection:
    """A trained dense layer after the pooling.

    Attributes:
        kernel: (inputs, outputs).
        bias: (outputs,), or None.
        activation: Name of a Keras activation.

    Example:

    >>> Projection(np.eye(2, dtype="float32")).activation
    'linear'
    """

    kernel: np.ndarray
    bias: np.ndarray | None = None
    activation: str = "linear"

    def __call__(self, pooled: keras.KerasTensor, name: str) -> keras.KerasTensor:
        """Apply the layer, with its weights, to a vector (B, inputs)."""
        layer = keras.layers.Dense(
            self.kernel.shape[1], activation=self.activation, use_bias=self.bias is not None, name=name
        )
        projected = layer(pooled)  # (B, outputs)
        layer.set_weights([self.kernel] if self.bias is None else [self.kernel, self.bias])
        return projected


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class SentenceEncoder:
    """Settings from a sentence-transformers folder or a bundle; `backbone.sentence_encoder` of a loaded backbone.

    Attributes:
        pooling: See `kerasft.heads.sentence_embedding`.
        normalize: Whether embeddings are normalized to unit length.
        projections: Dense layers after the pooling.
        max_length: Maximum text length in tokens; None: the tokenizer's limit.
        prompts: Prompts (prefixes of texts) by name.
        default_prompt_name: The default prompt; None: no prompt.

    Example:

    >>> encoder = SentenceEncoder(prompts={"query": "query: "}, default_prompt_name="query")
    >>> encoder.settings
    {'prompts': {'query': 'query: '}, 'default_prompt_name': 'query'}
    """

    pooling: str = "mean"
    normalize: bool = True
    projections: tuple[Projection, ...] = ()
    max_length: int | None = None
    prompts: Mapping[str, str] = dataclasses.field(default_factory=dict)
    default_prompt_name: str | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """The part stored in a bundle's settings; the rest is in the model."""
        if not self.prompts:
            return {}
        return {"prompts": dict(self.prompts), "default_prompt_name": self.default_prompt_name}


def sentence_encoder_of(model: keras.Model) -> SentenceEncoder:
    """Return the sentence encoder settings of a model.

    Args:
        model: A model built by `kerasft.heads.sentence_embedding`, or the model of such a bundle.

    Example:

    >>> from kerasft.demo import tiny
    >>> backbone = tiny.backbone()
    >>> from kerasft.heads.sentence_embedding import sentence_embedding
    >>> encoder = sentence_encoder_of(sentence_embedding(backbone, pooling="cls"))
    >>> encoder.pooling, encoder.normalize
    ('cls', True)
    """
    layers = [layer for layer in model.layers if layer.name.startswith(PROJECTION)]
    projections = [
        Projection(
            keras.ops.convert_to_numpy(layer.kernel),
            keras.ops.convert_to_numpy(layer.bias) if layer.use_bias else None,
            layer.activation.__name__,
        )
        for layer in sorted(layers, key=lambda layer: int(layer.name.removeprefix(PROJECTION)))
    ]
    settings = getattr(model, "bundle_settings", {})
    return SentenceEncoder(
        pooling=pooling_of(model),
        normalize=isinstance(model.get_layer("embedding"), keras.layers.UnitNormalization),
        projections=tuple(projections),
        max_length=getattr(model, "bundle_max_length", None),
        prompts=settings.get("prompts") or {},
        default_prompt_name=settings.get("default_prompt_name"),
    )
