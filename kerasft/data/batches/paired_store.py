"""Tokenized rows of a source and a target: two stores, batched together."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from kerasft.data.batches.batching import Batching, reader
from kerasft.encoding.token_store import TokenStore
from kerasft.features import DECODER_PADDING_MASK, DECODER_TOKEN_IDS, ENCODER_PADDING_MASK, ENCODER_TOKEN_IDS


@dataclass(frozen=True)
class PairedStore:
    """Sources and their targets in memory.

    Args:
        source: Tokens of the sources.
        target: Tokens of the targets, including the end token; the same number of rows.
        start_id: Id of the decoder's start token.
    """

    source: TokenStore
    target: TokenStore
    start_id: int

    @property
    def lengths(self) -> np.ndarray:
        """Number of tokens of each row's source and target, int32, (rows, 2)."""
        return np.stack([self.source.lengths, self.target.lengths], axis=1)

    @property
    def max_length(self) -> np.ndarray:
        """Maximum number of tokens of a source and of a target, (2,)."""
        return np.array([self.source.max_length, self.target.max_length])


def paired_features(store: PairedStore, batching: Batching) -> Callable:
    """Return the last step of the input pipeline: from row indices (B,) to `(features, y, sample_weight)`.

    The decoder's input is the target, shifted right by the start token; the labels are the target itself, including the end
    token (teacher forcing; Williams and Zipser 1989, "A learning algorithm for continually running fully recurrent neural
    networks").
    """
    read_source, read_target = reader(store.source, batching), reader(store.target, batching)
    size = batching.size if batching.drop_remainder else None
    source_shape, target_shape = (
        (size, side.max_length if batching.fixed_length else None) for side in (store.source, store.target)
    )

    def gather(rows: tf.Tensor):
        source_ids, source_real = _padded(*read_source(rows), store.source.pad_id)  # (B, S)
        target_ids, target_real = _padded(*read_target(rows), store.target.pad_id)  # (B, T)
        start = tf.fill([tf.shape(rows)[0], 1], store.start_id)
        shifted = tf.where(target_real, tf.concat([start, target_ids[:, :-1]], axis=1), store.target.pad_id)  # (B, T)
        features = {
            ENCODER_TOKEN_IDS: tf.ensure_shape(source_ids, source_shape),
            ENCODER_PADDING_MASK: tf.ensure_shape(tf.cast(source_real, tf.int32), source_shape),
            DECODER_TOKEN_IDS: tf.ensure_shape(shifted, target_shape),
            DECODER_PADDING_MASK: tf.ensure_shape(tf.cast(target_real, tf.int32), target_shape),
        }
        weight = tf.cast(target_real, tf.float32)
        return features, tf.ensure_shape(target_ids, target_shape), tf.ensure_shape(weight, target_shape)

    return gather


def _padded(ids: tf.Tensor, length: tf.Tensor, pad_id: int) -> tuple[tf.Tensor, tf.Tensor]:
    real = tf.range(tf.shape(ids)[1]) < length[:, None]
    return tf.where(real, ids, pad_id), real
