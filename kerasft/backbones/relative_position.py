"""T5's relative position bias: one learned value per head and distance bucket, added to the attention scores."""

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from kerasft.backbones.transformer_decoder import causal_bias
from kerasft.backbones.transformer_encoder import DEFAULT_MASK_VALUE, AttentionBias
from kerasft.errors import bad_argument


def distance_buckets(num_buckets: int, max_distance: int) -> np.ndarray:
    """Return the bucket of every distance from 0 to `max_distance` (https://arxiv.org/abs/1910.10683, section 2.1):

        bucket(d) = d                                                    if d < E, where E = num_buckets / 2
                    E + (num_buckets - E) log(d / E) / log(max_distance / E),    rounded down, otherwise
        and at most num_buckets - 1, also for all larger distances

    The logarithms are computed in float32, as in the reference implementation; they are precomputed to be equal on all devices.

    Args:
        num_buckets: Number of buckets, at least 2.
        max_distance: Larger than `num_buckets / 2`.

    Returns:
        int32 (max_distance + 1,).

    Raises:
        KerasftError: If there are too few buckets, or `max_distance` is too small for them.

    Example:

    >>> distance_buckets(4, 8).tolist()
    [0, 1, 2, 2, 3, 3, 3, 3, 3]
    """
    exact = num_buckets // 2
    if exact < 1:
        raise bad_argument("num_buckets", "at least 2 (4 if bidirectional)", num_buckets, "T5 uses 32.")
    if max_distance <= exact:
        raise bad_argument("max_distance", f"larger than num_buckets / 2 ({exact})", max_distance, "T5 uses 128.")
    distances = np.arange(max_distance + 1)
    ratios = np.log(np.maximum(distances, 1).astype("float32") / np.float32(exact)) / np.float32(
        np.log(max_distance / exact)
    )
    far = exact + (ratios * np.float32(num_buckets - exact)).astype("int32")
    return np.where(distances < exact, distances, np.minimum(far, num_buckets - 1)).astype("int32")


@keras.saving.register_keras_serializable("kerasft")
class RelativeAttentionBias(AttentionBias):
    """Relative position bias and mask combined, added to the attention scores in every block of a T5 stack.

    Args:
        num_heads: N, the number of attention heads.
        num_buckets: Number of buckets; with `bidirectional`, half of them are for later tokens.
        max_distance: Distance from which on all distances share the last bucket.
        bidirectional: True for encoders; False for decoders, where later tokens are masked.
        initializer_range: Standard deviation of the normal initializer.
        mask_value: Bias of masked tokens, a finite number < 0.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        padding_mask: (B, S), 1 for a real token and 0 for padding.

    Returns:
        (B, N, S, S), in the layer's compute dtype.

    Raises:
        KerasftError: On build, if the buckets or distances are invalid.

    Example:

    >>> layer = RelativeAttentionBias(num_heads=3, bidirectional=False, mask_value=-9.0, initializer_range=0.0)
    >>> layer(ops.array([[1, 1]])).numpy()[0, 0].tolist()
    [[0.0, -9.0], [0.0, 0.0]]
    """

    def __init__(
        self,
        mask_value: float = DEFAULT_MASK_VALUE,
        *,
        num_heads: int,
        num_buckets: int = 32,
        max_distance: int = 128,
        bidirectional: bool = True,
        initializer_range: float = 1.0,
        **kwargs,
    ):
        super().__init__(mask_value, **kwargs)
        self.num_heads = num_heads
        self.num_buckets = num_buckets
        self.max_distance = max_distance
        self.bidirectional = bidirectional
        self.initializer_range = initializer_range

    def build(self, input_shape=None):
        """Create the weights (buckets, N)."""
        # Not `padding_mask_shape`: before Keras 3.14, arguments whose names end in "_mask" have no shape argument.
        one_way = self.num_buckets // 2 if self.bidirectional else self.num_buckets
        self.distance_buckets = distance_buckets(one_way, self.max_distance)
        self.embeddings = self.add_weight(
            name="embeddings",
            shape=(self.num_buckets, self.num_heads),
            initializer=keras.initializers.RandomNormal(stddev=self.initializer_range),
        )

    def call(self, padding_mask):
        """Return the bias (B, N, S, S)."""
        length = padding_mask.shape[1]
        positions = ops.arange(ops.shape(padding_mask)[1] if length is None else length, dtype="int32")  # (S,)
        mask = super().call(padding_mask)  # (B, 1, 1, S)
        if not self.bidirectional:
            mask = ops.minimum(mask, causal_bias(padding_mask, self.mask_value, self.compute_dtype))  # (B, 1, S, S)
        return self.between(positions, positions) + mask

    def between(self, query_positions: tf.Tensor, key_positions: tf.Tensor) -> tf.Tensor:
        """Return the bias (N, T, S) of queries at positions (T,) for keys at positions (S,), without masks."""
        relative = ops.expand_dims(key_positions, 0) - ops.expand_dims(query_positions, 1)  # (T, S)
        table = ops.convert_to_tensor(self.distance_buckets)
        later = ops.maximum(relative, 0)
        earlier = ops.maximum(-relative, 0)
        if self.bidirectional:
            buckets = ops.take(table, ops.minimum(later + earlier, self.max_distance))
            buckets = buckets + ops.cast(relative > 0, "int32") * (self.num_buckets // 2)
        else:
            buckets = ops.take(table, ops.minimum(earlier, self.max_distance))
        values = ops.take(ops.convert_to_tensor(self.embeddings), buckets, axis=0)  # (T, S, N)
        return ops.transpose(values, (2, 0, 1))  # (N, T, S)

    def get_config(self) -> dict:
        """Return the layer's configuration."""
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "num_buckets": self.num_buckets,
            "max_distance": self.max_distance,
            "bidirectional": self.bidirectional,
            "initializer_range": self.initializer_range,
        }
