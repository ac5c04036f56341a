"""From a classifier's logits to probabilities, labels and scores; numpy only."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import bad_argument, is_number
from ..features import MULTI_LABEL, REGRESSION, SINGLE_LABEL, Labels

THRESHOLD = 0.5
"""The probability from which a label of several is part of the answer, where a model has no thresholds of its own."""


def probabilities(logits: np.ndarray, labels: Labels, *, temperature: float = 1.0) -> np.ndarray:
    """Turn logits into probabilities: softmax for one label, sigmoid for several; a regression's values stay as they are.

    softmax(z)_c = exp(z_c - max z) / sum_k exp(z_k - max z); sigmoid(z) = 1 / (1 + exp(-z)) = (1 + tanh(z / 2)) / 2
    (Bishop, Pattern Recognition and Machine Learning, 2006, section 4.2). Both are exact at logits of any size. They are
    taken of z = logits / temperature (Guo et al., 2017, arXiv:1706.04599, section 4.2).

    Args:
        logits: Real numbers, (N, C).
        labels: What the C outputs stand for.
        temperature: Above 1 makes the probabilities less sure, below 1 surer; > 0. It changes no label's rank in a text.

    Returns:
        Float64, (N, C). For one label each row sums to 1.

    Raises:
        KerasftError: If `logits` has another shape, or the temperature is not above 0, or of a regression not 1.

    Example:

    >>> probabilities(np.array([[1e4, -1e4]]), Labels(["no", "yes"])).tolist()
    [[1.0, 0.0]]
    >>> probabilities(np.array([[0.0, np.log(9)]]), Labels(["no", "yes"]), temperature=2).round(2).tolist()
    [[0.25, 0.75]]
    """
    check_temperature(temperature, labels)
    logits = np.asarray(logits, "float64")
    if logits.ndim != 2 or logits.shape[1] != len(labels):
        raise bad_argument(
            "logits", f"an array of shape (N, {len(labels)})", logits.shape, "Give one row for each text."
        )
    if labels.problem == REGRESSION:
        return logits
    logits = logits / temperature
    if labels.problem == MULTI_LABEL:
        return 0.5 * (1.0 + np.tanh(0.5 * logits))
    return softmax(logits)


def softmax(logits: np.ndarray) -> np.ndarray:
    """Turn logits (..., C) into probabilities that sum to 1, of the same dtype.

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
    """Turn logits into one answer a text, of plain Python values.

    Args:
        logits: Real numbers, (N, C).
        labels: What the C outputs stand for, and the kind of problem.
        top_k: The k most likely labels of each text, however likely; `None`: the one label, or for several labels those
            above `threshold`.
        threshold: Probability from which a label holds, where several can: one for all, or one for each of the C labels.
        with_probabilities: Whether to add the probability of every label, under `"probabilities"`.
        out_of_scope: `{"threshold": 0.6, "label": "oos"}`: where no label's probability reaches the threshold, the answer is
            that label, with 1 minus the most likely one's probability as its score. Not with `top_k`, which ranks the labels.
        temperature: What the logits are divided by, > 0: see `probabilities`, which all thresholds are compared with.

    Returns:
        N answers. One label: `{"label": "yes", "score": 0.9}`. Several: `{"labels": [{"label": ..., "score": ...}, ...]}`,
        most likely first. With `top_k`, for both: `[{"label": ..., "score": ...}, ...]`, most likely first, or with
        `with_probabilities` that list under `"labels"`. Regression: `{name: value}`.

    Raises:
        KerasftError: If `top_k` is not from 1 to C, a threshold not from 0 to 1, the temperature not above 0, or there is one
            threshold for each label but only one label holds; and if any of these is asked of a regression.

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
    holds = values >= np.asarray(threshold, "float64")  # (N, C)
    result = []
    for row, ranked, held in zip(values.tolist(), order.tolist(), holds.tolist()):
        scored = [{"label": labels[index], "score": row[index]} for index in ranked]
        if top_k is not None:
            answer = scored[:top_k]
        elif labels.problem == SINGLE_LABEL:
            answer = scored[0]
            if out_of_scope is not None and answer["score"] < out_of_scope["threshold"]:
                answer = {"label": out_of_scope["label"], "score": 1 - answer["score"]}
        else:
            answer = {"labels": [item for index, item in zip(ranked, scored) if held[index]]}
        if with_probabilities:
            answer = answer if isinstance(answer, dict) else {"labels": answer}
            answer["probabilities"] = dict(zip(labels, row))
        result.append(answer)
    return result


def check_temperature(temperature: float, labels: Labels) -> None:
    """Refuse a temperature that cannot be.

    Raises:
        KerasftError: If it is not a finite number above 0, or of a regression not 1.

    Example:

    >>> check_temperature(1.5, Labels(["no", "yes"]))
    """
    if not is_number(temperature) or temperature <= 0:
        raise bad_argument("temperature", "a number above 0", temperature, "1 leaves the logits as they are.")
    if labels.problem == REGRESSION and temperature != 1:
        raise bad_argument("temperature", "left out for a regression", temperature, "Its values are no probabilities.")


def check_thresholds(thresholds: Sequence[float], labels: Labels, *, name: str = "thresholds") -> None:
    """Refuse thresholds that are not one probability for each label, of a problem where several labels can hold.

    Args:
        thresholds: Probabilities from which the C labels hold.
        labels: The C labels.
        name: What the user calls them, for the message.

    Raises:
        KerasftError: If there are others than C, one is not from 0 to 1, or the problem has only one label a text.

    Example:

    >>> check_thresholds([0.3, 0.6], Labels(["joy", "anger"], "multi_label"))
    """
    if labels.problem != MULTI_LABEL:
        fix = "Only where several labels can hold at once has each a threshold."
        raise bad_argument(name, f"left out, or one number, for {labels.problem}", thresholds, fix)
    several = isinstance(thresholds, Sequence | np.ndarray) and len(thresholds) == len(labels)
    if not several or not all(map(_is_probability, thresholds)):
        raise bad_argument(name, f"{len(labels)} probabilities from 0 to 1", thresholds, "Give one for each label.")


def check_settings(settings: Mapping[str, Any], labels: Labels) -> None:
    """Refuse a bundle's settings whose temperature or thresholds cannot be.

    Raises:
        KerasftError: As `check_temperature` and `check_thresholds`.

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
        asked = {"top_k": top_k, "with_probabilities": with_probabilities}
        raise bad_argument("top_k", "left out for a regression", asked, "Its values have no rank and no probability.")
    if top_k is not None and not (isinstance(top_k, int) and 1 <= top_k <= len(labels)):
        raise bad_argument("top_k", f"a whole number from 1 to {len(labels)}", top_k, "The model has that many labels.")
    if isinstance(threshold, Sequence | np.ndarray) and not isinstance(threshold, str):
        check_thresholds(threshold, labels, name="threshold")
    elif not _is_probability(threshold):
        raise bad_argument("threshold", "a probability from 0 to 1", threshold, "0.5 is usual.")
