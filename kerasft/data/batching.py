"""From a token store to batches, in pure `tf.data`: order, bucketing by length, padding, prefetch.

Rows are stored flat and gathered a batch at a time, so a batch costs a few vectorised operations. With `shuffle`, each
epoch makes one plan inside the graph: rows sorted by length class, at random within a class, cut into batches, and the
batches put in random order. The sequence of length classes is the same in every epoch, so the cuts are too, and
`len(dataset)` is exact. Bucketing by length follows Khomenko et al. 2016, arXiv:1708.05604.
"""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from kerasft.data.token_store import TokenStore
from kerasft.errors import bad_argument
from kerasft.features import PADDING_MASK, SEGMENT_IDS, TOKEN_IDS


@dataclass(frozen=True)
class Batching:
    """How rows become batches; an int given as `batch_size` is short for `Batching(size=...)`.

    Args:
        size: Rows per batch, >= 1. Exactly one of `size` and `tokens` is given.
        tokens: Token budget: the most tokens of a batch, padding included (a single longer row is a batch of its own).
        pad_to_multiple_of: Batches are padded to the longest row, rounded up to this multiple, but never above
            `max_length`. Default: 1 on a CPU, where a new length costs nothing; 32 where a GPU or TPU is visible, since
            Keras compiles by XLA there and every new length is a new compilation.
        drop_remainder: Leave out the one batch that is smaller than `size` (another one every epoch if shuffled).
        fixed_length: Pad every batch to `max_length`.

    Raises:
        KerasftError: If a value is out of range, or not exactly one of `size` and `tokens` is given.

    Example:

    >>> Batching(tokens=4096).tokens, Batching.of(32).size
    (4096, 32)
    """

    size: int | None = None
    tokens: int | None = None
    pad_to_multiple_of: int | None = None
    drop_remainder: bool = False
    fixed_length: bool = False

    def __post_init__(self):
        if (self.size is None) == (self.tokens is None):
            raise bad_argument(
                "batch_size",
                "a number of rows or Batching(size=...) or Batching(tokens=...)",
                self,
                "Give exactly one of `size` and `tokens`.",
            )
        for name in ("size", "tokens", "pad_to_multiple_of"):
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1):
                name = "batch_size" if name == "size" else name
                raise bad_argument(name, "a whole number >= 1", value, "Give 32, for example.")
        if self.tokens is not None and self.drop_remainder:
            raise bad_argument(
                "drop_remainder", "False with a token budget", True, "Batches of a budget differ in size by design."
            )

    @classmethod
    def of(cls, batch_size: "int | Batching") -> "Batching":
        """`batch_size` itself if it is a `Batching`, else batches of that many rows."""
        return batch_size if isinstance(batch_size, cls) else cls(size=batch_size)

    @property
    def multiple(self) -> int:
        """`pad_to_multiple_of`, or its default for the devices that are visible."""
        if self.pad_to_multiple_of is not None:
            return self.pad_to_multiple_of
        return 32 if tf.config.list_physical_devices("GPU") or tf.config.list_physical_devices("TPU") else 1


