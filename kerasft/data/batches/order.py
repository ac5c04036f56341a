"""Random but reproducible order of a store's rows: what it depends on."""

import zlib
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from kerasft.data.batches.batching import Batching, TokenTargets
from kerasft.data.batches.paired_store import PairedStore
from kerasft.data.batches.token_files import TokenFiles
from kerasft.encoding.token_store import TokenStore
from kerasft.epoch_order import EpochOrder


def epoch_order(
    store: TokenStore | TokenFiles | PairedStore,
    batching: Batching,
    *,
    y: np.ndarray | TokenTargets | None,
    seed: int,
    batch_rows: Callable[[int], tf.data.Dataset] | None = None,
) -> EpochOrder:
    """The order of a shuffled dataset, described by all that decides its batches.

    Args:
        store: The tokenized rows.
        batching: Size or budget, and padding.
        y: Targets; see `kerasft.data.batches.token_dataset`.
        seed: Seed of the order of all epochs.
        batch_rows: The row numbers of an epoch's batches.
    """
    description = {
        "rows": len(store.lengths),
        "tokens": int(np.sum(store.lengths)),
        "checksum": f"{_checksum(store, y):08x}",
        "seed": seed,
        "batch_size": batching.size,
        "token_budget": batching.tokens,
        "pad_to_multiple_of": batching.multiple,
        "drop_remainder": batching.drop_remainder,
        "similar_length": batching.similar_length,
    }
    return EpochOrder(description, batch_rows=batch_rows)


def _checksum(store: TokenStore | TokenFiles | PairedStore, y: np.ndarray | TokenTargets | None) -> int:
    """CRC-32 of the token ids and targets. Files are represented by their folder's name, a digest of their content."""
    if isinstance(store, PairedStore):
        arrays = [store.source.ids, store.source.lengths, store.target.ids, store.target.lengths]
    elif isinstance(store, TokenFiles):
        arrays = [np.frombuffer(store.digest.encode(), np.uint8), store.lengths]
    else:
        arrays = [store.ids, store.lengths, store.second]
    if isinstance(y, TokenTargets):
        arrays += [y.values, y.weights]
    elif y is not None:
        arrays.append(np.asarray(y))
    checksum = 0
    for array in arrays:
        checksum = zlib.crc32(np.ascontiguousarray(array), checksum)
    return checksum
