"""The decoder block of GPT-2: causal self-attention and a feed-forward network, both pre-norm."""

from collections.abc import Callable

import keras
import tensorflow as tf
from keras import ops

from kerasft.backbones.attention import attend, merge_heads, split_heads
from kerasft.backbones.transformer_encoder import DEFAULT_MASK_VALUE, AttentionBias
from kerasft.errors import bad_argument


@keras.saving.register_keras_serializable("kerasft")
class CausalAttentionBias(AttentionBias):
    """Causal attention bias: a token attends to itself and the real tokens before it.

    Args:
        mask_value: Bias of masked tokens, a finite number < 0.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        padding_mask: (B, S), 1 for a real token and 0 for padding.

    Returns:
        (B, 1, S, S), in the layer's compute dtype.

    Example:

    >>> CausalAttentionBias(mask_value=-9.0)(ops.array([[1, 1, 0]])).numpy()[0, 0].tolist()
    [[0.0, -9.0, -9.0], [0.0, 0.0, -9.0], [0.0, 0.0, -9.0]]
    """

    def __init__(self, mask_value: float = DEFAULT_MASK_VALUE, **kwargs):
        super().__init__(mask_value, **kwargs)

    def call(self, padding_mask):
        """Return the bias (B, 1, S, S)."""
        # The minimum, not the sum of both masks, because float16 is limited to -65504.
        return ops.minimum(super().call(padding_mask), causal_bias(padding_mask, self.mask_value, self.compute_dtype))


def causal_bias(padding_mask: tf.Tensor, mask_value: float, dtype: str) -> tf.Tensor:
    """Return (S, S): 0 if the column's token is not after the row's token, otherwise `mask_value`.

    Args:
        padding_mask: (B, S), for its length.
        mask_value: Bias of later tokens.
        dtype: Dtype of the result.

    Example:

    >>> causal_bias(ops.ones((1, 2)), -9.0, "float32").numpy().tolist()
    [[0.0, -9.0], [0.0, 0.0]]
    """
    length = padding_mask.shape[1]
    positions = ops.arange(ops.shape(padding_mask)[1] if length is None else length, dtype="int32")  # (S,)
    visible = ops.expand_dims(positions, 0) <= ops.expand_dims(positions, 1)  # (S, S)
    return (ops.cast(visible, dtype) - 1.0) * -mask_value


