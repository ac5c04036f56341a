"""A model that trains in milliseconds on real feature names; eagerly, since compiling would take most of the time."""

import keras
import numpy as np
import tensorflow as tf

from kerasft.features import PADDING_MASK, TOKEN_IDS, Labels

LABELS = ("negative", "positive")


def model(labels=LABELS, *, optimizer=None, metrics=("accuracy",), eager=True) -> keras.Model:
    keras.utils.set_random_seed(0)
    labels = Labels.of(labels)
    token_ids = keras.Input((None,), dtype="int32", name=TOKEN_IDS)
    mask = keras.Input((None,), dtype="int32", name=PADDING_MASK)
    states = keras.layers.Embedding(10, 4)(token_ids)
    pooled = keras.layers.GlobalAveragePooling1D()(states, mask=keras.ops.cast(mask, "bool"))
    made = keras.Model([token_ids, mask], keras.layers.Dense(len(labels), name="logits")(pooled))
    made = keras.Model({TOKEN_IDS: token_ids, PADDING_MASK: mask}, made.output)
    made.labels = labels
    losses = {
        "single_label": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        "multi_label": keras.losses.BinaryCrossentropy(from_logits=True),
        "regression": "mse",
    }
    metrics = list(metrics) if labels.problem == "single_label" else []
    made.compile(
        optimizer or keras.optimizers.Adam(0.05), loss=losses[labels.problem], metrics=metrics, run_eagerly=eager
    )
    return made


def features(rows: int = 12, length: int = 6) -> dict[str, np.ndarray]:
    """Row i has 1 + i % length real tokens, all of them i % 2."""
    mask = (np.arange(length) <= np.arange(rows)[:, None] % length).astype("int32")
    return {TOKEN_IDS: mask * (np.arange(rows)[:, None] % 2).astype("int32"), PADDING_MASK: mask}


def targets(labels=LABELS, rows: int = 12) -> np.ndarray:
    labels = Labels.of(labels)
    kind = np.arange(rows) % 2
    if labels.problem == "single_label":
        return kind.astype("int32")
    return np.stack([kind == index % 2 for index in range(len(labels))], axis=1).astype("float32")


def dataset(labels=LABELS, *, rows: int = 12, batch_size: int = 4) -> tf.data.Dataset:
    return tf.data.Dataset.from_tensor_slices((features(rows), targets(labels, rows))).batch(batch_size)


REAL_TOKENS = int(features()[PADDING_MASK].sum())
