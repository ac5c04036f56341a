"""Attention and feed-forward network of T5 (https://arxiv.org/abs/1910.10683, section 2.1).

There are no biases. Attention scores are not scaled; instead, the initial query weights are smaller.
"""

from collections.abc import Callable

import keras
import tensorflow as tf

from kerasft.backbones.attention import attend, merge_heads, split_heads


@keras.saving.register_keras_serializable("kerasft")
class T5Attention(keras.layers.Layer):
    """Attention without scaling and without biases:

        Wo [dropout(softmax(q k^T + bias)) v],    q = Wq x,  k = Wk y,  v = Wv y

    Args:
        num_heads: N, the number of attention heads.
        head_dim: D, the head size; N D may differ from H.
        dropout: Dropout rate of the attention weights, in [0, 1).
        initializer_range: Factor of the kernel initializers' standard deviations.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        hidden_states: x, (B, T, H).
        memory: y, (B, S, H): x (self-attention) or the encoder's output (cross-attention).
        attention_bias: Added to the scores; broadcastable to (B, N, T, S).

    Returns:
        (B, T, H).

    Example:

    >>> x = keras.ops.ones((2, 5, 8))
    >>> tuple(T5Attention(num_heads=3, head_dim=4)(x, x, keras.ops.zeros((2, 1, 1, 5))).shape)
    (2, 5, 8)
    """

    def __init__(
        self, *, num_heads: int, head_dim: int, dropout: float = 0.1, initializer_range: float = 1.0, **kwargs
    ):
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.head_dim = head_dim
        self.dropout = dropout
        self.initializer_range = initializer_range

    def build(self, hidden_states_shape, memory_shape=None, attention_bias_shape=None):
        """Create the weights."""
        hidden_dim = hidden_states_shape[-1]
        inner_dim = self.num_heads * self.head_dim
        factor = self.initializer_range
        self.query = _dense(self, inner_dim, hidden_dim, "query", factor * (hidden_dim * self.head_dim) ** -0.5)
        self.key = _dense(self, inner_dim, hidden_dim, "key", factor * hidden_dim**-0.5)
        self.value = _dense(self, inner_dim, hidden_dim, "value", factor * hidden_dim**-0.5)
        self.output_projection = _dense(self, hidden_dim, inner_dim, "output", factor * inner_dim**-0.5)
        self.dropout_layer = keras.layers.Dropout(self.dropout, dtype=self.dtype_policy)
        self.built = True

    def call(self, hidden_states, memory, attention_bias, training=None):
        """Return the attention output (B, T, H)."""
        key, value = self.project_memory(memory)
        attended = attend(
            self.project_query(hidden_states),
            key,
            value,
            bias=attention_bias,
            dropout=lambda weights: self.dropout_layer(weights, training=training),
        )
        return self.output_projection(merge_heads(attended))

    def project_query(self, hidden_states: tf.Tensor) -> tf.Tensor:
        """Return the query (B, N, T, D)."""
        return split_heads(self.query(hidden_states), self.num_heads)

    def project_memory(self, memory: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the key and the value (B, N, S, D)."""
        return split_heads(self.key(memory), self.num_heads), split_heads(self.value(memory), self.num_heads)

    def get_config(self) -> dict:
        """Return the layer's configuration."""
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "head_dim": self.head_dim,
            "dropout": self.dropout,
            "initializer_range": self.initializer_range,
        }


@keras.saving.register_keras_serializable("kerasft")
class T5FeedForward(keras.layers.Layer):
    """Feed-forward network, gated in T5 1.1 and later (https://arxiv.org/abs/2002.05202, equation 6):

        W2 dropout(activation(W1 x))        or        W2 dropout(activation(W1 x) * Wg x)

    Args:
        intermediate_dim: Size of the hidden layer.
        activation: A Keras name or a function.
        gated: Whether the network is gated.
        dropout: Dropout rate before W2, in [0, 1).
        initializer_range: Factor of the kernel initializers' standard deviations.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        hidden_states: (B, S, H).

    Returns:
        (B, S, H).

    Example:

    >>> tuple(T5FeedForward(intermediate_dim=16, activation="relu", gated=False)(keras.ops.ones((2, 5, 8))).shape)
    (2, 5, 8)
    """

    def __init__(
        self,
        *,
        intermediate_dim: int,
        activation: str | Callable,
        gated: bool,
        dropout: float = 0.1,
        initializer_range: float = 1.0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.intermediate_dim = intermediate_dim
        self.activation = keras.activations.get(activation)
        self.gated = gated
        self.dropout = dropout
        self.initializer_range = initializer_range

    def build(self, hidden_states_shape):
        """Create the weights."""
        hidden_dim = hidden_states_shape[-1]
        inner_dim = self.intermediate_dim
        wide, narrow = (self.initializer_range * width**-0.5 for width in (hidden_dim, inner_dim))
        self.intermediate = _dense(self, inner_dim, hidden_dim, "intermediate", wide)
        if self.gated:
            self.gate = _dense(self, inner_dim, hidden_dim, "gate", wide)
        self.output_projection = _dense(self, hidden_dim, inner_dim, "output", narrow)
        self.dropout_layer = keras.layers.Dropout(self.dropout, dtype=self.dtype_policy)
        self.built = True

    def call(self, hidden_states, training=None):
        """Return the output (B, S, H)."""
        transformed = self.activation(self.intermediate(hidden_states))
        if self.gated:
            transformed = transformed * self.gate(hidden_states)
        return self.output_projection(self.dropout_layer(transformed, training=training))

    def get_config(self) -> dict:
        """Return the layer's configuration."""
        return {
            **super().get_config(),
            "intermediate_dim": self.intermediate_dim,
            "activation": keras.activations.serialize(self.activation),
            "gated": self.gated,
            "dropout": self.dropout,
            "initializer_range": self.initializer_range,
        }


def _dense(owner: keras.layers.Layer, units: int, input_dim: int, name: str, deviation: float) -> keras.layers.Dense:
    initializer = keras.initializers.RandomNormal(stddev=deviation)
    dense = keras.layers.Dense(
        units, use_bias=False, kernel_initializer=initializer, dtype=owner.dtype_policy, name=name
    )
    dense.build((None, None, input_dim))
    return dense
