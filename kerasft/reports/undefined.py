"""Undefined metrics: counted as 0, but displayed as undefined."""

from collections.abc import Sequence

import numpy as np

from kerasft.features import REGRESSION, SINGLE_LABEL, Labels


def undefined_scores(predicted: np.ndarray, gold: np.ndarray, labels: Labels | Sequence[str]) -> dict[str, str]:
    """Find the undefined metrics of a classification or regression.

    Args:
        predicted: Class indices (N,), or booleans (N, C), or values (N, K).
        gold: The labels, of the same shape.
        labels: Names of the outputs.

    Returns:
        The reason by the metric's name; empty if all are defined.

    Example:

    >>> undefined_scores(np.array([0, 0]), np.array([0, 1]), ["no", "yes"])
    {'matthews': "all predictions are 'no'"}
    """
    labels = Labels.of(labels)
    if labels.problem == REGRESSION:
        reason = undefined_correlation(predicted, gold)
        return {} if reason is None else dict.fromkeys(("pearson", "spearman"), reason)
    if labels.problem != SINGLE_LABEL:
        no_labels = not (np.any(predicted) or np.any(gold))
        return dict.fromkeys(("f1_micro", "f1_macro"), "no row has any label, gold or predicted") if no_labels else {}
    reasons = {}
    for name, column in (("predictions", predicted), ("labels", gold)):
        if len(np.unique(column)) == 1:
            reasons["matthews"] = f"all {name} are {labels[int(column[0])]!r}"
    if len(labels) == 2 and not np.any(predicted) and not np.any(gold):
        reasons["f1"] = f"no row is, or is predicted as, {labels[1]!r}"
    return reasons


def undefined_correlation(predicted: np.ndarray, gold: np.ndarray) -> str | None:
    """Return why the correlation of predictions and labels is undefined, or None if it is defined.

    Args:
        predicted: (N,) or (N, K).
        gold: The labels, of the same shape.

    Example:

    >>> undefined_correlation(np.array([2.0, 2.0]), np.array([1.0, 3.0]))
    'all predictions are equal'
    """
    if len(gold) < 2:
        return "there is only one row"
    for name, column in (("predictions", predicted), ("labels", gold)):
        if np.any(np.ptp(column, axis=0) == 0):
            return f"all {name} are equal"
    return None


def undefined_spans(expected: int, found: int, *, name: str) -> dict[str, str]:
    """Find the undefined metrics of spans (entities, slots).

    Args:
        expected: Number of gold spans.
        found: Number of predicted spans.
        name: The prefix of the metrics' names.

    Example:

    >>> undefined_spans(3, 0, name="entity")
    {'entity_precision': 'there are no predictions'}
    """
    reasons = {}
    if not expected:
        reasons[f"{name}_recall"] = "the data has no positives"
    if not found:
        reasons[f"{name}_precision"] = "there are no predictions"
    if not expected and not found:
        reasons[f"{name}_f1"] = "the data has no positives, and there are no predictions"
    return reasons
