"""Processing of next-token logits, and sampling from them."""

from typing import NamedTuple

import tensorflow as tf

from kerasft.generation.options import GenerationOptions

NEVER = -1e9
"""The score of a forbidden token; finite, so that sums stay finite."""


class Rules(NamedTuple):
    """The logits processors that apply. They determine the graph: each set of rules is traced once.

    Example:

    >>> Rules.of(GenerationOptions(method="sample", top_k=5)).cut
    'top_k'
    """

    method: str
    num_beams: int
    early_stopping: bool
    repetition: bool
    ngram_size: int
    cut: str

    @classmethod
    def of(cls, options: GenerationOptions) -> "Rules":
        """Return the rules of these options."""
        cut = "top_k" if options.top_k is not None else "top_p" if options.top_p is not None else ""
        return cls(
            options.method,
            options.num_beams,
            options.early_stopping,
            options.repetition_penalty != 1.0,
            options.no_repeat_ngram_size,
            cut,
        )


class Numbers(NamedTuple):
    """Numeric values of the options, as tensors: changing them does not retrace the graph.

    Example:

    >>> int(Numbers.of(GenerationOptions(min_new_tokens=3), end_id=1).min_new_tokens)
    3
    """

    end_id: tf.Tensor
    min_new_tokens: tf.Tensor
    length_penalty: tf.Tensor
    temperature: tf.Tensor
    top_k: tf.Tensor
    top_p: tf.Tensor
    repetition_penalty: tf.Tensor

    @classmethod
    def of(cls, options: GenerationOptions, end_id: int) -> "Numbers":
        """Return these options' numeric values."""
        return cls(
            tf.constant(end_id),
            tf.constant(options.min_new_tokens),
            tf.constant(options.length_penalty, tf.float32),
            tf.constant(options.temperature, tf.float32),
            tf.constant(options.top_k or 0),
            tf.constant(1.0 if options.top_p is None else options.top_p, tf.float32),
            tf.constant(options.repetition_penalty, tf.float32),
        )


NOT_FINITE = "the next-token logits must be finite"


class History(NamedTuple):
    """Tokens of each text so far.

    Example:

    >>> History(tf.zeros((2, 5), tf.int32), tf.ones((2, 5), tf.int32), tf.constant(3)).length
    <tf.Tensor: shape=(), dtype=int32, numpy=3>
    """

    token_ids: tf.Tensor
    """(B, T): prompt or start token, then new tokens, then unused positions."""
    real: tf.Tensor
    """(B, T): 0 for padding on the left."""
    length: tf.Tensor
    """Number of filled positions."""

    def append(self, token_ids: tf.Tensor) -> "History":
        """Add one token (B,) to each text."""
        here = tf.range(tf.shape(self.token_ids)[1]) == self.length  # (T,)
        added = tf.where(here, token_ids[:, None], self.token_ids)
        return self._replace(token_ids=added, length=self.length + 1)


def adjust(scores: tf.Tensor, history: History, *, rules: Rules, numbers: Numbers, num_written: tf.Tensor) -> tf.Tensor:
    """Process the logits, in the order of `transformers`: repetition penalty, repeated n-grams, minimum length.

    Args:
        scores: (B, V), logits or log-probabilities.
        history: Tokens of the texts so far.
        rules: The processors that apply.
        numbers: Their numeric values.
        num_written: Number of new tokens, a scalar.

    Returns:
        (B, V).
    """
    scores = tf.debugging.assert_all_finite(scores, NOT_FINITE)
    if rules.repetition:
        scores = _penalize_repetition(scores, history, numbers.repetition_penalty)
    if rules.ngram_size:
        scores = _forbid_ngrams(scores, history, rules.ngram_size)
    is_end = tf.range(tf.shape(scores)[1]) == numbers.end_id  # (V,)
    return tf.where(is_end & (num_written < numbers.min_new_tokens), NEVER, scores)


def _penalize_repetition(scores: tf.Tensor, history: History, penalty: tf.Tensor) -> tf.Tensor:
    positions = tf.range(tf.shape(history.token_ids)[1])
    is_token = (positions < history.length) & (history.real > 0)  # (B, T)
    last = history.token_ids[:, history.length - 1]  # always a real token: replaces padding
    ids = tf.where(is_token, history.token_ids, last[:, None])
    seen = tf.gather(scores, ids, batch_dims=1)  # (B, T)
    seen = tf.where(seen < 0, seen * penalty, seen / penalty)
    return tf.tensor_scatter_nd_update(scores, _in_rows(ids), seen)


def _forbid_ngrams(scores: tf.Tensor, history: History, size: int) -> tf.Tensor:
    """Forbid tokens that would repeat an n-gram of this size."""
    length = history.length
    total = tf.shape(history.token_ids)[1]
    ends = tf.range(total)  # end of a previous n-gram
    same = tf.broadcast_to((ends < length) & (ends >= size - 1), tf.shape(history.token_ids))
    for back in range(size):
        positions = tf.maximum(ends - back, 0)
        same &= tf.gather(history.real, positions, axis=1) > 0
        if back:
            previous = tf.gather(history.token_ids, positions, axis=1)  # (B, T)
            current = history.token_ids[:, tf.maximum(length - back, 0)]  # (B,)
            same &= previous == current[:, None]
    same &= length >= size
    counts = tf.scatter_nd(_in_rows(history.token_ids), tf.cast(same, tf.int32), tf.shape(scores))  # (B, V)
    return tf.where(counts > 0, NEVER, scores)


def _in_rows(ids: tf.Tensor) -> tf.Tensor:
    """Return the indices (B, T, 2) of each row's columns (B, T)."""
    rows = tf.broadcast_to(tf.range(tf.shape(ids)[0])[:, None], tf.shape(ids))
    return tf.stack([rows, ids], axis=-1)


def draw(scores: tf.Tensor, uniform: tf.Tensor, *, rules: Rules, numbers: Numbers) -> tf.Tensor:
    """Sample one token per row by inverse transform sampling: the first whose cumulative probability exceeds `uniform`.

    Args:
        scores: (B, V), logits.
        uniform: (B,), in [0, 1).
        rules: Whether top-k or top-p applies.
        numbers: Temperature, k and p.

    Returns:
        Token ids (B,).
    """
    scores = scores / numbers.temperature
    ids = None
    if rules.cut:
        size = tf.shape(scores)[1]
        count = tf.minimum(numbers.top_k, size) if rules.cut == "top_k" else size
        scores, ids = tf.math.top_k(scores, count)  # most likely first
    probabilities = tf.nn.softmax(scores)
    if rules.cut:
        before = tf.cumsum(probabilities, axis=1, exclusive=True)
        probabilities = tf.where(before < numbers.top_p, probabilities, 0.0)
    cumulative = tf.cumsum(probabilities, axis=1)
    reached = tf.reduce_sum(tf.cast(cumulative <= uniform[:, None] * cumulative[:, -1:], tf.int32), axis=1)  # (B,)
    # The product may round up to the sum: use the last token with nonzero probability.
    last = tf.reduce_sum(tf.cast(cumulative < cumulative[:, -1:], tf.int32), axis=1)
    chosen = tf.minimum(reached, last)
    return chosen if ids is None else tf.gather(ids, chosen, batch_dims=1)
