"""Out-of-scope detection by a threshold on the probability of the most likely class; numpy only."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import bad_argument, is_number


def out_of_scope_threshold(confidence: np.ndarray, right: np.ndarray, confidence_out: np.ndarray) -> float:
    """Find the probability threshold below which a text is out of scope.

    It maximizes the sum of in-scope accuracy and out-of-scope recall on these rows (see `out_of_scope_scores`), and is halfway
    between two confidences; for ties, the lowest threshold is used, which rejects the fewest. Use validation rows, not test
    rows.

    Args:
        confidence: Probability of the most likely class of N >= 1 in-scope rows, (N,).
        right: Whether that class is correct, (N,).
        confidence_out: The same probability of M >= 1 out-of-scope rows, (M,).

    Returns:
        A probability from 0 to 1.

    Raises:
        KerasftError: If there are no in-scope or no out-of-scope rows.

    References:
        - [Larson et al., 2019](https://aclanthology.org/D19-1131), section 4: "oos-threshold"

    Example:

    >>> out_of_scope_threshold(np.array([0.9, 0.8, 0.3]), np.array([True, True, False]), np.array([0.4, 0.2]))
    0.6000000000000001
    """
    for name, values in (("confidence", confidence), ("confidence_out", confidence_out)):
        if not len(values):
            raise bad_argument(name, "non-empty", values, "Use validation rows with and without out-of-scope texts.")
    confidence = np.asarray(confidence, "float64")
    right = np.asarray(right, bool)
    # Rows below the threshold are rejected; below 1, this can be all of them.
    candidates = np.unique(np.concatenate([confidence, confidence_out, [1.0]]))
    kept = right.sum() - np.searchsorted(np.sort(confidence[right]), candidates)
    rejected = np.searchsorted(np.sort(confidence_out), candidates)
    best = int(np.argmax(kept / len(confidence) + rejected / len(confidence_out)))
    return 0.0 if best == 0 else float((candidates[best - 1] + candidates[best]) / 2)


def out_of_scope_scores(
    confidence: np.ndarray, right: np.ndarray, confidence_out: np.ndarray, *, threshold: float
) -> dict[str, float]:
    """Compute the metrics of a threshold.

    Args:
        confidence: See `out_of_scope_threshold`.
        right: Whether the most likely class is correct.
        confidence_out: Confidence of out-of-scope rows; may be empty.
        threshold: Rows with a lower confidence are rejected as out of scope.

    Returns:
        `in_scope_accuracy`: the fraction of in-scope rows with a correct prediction that is not rejected. With out-of-scope rows
        also `out_of_scope_recall`, the fraction of them that are rejected, and `out_of_scope_precision`, the fraction of all
        rejected rows that are out of scope (0 if none is rejected).

    Example:

    >>> scores = out_of_scope_scores(np.array([0.9, 0.3]), np.array([True, True]), np.array([0.2]), threshold=0.5)
    >>> scores
    {'in_scope_accuracy': 0.5, 'out_of_scope_recall': 1.0, 'out_of_scope_precision': 0.5}
    """
    confidence, confidence_out = np.asarray(confidence), np.asarray(confidence_out)
    scores = {"in_scope_accuracy": float(np.mean(np.asarray(right, bool) & (confidence >= threshold)))}
    if len(confidence_out):
        rejected_in, rejected_out = int((confidence < threshold).sum()), int((confidence_out < threshold).sum())
        scores["out_of_scope_recall"] = rejected_out / len(confidence_out)
        scores["out_of_scope_precision"] = rejected_out / max(rejected_in + rejected_out, 1)
    return scores


def check_out_of_scope(setting: Mapping[str, Any], labels: Sequence[str]) -> None:
    """Check a setting `{"threshold": ..., "label": ...}`.

    Raises:
        KerasftError: If the threshold is not a probability, or the label is one of the classes.

    Example:

    >>> check_out_of_scope({"threshold": 0.5, "label": "oos"}, ["transfer", "balance"])
    """
    threshold, label = setting.get("threshold"), setting.get("label")
    if not is_number(threshold) or not 0 <= threshold <= 1:
        raise bad_argument("out_of_scope", 'with a "threshold" from 0 to 1', dict(setting), "For example: 0.5.")
    if not isinstance(label, str) or not label or label in labels:
        raise bad_argument(
            "out_of_scope",
            'with a "label" that is not one of the classes',
            dict(setting),
            'For example: "label": "oos".',
        )
