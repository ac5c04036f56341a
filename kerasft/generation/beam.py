"""Beam search with the decoding loop in the graph; same semantics as `GenerationMixin._beam_search` of `transformers`."""

from typing import NamedTuple

import tensorflow as tf

from kerasft.generation.kv_cache import CachedDecoder, Memory
from kerasft.generation.logits_processing import NEVER, History, Numbers, Rules, adjust
from kerasft.generation.sampling import Requests, begin_history


class Beams(NamedTuple):
    """State of a beam search with K beams for each of B prompts; the B K rows are ordered by prompt.

    Example:

    >>> Beams._fields[:3]
    ('memory', 'index', 'history')
    """

    memory: Memory
    index: tf.Tensor
    history: History
    """Tokens of the running beams, (B K, T)."""
    scores: tf.Tensor
    """Cumulative log-probabilities of the running beams, (B, K)."""
    finished: tf.Tensor
    """The best finished hypotheses, including their prompts, best first, (B, K, T)."""
    finished_scores: tf.Tensor
    """Their length-normalized scores; `NEVER` for empty slots, (B, K)."""
    num_written: tf.Tensor
    open: tf.Tensor
    """Whether a prompt's running beams can still beat its finished hypotheses, (B,)."""


class Candidates(NamedTuple):
    """The 2 K best continuations of each prompt's beams, best first; each (B, 2 K)."""

    scores: tf.Tensor
    parents: tf.Tensor
    """Index of the beam that is extended."""
    token_ids: tf.Tensor
    ends: tf.Tensor
    """Whether the hypothesis ends with this token or reaches its maximum length."""


def begin(decoder: CachedDecoder, requests: Requests, *, rules: Rules, numbers: Numbers) -> Beams:
    """Process the prompts and choose the first tokens."""
    num_new = tf.shape(requests.uniforms)[1]
    num_beams = rules.num_beams
    logits, memory, index = decoder.prefill(requests.token_ids, requests.padding_mask, num_new)
    history = begin_history(decoder, requests, num_new)

    def repeated(tensor):
        return tf.repeat(tensor, num_beams, axis=0)

    batch_size = tf.shape(requests.limits)[0]
    first = tf.one_hot(tf.zeros((batch_size,), tf.int32), num_beams, on_value=0.0, off_value=NEVER)  # (B, K)
    beams = Beams(
        memory=tf.nest.map_structure(repeated, memory),
        index=index,
        history=history._replace(token_ids=repeated(history.token_ids), real=repeated(history.real)),
        scores=first,  # the beams are still identical: only the first is extended
        finished=tf.repeat(history.token_ids[:, None], num_beams, axis=1),
        finished_scores=tf.fill((batch_size, num_beams), NEVER),
        num_written=tf.constant(0),
        open=tf.ones((batch_size,), tf.bool),
    )
    return _step(repeated(logits), beams, requests, rules, numbers)[0]


def advance(
    decoder: CachedDecoder, beams: Beams, *, requests: Requests, rules: Rules, numbers: Numbers, until: tf.Tensor
) -> Beams:
    """Continue until no running beam can beat the finished hypotheses, or `until` tokens have been generated."""
    shapes = tf.nest.map_structure(lambda tensor: tensor.shape, beams)

    def body(*flat):
        state = tf.nest.pack_sequence_as(beams, flat)
        last = state.history.token_ids[:, state.history.length - 1]
        logits, memory = decoder.decode(last, state.memory, state.index)
        state, rows = _step(logits, state._replace(index=state.index + 1), requests, rules, numbers)
        # The inputs are the same for all beams of a prompt.
        written = tf.nest.map_structure(lambda cache: tf.gather(cache, rows), memory.written)
        return tf.nest.flatten(state._replace(memory=memory._replace(written=written)))

    def should_continue(*flat):
        state = tf.nest.pack_sequence_as(beams, flat)
        return (state.num_written < until) & tf.reduce_any(state.open)

    flat = tf.while_loop(should_continue, body, tf.nest.flatten(beams), shape_invariants=tf.nest.flatten(shapes))
    return tf.nest.pack_sequence_as(beams, flat)


