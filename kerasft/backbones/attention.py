"""Multi-head attention in parts, so that decoding with a cache can insert its keys and values."""

from collections.abc import Callable

import tensorflow as tf
from keras import ops


def split_heads(projected: tf.Tensor, num_heads: int) -> tf.Tensor:
    """Split the heads.

    Args:
        projected: (B, S, N D).
        num_heads: N.

    Returns:
        (B, N, S, D).

    Example:

    >>> tuple(split_heads(ops.ones((2, 5, 12)), 3).shape)
    (2, 3, 5, 4)
    """
    batch_size, length, width = _sizes(projected)
    split = ops.reshape(projected, (batch_size, length, num_heads, width // num_heads))
    return ops.transpose(split, (0, 2, 1, 3))  # (B, N, S, D)


def merge_heads(attended: tf.Tensor) -> tf.Tensor:
    """Merge the heads.

    Args:
        attended: (B, N, S, D).

    Returns:
        (B, S, N D).

    Example:

    >>> tuple(merge_heads(ops.ones((2, 3, 5, 4))).shape)
    (2, 5, 12)
    """
    attended = ops.transpose(attended, (0, 2, 1, 3))  # (B, S, N, D)
    batch_size, length, num_heads, head_dim = _sizes(attended)
    return ops.reshape(attended, (batch_size, length, num_heads * head_dim))


def attend(
    query: tf.Tensor,
    key: tf.Tensor,
    value: tf.Tensor,
    *,
    bias: tf.Tensor | None = None,
    dropout: Callable[[tf.Tensor], tf.Tensor] = lambda weights: weights,
) -> tf.Tensor:
    """Compute scaled dot-product attention (https://arxiv.org/abs/1706.03762, section 3.2.1); the caller scales the query:

        dropout(softmax(q k^T + bias)) v

    The softmax is computed in float32 for any dtype.

    Args:
        query: (B, N, T, D).
        key: (B, N, S, D).
        value: (B, N, S, D).
        bias: Added to the scores, broadcastable to (B, N, T, S); finite, so that rows with only padding are not NaN.
            None: no bias.
        dropout: Applied to the weights (B, N, T, S).

    Returns:
        (B, N, T, D).

    Example:

    >>> one = ops.ones((1, 1, 1, 2))
    >>> attend(one, one, one * 3.0).numpy().tolist()
    [[[[3.0, 3.0]]]]
    """
    scores = ops.cast(ops.matmul(query, ops.swapaxes(key, -1, -2)), "float32")  # (B, N, T, S)
    if bias is not None:
        scores = scores + ops.cast(bias, "float32")
    # Not Keras' softmax, which warns about texts with a single token.
    weights = dropout(ops.cast(tf.nn.softmax(scores), value.dtype))
    return ops.matmul(weights, value)  # (B, N, T, D)


def _sizes(tensor) -> tuple:
    # Only one size can be -1; static sizes give a simpler graph for mobile devices.
    batch_size, length, *widths = tensor.shape
    length = ops.shape(tensor)[1] if length is None else length
    return -1 if batch_size is None else batch_size, length, *widths
