"""The block of T5's encoder and decoder: every sublayer is pre-norm with a residual connection."""

from collections.abc import Callable

import keras

from kerasft.backbones.t5_layers import T5Attention, T5FeedForward


@keras.saving.register_keras_serializable("kerasft")
class T5Block(keras.layers.Layer):
    """One pre-norm block of T5 (https://arxiv.org/abs/1910.10683, section 2.1); the second line only in the decoder:

        x = x + dropout(attention(norm(x), norm(x)))
        x = x + dropout(attention(norm(x), memory))
        x = x + dropout(feed_forward(norm(x)))
        norm(x) = g x / sqrt(mean(x^2) + epsilon)

    The norm is RMSNorm (https://arxiv.org/abs/1910.07467). In float16, the residual stream of large T5 models overflows (the
    reference implementation clamps it); train these in bfloat16 or float32.

    Args:
        num_heads: N, the number of attention heads.
        head_dim: D, the head size; N D may differ from H.
        intermediate_dim: Size of the feed-forward network.
        activation: Activation of the feed-forward network: a Keras name or a function.
        gated: Whether the feed-forward network is gated.
        cross_attention: Whether the block also has cross-attention, as in a decoder.
        dropout: Dropout rate, in [0, 1).
        layer_norm_epsilon: Epsilon added to the mean square in normalization.
        initializer_range: Factor of the kernel initializers' standard deviations.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        hidden_states: (B, T, H).
        attention_bias: Added to the scores of the self-attention, (B, N, T, T): see `RelativeAttentionBias`.
        memory: The encoder's output (B, S, H), if there is cross-attention.
        memory_bias: Added to the scores of the cross-attention, (B, 1, 1, S): see `AttentionBias`.

    Returns:
        (B, T, H).

    Example:

    >>> block = T5Block(num_heads=3, head_dim=4, intermediate_dim=16, activation="relu", gated=False)
    >>> tuple(block(keras.ops.ones((2, 5, 8)), keras.ops.zeros((2, 3, 5, 5))).shape)
    (2, 5, 8)
    """

    def __init__(
        self,
        *,
        num_heads: int,
        head_dim: int,
        intermediate_dim: int,
        activation: str | Callable,
        gated: bool,
        cross_attention: bool = False,
        dropout: float = 0.1,
        layer_norm_epsilon: float = 1e-6,
        initializer_range: float = 1.0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.head_dim = head_dim
        self.intermediate_dim = intermediate_dim
        self.activation = keras.activations.get(activation)
        self.gated = gated
        self.has_cross_attention = cross_attention
        self.dropout = dropout
        self.layer_norm_epsilon = layer_norm_epsilon
        self.initializer_range = initializer_range

    def build(self, hidden_states_shape, attention_bias_shape=None, memory_shape=None, memory_bias_shape=None):
        """Create the weights."""
        self.self_attention_layer_norm = self._norm(hidden_states_shape, "self_attention_layer_norm")
        self.self_attention = self._attention(hidden_states_shape, "self_attention")
        if self.has_cross_attention:
            self.cross_attention_layer_norm = self._norm(hidden_states_shape, "cross_attention_layer_norm")
            self.cross_attention = self._attention(hidden_states_shape, "cross_attention")
        self.feedforward_layer_norm = self._norm(hidden_states_shape, "feedforward_layer_norm")
        self.feedforward = T5FeedForward(
            intermediate_dim=self.intermediate_dim,
            activation=self.activation,
            gated=self.gated,
            dropout=self.dropout,
            initializer_range=self.initializer_range,
            dtype=self.dtype_policy,
            name="feedforward",
        )
        self.feedforward.build(hidden_states_shape)
        self.dropout_layer = keras.layers.Dropout(self.dropout, dtype=self.dtype_policy)
        self.built = True

    def _norm(self, shape, name: str) -> keras.layers.RMSNormalization:
        norm = keras.layers.RMSNormalization(epsilon=self.layer_norm_epsilon, dtype=self.dtype_policy, name=name)
        norm.build(shape)
        return norm

    def _attention(self, shape, name: str) -> T5Attention:
        attention = T5Attention(
            num_heads=self.num_heads,
            head_dim=self.head_dim,
            dropout=self.dropout,
            initializer_range=self.initializer_range,
            dtype=self.dtype_policy,
            name=name,
        )
        attention.build(shape)
        return attention

    def call(self, hidden_states, attention_bias, memory=None, memory_bias=None, training=None):
        """Return the block's output (B, T, H)."""

        def dropped(tensor):
            return self.dropout_layer(tensor, training=training)

        normed = self.self_attention_layer_norm(hidden_states)
        attended = self.self_attention(normed, normed, attention_bias, training=training)
        hidden_states = hidden_states + dropped(attended)  # (B, T, H)
        if self.has_cross_attention:
            normed = self.cross_attention_layer_norm(hidden_states)
            attended = self.cross_attention(normed, memory, memory_bias, training=training)
            hidden_states = hidden_states + dropped(attended)
        transformed = self.feedforward(self.feedforward_layer_norm(hidden_states), training=training)
        return hidden_states + dropped(transformed)

    def get_config(self) -> dict:
        """Return the layer's configuration."""
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "head_dim": self.head_dim,
            "intermediate_dim": self.intermediate_dim,
            "activation": keras.activations.serialize(self.activation),
            "gated": self.gated,
            "cross_attention": self.has_cross_attention,
            "dropout": self.dropout,
            "layer_norm_epsilon": self.layer_norm_epsilon,
            "initializer_range": self.initializer_range,
        }
