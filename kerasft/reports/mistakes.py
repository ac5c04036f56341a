"""The errors of a model, most confident first, and the classes it confuses."""

from collections.abc import Sequence

import numpy as np

from kerasft.callbacks.predictions import describe, describe_gold, held, probabilities
from kerasft.features import MULTI_LABEL, REGRESSION, Labels


def confident_errors(
    logits: np.ndarray,
    gold: np.ndarray,
    labels: Labels,
    *,
    texts: Sequence[str] | None = None,
    limit: int = 25,
    thresholds: Sequence[float] | None = None,
) -> list[dict[str, str | float | int | None]]:
    """List the errors, most confident first.

    Args:
        logits: (N, C).
        gold: The labels: class indices (N,), or (N, C).
        labels: Names of the outputs.
        texts: N texts, or None.
        limit: Maximum number of rows to list.
        thresholds: Multi-label: the probability from which each label is predicted, (C,); `None`: 0.5.

    Returns:
        For each error `row` (from 0), `text`, `truth` (the gold label), `predicted` and `confidence`: the probability of the
        predicted class (single-label), the largest difference of probability and label among wrong labels (multi-label), or the
        largest absolute error (regression, where every row is listed).

    Example:

    >>> confident_errors(np.array([[0.0, 2.0]]), np.array([0]), Labels(["no", "yes"]), texts=["never"])[0]["predicted"]
    'yes'
    """
    if labels.problem == REGRESSION:
        size = np.abs(logits - gold.reshape(len(gold), -1)).max(-1)  # (N,)
        wrong = np.arange(len(gold))
    elif labels.problem == MULTI_LABEL:
        decided = held(logits, thresholds)  # (N, C)
        differs = decided != (gold > 0.5)
        size = np.where(differs, np.abs(probabilities(logits, labels.problem) - gold), 0).max(-1)
        wrong = np.flatnonzero(differs.any(-1))
    else:
        size = probabilities(logits, labels.problem).max(-1)
        wrong = np.flatnonzero(logits.argmax(-1) != gold)
    rows = wrong[np.argsort(-size[wrong], kind="stable")][:limit]
    if labels.problem == MULTI_LABEL:
        predicted = describe_gold(decided[rows], labels)
    else:
        predicted = describe(logits[rows], labels, with_chance=False)
    return [
        {
            "row": int(row),
            "text": None if texts is None else str(texts[row]),
            "truth": truth,
            "predicted": predicted,
            "confidence": float(size[row]),
        }
        for row, truth, predicted in zip(rows, describe_gold(gold[rows], labels), predicted)
    ]


def confused_pairs(matrix: np.ndarray, labels: Sequence[str], limit: int = 12) -> list[dict[str, str | int | float]]:
    """List the most frequent confusions of two classes.

    Args:
        matrix: Confusion matrix, (C, C): rows are the true classes.
        labels: C names.
        limit: Maximum number of pairs to list.

    Returns:
        For each pair `truth`, `predicted`, `count`, and `share` of the true class's rows.

    Example:

    >>> confused_pairs(np.array([[3, 1], [0, 4]]), ["no", "yes"])
    [{'truth': 'no', 'predicted': 'yes', 'count': 1, 'share': 0.25}]
    """
    errors = matrix - np.diag(np.diag(matrix))
    order = np.argsort(-errors, axis=None, kind="stable")[:limit]
    pairs = [divmod(int(index), len(labels)) for index in order if errors.flat[index] > 0]
    return [
        {
            "truth": labels[truth],
            "predicted": labels[predicted],
            "count": int(matrix[truth, predicted]),
            "share": float(matrix[truth, predicted] / matrix[truth].sum()),
        }
        for truth, predicted in pairs
    ]
