"""Evaluate losses and metrics on 1 and on 2 logical CPU devices and print the results as JSON.

Run by test_replicas.py in a process of its own: logical devices must be made before TensorFlow starts.
"""

import json

import keras
import numpy as np
import tensorflow as tf

from kerasft import losses, metrics
from kerasft.features import Labels, regression

EXAMPLES, BATCH_SIZE = 21, 4  # the last batch has 1 example: the second replica gets none


def results(labels: Labels, y: np.ndarray, strategy: tf.distribute.Strategy) -> dict:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(EXAMPLES, 3)).astype("float32")
    weights = rng.integers(0, 3, EXAMPLES).astype("float32")
    weights[:4] = [0, 0, 1, 2]  # the first replica's share of the first batch counts nothing
    with strategy.scope():
        keras.utils.set_random_seed(0)
        inputs = keras.Input((3,))
        model = keras.Model(inputs, keras.layers.Dense(len(labels))(inputs))
        loss = losses.for_labels(labels)
        model.compile(keras.optimizers.SGD(0.1), loss, weighted_metrics=metrics.for_labels(labels))
    dataset = tf.data.Dataset.from_tensor_slices((x, y, weights)).batch(BATCH_SIZE)
    history = model.fit(dataset, epochs=1, verbose=0, shuffle=False).history
    weights = np.concatenate([weight.ravel() for weight in model.get_weights()]).tolist()
    return {**history, **model.evaluate(dataset, verbose=0, return_dict=True), "weights": weights}


def main() -> None:
    [cpu] = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    rng = np.random.default_rng(0)
    problems = [
        (Labels(["a", "b", "c"]), rng.integers(0, 3, EXAMPLES)),
        (regression("s"), rng.integers(0, 4, (EXAMPLES, 1)).astype("float32")),
    ]
    strategies = {"1": tf.distribute.get_strategy(), "2": tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])}
    runs = {
        f"{labels.problem} {replicas}": results(labels, y, strategy)
        for labels, y in problems
        for replicas, strategy in strategies.items()
    }
    print(json.dumps(runs))


if __name__ == "__main__":
    main()
