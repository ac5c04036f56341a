"""Batches from a token store in memory: rows in some order, split into batches, gathered by a few vectorized operations.

With `shuffle`, each epoch makes one plan inside the graph: rows are shuffled, split into groups of `GROUP` batches, sorted by
length class within a group (in random order within a class), split into batches, and the batches are shuffled. With a token
budget, one group holds all rows: then the sequence of length classes is the same in every epoch, and so are the boundaries
of batches, so `len(dataset)` is exact. Without `similar_length`, rows are only shuffled.
"""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from kerasft.data.batches.batching import Batching, TokenTargets, cuts, finisher, length_class, no_batch, reader
from kerasft.data.batches.order import epoch_order
from kerasft.data.batches.paired_store import PairedStore, paired_features
from kerasft.encoding.token_store import TokenStore

GROUP = 50
"""Batches that are sorted by length together: enough to reduce padding, few enough that lengths vary between batches."""


def memory_batches(
    store: TokenStore | PairedStore,
    batching: Batching,
    *,
    y: np.ndarray | TokenTargets | None,
    shuffle: bool,
    seed: int,
) -> tuple[tf.data.Dataset, int]:
    """Return the batches of a store, and their number; see `kerasft.data.batches.token_dataset`."""
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
    rank = _length_ranks(classes)
    rows = len(rank)
    last_rank = rank.max()
    bounds = cuts(classes[np.argsort(rank)], batching, max_length=store.max_length)
    count = len(bounds) - 1
    missing = 0 if batching.size is None else -rows % batching.size  # number of rows that the smaller batch lacks
    drop = bool(batching.drop_remainder and missing)
    bounds[-1] += missing  # as if the last batch were full; the plan subtracts the missing rows
    starts = tf.constant(bounds[:-1])
    ends = tf.constant(bounds[1:])
    rank = tf.constant(rank, tf.int64)

    def by_length(shuffled: tf.Tensor) -> tf.Tensor:
        group = tf.range(rows, dtype=tf.int64) // (GROUP * (batching.size or rows))
        key = tf.gather(rank, shuffled)
        # Every other group is in descending order, so that a batch of two groups does not mix the longest and shortest rows.
        key = tf.where(group % 2 == 0, key, last_rank - key)
        return tf.gather(shuffled, tf.argsort(group * (last_rank + 1) + key, stable=True))

    def plan(epoch: tf.Tensor) -> tf.data.Dataset:
        seeds = tf.random.split(tf.stack([tf.cast(epoch, tf.int64), tf.constant(seed, tf.int64)]), 3)
        shuffled = tf.argsort(tf.random.stateless_uniform([rows], seeds[0]))  # (rows,)
        order = by_length(shuffled) if batching.similar_length or batching.size is None else shuffled
        batch_order = tf.argsort(tf.random.stateless_uniform([count], seeds[1]))
        # The smaller batch is chosen at random: otherwise it would always be the one with the longest rows.
        smaller = tf.random.stateless_uniform([], seeds[2], 0, count, tf.int32)
        if missing and count > 1:
            # Never the first batch: Keras builds metrics with it, and fails if it cannot be split evenly across devices.
            smaller = tf.where(smaller == batch_order[0], batch_order[1], smaller)
        first = starts - missing * tf.cast(tf.range(count) > smaller, tf.int64)
        last = ends - missing * tf.cast(tf.range(count) >= smaller, tf.int64)
        if drop:
            batch_order = tf.boolean_mask(batch_order, batch_order != smaller)
        spans = tf.data.Dataset.from_tensor_slices((tf.gather(first, batch_order), tf.gather(last, batch_order)))
        return spans.map(lambda start, end: tf.cast(order[start:end], tf.int64))

    order_of_epochs = epoch_order(store, batching, y=y, seed=seed, batch_rows=plan)
    return order_of_epochs.epochs().flat_map(plan), count - drop


def _length_ranks(classes: np.ndarray) -> np.ndarray:
    """Return the rank of each row's length class in the order of batches, int64, (rows,).

    Rows with a source and a target are ordered by the source's class, and within it by the target's class, alternately
    ascending and descending, so that adjacent rows are similar in both.
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