def length_class(lengths: np.ndarray, multiple: int) -> np.ndarray:
    """Each length rounded up to the class within which rows are mixed, int32, (rows,).

    A class is 1/8 of its length wide (so mixing costs 6 % of padding on average, at most 1/8) and at least `multiple`.

    Example:

    >>> length_class(np.array([3, 15, 17, 33, 100]), 1).tolist()
    [3, 15, 18, 36, 104]
    """
    width = np.maximum(multiple, 2 ** np.maximum(0, np.floor(np.log2(np.maximum(lengths, 1))).astype(np.int32) - 3))
    return (-(-lengths // width) * width).astype(np.int32)


def batches(
    store: TokenStore, y: np.ndarray | None, batching: Batching, *, shuffle: bool, seed: int
) -> tf.data.Dataset:
    """The dataset of `(features, y)`, or of features without `y`, batched and padded.

    Args:
        store: The tokenised rows.
        y: Their targets, (rows,) or (rows, C).
        batching: Size or budget, and padding.
        shuffle: New batches in a new order every epoch; else exactly the rows' order.
        seed: Seed of the order of all epochs.
    """
    if shuffle:
        indices, count = _shuffled(store.lengths, batching, store.max_length, seed)
    else:
        indices, count = _in_order(store.lengths, batching, store.max_length)
    gather = _gatherer(store, y, batching)
    dataset = indices.map(gather, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    options = tf.data.Options()
    # Rows are not in files, so workers share one stream by taking every n-th batch.
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    return (
        dataset.apply(tf.data.experimental.assert_cardinality(count)).prefetch(tf.data.AUTOTUNE).with_options(options)
    )


def _padded(lengths: np.ndarray, batching: Batching, max_length: int) -> np.ndarray:
    if batching.fixed_length:
        return np.full_like(lengths, max_length)
    return np.minimum(-(-lengths // batching.multiple) * batching.multiple, max_length)


def _cuts(lengths: np.ndarray, budget: int) -> np.ndarray:
    """Where batches begin and end, (batches + 1,), if rows are taken in this order and as many as the budget holds."""
    cuts, longest = [0], 0
    for row, length in enumerate(lengths.tolist()):
        longest = max(longest, length)
        if row > cuts[-1] and longest * (row + 1 - cuts[-1]) > budget:
            cuts.append(row)
            longest = length
    return np.array(cuts + [len(lengths)], np.int64)


def _in_order(lengths: np.ndarray, batching: Batching, max_length: int) -> tuple[tf.data.Dataset, int]:
    rows = len(lengths)
    if batching.tokens is not None:
        cuts = _cuts(_padded(lengths, batching, max_length), batching.tokens)
    else:
        cuts = np.append(np.arange(0, rows, batching.size), rows)
        if batching.drop_remainder and rows % batching.size:
            cuts = cuts[:-1]
    spans = tf.data.Dataset.from_tensor_slices((cuts[:-1], cuts[1:]))
    return spans.map(lambda start, end: tf.range(start, end, dtype=tf.int64)), len(cuts) - 1


def _shuffled(lengths: np.ndarray, batching: Batching, max_length: int, seed: int) -> tuple[tf.data.Dataset, int]:
    rows, size = len(lengths), batching.size
    classes = np.minimum(length_class(lengths, batching.multiple), max_length)
    if size is None:
        cuts = _cuts(_padded(np.sort(classes), batching, max_length), batching.tokens)
    else:
        cuts = (
            np.arange(-(-rows // size) + 1) * size
        )  # as if the last batch were full; `plan` takes away what is missing
    count = len(cuts) - 1
    short = 0 if size is None else -rows % size  # how many rows the smaller batch lacks
    drop = bool(batching.drop_remainder and short)
    starts, ends, classes = tf.constant(cuts[:-1]), tf.constant(cuts[1:]), tf.constant(classes, tf.float32)

    def plan(epoch_seed: tf.Tensor) -> tf.data.Dataset:
        seeds = tf.random.split(tf.stack([epoch_seed, tf.constant(seed, tf.int64)]), 3)
        noise = tf.random.stateless_uniform([rows], seeds[0])
        order = tf.argsort(classes + noise * 0.999)  # classes are whole numbers: noise only mixes within a class
        turn = tf.argsort(tf.random.stateless_uniform([count], seeds[1]))
        # Where the smaller batch stands in the order of lengths is random, lest it is always the longest rows' batch.
        smaller = tf.random.stateless_uniform([], seeds[2], 0, count, tf.int64)
        if drop:
            turn = tf.boolean_mask(turn, turn != tf.cast(smaller, turn.dtype))
        shift = tf.cast(tf.range(count, dtype=tf.int64) > smaller, tf.int64) * short
        first = tf.gather(starts - shift, turn)
        last = tf.gather(ends - tf.cast(tf.range(count, dtype=tf.int64) >= smaller, tf.int64) * short, turn)
        spans = tf.data.Dataset.from_tensor_slices((first, last))
        return spans.map(lambda start, end: tf.cast(order[start:end], tf.int64))

    epochs = tf.data.Dataset.random(seed=seed, rerandomize_each_iteration=True).take(1)
    return epochs.flat_map(plan), count - drop


def _gatherer(store: TokenStore, y: np.ndarray | None, batching: Batching):
    ids, offsets = tf.constant(store.ids), tf.constant(store.offsets)
    second = None if store.second is None else tf.constant(store.second)
    targets = None if y is None else tf.constant(y)
    multiple, max_length = batching.multiple, store.max_length
    static_size = batching.size if batching.drop_remainder else None
    static_length = max_length if batching.fixed_length else None

    def gather(rows: tf.Tensor):
        start = tf.gather(offsets, rows)  # (B,)
        length = tf.cast(tf.gather(offsets, rows + 1) - start, tf.int32)  # (B,)
        longest = max_length if batching.fixed_length else -(-tf.reduce_max(length) // multiple) * multiple
        position = tf.range(tf.minimum(longest, max_length))  # (S,)
        real = position < length[:, None]  # (B, S)
        where = tf.minimum(start[:, None] + tf.cast(position, tf.int64), ids.shape[0] - 1)  # (B, S)
        features = {
            TOKEN_IDS: tf.where(real, tf.gather(ids, where), store.pad_id),
            PADDING_MASK: tf.cast(real, tf.int32),
        }
        if second is not None:
            features[SEGMENT_IDS] = tf.cast(real & (position >= tf.gather(second, rows)[:, None]), tf.int32)
        features = {name: tf.ensure_shape(value, (static_size, static_length)) for name, value in features.items()}
        if targets is None:
            return features
        return features, tf.ensure_shape(tf.gather(targets, rows), (static_size, *targets.shape[1:]))

    return gather
