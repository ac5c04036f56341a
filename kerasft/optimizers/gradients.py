"""Gradient processing: merging repeated rows, global norm, clipping factor.

A gradient is a dense `tf.Tensor`, or `tf.IndexedSlices` (rows of an embedding table, one for each token of the batch).
"""

from collections.abc import Sequence

import tensorflow as tf

Gradient = tf.Tensor | tf.IndexedSlices


def merge_rows(gradient: Gradient) -> Gradient:
    """Sum the rows of an `IndexedSlices` that share an index; return a dense gradient unchanged.

    A token that stands ten times in a batch gives ten rows. Their squares must not be taken one by one: neither the
    global norm nor Adam's second moment of ten small rows is that of their sum.

    Args:
        gradient: A tensor of the variable's shape, or slices with values (R, H) and indices (R,).

    Returns:
        The tensor itself, or slices with values (U, H) and the U different indices.

    Example:

    >>> slices = tf.IndexedSlices(tf.ones((3, 2)), tf.constant([5, 1, 5]), tf.constant([9, 2]))
    >>> merged = merge_rows(slices)
    >>> merged.indices.numpy().tolist(), merged.values.numpy().tolist()
    ([5, 1], [[2.0, 2.0], [1.0, 1.0]])
    """
    if not isinstance(gradient, tf.IndexedSlices):
        return gradient
    indices, positions = tf.unique(gradient.indices)  # (U,), (R,)
    values = tf.math.unsorted_segment_sum(gradient.values, positions, tf.size(indices))  # (U, H)
    return tf.IndexedSlices(values, indices, gradient.dense_shape)


def global_norm(gradients: Sequence[Gradient]) -> tf.Tensor:
    """The Euclidean norm of all gradients taken as one vector, a float32 scalar.

    Args:
        gradients: Tensors of any shapes, or slices whose indices differ (see `merge_rows`).

    References:
        - [Pascanu et al., 2013](https://arxiv.org/abs/1211.5063), section 3.2

    Example:

    >>> float(global_norm([tf.constant([3.0]), tf.constant([[4.0]])]))
    5.0
    """
    values = [g.values if isinstance(g, tf.IndexedSlices) else g for g in gradients]
    return tf.sqrt(2.0 * tf.add_n([tf.nn.l2_loss(tf.cast(value, tf.float32)) for value in values]))


def clip_factor(norm: tf.Tensor, global_clipnorm: float | None) -> tf.Tensor:
    """The factor that brings gradients of this global norm down to `global_clipnorm`, 1 if they are below it.

    Args:
        norm: The global norm, a scalar.
        global_clipnorm: The highest norm allowed, or None for no clipping.

    Returns:
        `min(1, global_clipnorm / (norm + 1e-6))`, as `torch.nn.utils.clip_grad_norm_` has it.

    Example:

    >>> round(float(clip_factor(tf.constant(4.0), 1.0)), 4), float(clip_factor(tf.constant(0.5), 1.0))
    (0.25, 1.0)
    """
    if global_clipnorm is None:
        return tf.constant(1.0)
    return tf.minimum(1.0, global_clipnorm / (norm + 1e-6))
