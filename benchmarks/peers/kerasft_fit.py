"""kerasft's own part of the comparison: what its recipe does, with a clock. Run as `python kerasft_fit.py JOB.json`."""

import keras
import numpy as np
import tensorflow as tf
from keras_steps import StepClock, train_rows
from measure import Clock, Job, report

import kerasft


def tuples(rows: list[dict]) -> list[tuple]:
    names = ("text", "text_pair", "label") if "text_pair" in rows[0] else ("text", "label")
    return [tuple(row[name] for name in names) for row in rows]


def dataset(job: Job, tokenizer, labels, rows: list[dict], **options) -> tf.data.Dataset:
    return kerasft.data.text_classification(
        tuples(rows), tokenizer, labels=labels, max_length=job.max_length, seed=job.seed, **options
    )


def counts(train: tf.data.Dataset, epochs: int) -> list[tuple[int, int]]:
    """(rows, real tokens) of every batch. A second dataset of the same seed gives the same batches."""
    masks = (features["padding_mask"].numpy() for _ in range(epochs) for features, _ in train)
    return [(len(mask), int(mask.sum())) for mask in masks]


def scores(job: Job, model: keras.Model, dev: tf.data.Dataset) -> dict:
    logits = model.predict(dev, verbose=0)
    gold = np.concatenate([y.numpy() for _, y in dev])
    if job.is_regression:
        return {"dev_pearson": float(np.corrcoef(logits[:, 0], gold[:, 0])[0, 1])}
    return {"dev_accuracy": float((logits.argmax(-1) == gold).mean())}


def main() -> None:
    job = Job.read()
    clock = Clock(job.warm_up_steps)
    keras.utils.set_random_seed(job.seed)
    backbone, tokenizer = kerasft.load_pretrained(job.model)
    labels = kerasft.regression() if job.is_regression else [str(i) for i in range(job.num_labels)]
    model = kerasft.heads.text_classifier(backbone, labels=labels)
    clock.phase("load")
    rows, epochs = train_rows(job, job.rows(job.train))
    train = dataset(job, tokenizer, model.labels, rows, batch_size=job.batch_size, shuffle=True)
    clock.phase("tokenise")
    model.compile(
        optimizer=kerasft.optimizers.AdamW(
            kerasft.optimizers.WarmupLinearDecay(job.learning_rate, epochs * len(train), warmup=job.warmup),
            weight_decay=job.weight_decay,
            global_clipnorm=job.max_grad_norm,
        ),
        loss=kerasft.losses.for_labels(model.labels),
    )
    counter = StepClock(clock)
    model.fit(train, epochs=epochs, verbose=0, callbacks=[counter])
    clock.phase("train")
    more = {}
    if job.dev:
        more = scores(job, model, dataset(job, tokenizer, model.labels, job.rows(job.dev), batch_size=64))
        clock.phase("evaluate")
    again = dataset(job, tokenizer, model.labels, rows, batch_size=job.batch_size, shuffle=True)
    versions = {"tensorflow": tf.__version__, "keras": keras.__version__, "kerasft": kerasft.__version__}
    report(job, clock, counts(again, epochs), loss=counter.loss, versions=versions, **more)


if __name__ == "__main__":
    main()
