"""Peer: KerasHub's own BertTextClassifier.fit on raw strings, with its own preprocessor.

Its preprocessor pads every row to one length; its default is 512, the job's `max_length` (128) is kinder to it. Needs
kerasft's environment. Run as `python keras_hub_classifier.py JOB.json`. Single texts and classes only.
"""

import keras
import keras_hub
import numpy as np
import tensorflow as tf
from keras_steps import StepClock, train_rows
from measure import Clock, Job, report


@keras.saving.register_keras_serializable("benchmarks")
class WarmupLinear(keras.optimizers.schedules.LearningRateSchedule):
    """Linear to `peak`, then linear to 0; Keras has none."""

    def __init__(self, peak: float, total_steps: int, warmup: float):
        self.peak, self.total_steps, self.warmup = peak, total_steps, warmup

    def __call__(self, step):
        step = tf.cast(step, tf.float32)
        rising = max(1.0, self.warmup * self.total_steps)
        falling = max(1.0, self.total_steps - rising)
        return self.peak * tf.minimum((step + 1) / rising, tf.maximum(0.0, (self.total_steps - step) / falling))

    def get_config(self):
        return {"peak": self.peak, "total_steps": self.total_steps, "warmup": self.warmup}


def strings(rows: list[dict]) -> tf.data.Dataset:
    texts = tf.constant([row["text"] for row in rows])
    labels = np.array([row["label"] for row in rows], "int32")
    return tf.data.Dataset.from_tensor_slices((texts, labels))


def real_tokens_per_row(preprocessor, rows: list[dict]) -> float:
    """Every batch is padded alike, so the mean says all."""
    masks = [preprocessor([row["text"] for row in rows[i : i + 512]])["padding_mask"] for i in range(0, len(rows), 512)]
    return float(sum(np.sum(mask) for mask in masks)) / len(rows)


def main() -> None:
    job = Job.read()
    clock = Clock(job.warm_up_steps)
    keras.utils.set_random_seed(job.seed)
    tokenizer = keras_hub.tokenizers.BertTokenizer.from_preset(job.model)
    preprocessor = keras_hub.models.BertTextClassifierPreprocessor(tokenizer, sequence_length=job.max_length)
    backbone = keras_hub.models.BertBackbone.from_preset(job.model)
    model = keras_hub.models.BertTextClassifier(backbone, num_classes=job.num_labels, preprocessor=preprocessor)
    clock.phase("load")
    rows, epochs = train_rows(job, job.rows(job.train))
    steps = epochs * -(-len(rows) // job.batch_size)
    train = strings(rows).shuffle(len(rows), seed=job.seed).batch(job.batch_size)
    model.compile(
        optimizer=keras.optimizers.AdamW(
            WarmupLinear(job.learning_rate, steps, job.warmup),
            weight_decay=job.weight_decay,
            global_clipnorm=job.max_grad_norm,
        ),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    clock.phase("tokenise")  # KerasHub tokenises while it trains
    counter = StepClock(clock)
    model.fit(train, epochs=epochs, verbose=0, callbacks=[counter])
    clock.phase("train")
    more = {}
    if job.dev:
        more["dev_accuracy"] = float(model.evaluate(strings(job.rows(job.dev)).batch(64), verbose=0)[1])
        clock.phase("evaluate")
    tokens = real_tokens_per_row(preprocessor, rows)
    sizes = [min(job.batch_size, len(rows) - i) for i in range(0, len(rows), job.batch_size)] * epochs
    versions = {"tensorflow": tf.__version__, "keras": keras.__version__, "keras_hub": keras_hub.__version__}
    batches = [(size, size * tokens) for size in sizes]
    report(job, clock, batches, loss=counter.loss, versions=versions, jit_compile=model.jit_compile, **more)


if __name__ == "__main__":
    main()
