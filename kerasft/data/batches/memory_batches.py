"""Batches from a token store in memory: an order of rows, cut into batches, each gathered by a few vectorised operations.

With `shuffle`, each epoch makes one plan inside the graph: rows are dealt at random into groups of `GROUP` batches, sorted by
length class within a group and at random within a class, cut into batches, and the batches put in random order. With a token
budget one group holds all rows: the sequence of length classes is then the same in every epoch, so the cuts are too, and
`len(dataset)` is exact. Without `similar_length` rows are only dealt.
"""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from kerasft.data.batches.batching import Batching, TokenTargets, cuts, finisher, length_class, no_batch, reader
from kerasft.data.batches.order import epoch_order
from kerasft.data.batches.paired_store import PairedStore, paired_features
from kerasft.encoding.token_store import TokenStore

GROUP = 50
"""Batches sorted by length together: enough for little padding, few enough that consecutive batches vary in length."""


def memory_batches(
    store: TokenStore | PairedStore,
    batching: Batching,
    *,
    y: np.ndarray | TokenTargets | None,
    shuffle: bool,
    seed: int,
) -> tuple[tf.data.Dataset, int]:
    """The batches of a store, and their number; see `kerasft.data.batches.token_dataset`."""
    rows, count = _shuffled(store, batching, y, seed) if shuffle else _in_order(store, batching)
    if not count:
        raise no_batch(len(store.lengths), batching)
    gather = paired_features(store, batching) if isinstance(store, PairedStore) else _gatherer(store, y, batching)
    return rows.map(gather, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True), count


def _in_order(store: TokenStore | PairedStore, batching: Batching) -> tuple[tf.data.Dataset, int]:
    bounds = cuts(store.lengths, batching, max_length=store.max_length)
    if batching.drop_remainder and len(store.lengths) % batching.size:
        bounds = bounds[:-1]
    spans = tf.data.Dataset.from_tensor_slices((bounds[:-1], bounds[1:]))
    return spans.map(tf.range), len(bounds) - 1


def _shuffled(
    store: TokenStore | PairedStore, batching: Batching, y: np.ndarray | TokenTargets | None, seed: int
) -> tuple[tf.data.Dataset, int]:
    classes = length_class(store.lengths, batching, max_length=store.max_length)
    place = _places(classes)
    rows = len(place)
    last_place = place.max()
    bounds = cuts(classes[np.argsort(place)], batching, max_length=store.max_length)
    count = len(bounds) - 1
    missing = 0 if batching.size is None else -rows % batching.size  # rows that the smaller batch lacks
    drop = bool(batching.drop_remainder and missing)
    bounds[-1] += missing  # as if the last batch were full; the plan takes away what is missing
    starts = tf.constant(bounds[:-1])
    ends = tf.constant(bounds[1:])
    place = tf.constant(place, tf.int64)

    def by_length(dealt: tf.Tensor) -> tf.Tensor:
        group = tf.range(rows, dtype=tf.int64) // (GROUP * (batching.size or rows))
        key = tf.gather(place, dealt)
        # Every other group is in descending order, so that a batch across an edge does not mix the longest and the shortest.
        key = tf.where(group % 2 == 0, key, last_place - key)
        return tf.gather(dealt, tf.argsort(group * (last_place + 1) + key, stable=True))

    def plan(epoch: tf.Tensor) -> tf.data.Dataset:
        seeds = tf.random.split(tf.stack([tf.cast(epoch, tf.int64), tf.constant(seed, tf.int64)]), 3)
        dealt = tf.argsort(tf.random.stateless_uniform([rows], seeds[0]))  # (rows,)
        order = by_length(dealt) if batching.similar_length or batching.size is None else dealt
        turn = tf.argsort(tf.random.stateless_uniform([count], seeds[1]))
        # Which batch is the smaller one is random too: else it would always be that of the longest rows.
        smaller = tf.random.stateless_uniform([], seeds[2], 0, count, tf.int32)
        if missing and count > 1:
            # But never the first: Keras builds metrics from it, and fails where several devices cannot share it evenly.
            smaller = tf.where(smaller == turn[0], turn[1], smaller)
        first = starts - missing * tf.cast(tf.range(count) > smaller, tf.int64)
        last = ends - missing * tf.cast(tf.range(count) >= smaller, tf.int64)
        if drop:
            turn = tf.boolean_mask(turn, turn != smaller)
        spans = tf.data.Dataset.from_tensor_slices((tf.gather(first, turn), tf.gather(last, turn)))
        return spans.map(lambda start, end: tf.cast(order[start:end], tf.int64))

    order_of_epochs = epoch_order(store, batching, y=y, seed=seed, batch_rows=plan)
    return order_of_epochs.epochs().flat_map(plan), count - drop


def _places(classes: np.ndarray) -> np.ndarray:
    """Number the length classes in the order in which batches go through them, int64, (rows,).

    Rows with a source and a target go by the class of the source, and within it up or down by that of the target, in turn:
    so neighbors are alike in both.
    """
    if classes.ndim == 1:
        return np.unique(classes, return_inverse=True)[1]
    source = np.unique(classes[:, 0], return_inverse=True)[1]
    target = np.where(source % 2 == 0, classes[:, 1], -classes[:, 1])
    return np.unique(np.stack([source, target], axis=1), axis=0, return_inverse=True)[1].reshape(-1)


def _gatherer(store: TokenStore, y: np.ndarray | TokenTargets | None, batching: Batching) -> Callable:
    read = reader(store, batching)
    second = tf.constant(store.second)
    finish = finisher(store, batching, y=y)

    def gather(rows: tf.Tensor):
        padded, length = read(rows)
        return finish(rows, padded, length=length, second=tf.gather(second, rows))

    return gather
