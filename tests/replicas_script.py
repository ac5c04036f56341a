"""Train a small tagger on 1, 2 and 4 logical CPU devices and print what came out, as JSON.

Run by tests/test_distribution.py in a process of its own: logical devices must be made before TensorFlow starts.
"""

import json

import keras
import numpy as np
import tensorflow as tf

from kerasft.losses import SparseCategoricalFocalCrossentropy
from kerasft.optimizers import AdamW, WarmupLinearDecay

VOCABULARY_SIZE, HIDDEN_DIM, NUM_TAGS, EXAMPLES, BATCH_SIZE, EPOCHS = 40, 8, 3, 43, 8, 2


def tagger() -> keras.Model:
    keras.utils.set_random_seed(1)
    token_ids = keras.Input((None,), dtype="int32", name="token_ids")
    x = keras.layers.Embedding(VOCABULARY_SIZE, HIDDEN_DIM)(token_ids)  # (B, S, H)
    x = keras.layers.Dense(HIDDEN_DIM, activation="gelu")(x)
    x = keras.layers.LayerNormalization()(x)
    return keras.Model(token_ids, keras.layers.Dense(NUM_TAGS)(x))


def batches() -> tf.data.Dataset:
    """Batches of 8 padded texts of 1 to 20 tokens, random tags, weight 0 on padding; 43 texts, so a last batch of 3."""
    rng = np.random.default_rng(2)
    lengths = rng.integers(1, 21, EXAMPLES)
    tokens = [(rng.integers(0, VOCABULARY_SIZE, n), rng.integers(0, NUM_TAGS, n), np.ones(n)) for n in lengths]
    signature = tuple(tf.TensorSpec((None,), dtype) for dtype in (tf.int32, tf.int32, tf.float32))
    dataset = tf.data.Dataset.from_generator(lambda: iter(tokens), output_signature=signature)
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(EXAMPLES))
    return dataset.padded_batch(BATCH_SIZE, padded_shapes=([None], [None], [None]))


def train(strategy: tf.distribute.Strategy, **options) -> dict:
    with strategy.scope():
        model = tagger()
        optimizer = AdamW(WarmupLinearDecay(0.02, total_steps=12), global_clipnorm=0.05, **options)
        model.compile(optimizer, SparseCategoricalFocalCrossentropy(gamma=2.0))
    norms = []
    note = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: norms.append(float(optimizer.gradient_norm.numpy()))
    )
    losses = model.fit(batches(), epochs=EPOCHS, verbose=0, shuffle=False, callbacks=[note]).history["loss"]
    weights = np.concatenate([weight.ravel() for weight in model.get_weights()])
    return {"losses": losses, "norms": norms, "weights": weights.tolist()}


def main() -> None:
    [cpu] = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 4)
    devices = [f"CPU:{i}" for i in range(4)]
    # Of two ways to sum over replicas, the second strategy takes the older one: collectives of two groups of devices
    # do not live in one process.
    strategies = {
        1: tf.distribute.get_strategy(),
        2: tf.distribute.MirroredStrategy(devices[:2]),
        4: tf.distribute.MirroredStrategy(devices, cross_device_ops=tf.distribute.ReductionToOneDevice()),
    }
    runs = {str(replicas): train(strategy) for replicas, strategy in strategies.items()}
    for replicas in (1, 2):
        runs[f"{replicas} accumulated"] = train(strategies[replicas], gradient_accumulation_steps=2)
    print(json.dumps(runs))


if __name__ == "__main__":
    main()
