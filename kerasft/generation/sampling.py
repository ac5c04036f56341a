"""Greedy search and sampling: one text per prompt, with the decoding loop in the graph."""

from typing import NamedTuple

import tensorflow as tf

from kerasft.generation.kv_cache import CachedDecoder, Memory
from kerasft.generation.logits_processing import History, Numbers, Rules, adjust, draw


class Requests(NamedTuple):
    """Inputs of a batch of generation requests.

    Example:

    >>> Requests(*[tf.zeros((1, 2))] * 4).limits.shape
    TensorShape([1, 2])
    """

    token_ids: tf.Tensor
    """(B, S), padded on the left."""
    padding_mask: tf.Tensor
    """(B, S)."""
    limits: tf.Tensor
    """Maximum number of new tokens per text, (B,)."""
    uniforms: tf.Tensor
    """Uniform random numbers in [0, 1) that the tokens are sampled with, (B, M)."""


class Paths(NamedTuple):
    """State of greedy search or sampling for a batch of texts.

    Example:

    >>> Paths._fields
    ('memory', 'index', 'history', 'num_written', 'done')
    """

    memory: Memory
    index: tf.Tensor
    """Cache position of the next token."""
    history: History
    num_written: tf.Tensor
    done: tf.Tensor
    """Whether a text is finished, (B,)."""


def begin(decoder: CachedDecoder, requests: Requests, *, rules: Rules, numbers: Numbers) -> Paths:
    """Process the prompts and choose the first tokens."""
    num_new = tf.shape(requests.uniforms)[1]
    logits, memory, index = decoder.prefill(requests.token_ids, requests.padding_mask, num_new)
    history = begin_history(decoder, requests, num_new)
    paths = Paths(memory, index, history, tf.constant(0), tf.zeros_like(requests.limits, tf.bool))
    return _choose(logits, paths, requests, rules, numbers)


def begin_history(decoder: CachedDecoder, requests: Requests, num_new: tf.Tensor) -> History:
    """Return the history of the texts before the first new token."""
    token_ids, real = decoder.history(requests.token_ids, requests.padding_mask)
    room = [[0, 0], [0, num_new]]
    return History(tf.pad(token_ids, room), tf.pad(real, room, constant_values=1), tf.shape(token_ids)[1])


def advance(
    decoder: CachedDecoder, paths: Paths, *, requests: Requests, rules: Rules, numbers: Numbers, until: tf.Tensor
) -> Paths:
    """Continue decoding until all texts are finished, or `until` tokens have been generated.

    Args:
        decoder: The model.
        paths: Returned by `begin` or a previous `advance`.
        requests: See `begin`.
        rules: See `begin`.
        numbers: See `begin`.
        until: Maximum number of new tokens, a scalar.
    """
    shapes = tf.nest.map_structure(lambda tensor: tensor.shape, paths)

    def body(*flat):
        paths = tf.nest.pack_sequence_as(shapes_like, flat)
        last = paths.history.token_ids[:, paths.history.length - 1]
        logits, memory = decoder.decode(last, paths.memory, paths.index)
        paths = paths._replace(memory=memory, index=paths.index + 1)
        return tf.nest.flatten(_choose(logits, paths, requests, rules, numbers))

    def should_continue(*flat):
        paths = tf.nest.pack_sequence_as(shapes_like, flat)
        return (paths.num_written < until) & ~tf.reduce_all(paths.done)

    shapes_like = paths
    flat = tf.while_loop(should_continue, body, tf.nest.flatten(paths), shape_invariants=tf.nest.flatten(shapes))
    return tf.nest.pack_sequence_as(paths, flat)


def _choose(logits: tf.Tensor, paths: Paths, requests: Requests, rules: Rules, numbers: Numbers) -> Paths:
    scores = adjust(logits, paths.history, rules=rules, numbers=numbers, num_written=paths.num_written)  # (B, V)
    if rules.method == "sample":
        chosen = draw(scores, requests.uniforms[:, paths.num_written], rules=rules, numbers=numbers)
    else:
        chosen = tf.argmax(scores, axis=1, output_type=tf.int32)
    num_written = paths.num_written + 1
    return paths._replace(
        history=paths.history.append(chosen),
        num_written=num_written,
        done=paths.done | (chosen == numbers.end_id) | (num_written >= requests.limits),
    )
