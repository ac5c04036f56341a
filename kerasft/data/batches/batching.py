"""Batch size or token budget, and padding."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from kerasft.data.batches.token_files import TokenFiles
from kerasft.encoding.token_store import TokenStore
from kerasft.errors import KerasftError, bad_argument, whole_number
from kerasft.features import PADDING_MASK, SEGMENT_IDS, TOKEN_IDS


@dataclass(frozen=True)
class Batching:
    """How rows are grouped into batches; an int as `batch_size` is short for `Batching(size=...)`.

    Args:
        size: Rows per batch, >= 1. Set exactly one of `size` and `tokens`.
        tokens: Token budget: maximum number of tokens per batch, including padding (a longer row is a batch of its own).
            For rows with a source and a target, it counts both.
        pad_to_multiple_of: Pad batches to the longest row, rounded up to this multiple, at most to `max_length`.
            Default: 1 on a CPU; 32 if a GPU or TPU is visible, because Keras uses XLA there and compiles again for
            every new length.
        drop_remainder: Drop the one batch that is smaller than `size` (a different one each epoch if shuffled).
        fixed_length: Pad every batch to `max_length`.
        similar_length: Shuffle so that each batch of `size` rows has rows of similar length, which reduces padding.
            If False, batches are fully random. A mean over tokens gives more weight to the tokens of short texts if these
            share a batch: this lowered entity F1 on WNUT17 by 3 points, so `kerasft.data.token_classification` disables it.

    Raises:
        KerasftError: If a value is out of range, or both or neither of `size` and `tokens` are set.

    Example:

    >>> Batching(tokens=4096).tokens, Batching.of(32).size
    (4096, 32)
    """

    size: int | None = None
    tokens: int | None = None
    pad_to_multiple_of: int | None = None
    drop_remainder: bool = False
    fixed_length: bool = False
    similar_length: bool = True

    def __post_init__(self):
        if (self.size is None) == (self.tokens is None):
            raise bad_argument(
                "batch_size",
                "a number of rows or Batching(size=...) or Batching(tokens=...)",
                self,
                "Set exactly one of `size` and `tokens`.",
            )
        for name in ("size", "tokens", "pad_to_multiple_of"):
            value = getattr(self, name)
            if value is not None:
                whole_number("batch_size" if name == "size" else name, value, "For example: 32.")
        if self.tokens is not None and self.drop_remainder:
            raise bad_argument(
                "drop_remainder", "False with a token budget", True, "Token budgets give batches of different sizes."
            )

    @classmethod
    def of(cls, batch_size: "int | Batching", *, similar_length: bool = True) -> "Batching":
        """Return `batch_size` itself if it is a `Batching`, else batches of that many rows."""
        return batch_size if isinstance(batch_size, cls) else cls(size=batch_size, similar_length=similar_length)

    @property
    def multiple(self) -> int:
        """`pad_to_multiple_of`, or its default for the visible devices."""
        if self.pad_to_multiple_of is not None:
            return self.pad_to_multiple_of
        return 32 if tf.config.list_physical_devices("GPU") or tf.config.list_physical_devices("TPU") else 1


def length_class(lengths: np.ndarray, batching: Batching, *, max_length: int) -> np.ndarray:
    """Round each length up to its length class; rows are shuffled within a class. Returns int32, (rows,).

    A class is 1/8 to 1/16 of its length wide, and at least `pad_to_multiple_of`: this adds a few percent of padding at
    most, and in a small dataset it varies which rows share a batch in each epoch.

    Example:

    >>> length_class(np.array([3, 15, 17, 33, 100]), Batching(size=2, pad_to_multiple_of=1), max_length=102).tolist()
    [3, 15, 18, 36, 102]
    """
    exponent = np.floor(np.log2(np.maximum(lengths, 1))).astype(np.int32)
    width = np.maximum(batching.multiple, 2 ** np.maximum(0, exponent - 3))
    return np.minimum(-(-lengths // width) * width, max_length).astype(np.int32)


def padded_length(lengths: np.ndarray, batching: Batching, *, max_length: int) -> np.ndarray:
    """Return the padded length of batches whose longest rows have these lengths."""
    if batching.fixed_length:
        return np.broadcast_to(max_length, lengths.shape)
    return np.minimum(-(-lengths // batching.multiple) * batching.multiple, max_length)


def cuts(lengths: np.ndarray, batching: Batching, *, max_length: int | np.ndarray) -> np.ndarray:
    """Return the boundaries of batches if rows are taken in this order, int64, (batches + 1,).

    Args:
        lengths: Tokens per row, (rows,); or per source and target, (rows, 2).
        batching: Batch size or token budget, and padding.
        max_length: Maximum number of tokens per row, or per source and target, (2,).

    Example:

    >>> cuts(np.array([2, 3, 3, 8, 1]), Batching(tokens=8, pad_to_multiple_of=1), max_length=10).tolist()
    [0, 2, 3, 4, 5]
    """
    rows = len(lengths)
    if batching.size is not None:
        return np.append(np.arange(0, rows, batching.size), rows)
    padded = padded_length(lengths, batching, max_length=max_length).reshape(rows, -1)  # (rows, parts)
    bounds = [0]
    longest = [0] * padded.shape[1]
    for row, parts in enumerate(padded.tolist()):
        longest = list(map(max, longest, parts))
        if row > bounds[-1] and sum(longest) * (row + 1 - bounds[-1]) > batching.tokens:
            bounds.append(row)
            longest = parts
    return np.array(bounds + [rows], np.int64)


def no_batch(rows: int, batching: Batching) -> KerasftError:
    """Return (not raise) the error for a `drop_remainder` that drops everything."""
    return bad_argument(
        "batch_size", f"at most {rows}, the number of rows, with drop_remainder", batching, "Use a smaller value."
    )


@dataclass(frozen=True)
class TokenTargets:
    """Targets and sample weights per token, flat like the store's ids.

    Args:
        values: Targets of all tokens, row by row, int32, (tokens,), or (tokens, K).
        weights: Sample weights, float32, (tokens,): 0 for ignored tokens, such as all but the first subword of a word.
    """

    values: np.ndarray
    weights: np.ndarray

    def gather(self, index: tf.Tensor, real: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return targets (B, S[, K]) and weights (B, S) at these indices of the flat arrays; 0 where not `real`."""
        index = tf.minimum(index, len(self.weights) - 1)
        values = tf.gather(tf.constant(self.values), index)  # (B, S[, K])
        mask = tf.reshape(real, tf.concat([tf.shape(real), [1] * (self.values.ndim - 1)], 0))
        return tf.where(mask, values, 0), tf.where(real, tf.gather(tf.constant(self.weights), index), 0.0)


