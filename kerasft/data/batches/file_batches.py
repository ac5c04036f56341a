"""Batches from a token store in files: streamed, shuffled in a buffer, bucketed by length.

With `shuffle`, the shards are read in a new order every epoch, sixteen at a time; rows are shuffled in blocks and grouped
into batches by length class. A class of n rows makes ceil(n / size) batches in any order of its rows, so
`len(dataset)` is exact.
"""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from kerasft.data.batches.batching import (
    Batching,
    TokenTargets,
    batch_length,
    cuts,
    finisher,
    length_class,
    no_batch,
    padded_length,
)
from kerasft.data.batches.order import epoch_order
from kerasft.data.batches.token_files import HEAD, TokenFiles

SHUFFLE_ROWS = 20_000
"""Rows that are shuffled together: about 5 MB at 60 tokens per row."""

_NUMBER_BYTES = 4


def file_batches(
    store: TokenFiles, batching: Batching, *, y: np.ndarray | TokenTargets | None, shuffle: bool, seed: int
) -> tuple[tf.data.Dataset, int]:
    """Return the batches of a store, and their number; see `kerasft.data.batches.token_dataset`."""
    records, count = _shuffled(store, batching, y, seed) if shuffle else _in_order(store, batching)
    if not count:
        raise no_batch(len(store.lengths), batching)
    return records.map(_reader(store, y, batching), num_parallel_calls=tf.data.AUTOTUNE, deterministic=True), count


def _in_order(store: TokenFiles, batching: Batching) -> tuple[tf.data.Dataset, int]:
    records = tf.data.TFRecordDataset(list(store.files))
    sizes = np.diff(cuts(store.lengths, batching, max_length=store.max_length))
    if batching.size is not None:
        drop = batching.drop_remainder
        return records.batch(batching.size, drop_remainder=drop), len(sizes) - int(drop and sizes[-1] < batching.size)
    return records.batch(1).rebatch(sizes), len(sizes)


def _shuffled(
    store: TokenFiles, batching: Batching, y: np.ndarray | TokenTargets | None, seed: int
) -> tuple[tf.data.Dataset, int]:
    classes = length_class(store.lengths, batching, max_length=store.max_length)
    if batching.fixed_length or (batching.size is not None and not batching.similar_length):
        classes = np.full_like(classes, store.max_length)
    uppers, counts = np.unique(classes, return_counts=True)
    if batching.size is not None:
        sizes = np.full(len(uppers), batching.size, np.int64)
    else:
        sizes = np.maximum(1, batching.tokens // padded_length(uppers, batching, max_length=store.max_length)).astype(
            np.int64
        )
    count = int(np.sum(counts // sizes if batching.drop_remainder else -(-counts // sizes)))
    upper_of_class, size_of_class = tf.constant(uppers), tf.constant(sizes)

    def class_of(record: tf.Tensor) -> tf.Tensor:
        length = tf.strings.length(record) // _NUMBER_BYTES - HEAD
        return tf.searchsorted(upper_of_class, [length], out_type=tf.int64)[0]

    def batches(epoch: tf.Tensor) -> tf.data.Dataset:
        seeds = tf.random.split(tf.stack([epoch, tf.constant(seed, tf.int64)]), 2)
        files = tf.data.Dataset.from_tensor_slices(_shuffled_rows(tf.constant(store.files), seeds[0]))
        records = files.interleave(
            tf.data.TFRecordDataset,
            cycle_length=min(16, len(store.files)),
            num_parallel_calls=tf.data.AUTOTUNE,
            deterministic=True,
        )
        # Not by `Dataset.shuffle`, whose seed cannot depend on the epoch.
        blocks = records.batch(SHUFFLE_ROWS).enumerate()
        records = blocks.map(lambda i, block: _shuffled_rows(block, tf.random.fold_in(seeds[1], i))).unbatch()
        return records.group_by_window(
            key_func=class_of,
            reduce_func=lambda key, rows: rows.batch(size_of_class[key], drop_remainder=batching.drop_remainder),
            window_size_func=lambda key: size_of_class[key],
        )

    return epoch_order(store, batching, y=y, seed=seed).epochs().flat_map(batches), count


def _shuffled_rows(rows: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """The elements of a vector in random order."""
    return tf.gather(rows, tf.argsort(tf.random.stateless_uniform(tf.shape(rows), seed)))


def _reader(store: TokenFiles, y: np.ndarray | TokenTargets | None, batching: Batching) -> Callable:
    finish = finisher(store, batching, y=y)

    def read(records: tf.Tensor):
        length = tf.strings.length(records) // _NUMBER_BYTES - HEAD  # (B,)
        width = batch_length(length, batching, max_length=store.max_length) + HEAD
        numbers = tf.io.decode_raw(records, tf.int32, fixed_length=width * _NUMBER_BYTES)  # (B, HEAD + S)
        return finish(numbers[:, 0], numbers[:, HEAD:], length=length, second=numbers[:, 1])

    return read
