"""A temperature and thresholds that fit rows the model was not trained on."""

import math
import warnings

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from kerasft.errors import bad_argument
from kerasft.features import MULTI_LABEL, REGRESSION, Labels

_LEAST, _MOST = 0.05, 20.0


def best_temperature(logits: np.ndarray, gold: np.ndarray, labels: Labels) -> float:
    """Find the temperature T whose probabilities of `logits / T` give the rows' truth the largest likelihood.

    It minimises the mean of -log p(truth), for several labels over each label's yes or no, by one number from 0.05 to 20.
    It mends probabilities that are too sure (T > 1, as after most trainings) or not sure enough.

    Args:
        logits: (N, C), N >= 1.
        gold: Class numbers (N,), or 0 and 1 (N, C).
        labels: What the C outputs stand for.

    Returns:
        The temperature. 1, with a warning, where no temperature is best: all rows are answered rightly, so that the surest
        answers look best, or no better than by chance.

    Raises:
        KerasftError: If there is no row, or the problem is a regression.

    References:
        - [Guo et al., 2017](https://arxiv.org/abs/1706.04599), section 4.2

    Example:

    >>> logits, gold = np.array([[0.0, 4.0]] * 10), np.array([1] * 9 + [0])  # sure by 0.98, and right 9 times of 10
    >>> temperature = best_temperature(logits, gold, Labels(["no", "yes"]))
    >>> round(temperature, 3), round(1 / (1 + math.exp(-4 / temperature)), 3)
    (1.82, 0.9)
    """
    if labels.problem == REGRESSION:
        raise bad_argument("labels", "classes", labels, "A regression's values are no probabilities.")
    if not len(logits):
        raise bad_argument("logits", "of one row or more", logits, "Give held-out rows.")
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
        why = "the answers are no better than chance" if loss(most) <= loss(best) else "all are answered rightly"
        warnings.warn(
            f"No temperature from {_LEAST} to {_MOST:g} is best for these {len(gold)} rows ({why}); it stays 1. "
            "Give more held-out rows.",
            stacklevel=2,
        )
        return 1.0
    return math.exp(best) if loss(best) < loss(0.0) else 1.0


def best_thresholds(probabilities: np.ndarray, gold: np.ndarray) -> list[float]:
    """Find for each label the probability from which it should hold: the one with the best F1 on these rows.

    Tried are 0.5 and all places halfway between two probabilities that occur; of equally good ones the nearest to 0.5 is
    taken. A label that no row has keeps 0.5. Few rows of a label give a threshold of chance: tens are needed.

    Args:
        probabilities: (N, C), N >= 1.
        gold: 0 and 1, (N, C).

    Returns:
        C thresholds from 0 to 1.

    Raises:
        KerasftError: If there is no row.

    References:
        - [Lipton et al., 2014](https://arxiv.org/abs/1402.1892): the threshold that is best for F1 is half of that F1, so it
          is not 0.5 as a rule, and lower for rare labels

    Example:

    >>> best_thresholds(np.array([[0.1, 0.2], [0.3, 0.4], [0.4, 0.9]]), np.array([[0, 0], [1, 0], [1, 1]]))
    [0.2, 0.5]
    """
    if not len(probabilities):
        raise bad_argument("probabilities", "of one row or more", probabilities, "Give held-out rows.")
    columns = zip(np.asarray(probabilities, "float64").T, np.asarray(gold).T > 0.5)
    return [_best_threshold(chances, truth) for chances, truth in columns]


def _best_threshold(chances: np.ndarray, truth: np.ndarray) -> float:
    if not truth.any():
        return 0.5
    places = np.unique(chances)
    tried = np.append((places[1:] + places[:-1]) / 2, [places[0] / 2, 0.5])  # (K,)
    held = len(chances) - np.searchsorted(np.sort(chances), tried)
    hits = truth.sum() - np.searchsorted(np.sort(chances[truth]), tried)
    f1 = 2 * hits / (held + truth.sum())
    best = tried[f1 == f1.max()]
    return float(best[np.abs(best - 0.5).argmin()])