@keras.saving.register_keras_serializable("kerasft")
class TransformerDecoderLayer(keras.layers.Layer):
    """One pre-norm decoder block without cross-attention, as in GPT-2 (Radford et al. 2019, "Language models are
    unsupervised multitask learners", section 2.3):

        y = x + dropout(attention(norm(x)))
        z = y + dropout(W2 activation(W1 norm(y)))
        attention(x) = Wo [dropout(softmax(scale q k^T + bias)) v],    [q, k, v] = Wqkv x

    Query, key and value are computed by one `Dense` layer, as in GPT-2 checkpoints. The parts before and after the attention,
    `project` and `finish`, can be called separately, so that decoding with a cache shares the weights.

    Args:
        num_heads: N, the number of attention heads; divides H.
        intermediate_dim: Size of the feed-forward network.
        activation: Activation of the feed-forward network: a Keras name or a function.
        attention_scale: Factor of the query; None: 1 / sqrt(H / N).
        dropouts: Dropout rates in [0, 1): before each residual connection, and of the attention weights.
        layer_norm_epsilon: Epsilon added to the variance in layer normalization.
        initializer_ranges: Standard deviations of the normal initializers: of all other kernels, and of the two kernels before
            residual connections.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        hidden_states: (B, S, H).
        attention_bias: (B, 1, S, S), added to the scores: see `CausalAttentionBias`.

    Returns:
        (B, S, H).

    Raises:
        KerasftError: On build, if `num_heads` does not divide H.

    Example:

    >>> layer = TransformerDecoderLayer(num_heads=2, intermediate_dim=16)
    >>> bias = CausalAttentionBias()(ops.ones((3, 5), "int32"))
    >>> tuple(layer(ops.ones((3, 5, 8)), bias).shape)
    (3, 5, 8)
    """

    def __init__(
        self,
        *,
        num_heads: int,
        intermediate_dim: int,
        activation: str | Callable = "gelu",
        attention_scale: float | None = None,
        dropouts: tuple[float, float] = (0.1, 0.1),
        layer_norm_epsilon: float = 1e-5,
        initializer_ranges: tuple[float, float] = (0.02, 0.02),
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.intermediate_dim = intermediate_dim
        self.activation = keras.activations.get(activation)
        self.attention_scale = attention_scale
        self.dropouts = tuple(dropouts)
        self.layer_norm_epsilon = layer_norm_epsilon
        self.initializer_ranges = tuple(initializer_ranges)

    def _dense(self, units: int, input_dim: int, name: str, *, activation=None, deviation: float) -> keras.layers.Dense:
        initializer = keras.initializers.RandomNormal(stddev=deviation)
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
        inner, residual = self.initializer_ranges
        self.attention_layer_norm = self._norm(hidden_dim, "attention_layer_norm")
        self.query_key_value = self._dense(3 * hidden_dim, hidden_dim, "query_key_value", deviation=inner)
        self.attention_output = self._dense(hidden_dim, hidden_dim, "attention_output", deviation=residual)
        self.feedforward_layer_norm = self._norm(hidden_dim, "feedforward_layer_norm")
        self.intermediate = self._dense(
            self.intermediate_dim, hidden_dim, "intermediate", activation=self.activation, deviation=inner
        )
        self.feedforward_output = self._dense(
            hidden_dim, self.intermediate_dim, "feedforward_output", deviation=residual
        )
        hidden_dropout, attention_dropout = self.dropouts
        self.hidden_dropout_layer = keras.layers.Dropout(hidden_dropout, dtype=self.dtype_policy)
        self.attention_dropout_layer = keras.layers.Dropout(attention_dropout, dtype=self.dtype_policy)
        self.built = True

    def call(self, hidden_states, attention_bias=None, training=None):
        """Return the block's output (B, S, H)."""
        query, key, value = self.project(hidden_states)
        attended = attend(
            query,
            key,
            value,
            bias=attention_bias,
            dropout=lambda weights: self.attention_dropout_layer(weights, training=training),
        )
        return self.finish(hidden_states, attended, training=training)

    def project(self, hidden_states: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Return the scaled query, the key and the value (B, N, S, D) for the block's input (B, S, H)."""
        hidden_dim = hidden_states.shape[-1]
        projected = self.query_key_value(self.attention_layer_norm(hidden_states))  # (B, S, 3 H)
        query, key, value = (split_heads(part, self.num_heads) for part in ops.split(projected, 3, axis=-1))
        scale = self.attention_scale
        return query * ((hidden_dim // self.num_heads) ** -0.5 if scale is None else scale), key, value

    def finish(self, hidden_states: tf.Tensor, attended: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Return the block's output (B, S, H), given its input and the attention output (B, N, S, D)."""
        attended = self.attention_output(merge_heads(attended))
        hidden_states = hidden_states + self.hidden_dropout_layer(attended, training=training)  # (B, S, H)
        transformed = self.feedforward_output(self.intermediate(self.feedforward_layer_norm(hidden_states)))
        return hidden_states + self.hidden_dropout_layer(transformed, training=training)

    def get_config(self) -> dict:
        """Return the layer's configuration."""
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "intermediate_dim": self.intermediate_dim,
            "activation": keras.activations.serialize(self.activation),
            "attention_scale": self.attention_scale,
            "dropouts": self.dropouts,
            "layer_norm_epsilon": self.layer_norm_epsilon,
            "initializer_ranges": self.initializer_ranges,
        }
