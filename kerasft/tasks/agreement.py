"""Agreement of the predictions of two formats of a model."""

import numpy as np
from scipy.special import logit

from kerasft.features import MULTI_LABEL, REGRESSION, SINGLE_LABEL
from kerasft.tasks.task import Rowwise, TrainedModel


def same_labels(first: Rowwise, second: Rowwise, bundle: TrainedModel) -> float:
    """Return the fraction of rows or tokens with the same predicted class; for multi-label, of equal decisions.

    For regression, the lowest Pearson correlation over the targets.

    Example:

    >>> from kerasft.bundles import Bundle
    >>> bundle = Bundle(None, None, {"labels": ["no", "yes"], "problem": "single_label"})
    >>> same_labels([np.array([1.0, 2.0])], [np.array([0.0, 5.0])], bundle)
    1.0
    """
    problem = SINGLE_LABEL if bundle.labels is None else bundle.labels.problem
    if problem == REGRESSION:
        first, second = np.stack(first), np.stack(second)  # (N, K)
        return min(_correlation(first[:, index], second[:, index]) for index in range(first.shape[1]))
    if problem == MULTI_LABEL:
        # The decision thresholds as logits.
        thresholds = bundle.settings.get("temperature", 1.0) * logit(bundle.settings.get("thresholds") or 0.5)  # (C,)
        return _share((a >= thresholds for a in first), (b >= thresholds for b in second))
    return _share((a.argmax(-1) for a in first), (b.argmax(-1) for b in second))


def same_spans(first: Rowwise, second: Rowwise, _: TrainedModel) -> float:
    """Return the fraction of equal predicted starts and ends, for rows (S, 2).

    Example:

    >>> same_spans([np.eye(2)], [np.eye(2)], None)
    1.0
    """
    return _share((a.argmax(0) for a in first), (b.argmax(0) for b in second))


def same_vectors(first: Rowwise, second: Rowwise, _: TrainedModel) -> float:
    """Return the mean cosine similarity.

    Example:

    >>> same_vectors([np.array([1.0, 0.0])], [np.array([1.0, 0.0])], None)
    1.0
    """
    return float(np.mean([_cosine(a, b) for a, b in zip(first, second)]))


def _share(first, second) -> float:
    return float(np.mean(np.concatenate([np.ravel(a == b) for a, b in zip(first, second)])))


def _cosine(first: np.ndarray, second: np.ndarray) -> float:
    norm = np.linalg.norm(first) * np.linalg.norm(second)
    return float(first @ second / norm) if norm else float(np.array_equal(first, second))


def _correlation(first: np.ndarray, second: np.ndarray) -> float:
    first, second = (values.astype("float64") - values.mean(dtype="float64") for values in (first, second))
    norm = np.linalg.norm(first) * np.linalg.norm(second)
    if norm == 0:  # undefined for a constant: equal constants agree
        return float(np.allclose(first, second))
    return float(first @ second / norm)
