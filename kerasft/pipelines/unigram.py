"""Unigram baseline for language models: token frequencies without context."""

import math

import numpy as np

ANSWER = "unigram probabilities from the evaluated rows (leave-one-out, add-one smoothing)"
"""Description of the baseline in reports."""


def perplexity_of(loss: float) -> float:
    """Return exp(loss) for a mean loss in nats, capped to be finite.

    Example:

    >>> perplexity_of(0.0)
    1.0
    """
    return math.exp(min(loss, 700.0))


class Unigram:
    """Computes the metrics of unigram probabilities, for some of the counted tokens.

    The probability of a token is estimated from all other tokens (leave-one-out), with add-one smoothing:
    p(t) = (count(t) - 1 + 1) / (T - 1 + V).

    Args:
        vocabulary_size: V, the size of the vocabulary.

    Example:

    >>> unigram = Unigram(4)
    >>> unigram.add(np.array([0, 0, 0, 1]), scored=np.array([0, 1]))
    >>> scores = unigram.scores()
    >>> scores["accuracy"], round(scores["perplexity"], 3)
    (0.5, 4.041)
    """

    def __init__(self, vocabulary_size: int):
        self._size = vocabulary_size
        self._counts = np.zeros(vocabulary_size, np.int64)
        self._scored = np.zeros(vocabulary_size, np.int64)

    def add(self, tokens: np.ndarray, *, scored: np.ndarray) -> None:
        """Count tokens (N,), of which the scored tokens (M,) contribute to the metrics."""
        self._counts += np.bincount(tokens, minlength=self._size)[: self._size]
        self._scored += np.bincount(scored, minlength=self._size)[: self._size]

    def scores(self) -> dict[str, float]:
        """Return `perplexity`, `loss` in nats per token, and `accuracy` of always predicting the most frequent token."""
        total = int(self._scored.sum())
        log_p = np.log(np.maximum(self._counts, 1) / (self._counts.sum() - 1 + self._size))  # (V,)
        loss = -float((self._scored * log_p).sum()) / total
        accuracy = float(self._scored[self._counts.argmax()]) / total
        return {"perplexity": perplexity_of(loss), "loss": loss, "accuracy": accuracy}
