"""Texts that are none of the classes: told by a threshold on the probability of the most likely class; numpy only."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import bad_argument, is_number


def out_of_scope_threshold(confidence: np.ndarray, right: np.ndarray, confidence_out: np.ndarray) -> float:
    """Choose the probability below which an answer is "out of scope".

    The one with the largest sum of in-scope accuracy and out-of-scope recall on these rows (see `out_of_scope_scores`), halfway
    to the next lower confidence that occurs; of equal ones the lowest, which rejects the fewest. Take dev rows, never test rows.

    Args:
        confidence: Probability of the most likely class of N >= 1 in-scope rows, (N,).
        right: Whether that class is the right one, (N,).
        confidence_out: The same probability of M >= 1 out-of-scope rows, (M,).

    Returns:
        A probability from 0 to 1.

    Raises:
        KerasftError: If there are no rows of one of the two kinds.

    References:
        - [Larson et al., 2019](https://aclanthology.org/D19-1131), section 4: "oos-threshold"

    Example:

    >>> out_of_scope_threshold(np.array([0.9, 0.8, 0.3]), np.array([True, True, False]), np.array([0.4, 0.2]))
    0.6000000000000001
    """
    for name, values in (("confidence", confidence), ("confidence_out", confidence_out)):
        if not len(values):
            raise bad_argument(name, "of one row or more", values, "Give dev rows of both kinds.")
    confidence = np.asarray(confidence, "float64")
    right = np.asarray(right, bool)
    # Rejected is what is below the place; below 1 that can be everything.
    places = np.unique(np.concatenate([confidence, confidence_out, [1.0]]))
    kept = right.sum() - np.searchsorted(np.sort(confidence[right]), places)
    rejected = np.searchsorted(np.sort(confidence_out), places)
    best = int(np.argmax(kept / len(confidence) + rejected / len(confidence_out)))
    return 0.0 if best == 0 else float((places[best - 1] + places[best]) / 2)


def out_of_scope_scores(
    confidence: np.ndarray, right: np.ndarray, confidence_out: np.ndarray, *, threshold: float
) -> dict[str, float]:
    """Score a threshold.

    Args:
        confidence: As for `out_of_scope_threshold`; so are `right` and `confidence_out`.
        right: Whether the most likely class is the right one.
        confidence_out: Of out-of-scope rows; may be empty.
        threshold: Rows of a lower confidence are rejected as out of scope.

    Returns:
        `in_scope_accuracy`: the share of in-scope rows that are answered by the right class and not rejected. With out-of-scope
        rows besides `out_of_scope_recall`, the share of them that are rejected, and `out_of_scope_precision`, the share of all
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
    """Refuse a setting `{"threshold": ..., "label": ...}` that cannot be.

    Raises:
        KerasftError: If the threshold is no probability, or the label is one of the classes.

    Example:

    >>> check_out_of_scope({"threshold": 0.5, "label": "oos"}, ["transfer", "balance"])
    """
    threshold, label = setting.get("threshold"), setting.get("label")
    if not is_number(threshold) or not 0 <= threshold <= 1:
        raise bad_argument("out_of_scope", 'with a "threshold" from 0 to 1', dict(setting), "0.5, for example.")
    if not isinstance(label, str) or not label or label in labels:
        raise bad_argument("out_of_scope", 'with a "label" that no class has', dict(setting), 'Write "label": "oos".')
