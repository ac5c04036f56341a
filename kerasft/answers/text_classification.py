"""Conversion of a classifier's logits to probabilities, labels and scores; numpy only."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import bad_argument, is_number
from ..features import MULTI_LABEL, REGRESSION, SINGLE_LABEL, Labels

THRESHOLD = 0.5
"""Default probability threshold of multi-label classification, if the model has no tuned thresholds."""


def probabilities(logits: np.ndarray, labels: Labels, *, temperature: float = 1.0) -> np.ndarray:
    """Convert logits to probabilities: softmax for single-label, sigmoid for multi-label; regression values are unchanged.

    softmax(z)_c = exp(z_c - max z) / sum_k exp(z_k - max z); sigmoid(z) = 1 / (1 + exp(-z)) = (1 + tanh(z / 2)) / 2
    (Bishop, Pattern Recognition and Machine Learning, 2006, section 4.2). Both are numerically stable. They are applied to
    z = logits / temperature (Guo et al., 2017, arXiv:1706.04599, section 4.2).

    Args:
        logits: Real numbers, (N, C).
        labels: Labels of the C outputs.
        temperature: Temperature > 0. Above 1, the distribution is flatter, below 1 sharper; the ranking of labels is unchanged.

    Returns:
        Float64, (N, C). Single-label: each row sums to 1.

    Raises:
        KerasftError: If `logits` has a different shape, or the temperature is not above 0 (for regression, not 1).

    Example:

    >>> probabilities(np.array([[1e4, -1e4]]), Labels(["no", "yes"])).tolist()
    [[1.0, 0.0]]
    >>> probabilities(np.array([[0.0, np.log(9)]]), Labels(["no", "yes"]), temperature=2).round(2).tolist()
    [[0.25, 0.75]]
    """
    check_temperature(temperature, labels)
    logits = np.asarray(logits, "float64")
    if logits.ndim != 2 or logits.shape[1] != len(labels):
        raise bad_argument("logits", f"an array of shape (N, {len(labels)})", logits.shape, "Use one row per text.")
    if labels.problem == REGRESSION:
        return logits
    logits = logits / temperature
    if labels.problem == MULTI_LABEL:
        return 0.5 * (1.0 + np.tanh(0.5 * logits))
    return softmax(logits)


def softmax(logits: np.ndarray) -> np.ndarray:
    """Convert logits (..., C) to probabilities that sum to 1, with the same dtype.

    Example:

    >>> softmax(np.array([0.0, np.log(3)])).round(2).tolist()
    [0.25, 0.75]
    """
    exponentials = np.exp(logits - logits.max(-1, keepdims=True))  # (..., C)
    return exponentials / exponentials.sum(-1, keepdims=True)


def answers(
    logits: np.ndarray,
    labels: Labels,
    *,
    top_k: int | None = None,
    threshold: float | Sequence[float] = THRESHOLD,
    with_probabilities: bool = False,
    out_of_scope: Mapping[str, Any] | None = None,
    temperature: float = 1.0,
) -> list[Any]:
    """Convert logits to one prediction per text, as plain Python values.

    Args:
        logits: Real numbers, (N, C).
        labels: Labels of the C outputs, and the problem type.
        top_k: Return the k most likely labels per text; None: the predicted label, or for multi-label the labels with at least
            `threshold`.
        threshold: Multi-label: minimum probability of a label, one for all, or one per label.
        with_probabilities: Whether to add the probabilities of all labels, as `"probabilities"`.
        out_of_scope: `{"threshold": 0.6, "label": "oos"}`: if no probability reaches the threshold, this label is
            predicted, with 1 minus the largest probability as its score. Ignored with `top_k`.
        temperature: Temperature > 0; see `probabilities`. Thresholds apply to the scaled probabilities.

    Returns:
        N predictions. Single-label: `{"label": "yes", "score": 0.9}`. Multi-label:
        `{"labels": [{"label": ..., "score": ...}, ...]}`, most likely first. With `top_k`:
        `[{"label": ..., "score": ...}, ...]`, most likely first, or with `with_probabilities` that list under `"labels"`.
        Regression: `{name: value}`.

    Raises:
        KerasftError: If `top_k` is not from 1 to C, a threshold is not from 0 to 1, the temperature is not above 0, there is one
            threshold per label for single-label, or any of these is used for regression.

    Example:

    >>> answers(np.array([[0.0, 0.0], [-2.0, 2.0]]), Labels(["no", "yes"]))[1]
    {'label': 'yes', 'score': 0.9820137900379085}
    >>> answers(np.array([[2.5]]), Labels(["similarity"], "regression"))
    [{'similarity': 2.5}]
    """
    _check(labels, top_k, threshold, with_probabilities)
    values = probabilities(logits, labels, temperature=temperature)  # (N, C)
    if labels.problem == REGRESSION:
        return [dict(zip(labels, row)) for row in values.tolist()]
    order = np.argsort(-values, axis=-1, kind="stable")  # (N, C)
    is_predicted = values >= np.asarray(threshold, "float64")  # (N, C)
    result = []
    for row, ranked, predicted in zip(values.tolist(), order.tolist(), is_predicted.tolist()):
        scored = [{"label": labels[index], "score": row[index]} for index in ranked]
        if top_k is not None:
            answer = scored[:top_k]
        elif labels.problem == SINGLE_LABEL:
            answer = scored[0]
            if out_of_scope is not None and answer["score"] < out_of_scope["threshold"]:
                answer = {"label": out_of_scope["label"], "score": 1 - answer["score"]}
        else:
            answer = {"labels": [item for index, item in zip(ranked, scored) if predicted[index]]}
        if with_probabilities:
            answer = answer if isinstance(answer, dict) else {"labels": answer}
            answer["probabilities"] = dict(zip(labels, row))
        result.append(answer)
    return result


def check_temperature(temperature: float, labels: Labels) -> None:
    """Check a temperature.

    Raises:
        KerasftError: If it is not a finite number above 0; for regression it must be 1.

    Example:

    >>> check_temperature(1.5, Labels(["no", "yes"]))
    """
    if not is_number(temperature) or temperature <= 0:
        raise bad_argument("temperature", "a number above 0", temperature, "1 leaves the logits unchanged.")
    if labels.problem == REGRESSION and temperature != 1:
        raise bad_argument(
            "temperature", "omitted for regression", temperature, "Regression outputs are not probabilities."
        )


def check_thresholds(thresholds: Sequence[float], labels: Labels, *, name: str = "thresholds") -> None:
    """Check that thresholds are one probability per label of a multi-label problem.

    Args:
        thresholds: Minimum probabilities of the C labels.
        labels: The C labels.
        name: Argument name, for the message.

    Raises:
        KerasftError: If their number is not C, one is not from 0 to 1, or the problem is not multi-label.

    Example:

    >>> check_thresholds([0.3, 0.6], Labels(["joy", "anger"], "multi_label"))
    """
    if labels.problem != MULTI_LABEL:
        fix = "Only multi-label classification has a threshold per label."
        raise bad_argument(name, f"omitted, or one number, for {labels.problem}", thresholds, fix)
    several = isinstance(thresholds, Sequence | np.ndarray) and len(thresholds) == len(labels)
    if not several or not all(map(_is_probability, thresholds)):
        raise bad_argument(name, f"{len(labels)} probabilities from 0 to 1", thresholds, "Use one per label.")


def check_settings(settings: Mapping[str, Any], labels: Labels) -> None:
    """Check the temperature and thresholds of a bundle's settings.

    Raises:
        KerasftError: See `check_temperature` and `check_thresholds`.

    Example:

    >>> check_settings({"temperature": 1.5}, Labels(["no", "yes"]))
    """
    check_temperature(settings.get("temperature", 1.0), labels)
    if settings.get("thresholds") is not None:
        check_thresholds(settings["thresholds"], labels)


def _is_probability(value: Any) -> bool:
    return is_number(value) and 0 <= value <= 1


def _check(labels: Labels, top_k: int | None, threshold: float | Sequence[float], with_probabilities: bool) -> None:
    if labels.problem == REGRESSION and (top_k is not None or with_probabilities):
        received = {"top_k": top_k, "with_probabilities": with_probabilities}
        raise bad_argument("top_k", "omitted for regression", received, "Regression outputs are not ranked.")
    if top_k is not None and not (isinstance(top_k, int) and 1 <= top_k <= len(labels)):
        raise bad_argument(
            "top_k", f"a whole number from 1 to {len(labels)}", top_k, f"The model has {len(labels)} labels."
        )
    if isinstance(threshold, Sequence | np.ndarray) and not isinstance(threshold, str):
        check_thresholds(threshold, labels, name="threshold")
    elif not _is_probability(threshold):
        raise bad_argument("threshold", "a probability from 0 to 1", threshold, "0.5 is usual.")
