"""Temperature scaling and thresholds, fitted on held-out rows."""

import math
import warnings

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from kerasft.errors import bad_argument
from kerasft.features import MULTI_LABEL, REGRESSION, Labels

_LEAST, _MOST = 0.05, 20.0


def best_temperature(logits: np.ndarray, gold: np.ndarray, labels: Labels) -> float:
    """Temperature scaling: find the T that maximizes the likelihood of the labels under `logits / T`.

    It minimizes the mean of -log p(label), for multi-label over all binary decisions, with T from 0.05 to 20.
    It corrects overconfident probabilities (T > 1, the usual case) and underconfident ones (T < 1).

    Args:
        logits: (N, C), N >= 1.
        gold: Class indices (N,), or 0 and 1 (N, C).
        labels: Labels of the C outputs.

    Returns:
        The temperature; 1, with a warning, if there is no optimum: all predictions are correct, so that the most confident
        ones look best, or accuracy is at chance level.

    Raises:
        KerasftError: If there are no rows, or the problem is regression.

    References:
        - [Guo et al., 2017](https://arxiv.org/abs/1706.04599), section 4.2

    Example:

    >>> logits, gold = np.array([[0.0, 4.0]] * 10), np.array([1] * 9 + [0])  # sure by 0.98, and right 9 times of 10
    >>> temperature = best_temperature(logits, gold, Labels(["no", "yes"]))
    >>> round(temperature, 3), round(1 / (1 + math.exp(-4 / temperature)), 3)
    (1.82, 0.9)
    """
    if labels.problem == REGRESSION:
        raise bad_argument("labels", "classes", labels, "Regression outputs are not probabilities.")
    if not len(logits):
        raise bad_argument("logits", "non-empty", logits, "Give held-out rows.")
    logits = np.asarray(logits, "float64")
    gold = np.asarray(gold)

    def loss(log_temperature: float) -> float:
        scaled = logits / math.exp(log_temperature)  # (N, C)
        if labels.problem == MULTI_LABEL:
            return float(np.logaddexp(0, np.where(gold > 0.5, -scaled, scaled)).mean())
        return float(-log_softmax(scaled, axis=-1)[np.arange(len(gold)), gold].mean())

    least, most = math.log(_LEAST), math.log(_MOST)  # the loss is convex in 1 / T, so there is one valley
    best = minimize_scalar(loss, bounds=(least, most), method="bounded", options={"xatol": 1e-6}).x
    if loss(best) >= min(loss(least), loss(most)):
        why = "accuracy is at chance level" if loss(most) <= loss(best) else "all predictions are correct"
        warnings.warn(
            f"No optimal temperature between {_LEAST} and {_MOST:g} for these {len(gold)} rows ({why}); it stays 1. "
            "Use more held-out rows.",
            stacklevel=2,
        )
        return 1.0
    return math.exp(best) if loss(best) < loss(0.0) else 1.0


def best_thresholds(probabilities: np.ndarray, gold: np.ndarray) -> list[float]:
    """Find the probability threshold of each label with the best F1 on these rows.

    Candidates are 0.5 and all midpoints between two occurring probabilities; ties go to the one nearest to 0.5. Labels without
    rows keep 0.5. Few rows of a label give an unreliable threshold: tens are needed.

    Args:
        probabilities: (N, C), N >= 1.
        gold: 0 and 1, (N, C).

    Returns:
        C thresholds from 0 to 1.

    Raises:
        KerasftError: If there are no rows.

    References:
        - [Lipton et al., 2014](https://arxiv.org/abs/1402.1892): the optimal threshold for F1 is half of that F1, so it
          is usually not 0.5, and lower for rare labels

    Example:

    >>> best_thresholds(np.array([[0.1, 0.2], [0.3, 0.4], [0.4, 0.9]]), np.array([[0, 0], [1, 0], [1, 1]]))
    [0.2, 0.5]
    """
    if not len(probabilities):
        raise bad_argument("probabilities", "non-empty", probabilities, "Give held-out rows.")
    columns = zip(np.asarray(probabilities, "float64").T, np.asarray(gold).T > 0.5)
    return [_best_threshold(values, truth) for values, truth in columns]


def _best_threshold(values: np.ndarray, truth: np.ndarray) -> float:
    if not truth.any():
        return 0.5
    places = np.unique(values)
    tried = np.append((places[1:] + places[:-1]) / 2, [places[0] / 2, 0.5])  # (K,)
    held = len(values) - np.searchsorted(np.sort(values), tried)
    hits = truth.sum() - np.searchsorted(np.sort(values[truth]), tried)
    f1 = 2 * hits / (held + truth.sum())
    best = tried[f1 == f1.max()]
    return float(best[np.abs(best - 0.5).argmin()])
