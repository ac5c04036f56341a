"""Metrics of a report, computed with scikit-learn and SciPy."""

import warnings
from collections.abc import Sequence

import numpy as np
from scipy import stats
from scipy.special import log_softmax
from sklearn import metrics as sklearn_metrics

from kerasft.callbacks.predictions import held
from kerasft.features import Labels

BINS = 15  # as in Guo et al.


def single_label(logits: np.ndarray, gold: np.ndarray) -> dict[str, float]:
    """Metrics of single-label classification.

    `f1_macro` is the mean over the classes that occur in the labels or the predictions. `f1`, for two classes only, is the F1
    of the second class. `log_loss` is the mean cross-entropy in nats, without label smoothing or class weights.

    Args:
        logits: (N, C).
        gold: Class indices, (N,).

    References:
        - `calibration_error`: [Guo et al., 2017](https://arxiv.org/abs/1706.04599), equation 3, 15 bins
        - `matthews`: Matthews, 1975; multiclass: Gorodkin, 2004

    Example:

    >>> single_label(np.array([[2.0, 0.0], [0.0, 2.0]]), np.array([0, 1]))["accuracy"]
    1.0
    """
    predicted = logits.argmax(-1)
    log_probabilities = log_softmax(logits.astype("float64"), axis=-1)  # (N, C)
    scores = {
        "accuracy": sklearn_metrics.accuracy_score(gold, predicted),
        "f1_macro": sklearn_metrics.f1_score(gold, predicted, average="macro", zero_division=0),
        "f1_micro": sklearn_metrics.f1_score(gold, predicted, average="micro", zero_division=0),
        "matthews": _matthews(gold, predicted),
        "log_loss": -log_probabilities[np.arange(len(gold)), gold].mean(),
        "calibration_error": calibration_error(calibration(np.exp(log_probabilities.max(-1)), predicted == gold)),
    }
    if logits.shape[-1] == 2:
        scores["f1"] = sklearn_metrics.f1_score(gold, predicted, zero_division=0)
    return {name: float(value) for name, value in scores.items()}


def _matthews(gold: np.ndarray, predicted: np.ndarray) -> float:
    with warnings.catch_warnings():  # one class only: scikit-learn warns and returns 0, which is the convention
        warnings.simplefilter("ignore", UserWarning)
        return sklearn_metrics.matthews_corrcoef(gold, predicted)


def multi_label(logits: np.ndarray, gold: np.ndarray, thresholds: Sequence[float] | None = None) -> dict[str, float]:
    """Metrics of multi-label classification; a label is predicted if its probability reaches its threshold.

    Args:
        logits: (N, C).
        gold: 0 or 1, (N, C).
        thresholds: From 0 to 1, (C,); `None`: 0.5.

    Example:

    >>> multi_label(np.array([[2.0, -2.0]]), np.array([[1.0, 0.0]]))["subset_accuracy"]
    1.0
    """
    predicted = held(logits, thresholds)
    positive = gold > 0.5
    scores = {
        "f1_micro": sklearn_metrics.f1_score(positive, predicted, average="micro", zero_division=0),
        "f1_macro": sklearn_metrics.f1_score(positive, predicted, average="macro", zero_division=0),
        "subset_accuracy": sklearn_metrics.accuracy_score(positive, predicted),
        "log_loss": np.logaddexp(0, np.where(positive, -logits, logits).astype("float64")).mean(),
    }
    return {name: float(value) for name, value in scores.items()}


