"""Constant baseline: always the most frequent class, or the mean; scored like the model."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.special import logit

from kerasft.errors import bad_argument
from kerasft.features import MULTI_LABEL, REGRESSION, SINGLE_LABEL, Labels

LOWER_IS_BETTER = frozenset({"calibration_error", "log_loss", "loss", "mae", "mse", "perplexity"})
"""Names of metrics where smaller is better."""
TRAINING = "training rows"
EVALUATED = "evaluated rows"


def statistics(gold: np.ndarray, labels: Labels | Sequence[str]) -> dict[str, Any]:
    """Compute the label statistics for `constant_logits`: plain values, stored as `settings["baseline"]` of a bundle.

    Args:
        gold: The labels: class indices (N,), or 0 and 1 (N, C), or values (N,) or (N, K).
        labels: Names of the outputs.

    Returns:
        Classification: `counts` (C integers) and `rows`. Regression: `means` (K floats).

    Example:

    >>> statistics(np.array([0, 1, 1]), ["no", "yes"])
    {'counts': [1, 2], 'rows': 3}
    """
    labels = Labels.of(labels)
    gold = np.asarray(gold)
    if labels.problem == REGRESSION:
        return {"means": gold.reshape(len(gold), -1).mean(axis=0).astype(float).tolist()}
    if labels.problem == MULTI_LABEL:
        counts = (gold.reshape(len(gold), -1) > 0.5).sum(axis=0)  # (C,)
    else:
        counts = np.bincount(gold.astype("int64"), minlength=len(labels))  # (C,)
    return {"counts": counts.tolist(), "rows": len(gold)}


def constant_logits(known: Mapping[str, Any], labels: Labels, rows: int) -> np.ndarray:
    """Return the logits of the constant baseline, the same for every row.

    Args:
        known: As `statistics` returns it.
        labels: Names of the outputs.
        rows: N.

    Returns:
        (N, C). Single-label: the logarithm of the class frequencies, so that the most frequent class is predicted and `log_loss`
        is that of the frequencies. Multi-label: the labels of at least half of the rows, or else the most frequent one.
        Regression: the mean.

    Raises:
        KerasftError: If the statistics do not match these labels.

    Example:

    >>> constant_logits({"counts": [1, 3], "rows": 4}, Labels(["no", "yes"]), rows=2).argmax(-1).tolist()
    [1, 1]
    """
    numbers = known.get("means" if labels.problem == REGRESSION else "counts")
    if not isinstance(numbers, list) or len(numbers) != len(labels):
        expected = f"training counts for {len(labels)} labels"
        raise bad_argument("baseline", expected, numbers, 'Delete settings["baseline"] of the bundle, or train again.')
    if labels.problem == REGRESSION:
        return np.tile(np.array(numbers, float), (rows, 1))
    counts = np.array(numbers, float) + 0.5  # the logarithm of 0 is infinite
    if labels.problem == SINGLE_LABEL:
        row = np.log(counts / counts.sum())
    else:
        row = logit(counts / (known["rows"] + 1.0))
        if (row < 0).all():
            row[row.argmax()] = 0.0  # probability 0.5; without any predicted label, F1 would be 0
    return np.tile(row, (rows, 1))


def described(known: Mapping[str, Any], labels: Labels, source: str) -> str:
    """Describe the constant prediction, for a sentence and a table.

    Args:
        known: As `statistics` returns it.
        labels: Names of the outputs.
        source: The rows that `known` was computed on: `TRAINING` or `EVALUATED`.

    Example:

    >>> described({"counts": [1, 3], "rows": 4}, Labels(["no", "yes"]), TRAINING)
    "always 'yes', the most frequent class of the training rows"
    """
    row = constant_logits(known, labels, rows=1)[0]
    if labels.problem == REGRESSION:
        values = ", ".join(f"{value:.4g}" for value in row)
        return f"always {values}, the mean of the {source}"
    if labels.problem == MULTI_LABEL:
        names = ", ".join(repr(name) for name, value in zip(labels, row) if value >= 0)
        return f"always {names}, the most frequent of the {source}"
    return f"always {labels[int(row.argmax())]!r}, the most frequent class of the {source}"


def is_no_better(name: str, value: float, baseline: float) -> bool:
    """Whether a score is no better than the baseline's.

    Example:

    >>> is_no_better("accuracy", 0.42, 0.42), is_no_better("perplexity", 20.0, 300.0)
    (True, False)
    """
    return value >= baseline if name in LOWER_IS_BETTER else value <= baseline
