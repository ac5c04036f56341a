"""From a classifier's logits to probabilities, labels and scores; numpy only."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from kerasft.errors import bad_argument
from kerasft.features import MULTI_LABEL, REGRESSION, SINGLE_LABEL, Labels


def probabilities(logits: np.ndarray, labels: Labels) -> np.ndarray:
    """Turn logits into probabilities: softmax for one label, sigmoid for several; a regression's values stay as they are.

    softmax(z)_c = exp(z_c - max z) / sum_k exp(z_k - max z); sigmoid(z) = 1 / (1 + exp(-z)) = (1 + tanh(z / 2)) / 2
    (Bishop, Pattern Recognition and Machine Learning, 2006, section 4.2). Both are exact at logits of any size.

    Args:
        logits: Real numbers, (N, C).
        labels: What the C outputs stand for.

    Returns:
        Float64, (N, C). For one label each row sums to 1.

    Raises:
        KerasftError: If `logits` has another shape.

    Example:

    >>> probabilities(np.array([[1e4, -1e4]]), Labels(["no", "yes"])).tolist()
    [[1.0, 0.0]]
    """
    logits = np.asarray(logits, "float64")
    if logits.ndim != 2 or logits.shape[1] != len(labels):
        raise bad_argument(
            "logits", f"an array of shape (N, {len(labels)})", logits.shape, "Give one row for each text."
        )
    if labels.problem == REGRESSION:
        return logits
    if labels.problem == MULTI_LABEL:
        return 0.5 * (1.0 + np.tanh(0.5 * logits))
    exponentials = np.exp(logits - logits.max(-1, keepdims=True))  # (N, C)
    return exponentials / exponentials.sum(-1, keepdims=True)


def answers(
    logits: np.ndarray,
    labels: Labels,
    *,
    top_k: int | None = None,
    threshold: float = 0.5,
    with_probabilities: bool = False,
    out_of_scope: Mapping[str, Any] | None = None,
) -> list[Any]:
    """Turn logits into one answer a text, of plain Python values.

    Args:
        logits: Real numbers, (N, C).
        labels: What the C outputs stand for, and the kind of problem.
        top_k: The k likeliest labels of each text, however likely; `None`: the one label, or for several labels those
            above `threshold`.
        threshold: Probability from which a label holds, where several can.
        with_probabilities: Whether to add the probability of every label, under `"probabilities"`.
        out_of_scope: `{"threshold": 0.6, "label": "oos"}`: where no label's probability reaches the threshold, the answer is
            that label, with 1 minus the likeliest one's probability as its score. Not with `top_k`, which ranks the labels.

    Returns:
        N answers. One label: `{"label": "yes", "score": 0.9}`. Several: `{"labels": [{"label": ..., "score": ...}, ...]}`,
        likeliest first. With `top_k`, for both: `[{"label": ..., "score": ...}, ...]`, likeliest first, or with
        `with_probabilities` that list under `"labels"`. Regression: `{name: value}`.

    Raises:
        KerasftError: If `top_k` is not from 1 to C, `threshold` not from 0 to 1, or either is asked of a regression.

    Example:

    >>> answers(np.array([[0.0, 0.0], [-2.0, 2.0]]), Labels(["no", "yes"]))[1]
    {'label': 'yes', 'score': 0.9820137900379085}
    >>> answers(np.array([[2.5]]), Labels(["similarity"], "regression"))
    [{'similarity': 2.5}]
    """
    _check(labels, top_k, threshold, with_probabilities)
    values = probabilities(logits, labels)  # (N, C)
    if labels.problem == REGRESSION:
        return [dict(zip(labels, row)) for row in values.tolist()]
    order = np.argsort(-values, axis=-1, kind="stable")  # (N, C)
    result = []
    for row, ranked in zip(values.tolist(), order.tolist()):
        scored = [{"label": labels[index], "score": row[index]} for index in ranked]
        if top_k is not None:
            answer = scored[:top_k]
        elif labels.problem == SINGLE_LABEL:
            answer = scored[0]
            if out_of_scope is not None and answer["score"] < out_of_scope["threshold"]:
                answer = {"label": out_of_scope["label"], "score": 1 - answer["score"]}
        else:
            answer = {"labels": [item for item in scored if item["score"] >= threshold]}
        if with_probabilities:
            answer = answer if isinstance(answer, dict) else {"labels": answer}
            answer["probabilities"] = dict(zip(labels, row))
        result.append(answer)
    return result


def _check(labels: Labels, top_k: int | None, threshold: float, with_probabilities: bool) -> None:
    if labels.problem == REGRESSION and (top_k is not None or with_probabilities):
        asked = {"top_k": top_k, "with_probabilities": with_probabilities}
        raise bad_argument("top_k", "left out for a regression", asked, "Its values have no rank and no probability.")
    if top_k is not None and not (isinstance(top_k, int) and 1 <= top_k <= len(labels)):
        raise bad_argument("top_k", f"a whole number from 1 to {len(labels)}", top_k, "The model has that many labels.")
    if not 0 <= threshold <= 1:
        raise bad_argument("threshold", "a probability from 0 to 1", threshold, "0.5 is usual.")