def regression(predicted: np.ndarray, gold: np.ndarray) -> dict[str, float]:
    """Metrics of regression, averaged over K targets. The correlation with a constant is 0, as in `kerasft.metrics`; SciPy
    returns NaN.

    Args:
        predicted: (N, K).
        gold: (N, K).

    Example:

    >>> regression(np.array([[1.0], [2.0], [4.0]]), np.array([[1.0], [2.0], [3.0]]))["spearman"]
    1.0
    """
    predicted, gold = predicted.astype("float64"), gold.astype("float64")
    scores = {
        "mse": sklearn_metrics.mean_squared_error(gold, predicted),
        "mae": sklearn_metrics.mean_absolute_error(gold, predicted),
        "pearson": np.mean([_correlation(stats.pearsonr, p, g) for p, g in zip(predicted.T, gold.T)]),
        "spearman": np.mean([_correlation(stats.spearmanr, p, g) for p, g in zip(predicted.T, gold.T)]),
    }
    return {name: float(value) for name, value in scores.items()}


def _correlation(function, predicted: np.ndarray, gold: np.ndarray) -> float:
    if len(gold) < 2 or np.ptp(predicted) == 0 or np.ptp(gold) == 0:
        return 0.0
    return function(predicted, gold).statistic


def per_class(predicted: np.ndarray, gold: np.ndarray, labels: Labels) -> list[dict[str, str | float | int]]:
    """Precision, recall, F1 and support of each class.

    Args:
        predicted: Class indices (N,), or 0 and 1 (N, C).
        gold: The labels, in the same form.
        labels: C names.

    Example:

    >>> rows = per_class(np.array([0, 1, 1]), np.array([0, 1, 0]), ["no", "yes"])
    >>> rows[1]["label"], rows[1]["recall"], rows[1]["support"]
    ('yes', 1.0, 1)
    """
    columns = sklearn_metrics.precision_recall_fscore_support(
        gold, predicted, labels=range(len(labels)), average=None, zero_division=0
    )
    return [
        {"label": name, "precision": float(p), "recall": float(r), "f1": float(f), "support": int(s)}
        for name, p, r, f, s in zip(labels, *columns)
    ]


def per_target(predicted: np.ndarray, gold: np.ndarray, labels: Sequence[str]) -> list[dict[str, str | float]]:
    """The metrics of each regression target.

    Args:
        predicted: (N, K).
        gold: (N, K).
        labels: K names.

    Example:

    >>> per_target(np.array([[1.0], [2.0]]), np.array([[1.0], [3.0]]), ["joy"])[0]["mae"]
    0.5
    """
    return [{"label": name, **regression(predicted[:, [index]], gold[:, [index]])} for index, name in enumerate(labels)]


def calibration(confidence: np.ndarray, right: np.ndarray) -> list[dict[str, float | int]]:
    """Group predictions into 15 confidence bins `(low, high]`.

    Args:
        confidence: Probability of the predicted class, (N,), from 0 to 1.
        right: Whether the prediction is correct, (N,).

    Returns:
        For each bin `low`, `high`, `count`, mean `confidence` and `accuracy` (both 0 for an empty bin).

    References:
        - [Guo et al., 2017](https://arxiv.org/abs/1706.04599), equations 1 and 2

    Example:

    >>> calibration(np.array([0.95, 0.97]), np.array([True, False]))[-1]["accuracy"]
    0.5
    """
    index = np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)  # (N,)
    count = np.bincount(index, minlength=BINS)
    divisor = np.maximum(count, 1)
    means = [np.bincount(index, values, BINS) / divisor for values in (confidence, right)]
    return [
        {
            "low": number / BINS,
            "high": (number + 1) / BINS,
            "count": int(count[number]),
            "confidence": float(means[0][number]),
            "accuracy": float(means[1][number]),
        }
        for number in range(BINS)
    ]


def calibration_error(bins: Sequence[dict[str, float | int]]) -> float:
    """Expected calibration error: |accuracy - confidence| averaged over the bins, weighted by their counts.

    References:
        - [Guo et al., 2017](https://arxiv.org/abs/1706.04599), equation 3

    Example:

    >>> round(calibration_error(calibration(np.array([0.95, 0.97]), np.array([True, False]))), 6)
    0.46
    """
    total = sum(row["count"] for row in bins)
    return sum(row["count"] * abs(row["accuracy"] - row["confidence"]) for row in bins) / max(total, 1)
