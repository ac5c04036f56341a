"""Agreement of the predictions of two formats of a model, by task."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kerasft.bundles import Bundle
from kerasft.features import MULTI_LABEL, REGRESSION, Labels
from kerasft.tasks.tasks import task_of

Outputs = Mapping[str, Sequence[np.ndarray]]
"""Output name -> rows of N texts, as returned by `kerasft.inference.runners.predict`."""


def agreement(first: Outputs, second: Outputs, bundle: Bundle) -> float:
    """Fraction of equal predictions, from 0 to 1; for regression their correlation, for embeddings the mean cosine similarity.

    An answer is: a text's label, or of several labels each one's yes or no; a token's most likely label or next token; for
    question answering the most likely start and the most likely end. Of a model with two outputs, the mean over both. For
    regression Pearson's correlation, of the target where it is lowest.

    Args:
        first: The outputs of one format.
        second: Those of the other; outputs that only one of them has are ignored.
        bundle: The bundle, for task and labels.

    Example:

    >>> bundle = Bundle(None, None, {"task": "token-classification", "labels": ["O", "X"], "problem": "single_label"})
    >>> logits = np.array([[2.0, 1.0], [0.0, 1.0]])  # two tokens
    >>> agreement({"logits": [logits]}, {"logits": [-logits]}, bundle)
    0.0
    """
    names = [name for name in first if name in second]
    agree = task_of(bundle.metadata).agree
    return float(np.mean([agree(first[name], second[name], bundle) for name in names]))


def largest_difference(first: Outputs, second: Outputs) -> float:
    """Maximum absolute difference of the common outputs.

    Example:

    >>> largest_difference({"logits": [np.array([1.0, 2.0])]}, {"logits": [np.array([1.0, 2.5])]})
    0.5
    """
    pairs = [(a, b) for name in first if name in second for a, b in zip(first[name], second[name])]
    return float(max(np.abs(a - b).max(initial=0.0) for a, b in pairs))


def as_logits(gold: Sequence[Any], labels: Labels) -> np.ndarray:
    """Return right answers as (N, C) numbers whose largest, or of several labels the infinite ones, are the right labels.

    Args:
        gold: N label names or indices, or lists of them, or (N, C) of 0 and 1 for several labels, or numbers for a
            regression.
        labels: The model's labels.

    Example:

    >>> as_logits(["yes", 0], Labels(["no", "yes"])).tolist()
    [[-inf, inf], [inf, -inf]]
    """
    if labels.problem == REGRESSION:
        return np.asarray(gold, "float64").reshape(len(gold), -1)
    if labels.problem == MULTI_LABEL and isinstance(gold, np.ndarray) and gold.ndim == 2:
        return np.where(gold > 0.5, np.inf, -np.inf)
    chosen = [item if isinstance(item, list | tuple | set) else [item] for item in gold]
    target = np.full((len(gold), len(labels)), -np.inf)  # on the right side of any threshold
    for row, items in enumerate(chosen):
        for item in items:
            target[row, labels.index(item) if isinstance(item, str) else int(item)] = np.inf
    return target
