"""From texts and targets to a `tf.data.Dataset`: tokenize, store, batch, pad, prefetch; shared by all tasks."""

import os
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from kerasft.data.batches.batching import Batching, TokenTargets
from kerasft.data.batches.file_batches import file_batches
from kerasft.data.batches.memory_batches import memory_batches
from kerasft.data.batches.paired_store import PairedStore
from kerasft.data.batches.token_files import TokenFiles, tokenize_to_files
from kerasft.distribution import allow_uneven_batches
from kerasft.encoding.token_store import Encoder, TokenStore, tokenize


def make_store(
    encoder: Encoder, texts: Sequence[str], *, pairs: Sequence[str] | None, folder: str | os.PathLike | None
) -> TokenStore | TokenFiles:
    """Tokenize into memory, or into files in `folder`."""
    if folder is None:
        return tokenize(encoder, texts, pairs=pairs)
    return tokenize_to_files(encoder, texts, pairs=pairs, folder=folder)


def token_dataset(
    store: TokenStore | TokenFiles | PairedStore,
    batching: Batching,
    *,
    y: np.ndarray | TokenTargets | None,
    shuffle: bool,
    seed: int,
) -> tf.data.Dataset:
    """Return a dataset of `(features, y)`; `(features, y, sample_weight)` for targets per token; features without `y`.

    Args:
        store: The tokenized rows.
        batching: Batch size or token budget, and padding.
        y: Targets per row, (rows,) or (rows, C), or per token; None for a `PairedStore`, which contains its targets.
        shuffle: Make new batches in a new order every epoch; otherwise keep the order of the rows.
        seed: Random seed of the order in all epochs.

    Returns:
        A dataset of known length; features are int32 (B, S).
    """
    allow_uneven_batches(tf.distribute.get_strategy())
    make = file_batches if isinstance(store, TokenFiles) else memory_batches
    # Keep the tokens in host memory even if a GPU is visible.
    with tf.device("CPU:0"):
        dataset, count = make(store, batching, y=y, shuffle=shuffle, seed=seed)
        dataset = dataset.apply(tf.data.experimental.assert_cardinality(count)).prefetch(tf.data.AUTOTUNE)
    options = tf.data.Options()
    # All workers of a strategy read the same stream of global batches, and each takes its part.
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    return dataset.with_options(options)
