"""Class weights from training data."""

from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from kerasft.errors import bad_argument

SCHEMES = ("balanced", "inverse", "effective")


def class_weights(
    labels: "np.ndarray | tf.data.Dataset",
    num_classes: int,
    *,
    scheme: str = "balanced",
    beta: float = 0.999,
    multi_label: bool = False,
) -> list[float]:
    """Compute class weights that give rare classes more weight; pass them to a loss as `alpha`.

    With n_k examples of class k, n examples in total, and C the number of classes that occur:

        balanced:   n / (C n_k), so that the mean weight of an example is 1 (scikit-learn's "balanced")
        inverse:    proportional to 1 / n_k, so that the mean weight of a class is 1
        effective:  proportional to (1 - beta) / (1 - beta^n_k), so that the mean weight of a class is 1

    "effective" is Cui et al. 2019, "Class-Balanced Loss Based on Effective Number of Samples", arXiv:1901.05555,
    equation 2; beta = 0 gives equal weights, beta -> 1 "inverse". A class without examples gets weight 1 and is excluded
    from C.

    With `multi_label`, the weight of a class is w_positive / (w_positive + w_negative), as `BinaryFocalCrossentropy` expects
    it: n_negative / n for the first two schemes. A class with only positive or only negative examples gets 0.5.

    Args:
        labels: Class indices of the training split, of any shape; with `multi_label` multi-hot, (N, C). Or a dataset of
            `(x, y)` or `(x, y, sample_weight)`, batched or not; examples count with their sample weights, so padding does
            not count. The dataset is iterated once, and must be finite.
        num_classes: The number of classes.
        scheme: `"balanced"`, `"inverse"` or `"effective"`.
        beta: Parameter of the scheme "effective", in [0, 1); the paper uses 0.9 to 0.9999.
        multi_label: Whether the problem is multi-label.

    Returns:
        One weight per class.

    Raises:
        KerasftError: If an argument is out of range, a label is invalid, or there are no labels.

    Example:

    >>> class_weights(np.array([0, 0, 0, 1]), 2)
    [0.6666666666666666, 2.0]
    >>> class_weights(tf.data.Dataset.from_tensor_slices(([[7], [8], [9], [9]], [0, 0, 0, 1])).batch(2), 2)
    [0.6666666666666666, 2.0]
    """
    if scheme not in SCHEMES:
        raise bad_argument("scheme", f"one of {SCHEMES}", scheme, "Choose one of them.")
    if not 0 <= beta < 1:
        raise bad_argument("beta", "in [0, 1)", beta, "For example: 0.999.")
    count = _multi_label_counts if multi_label else _counts
    if isinstance(labels, tf.data.Dataset):
        counts = sum((count(y, w, num_classes) for y, w in _batches(labels)), np.zeros((1, num_classes)))
    else:
        counts = count(np.asarray(labels), None, num_classes)
    if not counts.any():
        raise bad_argument("labels", "one or more labels", labels, "Pass the training labels.")
    if not multi_label:
        return _weights(counts[0], scheme, beta).tolist()
    sides = np.apply_along_axis(_weights, 0, counts, scheme, beta)  # (2, C): weights of negatives and positives
    return (sides[1] / sides.sum(axis=0)).tolist()


def _batches(dataset: tf.data.Dataset) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
    """Yield labels and sample weights (or None) of a dataset of (x, y[, sample_weight])."""
    spec = dataset.element_spec
    if not isinstance(spec, tuple) or len(spec) not in (2, 3):
        raise bad_argument("labels", "a dataset of (x, y) or (x, y, sample_weight)", spec, "Pass the training dataset.")
    if dataset.cardinality() == tf.data.INFINITE_CARDINALITY:
        raise bad_argument("labels", "a finite dataset", dataset, "Pass it without `.repeat()`, or use `.take(...)`.")
    for y, *weight in dataset.map(lambda x, *rest: rest).as_numpy_iterator():
        yield np.asarray(y), np.asarray(weight[0]) if weight else None


def _counts(labels: np.ndarray, weights: np.ndarray | None, num_classes: int) -> np.ndarray:
    """Return the total weight of the examples of each class, (1, C)."""
    labels = labels.reshape(-1)
    weights = np.ones(len(labels)) if weights is None else weights.reshape(-1)
    counted = labels[weights > 0]
    wrong = counted[(counted < 0) | (counted >= num_classes) | (counted != np.floor(counted))]
    if wrong.size:
        fix = "Use multi_label=True for columns of 0 and 1, or correct num_classes."
        raise bad_argument("labels", f"class indices in [0, {num_classes})", wrong[0].item(), fix)
    return np.bincount(counted.astype(int), weights[weights > 0], num_classes)[None]


def _multi_label_counts(labels: np.ndarray, weights: np.ndarray | None, num_classes: int) -> np.ndarray:
    """Return the total weight of negative and positive examples of each class, (2, C)."""
    if labels.shape[-1:] != (num_classes,) or not np.isin(labels, (0, 1)).all():
        fix = "Omit multi_label for class indices."
        raise bad_argument("labels", f"of 0 and 1, of shape (N, {num_classes})", labels, fix)
    labels = labels.reshape(-1, num_classes)
    weights = np.ones((len(labels), 1)) if weights is None else weights.reshape(len(labels), -1)
    return np.stack([((1 - labels) * weights).sum(axis=0), (labels * weights).sum(axis=0)])


def _weights(counts: np.ndarray, scheme: str, beta: float) -> np.ndarray:
    """Return the weights of classes of these sizes; 1 for classes of size 0."""
    weights = np.ones(len(counts))
    sizes = counts[counts > 0]
    if scheme == "balanced":
        weights[counts > 0] = sizes.sum() / (len(sizes) * sizes)
        return weights
    raw = 1 / sizes if scheme == "inverse" else (1 - beta) / (1 - beta**sizes)
    weights[counts > 0] = raw / raw.mean()
    return weights
