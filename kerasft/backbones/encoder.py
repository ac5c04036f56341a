"""Common parts of BERT, RoBERTa, DistilBERT and ELECTRA: configuration, embeddings, blocks, pooler."""

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import keras
from keras import KerasTensor, ops

from kerasft.backbones.position_embedding import PositionEmbedding
from kerasft.backbones.token_embedding import BackboneConfig, TokenEmbedding
from kerasft.backbones.transformer_encoder import DEFAULT_MASK_VALUE, AttentionBias, TransformerEncoderLayer
from kerasft.features import PADDING_MASK, SEGMENT_IDS, TOKEN_IDS


class EncoderInputs(NamedTuple):
    """The model's inputs, and the segment ids that its graph uses."""

    features: dict[str, KerasTensor]
    segment_ids: KerasTensor | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class EncoderConfig(BackboneConfig):
    """Base class of encoder configurations; the defaults are those of the published BERT models.

    Args:
        vocabulary_size: V, the number of tokens.
        num_layers: Number of encoder blocks.
        num_heads: N, the number of attention heads; divides `hidden_dim`.
        hidden_dim: H, the hidden size.
        intermediate_dim: Size of the feed-forward networks, usually 4 H.
        max_sequence_length: Number of positions, the maximum input length.
        num_segments: Number of segment types.
        activation: Activation of the feed-forward networks; Keras' "gelu" is exact (erf).
        hidden_dropout: Dropout rate of embeddings and of each sublayer's output.
        attention_dropout: Dropout rate of the attention weights.
        layer_norm_epsilon: Epsilon added to the variance in layer normalization.
        initializer_range: Standard deviation of the truncated normal initializer.
        mask_value: Bias of padding tokens in attention scores; see `AttentionBias`.
        pooling: Pooling that the checkpoint was trained with, if specified; see `kerasft.heads.pooling`.

    Example:

    >>> from kerasft.backbones import BertConfig
    >>> issubclass(BertConfig, EncoderConfig)
    True
    """

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
    pooling: str | None = None

    @property
    def initializer(self) -> keras.initializers.Initializer:
        """A new weight initializer for every use, because each has a seed."""
        return keras.initializers.TruncatedNormal(stddev=self.initializer_range)


def encoder_inputs(config: EncoderConfig) -> EncoderInputs:
    """Create the inputs; segment ids only if there are at least two types.

    A checkpoint with one type adds the same vector to every token, so its graph still needs segment ids; with zero types, there
    are no segment embeddings.
    """
    names = (TOKEN_IDS, PADDING_MASK, SEGMENT_IDS) if config.num_segments > 1 else (TOKEN_IDS, PADDING_MASK)
    features = {name: keras.Input((None,), dtype="int32", name=name) for name in names}
    if config.num_segments == 1:
        return EncoderInputs(features, ops.zeros_like(features[TOKEN_IDS]))
    return EncoderInputs(features, features.get(SEGMENT_IDS))


def embed_tokens(
    inputs: EncoderInputs, config: EncoderConfig, *, width: int | None = None, dtype: str | None = None
) -> KerasTensor:
    """Add token and segment embeddings: (B, S, `width`); default width: H."""
    width = width or config.hidden_dim
    tokens = TokenEmbedding(
        config,
        output_dim=width,
        embeddings_initializer=config.initializer,
        reverse_dtype="float32",  # for masked-language-model logits, see kerasft.heads.Logits
        dtype=dtype,
        name="token_embedding",
    )(inputs.features[TOKEN_IDS])
    if inputs.segment_ids is None:
        return tokens
    segments = keras.layers.Embedding(
        config.num_segments,
        width,
        embeddings_initializer=config.initializer,
        dtype=dtype,
        name="segment_embedding",
    )(inputs.segment_ids)
    return keras.layers.Add(dtype=dtype, name="embeddings_add")([tokens, segments])


def add_positions(embedded: KerasTensor, config: EncoderConfig, *, dtype: str | None = None) -> KerasTensor:
    """Add position embeddings: (B, S, E) -> (B, S, E)."""
    layer = PositionEmbedding(
        max_sequence_length=config.max_sequence_length,
        initializer=config.initializer,
        dtype=dtype,
        name="position_embedding",
    )
    return layer(embedded)


def normalize(embedded: KerasTensor, config: EncoderConfig, *, dtype: str | None = None) -> KerasTensor:
    """Apply layer normalization and dropout to the embeddings: (B, S, E) -> (B, S, E)."""
    norm = keras.layers.LayerNormalization(epsilon=config.layer_norm_epsilon, dtype=dtype, name="embeddings_layer_norm")
    return keras.layers.Dropout(config.hidden_dropout, dtype=dtype, name="embeddings_dropout")(norm(embedded))


def encode(
    hidden_states: KerasTensor, inputs: EncoderInputs, config: EncoderConfig, *, dtype: str | None = None
) -> KerasTensor:
    """Apply the encoder blocks: (B, S, H) -> (B, S, H)."""
    bias = AttentionBias(config.mask_value, dtype=dtype, name="attention_bias")(inputs.features[PADDING_MASK])
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
        hidden_states = layer(hidden_states, bias)
    return hidden_states


def pool_first_token(hidden_states: KerasTensor, config: EncoderConfig, *, dtype: str | None = None) -> KerasTensor:
    """Apply BERT's pooler, a tanh layer, to the first token: (B, S, H) -> (B, H)."""
    dense = keras.layers.Dense(
        config.hidden_dim, activation="tanh", kernel_initializer=config.initializer, dtype=dtype, name="pooled_dense"
    )
    return dense(hidden_states[:, 0, :])
