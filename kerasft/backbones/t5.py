"""T5 (https://arxiv.org/abs/1910.10683), T5 1.1, Flan-T5 and mT5 as a flat functional graph of encoder and decoder."""

import dataclasses
from collections.abc import Callable
from typing import ClassVar

import keras

from kerasft.backbones.relative_position import RelativeAttentionBias
from kerasft.backbones.t5_block import T5Block
from kerasft.backbones.token_embedding import BackboneConfig, TokenEmbedding
from kerasft.backbones.transformer_encoder import DEFAULT_MASK_VALUE, AttentionBias
from kerasft.features import (
    DECODER_PADDING_MASK,
    DECODER_SEQUENCE_OUTPUT,
    DECODER_TOKEN_IDS,
    ENCODER_PADDING_MASK,
    ENCODER_SEQUENCE_OUTPUT,
    ENCODER_TOKEN_IDS,
)


@keras.saving.register_keras_serializable("kerasft")
@dataclasses.dataclass(frozen=True, kw_only=True)
class T5Config(BackboneConfig):
    """Configuration of a T5 model; the defaults are those of T5 1.0.

    Args:
        vocabulary_size: V, the number of tokens.
        num_layers: Number of encoder blocks.
        num_decoder_layers: Number of decoder blocks.
        num_heads: N, the number of attention heads.
        head_dim: D, the head size; N D may differ from `hidden_dim`.
        hidden_dim: H, the hidden size.
        intermediate_dim: Size of the feed-forward networks.
        activation: Activation of the feed-forward networks.
        gated: Whether the feed-forward networks are gated, as in 1.1 and later.
        num_buckets: Number of buckets of relative positions.
        max_distance: Distance from which on all distances share the last bucket.
        dropout: Dropout rate.
        layer_norm_epsilon: Epsilon added to the mean square in normalization.
        initializer_range: Standard deviation of the initializer of token embeddings; that of other weights is proportional.
        tied_output: Whether the language-model head is tied to the token embedding, as in 1.0.
        scaled_output: Whether the hidden states are divided by sqrt(H) before this head, as in 1.0.
        mask_value: Bias of masked tokens in attention scores; see `AttentionBias`.

    Example:

    >>> config = T5Config(vocabulary_size=100, num_layers=2, num_decoder_layers=1, num_heads=2, head_dim=4, hidden_dim=8,
    ...                   intermediate_dim=16)
    >>> config.gated, config.tied_output
    (False, True)
    """

    family: ClassVar[str] = "t5"

    vocabulary_size: int
    num_layers: int
    num_decoder_layers: int
    num_heads: int
    head_dim: int
    hidden_dim: int
    intermediate_dim: int
    activation: str | Callable = "relu"
    gated: bool = False
    num_buckets: int = 32
    max_distance: int = 128
    dropout: float = 0.1
    layer_norm_epsilon: float = 1e-6
    initializer_range: float = 1.0
    tied_output: bool = True
    scaled_output: bool = True
    mask_value: float = DEFAULT_MASK_VALUE


@keras.saving.register_keras_serializable("kerasft")
@dataclasses.dataclass(frozen=True, kw_only=True)
class MT5Config(T5Config):
    """Configuration of an mT5 model (https://arxiv.org/abs/2010.11934): T5 1.1 with its own model type in Hugging Face.

    Example:

    >>> sizes = {"num_layers": 2, "num_decoder_layers": 1, "num_heads": 2, "head_dim": 4, "hidden_dim": 8}
    >>> MT5Config(vocabulary_size=100, intermediate_dim=16, gated=True, **sizes).family
    'mt5'
    """

    family: ClassVar[str] = "mt5"


