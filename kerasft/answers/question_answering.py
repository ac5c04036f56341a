"""Answers from start and end logits: the best spans over all windows of a context."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from .text_classification import softmax

MAX_ANSWER_LENGTH = 30
"""Default maximum answer length in tokens, if the model does not set it."""
N_BEST = 20
"""Number of candidate answers over which probabilities are normalized."""


@dataclasses.dataclass(frozen=True)
class ScoredSpan:
    """A candidate answer.

    Attributes:
        start: Start offset in the context, in characters.
        end: End offset, exclusive.
        score: Sum of the start logit of its first token and the end logit of its last token.
    """

    start: int
    end: int
    score: float


@dataclasses.dataclass(frozen=True)
class Found:
    """Candidate answers of a context.

    Attributes:
        spans: Distinct candidates, best first, at most `N_BEST`; empty for a context without words.
        no_answer: Null score ("no answer"): the minimum over all windows, since one window with an answer is sufficient.

    Example:

    >>> Found([ScoredSpan(0, 5, 3.0)], 1.0).no_answer_score
    -2.0
    """

    spans: list[ScoredSpan]
    no_answer: float

    @property
    def no_answer_score(self) -> float:
        """Null score minus the score of the best answer, in logits; this is compared with the threshold."""
        return self.no_answer - self.spans[0].score if self.spans else 0.0


def best_spans(
    logits: np.ndarray, *, n_best: int = N_BEST, max_answer_length: int = MAX_ANSWER_LENGTH
) -> list[tuple[int, int, float]]:
    """Find the best spans among all pairs of start and end tokens.

    Args:
        logits: Start and end logits of the candidate tokens, (T, 2).
        n_best: Number of spans, >= 1.
        max_answer_length: Maximum number of tokens in a span, >= 1.

    Returns:
        At most `n_best` tuples of start token, end token and score (sum of their logits), best first.

    Example:

    >>> best_spans(np.array([[0.0, 5.0], [3.0, 0.0], [1.0, 2.0]]), n_best=2)
    [(0, 0, 5.0), (1, 2, 5.0)]
    """
    length = len(logits)
    start, end = np.asarray(logits, np.float64).T  # (T,) each
    width = min(max_answer_length, length)
    if not length:
        return []
    last = np.arange(length)[:, None] + np.arange(width)  # (T, width)
    scores = start[:, None] + np.where(last < length, end[np.minimum(last, length - 1)], -np.inf)  # (T, width)
    flat = scores.ravel()
    best = np.argpartition(-flat, min(n_best, len(flat)) - 1)[:n_best]
    best = best[np.lexsort((best, -flat[best]))]
    return [(int(i // width), int(i // width + i % width), float(flat[i])) for i in best if np.isfinite(flat[i])]


def merge_windows(
    context: str, windows: Sequence[tuple[list[tuple[int, int, float]], np.ndarray, float]], *, n_best: int = N_BEST
) -> Found:
    """Merge the candidates of all windows of a context.

    Spans become character offsets without surrounding whitespace (byte-level tokens include the preceding space). For equal spans
    from overlapping windows, the best score is kept.

    Args:
        context: The text.
        windows: For each window: its spans from `best_spans`; the character offsets of its context tokens, (T, 2); and its
            null score.
        n_best: Number of spans to keep.

    Example:

    >>> windows = [([(0, 1, 2.0)], np.array([[0, 2], [2, 8]]), 0.5), ([(0, 0, 3.0)], np.array([[2, 8]]), 1.0)]
    >>> merge_windows("in Paris", windows)
    Found(spans=[ScoredSpan(start=3, end=8, score=3.0), ScoredSpan(start=0, end=8, score=2.0)], no_answer=0.5)
    """
    best: dict[tuple[int, int], float] = {}
    for spans, offsets, _ in windows:
        for first, last, score in spans:
            start, end = _without_space(context, int(offsets[first][0]), int(offsets[last][1]))
            if start < end and score > best.get((start, end), -np.inf):
                best[start, end] = score
    ranked = sorted((ScoredSpan(start, end, score) for (start, end), score in best.items()), key=_rank)
    return Found(ranked[:n_best], min(no_answer for _, _, no_answer in windows))


def _rank(span: ScoredSpan) -> tuple:
    return (-span.score, span.start, span.end)


def _without_space(context: str, start: int, end: int) -> tuple[int, int]:
    text = context[start:end]
    return start + len(text) - len(text.lstrip()), end - (len(text) - len(text.rstrip()))


def answer(found: Found, context: str, *, top_k: int = 1, no_answer: float | None = None) -> dict[str, Any]:
    """Select the answer.

    Args:
        found: Candidates of the context.
        context: The text.
        top_k: Number of answers; if above 1, a list of answers is added.
        no_answer: Threshold of `no_answer_score` above which the question is unanswerable; None: always answer, if the
            context has words.

    Returns:
        `answer` (its text, "" for no answer), `start` and `end` (character offsets in the context; None for no answer), `score`
        (its probability: softmax over the best answers, and "no answer" if allowed), and with `top_k` > 1 `answers`, a list
        of the best answers; if "no answer" is allowed, also `no_answer_score`.

    Example:

    >>> answer(Found([ScoredSpan(3, 8, 2.0)], 0.0), "in Paris")
    {'answer': 'Paris', 'start': 3, 'end': 8, 'score': 1.0}
    >>> answer(Found([ScoredSpan(3, 8, 2.0)], 2.0), "in Paris", no_answer=-1.0)["answer"]
    ''
    """
    scores = [span.score for span in found.spans] + [found.no_answer] * (no_answer is not None or not found.spans)
    probabilities = softmax(np.array(scores))
    answers = [
        {"answer": context[span.start : span.end], "start": span.start, "end": span.end, "score": float(probability)}
        for span, probability in zip(found.spans, probabilities)
    ]
    none = {"answer": "", "start": None, "end": None, "score": float(probabilities[-1])}
    if no_answer is not None:
        threshold = float(no_answer)
        # The threshold decides whether "no answer" comes first; other answers are sorted by probability.
        answers = [none, *answers] if found.no_answer_score > threshold else _with(none, answers)
    answers = answers or [none]
    result = dict(answers[0]) | ({"answers": answers[:top_k]} if top_k > 1 else {})
    return result | ({"no_answer_score": found.no_answer_score} if no_answer is not None else {})


def _with(none: dict, answers: list[dict]) -> list[dict]:
    if not answers:
        return [none]
    return [answers[0], *sorted([*answers[1:], none], key=lambda item: -item["score"])]
