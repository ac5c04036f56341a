"""Peer: kerasft's T5 by Keras' fit on given batches; then greedy translations.

Run as `python translation_kerasft.py JOB.json`.
"""

import json
import pathlib
import sys
import time

import keras
import numpy as np
import tensorflow as tf

import kerasft


@keras.saving.register_keras_serializable("benchmark")
class Listed(keras.optimizers.schedules.LearningRateSchedule):
    """A given rate for every step."""

    def __init__(self, rates):
        self.rates = [float(rate) for rate in rates]

    def __call__(self, step):
        return tf.gather(tf.constant(self.rates), tf.cast(step, tf.int32))

    def get_config(self):
        return {"rates": self.rates}


class Losses(keras.callbacks.Callback):
    """The loss of every step: Keras' logs hold the running mean over examples."""

    def __init__(self, sizes):
        super().__init__()
        self.sizes = np.array(sizes, "float64")
        self.means = []

    def on_train_batch_end(self, batch, logs=None):
        self.means.append(float(logs["loss"]))

    @property
    def losses(self) -> list[float]:
        totals = np.array(self.means) * np.cumsum(self.sizes)
        return (np.diff(totals, prepend=0.0) / self.sizes).tolist()


def batches(arrays, steps: int):
    """The batches in order. The last key of each name is the step."""
    names = ("encoder_token_ids", "encoder_padding_mask", "decoder_token_ids", "decoder_padding_mask")
    for step in range(steps):
        features = {name: arrays[f"{name}_{step}"] for name in names}
        yield features, arrays[f"y_{step}"], arrays[f"weight_{step}"]


def main() -> None:
    job = json.loads(pathlib.Path(sys.argv[1]).read_text("utf-8"))
    arrays = np.load(job["batches"])
    steps = len(arrays["rates"])
    keras.utils.set_random_seed(job["seed"])
    model, tokenizer = kerasft.load_task_model(job["model"])
    spec = tf.TensorSpec((None, None), tf.int32)
    features, _, _ = next(batches(arrays, 1))
    signature = (dict.fromkeys(features, spec), spec, tf.TensorSpec((None, None), tf.float32))
    data = tf.data.Dataset.from_generator(lambda: batches(arrays, steps), output_signature=signature)
    data = data.apply(tf.data.experimental.assert_cardinality(steps)).prefetch(4)
    model.compile(
        kerasft.optimizers.AdamW(
            Listed(arrays["rates"]), weight_decay=job["weight_decay"], global_clipnorm=job["max_grad_norm"]
        ),
        loss=kerasft.losses.SparseCategoricalCrossentropy(label_smoothing=job["label_smoothing"]),
        jit_compile=False,
    )
    losses = Losses([len(arrays[f"y_{step}"]) for step in range(steps)])
    start = time.perf_counter()
    model.fit(data, callbacks=[losses], verbose=0, shuffle=False)
    seconds = time.perf_counter() - start
    settings = {"generation": {"max_new_tokens": job["max_length"]}}
    write = kerasft.pipelines.load(
        kerasft.make_bundle(model, tokenizer, max_length=job["max_length"], settings=settings)
    )
    start = time.perf_counter()
    texts = [answer["generated"] for answer in write(job["sources"], batch_size=64)]
    result = {"texts": texts, "losses": losses.losses, "seconds": seconds, "writing": time.perf_counter() - start}
    pathlib.Path(job["out"]).write_text(json.dumps(result), "utf-8")


if __name__ == "__main__":
    main()
