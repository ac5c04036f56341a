"""Agreement of the predictions of two formats of a model, by task."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kerasft.bundles import Bundle
from kerasft.features import MULTI_LABEL, REGRESSION, Labels
from kerasft.tasks.tasks import task_of

Outputs = Mapping[str, Sequence[np.ndarray]]
"""Output name -> N arrays, one per text, as returned by `kerasft.inference.runners.predict`."""


def agreement(first: Outputs, second: Outputs, bundle: Bundle) -> float:
    """Fraction of equal predictions, from 0 to 1; for regression their correlation, for embeddings the mean cosine similarity.

    What counts as one prediction: the label of a text (multi-label: each label separately); the most likely label or next token
    of a token; for question answering the most likely start and the most likely end. With two outputs, the mean over both. For
    regression Pearson's correlation, the lowest over the targets.

    Args:
        first: The outputs of one format.
        second: The outputs of the other format; outputs that only one of them has are ignored.
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
    """Maximum absolute difference over the common outputs.

    Example:

    >>> largest_difference({"logits": [np.array([1.0, 2.0])]}, {"logits": [np.array([1.0, 2.5])]})
    0.5
    """
    pairs = [(a, b) for name in first if name in second for a, b in zip(first[name], second[name])]
    return float(max(np.abs(a - b).max(initial=0.0) for a, b in pairs))


def as_logits(gold: Sequence[Any], labels: Labels) -> np.ndarray:
    """Return gold labels as logits (N, C): infinity for the gold labels, minus infinity for the others; regression: the values.

    Args:
        gold: N label names or indices; multi-label: N lists of these, or 0 and 1 (N, C); regression: N numbers.
        labels: The model's labels.

    Example:

    >>> as_logits(["yes", 0], Labels(["no", "yes"])).tolist()
    [[-inf, inf], [inf, -inf]]
    """
    if labels.problem == REGRESSION:
        return np.asarray(gold, "float64").reshape(len(gold), -1)
    if labels.problem == MULTI_LABEL and isinstance(gold, np.ndarray) and gold.ndim == 2:
        return np.where(gold > 0.5, np.inf, -np.inf)
    rows = [item if isinstance(item, list | tuple | set) else [item] for item in gold]
    target = np.full((len(gold), len(labels)), -np.inf)  # infinite, so that any threshold gives the gold labels
    for row, items in enumerate(rows):
        for item in items:
            target[row, labels.index(item) if isinstance(item, str) else int(item)] = np.inf
    return target