def best(beams: Beams) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the new tokens (B, M) of each prompt's best hypothesis, and its score (B,)."""
    start = beams.history.length - beams.num_written
    return beams.finished[:, 0, start:], beams.finished_scores[:, 0]


def _step(
    logits: tf.Tensor, beams: Beams, requests: Requests, rules: Rules, numbers: Numbers
) -> tuple[Beams, tf.Tensor]:
    """Extend the beams by one token; return them and the previous rows (B K,) that they extend."""
    candidates = _candidates(logits, beams, requests, rules, numbers)
    num_beams = rules.num_beams
    rows = tf.range(tf.shape(candidates.parents)[0])[:, None] * num_beams
    # The running beams: the best candidates that do not end.
    scores, chosen = tf.math.top_k(
        candidates.scores + tf.cast(candidates.ends, tf.float32) * NEVER, num_beams
    )  # (B, K)
    parents = tf.reshape(rows + tf.gather(candidates.parents, chosen, batch_dims=1), (-1,))  # (B K,)
    history = beams.history._replace(token_ids=tf.gather(beams.history.token_ids, parents))
    history = history.append(tf.reshape(tf.gather(candidates.token_ids, chosen, batch_dims=1), (-1,)))
    num_written = beams.num_written + 1
    finished, finished_scores = _finish(candidates, beams, rows, rules, numbers)
    is_full = finished_scores[:, -1] > NEVER / 2
    best_possible = scores[:, 0] / tf.cast(num_written, tf.float32) ** numbers.length_penalty
    may_improve = (best_possible > finished_scores[:, -1]) | ~is_full
    if rules.early_stopping:
        may_improve &= ~is_full
    beams = beams._replace(
        history=history,
        scores=scores,
        finished=finished,
        finished_scores=finished_scores,
        num_written=num_written,
        open=beams.open & may_improve & (num_written < requests.limits),
    )
    return beams, parents


def _candidates(logits: tf.Tensor, beams: Beams, requests: Requests, rules: Rules, numbers: Numbers) -> Candidates:
    size = tf.shape(logits)[1]
    scores = adjust(
        tf.nn.log_softmax(logits), beams.history, rules=rules, numbers=numbers, num_written=beams.num_written
    )  # (B K, V)
    scores = tf.reshape(scores, (-1, rules.num_beams, size)) + beams.scores[..., None]
    scores, indices = tf.math.top_k(tf.reshape(scores, (-1, rules.num_beams * size)), 2 * rules.num_beams)  # (B, 2 K)
    token_ids = indices % size
    at_limit = beams.num_written + 1 >= requests.limits[:, None]
    return Candidates(scores, indices // size, token_ids, (token_ids == numbers.end_id) | at_limit)


def _finish(
    candidates: Candidates, beams: Beams, rows: tf.Tensor, rules: Rules, numbers: Numbers
) -> tuple[tf.Tensor, tf.Tensor]:
    """Merge the K best candidates that end into the finished hypotheses."""
    num_beams = rules.num_beams
    candidates = Candidates(*(part[:, :num_beams] for part in candidates))
    token_ids = tf.gather(beams.history.token_ids, rows + candidates.parents)  # (B, K, T)
    here = tf.range(tf.shape(token_ids)[2]) == beams.history.length
    token_ids = tf.where(here, candidates.token_ids[..., None], token_ids)
    length = tf.cast(beams.num_written + 1, tf.float32)
    is_finished = candidates.ends & beams.open[:, None]
    scores = tf.where(is_finished, candidates.scores / length**numbers.length_penalty, NEVER)
    merged = tf.concat([beams.finished_scores, scores], axis=1)
    finished_scores, kept = tf.math.top_k(merged, num_beams)
    return tf.gather(tf.concat([beams.finished, token_ids], axis=1), kept, batch_dims=1), finished_scores
