"""GPT-2 (Radford et al. 2019, "Language models are unsupervised multitask learners") as a flat functional graph."""

import dataclasses
from collections.abc import Callable
from typing import ClassVar

import keras

from kerasft.activations import gelu_tanh
from kerasft.backbones.position_embedding import PositionEmbedding
from kerasft.backbones.token_embedding import BackboneConfig, ClassifierForm, TokenEmbedding
from kerasft.backbones.transformer_decoder import CausalAttentionBias, TransformerDecoderLayer
from kerasft.backbones.transformer_encoder import DEFAULT_MASK_VALUE
from kerasft.features import PADDING_MASK, SEQUENCE_OUTPUT, TOKEN_IDS


@keras.saving.register_keras_serializable("kerasft")
@dataclasses.dataclass(frozen=True, kw_only=True)
class GPT2Config(BackboneConfig):
    """Configuration of a GPT-2 model; the defaults are those of the published models.

    Args:
        vocabulary_size: V, the number of tokens.
        num_layers: Number of decoder blocks.
        num_heads: N, the number of attention heads; divides `hidden_dim`.
        hidden_dim: H, the hidden size.
        intermediate_dim: Size of the feed-forward networks, usually 4 H.
        max_sequence_length: Number of positions, the maximum input length.
        activation: Activation of the feed-forward networks.
        embedding_dropout: Dropout rate of the embeddings.
        hidden_dropout: Dropout rate of each sublayer's output.
        attention_dropout: Dropout rate of the attention weights.
        layer_norm_epsilon: Epsilon added to the variance in layer normalization.
        scale_attention: Whether to divide attention scores by the square root of the head size.
        scale_attention_by_depth: Whether to divide the scores of block i (0-based) by i + 1, as in Mistral's GPT-2.
        initializer_range: Standard deviation of the normal initializer.
        tied_output: Whether the language-model head is tied to the token embedding.
        mask_value: Bias of masked tokens in attention scores; see `CausalAttentionBias`.
        pooling: Pooling that the checkpoint was trained with, if specified; see `kerasft.heads.pooling`.

    Example:

    >>> GPT2Config(vocabulary_size=100, num_layers=2, num_heads=2, hidden_dim=8, intermediate_dim=32).tied_output
    True
    """

    family: ClassVar[str] = "gpt2"
    classifier_form: ClassVar[ClassifierForm] = ClassifierForm(pooling="last")

    vocabulary_size: int
    num_layers: int
    num_heads: int
    hidden_dim: int
    intermediate_dim: int
    max_sequence_length: int = 1024
    activation: str | Callable = gelu_tanh
    embedding_dropout: float = 0.1
    hidden_dropout: float = 0.1
    attention_dropout: float = 0.1
    layer_norm_epsilon: float = 1e-5
    scale_attention: bool = True
    scale_attention_by_depth: bool = False
    initializer_range: float = 0.02
    tied_output: bool = True
    mask_value: float = DEFAULT_MASK_VALUE
    pooling: str | None = None


def gpt2(config: GPT2Config, *, dtype: str | None = None, name: str = "gpt2") -> keras.Model:
    """Build a randomly initialized GPT-2 decoder.

    Args:
        config: Configuration.
        dtype: A Keras dtype policy for every layer, such as `"mixed_bfloat16"`; None: the global policy.
        name: Name of the model.

    Returns:
        A functional model. Inputs, a dictionary of int32 (B, S): `token_ids`, `padding_mask` (padding must be on the
        right: positions are counted from the first token). Output, a dictionary: `sequence_output` (B, S, H).

    Example:

    >>> config = GPT2Config(vocabulary_size=100, num_layers=2, num_heads=2, hidden_dim=8, intermediate_dim=32)
    >>> ids = keras.ops.ones((3, 5), "int32")
    >>> tuple(gpt2(config)({"token_ids": ids, "padding_mask": ids})["sequence_output"].shape)
    (3, 5, 8)
    """
    inputs = {feature: keras.Input((None,), dtype="int32", name=feature) for feature in (TOKEN_IDS, PADDING_MASK)}
    hidden_states = _embed(inputs, config, dtype)  # (B, S, H)
    attention_bias = CausalAttentionBias(config.mask_value, dtype=dtype, name="attention_bias")(inputs[PADDING_MASK])
    for index in range(config.num_layers):
        hidden_states = _block(config, index, dtype)(hidden_states, attention_bias)
    norm = keras.layers.LayerNormalization(epsilon=config.layer_norm_epsilon, dtype=dtype, name="layer_norm")
    return keras.Model(inputs, {SEQUENCE_OUTPUT: norm(hidden_states)}, name=name)


def _embed(inputs: dict, config: GPT2Config, dtype: str | None):
    initializer = keras.initializers.RandomNormal(stddev=config.initializer_range)
    tokens = TokenEmbedding(
        config,
        embeddings_initializer=initializer,
        reverse_dtype="float32",  # logits, see kerasft.heads.Logits
        dtype=dtype,
        name="token_embedding",
    )(inputs[TOKEN_IDS])
    summed = PositionEmbedding(
        max_sequence_length=config.max_sequence_length,
        initializer=initializer.clone(),
        dtype=dtype,
        name="position_embedding",
    )(tokens)
    return keras.layers.Dropout(config.embedding_dropout, dtype=dtype, name="embeddings_dropout")(summed)


def _block(config: GPT2Config, index: int, dtype: str | None) -> TransformerDecoderLayer:
    scale = (config.hidden_dim // config.num_heads) ** -0.5 if config.scale_attention else 1.0
    return TransformerDecoderLayer(
        num_heads=config.num_heads,
        intermediate_dim=config.intermediate_dim,
        activation=config.activation,
        attention_scale=scale / (index + 1) if config.scale_attention_by_depth else scale,
        dropouts=(config.hidden_dropout, config.attention_dropout),
        layer_norm_epsilon=config.layer_norm_epsilon,
        # Scaled by depth, because the residual stream sums 2 L sublayers (section 2.3 of the paper).
        initializer_ranges=(config.initializer_range, config.initializer_range * (2 * config.num_layers) ** -0.5),
        dtype=dtype,
        name=f"transformer_layer_{index}",
    )