def t5(config: T5Config, *, dtype: str | None = None, name: str = "t5") -> keras.Model:
    """Build a randomly initialized T5 encoder-decoder.

    Args:
        config: Configuration.
        dtype: A Keras dtype policy for every layer, such as `"mixed_bfloat16"`; None: the global policy.
        name: Name of the model.

    Returns:
        A functional model. Inputs, a dictionary of int32: `encoder_token_ids`, `encoder_padding_mask` (B, S),
        `decoder_token_ids`, `decoder_padding_mask` (B, T). Outputs, a dictionary: `encoder_sequence_output` (B, S, H) and
        `decoder_sequence_output` (B, T, H).

    Example:

    >>> config = T5Config(vocabulary_size=100, num_layers=2, num_decoder_layers=1, num_heads=2, head_dim=4, hidden_dim=8,
    ...                   intermediate_dim=16)
    >>> source, target = keras.ops.ones((3, 5), "int32"), keras.ops.ones((3, 2), "int32")
    >>> outputs = t5(config)({"encoder_token_ids": source, "encoder_padding_mask": source,
    ...                       "decoder_token_ids": target, "decoder_padding_mask": target})
    >>> tuple(outputs["encoder_sequence_output"].shape), tuple(outputs["decoder_sequence_output"].shape)
    ((3, 5, 8), (3, 2, 8))
    """
    features = (ENCODER_TOKEN_IDS, ENCODER_PADDING_MASK, DECODER_TOKEN_IDS, DECODER_PADDING_MASK)
    inputs = {feature: keras.Input((None,), dtype="int32", name=feature) for feature in features}
    embedding = TokenEmbedding(
        config,
        embeddings_initializer=keras.initializers.RandomNormal(stddev=config.initializer_range),
        reverse_dtype="float32",  # logits, see kerasft.heads.Logits
        dtype=dtype,
        name="token_embedding",
    )
    encoded = _stack("encoder", embedding(inputs[ENCODER_TOKEN_IDS]), inputs[ENCODER_PADDING_MASK], (), config, dtype)
    bias = AttentionBias(config.mask_value, dtype=dtype, name="cross_attention_bias")(inputs[ENCODER_PADDING_MASK])
    decoded = _stack(
        "decoder", embedding(inputs[DECODER_TOKEN_IDS]), inputs[DECODER_PADDING_MASK], (encoded, bias), config, dtype
    )
    return keras.Model(inputs, {ENCODER_SEQUENCE_OUTPUT: encoded, DECODER_SEQUENCE_OUTPUT: decoded}, name=name)


def _stack(side: str, embedded, padding_mask, memory: tuple, config: T5Config, dtype: str | None):
    """Apply the encoder (without `memory`) or the decoder: (B, S, H) -> (B, S, H)."""
    is_decoder = side == "decoder"
    attention_bias = RelativeAttentionBias(
        config.mask_value,
        num_heads=config.num_heads,
        num_buckets=config.num_buckets,
        max_distance=config.max_distance,
        bidirectional=not is_decoder,
        initializer_range=config.initializer_range * config.hidden_dim**-0.5,
        dtype=dtype,
        name=f"{side}_attention_bias",
    )(padding_mask)  # (B, N, S, S)
    hidden_states = keras.layers.Dropout(config.dropout, dtype=dtype, name=f"{side}_embeddings_dropout")(embedded)
    for index in range(config.num_decoder_layers if is_decoder else config.num_layers):
        block = T5Block(
            num_heads=config.num_heads,
            head_dim=config.head_dim,
            intermediate_dim=config.intermediate_dim,
            activation=config.activation,
            gated=config.gated,
            cross_attention=is_decoder,
            dropout=config.dropout,
            layer_norm_epsilon=config.layer_norm_epsilon,
            initializer_range=config.initializer_range,
            dtype=dtype,
            name=f"transformer_{side}_layer_{index}",
        )
        hidden_states = block(hidden_states, attention_bias, *memory)
    norm = keras.layers.RMSNormalization(epsilon=config.layer_norm_epsilon, dtype=dtype, name=f"{side}_layer_norm")
    return keras.layers.Dropout(config.dropout, dtype=dtype, name=f"{side}_output_dropout")(norm(hidden_states))
