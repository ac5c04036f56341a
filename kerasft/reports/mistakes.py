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
    """List the worst mistakes.

    Args:
        logits: (N, C).
        gold: (N,) class numbers, or (N, C).
        labels: The names of the outputs.
        texts: N texts, or None.
        limit: The most rows to list.
        thresholds: Of several labels: from what probability each holds, (C,); `None`: 0.5.

    Returns:
        For each mistake `row` (from 0), `text`, `truth`, `predicted` and `confidence`: the probability of the wrong class
        (single label), that of the wrongest decision (several labels), or the largest absolute error (regression, where
        every row is a mistake of some size).

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
    told = zip(rows, describe_gold(gold[rows], labels), predicted)
    return [
        {
            "row": int(row),
            "text": None if texts is None else str(texts[row]),
            "truth": truth,
            "predicted": predicted,
            "confidence": float(size[row]),
        }
        for row, truth, predicted in told
    ]


def confused_pairs(matrix: np.ndarray, labels: Sequence[str], limit: int = 12) -> list[dict[str, str | int | float]]:
    """List the classes most often taken for another one.

    Args:
        matrix: Confusion matrix, (C, C): rows are the truth.
        labels: C names.
        limit: The most pairs to list.

    Returns:
        For each pair `truth`, `predicted`, `count`, and `share` of the true class's rows.

    Example:

    >>> confused_pairs(np.array([[3, 1], [0, 4]]), ["no", "yes"])
    [{'truth': 'no', 'predicted': 'yes', 'count': 1, 'share': 0.25}]
    """
    mistakes = matrix - np.diag(np.diag(matrix))
    order = np.argsort(-mistakes, axis=None, kind="stable")[:limit]
    pairs = [divmod(int(place), len(labels)) for place in order if mistakes.flat[place] > 0]
    return [
        {
            "truth": labels[truth],
            "predicted": labels[predicted],
            "count": int(matrix[truth, predicted]),
            "share": float(matrix[truth, predicted] / matrix[truth].sum()),
        }
        for truth, predicted in pairs
    ]
