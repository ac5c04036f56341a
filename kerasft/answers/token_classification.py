"""Conversion of token logits to word tags, and of these to spans with character offsets; numpy only."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import bad_argument
from ..features import Labels
from .tags import OUTSIDE, best_legal_path, scheme_of, spans_of
from .text_classification import probabilities

_NEVER = -1e4


def word_logits(token_logits: np.ndarray, first_tokens: np.ndarray, labels: Labels) -> np.ndarray:
    """Return the logits of each word, which are those of its first token. Words without tokens are O.

    Args:
        token_logits: (T, C).
        first_tokens: Index of each word's first token, or -1, (W,).
        labels: The C labels, including O.

    Returns:
        Float array (W, C).

    Example:

    >>> word_logits(np.array([[1.0, 2.0]]), np.array([0, -1]), Labels(["O", "B-X"])).argmax(1).tolist()
    [1, 0]
    """
    missing = np.full(len(labels), _NEVER)
    missing[labels.index(OUTSIDE)] = 0.0
    return np.concatenate([token_logits, missing[None]])[first_tokens]  # index -1 selects `missing`


def decode(logits: np.ndarray, labels: Labels, *, constrained: bool = False) -> tuple[list[str], np.ndarray]:
    """Return the tag of each word and its probability.

    Args:
        logits: Real numbers, (W, C).
        labels: The C labels.
        constrained: Whether to predict the most likely valid tag sequence of the scheme, rather than the most likely tag of each
            word. In both cases, the score is the probability of the tag.

    Returns:
        W tags, and their probabilities, float64 (W,).

    Example:

    >>> logits = np.log([[0.5, 0.3, 0.2], [0.1, 0.2, 0.7]])
    >>> labels = Labels(["O", "B-X", "I-X"])
    >>> decode(logits, labels)[0], decode(logits, labels, constrained=True)[0]
    (['O', 'I-X'], ['B-X', 'I-X'])
    """
    word_probabilities = probabilities(logits, labels)  # (W, C)
    path = word_probabilities.argmax(-1)
    if constrained:
        with np.errstate(divide="ignore"):
            path = best_legal_path(np.maximum(np.log(word_probabilities), _NEVER), labels, scheme_of(labels))
    return [labels[index] for index in path], word_probabilities[np.arange(len(path)), path]


def entities(
    text: str,
    offsets: Sequence[tuple[int, int]],
    tags: Sequence[str],
    *,
    scores: Sequence[float],
    threshold: float = 0.0,
) -> list[dict[str, Any]]:
    """Return the entity spans of a tagged text, with character offsets.

    Args:
        text: The text.
        offsets: Start and end of each word.
        tags: One tag per word, in any scheme, decoded as by conlleval.
        scores: The probability of each tag.
        threshold: Spans with a lower score are dropped; from 0 to 1.

    Returns:
        Dictionaries with `start` and `end` (characters, end exclusive), `label`, `text` (`text[start:end]`) and `score` (the
        mean over the words), in text order.

    Raises:
        KerasftError: If the threshold is out of range.

    Example:

    >>> entities("In New York", [(0, 2), (3, 6), (7, 11)], ["O", "B-LOC", "I-LOC"], scores=[1.0, 1.0, 0.5])
    [{'start': 3, 'end': 11, 'label': 'LOC', 'text': 'New York', 'score': 0.75}]
    """
    if not 0 <= threshold <= 1:
        raise bad_argument("threshold", "a probability from 0 to 1", threshold, "0.5 is usual.")
    shown = []
    for span in spans_of(tags):
        start, end = offsets[span.start][0], offsets[span.end - 1][1]
        score = float(np.mean(scores[span.start : span.end]))
        if score >= threshold:
            shown.append({"start": start, "end": end, "label": span.label, "text": text[start:end], "score": score})
    return shown
