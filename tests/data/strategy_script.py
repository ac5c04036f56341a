"""Feed datasets to 2 replicas on logical CPU devices and print what arrived, as JSON.

Run by test_text_classification.py in a process of its own: logical devices must be made before TensorFlow starts.
"""

import json
import sys

import keras
import numpy as np
import tensorflow as tf

from kerasft import data
from kerasft.losses import SparseCategoricalFocalCrossentropy
from tests import tiny

ROWS = [{"text": "good film " * (1 + i % 5), "label": ("bad", "good")[i % 2]} for i in range(43)]
LABELS = ["bad", "good"]


def datasets(folder: str) -> dict[str, tf.data.Dataset]:
    common = {"labels": LABELS, "shuffle": True}
    return {
        "size": data.text_classification(ROWS, tiny.tokenizer(), batch_size=8, **common),
        "tokens": data.text_classification(ROWS, tiny.tokenizer(), batch_size=data.Batching(tokens=64), **common),
        "files": data.text_classification(ROWS, tiny.tokenizer(), batch_size=8, store=folder, **common),
    }


def rows_of(strategy: tf.distribute.Strategy, dataset: tf.data.Dataset) -> list[list[int]]:
    """How many rows each replica was given in each batch."""
    distributed = strategy.experimental_distribute_dataset(dataset)
    return [[int(part.shape[0]) for part in strategy.experimental_local_results(batch[1])] for batch in distributed]


def train(strategy: tf.distribute.Strategy) -> list[float]:
    keras.utils.set_random_seed(1)
    with strategy.scope():
        model = tiny.classifier(LABELS, dropout=0.0, hidden_dropout=0.0, attention_dropout=0.0)
        train = data.text_classification(ROWS, tiny.tokenizer(), labels=LABELS, batch_size=8, shuffle=True)
        model.compile(keras.optimizers.SGD(0.3), SparseCategoricalFocalCrossentropy())
    return model.fit(train, epochs=2, verbose=0, shuffle=False).history["loss"]


def main() -> None:
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
    )
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    made = datasets(sys.argv[1])
    parts = {name: rows_of(strategy, dataset) for name, dataset in made.items()}
    lengths = {name: len(dataset) for name, dataset in made.items()}
    losses = [train(tf.distribute.OneDeviceStrategy("CPU:0")), train(strategy)]
    print(json.dumps({"parts": parts, "lengths": lengths, "losses": np.array(losses).tolist()}))


if __name__ == "__main__":
    main()
