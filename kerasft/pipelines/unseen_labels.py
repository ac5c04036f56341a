"""Evaluation on rows with labels that the model does not have: they count as errors, as in official evaluations."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kerasft.features import Labels
from kerasft.reports import Report, summarize, with_baseline

_NEVER = -1e4  # logit of a label that the model does not have: its probability is 0


def summarize_with_unseen(
    logits: np.ndarray,
    gold: np.ndarray,
    labels: Labels,
    *,
    unseen: Sequence[str],
    baseline: Mapping[str, Any] | None = None,
    thresholds: Sequence[float] | None = None,
    **others: Any,
) -> Report:
    """Return the report of a classifier, with baseline, on rows that may have unseen labels.

    Args:
        logits: (N, C).
        gold: Class indices (N,), or multi-hot (N, C + U).
        labels: The model's C labels.
        unseen: The U unseen labels; their class indices are C, C + 1, ...
        baseline: `kerasft.reports.statistics` of the training rows.
        thresholds: See `kerasft.reports.summarize`, (C,).
        **others: `texts` and `about`; see `kerasft.reports.summarize`.

    Returns:
        The report with all C + U labels. With unseen labels, it has no `log_loss`, which would be infinite.

    Example:

    >>> logits, gold = np.array([[2.0, 0.0], [2.0, 0.0]]), np.array([0, 2])
    >>> report = summarize_with_unseen(logits, gold, Labels(["no", "yes"]), unseen=["maybe"])
    >>> report.metrics["accuracy"], report.errors[0]["truth"], "log_loss" in report.metrics
    (0.5, 'maybe', False)
    """
    number = len(unseen)
    if not number:
        return with_baseline(summarize(logits, gold, labels, thresholds=thresholds, **others), gold, baseline)
    report = summarize(
        np.pad(logits, ((0, 0), (0, number)), constant_values=_NEVER),
        gold,
        Labels([*labels, *unseen], labels.problem),
        thresholds=None if thresholds is None else [*thresholds, *[0.5] * number],
        **others,
    )
    if baseline:
        baseline = {**baseline, "counts": [*baseline["counts"], *[0] * number]}
    report = with_baseline(report, gold, baseline)
    return dataclasses.replace(report, metrics=_finite(report.metrics), baseline=_finite(report.baseline))


def _finite(scores: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in scores.items() if name != "log_loss"}
