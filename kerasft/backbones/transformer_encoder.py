"""The post-norm encoder block of BERT: self-attention and a feed-forward network."""

from collections.abc import Callable

import keras
from keras import ops

from kerasft.backbones.attention import attend, merge_heads, split_heads
from kerasft.errors import bad_argument

DEFAULT_MASK_VALUE = -10000.0
"""Bias of padding tokens in attention scores, as in Google's BERT.

Their weight after the softmax is exactly 0 in float32, and the value is finite in float16 (whose minimum is -65504).
"""


@keras.saving.register_keras_serializable("kerasft")
class AttentionBias(keras.layers.Layer):
    """Converts a padding mask to the bias added to attention scores; computed once, shared by all blocks.

    Args:
        mask_value: Bias of padding tokens, a finite number < 0. The bias of real tokens is 0.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        padding_mask: (B, S), 1 for a real token and 0 for padding.

    Returns:
        (B, 1, 1, S), in the layer's compute dtype.

    Raises:
        KerasftError: If `mask_value` is not finite in float16 or not below 0.

    Example:

    >>> AttentionBias(mask_value=-30.0)(ops.array([[1, 1, 0]])).numpy().tolist()
    [[[[0.0, 0.0, -30.0]]]]
    """

    def __init__(self, mask_value: float = DEFAULT_MASK_VALUE, **kwargs):
        super().__init__(**kwargs)
        if not -65504.0 <= mask_value < 0.0:
            raise bad_argument("mask_value", "between -65504 and 0", mask_value, "Omit it, or use -30.0.")
        self.mask_value = float(mask_value)

    def call(self, padding_mask):
        """Return the bias (B, 1, 1, S)."""
        bias = (ops.cast(padding_mask, self.compute_dtype) - 1.0) * -self.mask_value  # (B, S)
        return ops.expand_dims(ops.expand_dims(bias, 1), 1)  # (B, 1, 1, S)

    def get_config(self) -> dict:
        """Return the layer's configuration."""
        return {**super().get_config(), "mask_value": self.mask_value}


