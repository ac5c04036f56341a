"""From texts and targets to the model's dataset: tokenize, store, batch, pad, prefetch; common to all tasks."""

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
    """Tokenize into memory, or into files below `folder`."""
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
    """The dataset of `(features, y)`, with targets per token `(features, y, sample_weight)`, or of features without `y`.

    Args:
        store: The tokenized rows.
        batching: Size or budget, and padding.
        y: Their targets, (rows,) or (rows, C); or one target, and its weight, for each token; None for a `PairedStore`,
            whose targets are its own.
        shuffle: New batches in a new order every epoch; else exactly the rows' order.
        seed: Seed of the order of all epochs.

    Returns:
        A dataset of known length whose features are int32 (B, S).
    """
    allow_uneven_batches(tf.distribute.get_strategy())
    make = file_batches if isinstance(store, TokenFiles) else memory_batches
    # Tokens stay in the host's memory also where a GPU is visible.
    with tf.device("CPU:0"):
        dataset, count = make(store, batching, y=y, shuffle=shuffle, seed=seed)
        dataset = dataset.apply(tf.data.experimental.assert_cardinality(count)).prefetch(tf.data.AUTOTUNE)
    options = tf.data.Options()
    # All workers of a strategy read one stream of global batches, and each takes its own part of them.
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    return dataset.with_options(options)
