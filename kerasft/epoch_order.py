"""Order of a dataset's rows as a function of the epoch's number, so that a resumed training continues with the same batches."""

import weakref
from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf


class EpochOrder:
    """Counts the epochs of one dataset; the dataset draws the order of its rows from that number and its seed.

    `tf.data` draws a new random order for every iterator, and offers no way to start with that of the fifth. Here the number
    of the epoch is an element of the dataset, which `kerasft.callbacks.resume` saves and restores.

    Args:
        description: What the order depends on, as JSON values: number of rows, seed, checksum of the content, ... Two datasets
            of the same description have the same orders.
        batch_rows: The row numbers of each batch of an epoch, as a dataset of int64 (B,), if they can be told.

    Example:

    >>> order = EpochOrder({"rows": 3, "seed": 0})
    >>> dataset = order.epochs().flat_map(lambda epoch: tf.data.Dataset.range(3).map(lambda row: 10 * epoch + row))
    >>> [row.item() for row in dataset.as_numpy_iterator()], [row.item() for row in dataset.as_numpy_iterator()]
    ([0, 1, 2], [10, 11, 12])
    >>> order.started
    2
    """

    _alive: "weakref.WeakSet[EpochOrder]" = weakref.WeakSet()

    def __init__(
        self, description: Mapping[str, object], *, batch_rows: Callable[[int], tf.data.Dataset] | None = None
    ):
        self.description = dict(description)
        self.batch_rows = batch_rows
        self.started = 0
        self._alive.add(self)

    @classmethod
    def alive(cls) -> "list[EpochOrder]":
        """Those of all datasets that exist in this process."""
        return list(cls._alive)

    def epochs(self) -> tf.data.Dataset:
        """A dataset of one element, the number of the epoch that begins when it is read, from 0, int64 scalar."""
        # TensorFlow never forgets a function of `numpy_function`, so that one must not hold this object; the dataset holds it.
        start = weakref.WeakMethod(self._start)

        def begin(_: tf.Tensor, order: EpochOrder = self) -> tf.Tensor:
            return tf.ensure_shape(tf.numpy_function(lambda: start()(), [], tf.int64), [])

        return tf.data.Dataset.from_tensors(0).map(begin)

    def _start(self) -> np.int64:
        self.started += 1
        return np.int64(self.started - 1)