@keras.saving.register_keras_serializable("kerasft")
class TransformerEncoderLayer(keras.layers.Layer):
    """One post-norm encoder block, as in BERT (https://arxiv.org/abs/1810.04805; Vaswani et al. 2017,
    https://arxiv.org/abs/1706.03762):

        y = norm(x + dropout(attention(x)))
        z = norm(y + dropout(W2 activation(W1 y)))
        attention(x) = Wo [dropout(softmax(q k^T / sqrt(H / N) + bias)) v]

    Every projection is a separate `Dense` layer, so that weights map one-to-one to checkpoints and adapters can be added. The
    softmax is computed in float32 for any dtype policy.

    Args:
        num_heads: N, the number of attention heads; divides H.
        intermediate_dim: Size of the feed-forward network.
        activation: Activation of the feed-forward network: a Keras name or a function. Keras' "gelu" is exact (erf).
        hidden_dropout: Dropout rate before each residual connection, in [0, 1).
        attention_dropout: Dropout rate of the attention weights, in [0, 1).
        layer_norm_epsilon: Epsilon added to the variance in layer normalization.
        initializer_range: Standard deviation of the truncated normal initializer of kernels.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        hidden_states: (B, S, H).
        attention_bias: (B, 1, 1, S), added to the scores; see `AttentionBias`. None: there is no padding.

    Returns:
        (B, S, H).

    Raises:
        KerasftError: On build, if `num_heads` does not divide H.

    Example:

    >>> layer = TransformerEncoderLayer(num_heads=2, intermediate_dim=16)
    >>> tuple(layer(keras.ops.ones((3, 5, 8))).shape)
    (3, 5, 8)
    """

    def __init__(
        self,
        *,
        num_heads: int,
        intermediate_dim: int,
        activation: str | Callable = "gelu",
        hidden_dropout: float = 0.1,
        attention_dropout: float = 0.1,
        layer_norm_epsilon: float = 1e-12,
        initializer_range: float = 0.02,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.intermediate_dim = intermediate_dim
        self.activation = keras.activations.get(activation)
        self.hidden_dropout = hidden_dropout
        self.attention_dropout = attention_dropout
        self.layer_norm_epsilon = layer_norm_epsilon
        self.initializer_range = initializer_range

    def _dense(self, units: int, input_dim: int, name: str, activation=None) -> keras.layers.Dense:
        initializer = keras.initializers.TruncatedNormal(stddev=self.initializer_range)
        dense = keras.layers.Dense(
            units, activation=activation, kernel_initializer=initializer, dtype=self.dtype_policy, name=name
        )
        dense.build((None, None, input_dim))
        return dense

    def _norm(self, hidden_dim: int, name: str) -> keras.layers.LayerNormalization:
        norm = keras.layers.LayerNormalization(epsilon=self.layer_norm_epsilon, dtype=self.dtype_policy, name=name)
        norm.build((None, None, hidden_dim))
        return norm

    def build(self, hidden_states_shape, attention_bias_shape=None):
        """Create the weights."""
        hidden_dim = hidden_states_shape[-1]
        if hidden_dim % self.num_heads:
            raise bad_argument(
                "num_heads", f"a divisor of hidden_dim ({hidden_dim})", self.num_heads, "Change one of the two."
            )
        self.query = self._dense(hidden_dim, hidden_dim, "query")
        self.key = self._dense(hidden_dim, hidden_dim, "key")
        self.value = self._dense(hidden_dim, hidden_dim, "value")
        self.attention_output = self._dense(hidden_dim, hidden_dim, "attention_output")
        self.attention_layer_norm = self._norm(hidden_dim, "attention_layer_norm")
        self.intermediate = self._dense(self.intermediate_dim, hidden_dim, "intermediate", self.activation)
        self.feedforward_output = self._dense(hidden_dim, self.intermediate_dim, "feedforward_output")
        self.feedforward_layer_norm = self._norm(hidden_dim, "feedforward_layer_norm")
        self.attention_dropout_layer = keras.layers.Dropout(self.attention_dropout, dtype=self.dtype_policy)
        self.hidden_dropout_layer = keras.layers.Dropout(self.hidden_dropout, dtype=self.dtype_policy)
        self.built = True

    def call(self, hidden_states, attention_bias=None, training=None):
        """Return the block's output (B, S, H)."""
        attended = self.attention_output(self._attend(hidden_states, attention_bias, training))
        attended = self.hidden_dropout_layer(attended, training=training)
        hidden_states = self.attention_layer_norm(hidden_states + attended)  # (B, S, H)
        transformed = self.feedforward_output(self.intermediate(hidden_states))
        transformed = self.hidden_dropout_layer(transformed, training=training)
        return self.feedforward_layer_norm(hidden_states + transformed)  # (B, S, H)

    def _attend(self, hidden_states, attention_bias, training):
        # Scaling the query requires fewer operations than scaling the scores.
        query = self.query(hidden_states) * (hidden_states.shape[-1] // self.num_heads) ** -0.5
        projected = (query, self.key(hidden_states), self.value(hidden_states))
        attended = attend(
            *(split_heads(each, self.num_heads) for each in projected),
            bias=attention_bias,
            dropout=lambda weights: self.attention_dropout_layer(weights, training=training),
        )
        return merge_heads(attended)  # (B, S, H)

    def get_config(self) -> dict:
        """Return the layer's configuration."""
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "intermediate_dim": self.intermediate_dim,
            "activation": keras.activations.serialize(self.activation),
            "hidden_dropout": self.hidden_dropout,
            "attention_dropout": self.attention_dropout,
            "layer_norm_epsilon": self.layer_norm_epsilon,
            "initializer_range": self.initializer_range,
        }