def finisher(store: TokenStore | TokenFiles, batching: Batching, *, y: np.ndarray | TokenTargets | None) -> Callable:
    """Return the last step of every input pipeline: from padded ids to `(features, y)`, or to features only without `y`.

    Args:
        store: The tokenized rows.
        batching: Determines which dimensions are static.
        y: Targets of all rows, (rows,) or (rows, C), or of all tokens.

    Returns:
        A function `finish(rows, ids, *, length, second)` of row indices (B,); ids (B, S) with arbitrary values at
        padding positions; lengths and start positions of segment 1, int32 (B,).
    """
    targets = y if y is None or isinstance(y, TokenTargets) else tf.constant(y)
    starts = tf.constant(np.concatenate([[0], np.cumsum(store.lengths, dtype=np.int64)])[:-1])  # (rows,)
    static_size = batching.size if batching.drop_remainder else None
    static_length = store.max_length if batching.fixed_length else None

    def finish(rows: tf.Tensor, ids: tf.Tensor, *, length: tf.Tensor, second: tf.Tensor):
        position = tf.range(tf.shape(ids)[1])  # (S,)
        real = position < length[:, None]  # (B, S)
        features = {TOKEN_IDS: tf.where(real, ids, store.pad_id), PADDING_MASK: tf.cast(real, tf.int32)}
        if store.segments:
            features[SEGMENT_IDS] = tf.cast(real & (position >= second[:, None]), tf.int32)
        features = {name: tf.ensure_shape(value, (static_size, static_length)) for name, value in features.items()}
        if targets is None:
            return features
        if isinstance(targets, TokenTargets):
            index = tf.gather(starts, rows)[:, None] + tf.cast(position, tf.int64)  # (B, S)
            values, weights = targets.gather(index, real)
            shape = (static_size, static_length)
            return features, tf.ensure_shape(values, (*shape, *y.values.shape[1:])), tf.ensure_shape(weights, shape)
        return features, tf.ensure_shape(tf.gather(targets, rows), (static_size, *targets.shape[1:]))

    return finish


def batch_length(length: tf.Tensor, batching: Batching, *, max_length: int) -> tf.Tensor:
    """Return the padded length of a batch of rows of these lengths (B,), int32 scalar."""
    if batching.fixed_length:
        return tf.constant(max_length)
    longest = -(-tf.reduce_max(length) // batching.multiple) * batching.multiple
    return tf.minimum(longest, max_length)


def reader(store: TokenStore, batching: Batching) -> Callable:
    """Return the function from row indices (B,) to ids (B, S), with arbitrary padding values, and lengths (B,), int32."""
    ids = tf.constant(store.ids)
    starts = tf.constant(store.offsets[:-1])
    lengths = tf.constant(store.lengths)

    def read(rows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        length = tf.gather(lengths, rows)  # (B,)
        position = tf.range(batch_length(length, batching, max_length=store.max_length), dtype=tf.int64)  # (S,)
        index = tf.gather(starts, rows)[:, None] + position  # (B, S)
        # Past the end of a row, this reads tokens of other rows; `finisher` replaces them with padding.
        return tf.gather(ids, tf.minimum(index, ids.shape[0] - 1)), length

    return read
