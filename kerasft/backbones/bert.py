"""BERT (https://arxiv.org/abs/1810.04805) as a flat functional graph of Keras and KerasHub layers."""

import dataclasses
from collections.abc import Callable
from typing import ClassVar

import keras

from kerasft.backbones.position_embedding import PositionEmbedding
from kerasft.backbones.token_embedding import BackboneConfig, TokenEmbedding
from kerasft.backbones.transformer_encoder import DEFAULT_MASK_VALUE, AttentionBias, TransformerEncoderLayer
from kerasft.features import PADDING_MASK, POOLED_OUTPUT, SEGMENT_IDS, SEQUENCE_OUTPUT, TOKEN_IDS


@keras.saving.register_keras_serializable("kerasft")
@dataclasses.dataclass(frozen=True, kw_only=True)
class BertConfig(BackboneConfig):
    """The sizes and rates of one BERT; the defaults are those of the published models.

    Args:
        vocabulary_size: V, the number of tokens.
        num_layers: Number of encoder blocks.
        num_heads: N, attention heads in a block; divides `hidden_dim`.
        hidden_dim: H, the width of the hidden states.
        intermediate_dim: Width of the feed-forward nets, usually 4 H.
        max_sequence_length: Number of positions; longer texts cannot be read.
        num_segments: Number of segment types.
        activation: Of the feed-forward nets; Keras' "gelu" is the exact one (erf).
        hidden_dropout: Rate of the dropout on embeddings and on each sub-layer's output.
        attention_dropout: Rate of the dropout on the attention weights.
        layer_norm_epsilon: Added to the variance in every layer norm.
        initializer_range: Standard deviation of the truncated normal that new weights are drawn from.
        mask_value: What padding adds to an attention score; see `AttentionBias`.

    Example:

    >>> BertConfig(vocabulary_size=100, num_layers=2, num_heads=2, hidden_dim=8, intermediate_dim=16).activation
    'gelu'
    """

    family: ClassVar[str] = "bert"

    vocabulary_size: int
    num_layers: int
    num_heads: int
    hidden_dim: int
    intermediate_dim: int
    max_sequence_length: int = 512
    num_segments: int = 2
    activation: str | Callable = "gelu"
    hidden_dropout: float = 0.1
    attention_dropout: float = 0.1
    layer_norm_epsilon: float = 1e-12
    initializer_range: float = 0.02
    mask_value: float = DEFAULT_MASK_VALUE


def bert(config: BertConfig, *, dtype: str | None = None, name: str = "bert") -> keras.Model:
    """Build a BERT encoder with new weights.

    Args:
        config: Sizes and rates.
        dtype: A Keras dtype policy for every layer, such as `"mixed_bfloat16"`; None: the global policy.
        name: Of the model.

    Returns:
        A functional model. Inputs, a dictionary of int32 (B, S): `token_ids`, `padding_mask`, `segment_ids`. Outputs, a
        dictionary: `sequence_output` (B, S, H) and `pooled_output` (B, H).

    Example:

    >>> config = BertConfig(vocabulary_size=100, num_layers=2, num_heads=2, hidden_dim=8, intermediate_dim=16)
    >>> ids = keras.ops.ones((3, 5), "int32")
    >>> outputs = bert(config)({"token_ids": ids, "padding_mask": ids, "segment_ids": 0 * ids})
    >>> tuple(outputs["sequence_output"].shape), tuple(outputs["pooled_output"].shape)
    ((3, 5, 8), (3, 8))
    """
    inputs = {
        feature: keras.Input((None,), dtype="int32", name=feature) for feature in (TOKEN_IDS, PADDING_MASK, SEGMENT_IDS)
    }
    hidden_states = _embed(inputs, config, dtype)  # (B, S, H)
    attention_bias = AttentionBias(config.mask_value, dtype=dtype, name="attention_bias")(inputs[PADDING_MASK])
    for index in range(config.num_layers):
        layer = TransformerEncoderLayer(
            num_heads=config.num_heads,
            intermediate_dim=config.intermediate_dim,
            activation=config.activation,
            hidden_dropout=config.hidden_dropout,
            attention_dropout=config.attention_dropout,
            layer_norm_epsilon=config.layer_norm_epsilon,
            initializer_range=config.initializer_range,
            dtype=dtype,
            name=f"transformer_layer_{index}",
        )
        hidden_states = layer(hidden_states, attention_bias)
    pooled = keras.layers.Dense(
        config.hidden_dim,
        activation="tanh",
        kernel_initializer=_initializer(config),
        dtype=dtype,
        name="pooled_dense",
    )(hidden_states[:, 0, :])
    return keras.Model(inputs, {SEQUENCE_OUTPUT: hidden_states, POOLED_OUTPUT: pooled}, name=name)


def _embed(inputs: dict, config: BertConfig, dtype: str | None):
    tokens = TokenEmbedding(config, embeddings_initializer=_initializer(config), dtype=dtype, name="token_embedding")(
        inputs[TOKEN_IDS]
    )
    segments = keras.layers.Embedding(
        config.num_segments,
        config.hidden_dim,
        embeddings_initializer=_initializer(config),
        dtype=dtype,
        name="segment_embedding",
    )(inputs[SEGMENT_IDS])
    summed = keras.layers.Add(dtype=dtype, name="embeddings_add")([tokens, segments])  # (B, S, H)
    summed = PositionEmbedding(
        max_sequence_length=config.max_sequence_length,
        initializer=_initializer(config),
        dtype=dtype,
        name="position_embedding",
    )(summed)
    norm = keras.layers.LayerNormalization(epsilon=config.layer_norm_epsilon, dtype=dtype, name="embeddings_layer_norm")
    return keras.layers.Dropout(config.hidden_dropout, dtype=dtype, name="embeddings_dropout")(norm(summed))


def _initializer(config: BertConfig) -> keras.initializers.Initializer:
    return keras.initializers.TruncatedNormal(stddev=config.initializer_range)
