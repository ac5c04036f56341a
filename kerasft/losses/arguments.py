"""Validation and normalization of the losses' common arguments."""

from collections.abc import Mapping, Sequence

import tensorflow as tf

from kerasft.errors import bad_argument

Alpha = float | Sequence[float] | Mapping[int, float] | None
"""Class weights: one number, one per class, or by class index."""


def as_shaped(y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
    """Return `y_true` in the shape of `y_pred`; a missing last axis of size 1 is added, other shapes are not broadcast.

    Otherwise (B,) against (B, 1) would silently broadcast to (B, B).

    Args:
        y_true: (B, ..., C), or (B, ...) if C is 1.
        y_pred: (B, ..., C).

    Returns:
        `y_true`, (B, ..., C).

    Raises:
        KerasftError: If the shapes differ.

    Example:

    >>> as_shaped(tf.constant([1.0, 2.0]), tf.constant([[0.0], [0.0]])).shape.as_list()
    [2, 1]
    """
    received = y_true.shape
    if y_true.shape.rank == y_pred.shape.rank - 1 and y_pred.shape[-1] == 1:
        y_true = tf.expand_dims(y_true, -1)
    if not y_true.shape.is_compatible_with(y_pred.shape):
        raise bad_argument(
            "y_true",
            f"of y_pred's shape {tuple(y_pred.shape)}",
            tuple(received),
            "Class indices require a sparse loss.",
        )
    return y_true


def class_indices(y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
    """Return class indices in the shape of `y_pred` without its last axis; a last axis of size 1 is dropped.

    Args:
        y_true: Class indices, any numeric dtype, (B, ...) or (B, ..., 1).
        y_pred: Logits, (B, ..., C).

    Returns:
        The indices, int32, (B, ...).

    Raises:
        KerasftError: If the shapes do not match.

    Example:

    >>> class_indices(tf.constant([[1.0], [2.0]]), tf.zeros((2, 3))).numpy().tolist()
    [1, 2]
    """
    received = y_true.shape
    if y_true.shape.rank == y_pred.shape.rank and y_true.shape[-1] == 1:
        y_true = tf.squeeze(y_true, -1)
    if not y_true.shape.is_compatible_with(y_pred.shape[:-1]):
        raise bad_argument(
            "y_true",
            f"class indices of shape {tuple(y_pred.shape[:-1])}",
            tuple(received),
            "One-hot targets require a categorical loss, multi-hot targets a binary loss.",
        )
    return tf.cast(y_true, tf.int32)


def element_weights(values: tf.Tensor, sample_weight: tf.Tensor | None, *, mask: tf.Tensor | None = None) -> tf.Tensor:
    """Return one weight per element: `sample_weight` times `mask`; default: 1.

    Args:
        values: The losses of the elements, (B, ...).
        sample_weight: Weights whose axes are the leading axes of `values`: (B,), (B, T), ...; an extra last axis of size 1 is
            dropped.
        mask: Keras' mask, 0 or False for ignored elements; shapes as for `sample_weight`.

    Returns:
        The weights, of `values`' shape and dtype.

    Raises:
        KerasftError: If the shapes do not match.

    Example:

    >>> element_weights(tf.zeros((2, 3)), tf.constant([1.0, 0.5])).numpy().tolist()
    [[1.0, 1.0, 1.0], [0.5, 0.5, 0.5]]
    """
    weights = tf.ones_like(values)
    for name, factor in (("sample_weight", sample_weight), ("mask of y_pred", mask)):
        if factor is not None:
            weights *= _along_leading_axes(tf.cast(factor, values.dtype), values.shape, name)
    return weights


def _along_leading_axes(weights: tf.Tensor, shape: tf.TensorShape, name: str) -> tf.Tensor:
    """Append axes of size 1 to `weights`, so that it broadcasts to `shape`."""
    received = weights.shape
    if weights.shape.rank == shape.rank + 1 and weights.shape[-1] == 1:
        weights = tf.squeeze(weights, -1)
    missing = shape.rank - weights.shape.rank
    if missing < 0 or not all(a in (1, None) or b is None or a == b for a, b in zip(weights.shape, shape)):
        raise bad_argument(
            name,
            f"of a shape whose axes are the leading axes of {tuple(shape)}",
            tuple(received),
            "Use one weight per example, (B,), or per element.",
        )
    return tf.reshape(weights, tf.concat([tf.shape(weights), tf.ones(missing, tf.int32)], axis=0))


def checked_alpha(alpha: Alpha) -> float | list[float] | dict[int, float] | None:
    """Validate `alpha`, and return it in plain Python types.

    Args:
        alpha: One number, one per class (list, tuple, array), or a dictionary from class index to number. String keys, from
            JSON, are converted to integers.

    Returns:
        A float, a list or a dictionary with int keys; None for None.

    Raises:
        KerasftError: If a number or an index is negative or not finite.

    Example:

    >>> checked_alpha((1, 2)), checked_alpha({"3": 0.5})
    ([1.0, 2.0], {3: 0.5})
    """
    if alpha is None:
        return None
    if isinstance(alpha, Mapping):
        plain = {int(index): float(weight) for index, weight in alpha.items()}
        numbers = [*plain.values(), *plain.keys()]
    elif hasattr(alpha, "__len__"):
        plain = numbers = [float(weight) for weight in alpha]
    else:
        plain = float(alpha)
        numbers = [plain]
    if not numbers or not all(0 <= number < float("inf") for number in numbers):
        raise bad_argument("alpha", "one or more numbers >= 0", alpha, "See kerasft.losses.class_weights.")
    return plain
