"""Fine-tune a text classifier (classes, several classes at once, or numbers; one text or a pair), end to end.

    kerasft train text-classification --model MODEL --train train.csv --dev dev.csv --output saved_models/reviews

From all of SST-2 and MiniLM-L6 expect a dev accuracy of 0.90 or more within 3 epochs (docs/results.md has the numbers).
The script is meant to be copied: below `Options` stands plain Keras.
"""

import dataclasses
import os
import pathlib

import kerasft
from kerasft.recipes.options import column, option


@dataclasses.dataclass(frozen=True)
class Options:
    """Every choice of the recipe; each is a flag of `kerasft train text-classification` and a key of `--config`.

    Example:

    >>> Options(model="bert-base-uncased", train="train.csv", output="saved_models/reviews").learning_rate
    2e-05
    """

    model: str = option("checkpoint: a Hugging Face folder or hub id, or a KerasHub preset")
    train: str = option("training file (.csv .tsv .jsonl .parquet .tfrecord), or tfds:NAME:SPLIT")
    output: str = option("folder of the bundle to write", default="saved_models/text_classification")
    dev: str | None = option("file to validate on after each epoch; without it a part of --train is held out")
    test: str | None = option("file to report on; without it the report is on the dev rows")
    dev_fraction: float = option("part of --train that is held out where there is no --dev", default=0.1)
    text: str | None = option("column of the text: a name, or a number from 0 where the file has no header")
    text_pair: str | None = option("column of the second text of a pair")
    label: str | None = option("column of the label; several joined by commas are several targets")
    problem: str = option(
        "what a label is", default="single_label", choices=("single_label", "multi_label", "regression")
    )
    max_length: int = option("longest input in tokens; longer texts are cut, and counted", default=128)
    max_train_rows: int | None = option("train on this many rows only, drawn by the seed (a quick try)")
    pooling: str | None = option("how a text becomes one vector", choices=("cls", "pooler", "mean"))
    dropout: float = option("dropout before the output layer", default=0.1)
    epochs: int = option("passes over the training rows", default=3)
    batch_size: int = option("texts a step, over all devices together", default=32)
    token_budget: int | None = option("instead of --batch-size: padded tokens a step")
    learning_rate: float = option("peak rate of AdamW", default=2e-5)
    schedule: str = option("decay after the warm-up", default="linear", choices=("linear", "cosine", "polynomial"))
    warmup: float = option("part of the steps in which the rate rises", default=0.1)
    weight_decay: float = option("decoupled weight decay of the matrices", default=0.01)
    global_clipnorm: float = option("largest norm of all gradients together; 0 for none", default=1.0)
    gradient_accumulation: int = option("batches whose gradients are averaged into one step", default=1)
    focal_gamma: float = option("focusing parameter of the focal loss; 0 is cross-entropy", default=0.0)
    class_weights: str | None = option("weigh classes by their frequency", choices=("balanced", "effective"))
    label_smoothing: float = option("mass moved from the true class to all classes", default=0.0)
    keep: str = option("which epoch's weights to keep", default="best", choices=("best", "last"))
    monitor: str | None = option("metric that says which epoch is best, such as val_f1_macro")
    patience: int | None = option("stop when --monitor has not improved for this many epochs")
    precision: str = option("arithmetic", default="float32", choices=("float32", "mixed_bfloat16", "mixed_float16"))
    strategy: str = option("devices", default="auto", choices=("auto", "one_device", "mirrored", "multi_worker", "tpu"))
    seed: int = option("seed of the split, the order, the new weights and the dropout", default=0)
    resume: bool = option("go on with a run of the same --output that was interrupted", default=False)


def main(options: Options) -> dict:
    """Train, save the bundle, report. Returns the report's numbers and the paths of what was written.

    Args:
        options: The choices; see `Options`.

    Returns:
        `{"metrics": ..., "split": "dev" or "test", "best_epoch_chosen_on": ..., "bundle": path, "report": path, ...}`.

    Raises:
        KerasftError: For anything in the options or the data that the user can mend.

    Example:

    >>> result = main(Options(model=checkpoint, train=reviews_csv, output=scratch / "reviews", epochs=1))
    >>> result["bundle"].name
    'reviews'
    """
    import keras  # here and not above: `kerasft train --help` reads Options and must not wait for TensorFlow

    keras.utils.set_random_seed(options.seed)
    keras.config.set_dtype_policy(options.precision)
    output = pathlib.Path(options.output)
    columns = {"text": column(options.text), "text_pair": column(options.text_pair), "label": column(options.label)}
    columns = {role: name for role, name in columns.items() if name is not None} or None

    # 1. The rows: train, dev, test.
    train_rows, dev_rows, test_rows = options.train, options.dev, options.test
    if dev_rows is None:
        train_rows, dev_rows = kerasft.data.split(
            train_rows, dev=options.dev_fraction, seed=options.seed, columns=columns
        )[:2]
    labels = kerasft.data.collect_labels(train_rows, columns=columns, problem=options.problem)
    if options.max_train_rows:
        train_rows = kerasft.data.sample(train_rows, options.max_train_rows, seed=options.seed, columns=columns)

    # 2. Backbone, tokenizer, model, datasets.
    with kerasft.get_strategy(options.strategy).scope():
        backbone, tokenizer = kerasft.load_pretrained(options.model)
        model = kerasft.heads.text_classifier(backbone, labels, pooling=options.pooling, dropout=options.dropout)
        data = {"labels": model.labels, "columns": columns, "max_length": options.max_length}
        batch = kerasft.data.TokenBudget(options.token_budget) if options.token_budget else options.batch_size
        train = kerasft.data.text_classification(
            train_rows, tokenizer, batch_size=batch, shuffle=True, seed=options.seed, **data
        )
        dev = kerasft.data.text_classification(dev_rows, tokenizer, batch_size=64, **data)

        # 3. Loss, optimizer, metrics.
        alpha = None
        if options.class_weights:
            alpha = kerasft.losses.class_weights(train, len(labels), scheme=options.class_weights)
        decay = {
            "linear": kerasft.optimizers.WarmupLinearDecay,
            "cosine": kerasft.optimizers.WarmupCosineDecay,
            "polynomial": kerasft.optimizers.WarmupPolynomialDecay,
        }[options.schedule]
        steps = max(1, options.epochs * len(train) // options.gradient_accumulation)
        model.compile(
            optimizer=kerasft.optimizers.AdamW(
                decay(options.learning_rate, steps, warmup=options.warmup),
                weight_decay=options.weight_decay,
                global_clipnorm=options.global_clipnorm or None,
                gradient_accumulation_steps=options.gradient_accumulation
                if options.gradient_accumulation > 1
                else None,
            ),
            loss=kerasft.losses.for_labels(
                labels, focal_gamma=options.focal_gamma, alpha=alpha, label_smoothing=options.label_smoothing
            ),
            metrics=kerasft.metrics.for_labels(labels),
        )

    # 4. Train.
    monitor = options.monitor or {"regression": "val_spearman", "multi_label": "val_f1_micro"}.get(
        options.problem, "val_accuracy"
    )
    work = output.parent / f"{output.name}.run"  # logs and checkpoints, beside the bundle
    callbacks = [
        kerasft.callbacks.StopOnNonFinite(),
        kerasft.callbacks.Throughput(train),
        kerasft.callbacks.TensorBoard(work / "logs", dataset=train, hyper_parameters=dataclasses.asdict(options)),
    ]
    if options.keep == "best":
        callbacks.append(kerasft.callbacks.best_checkpoint(work / "best.weights.h5", monitor=monitor))
    if options.patience is not None:
        callbacks.append(kerasft.callbacks.early_stopping(monitor=monitor, patience=options.patience))
    if options.resume:
        callbacks.append(kerasft.callbacks.resume(work / "resume"))
    verbose = 1 if os.isatty(2) else 2
    history = model.fit(train, validation_data=dev, epochs=options.epochs, callbacks=callbacks, verbose=verbose)
    if options.keep == "best":
        model.load_weights(work / "best.weights.h5")

    # 5. Report and save.
    split, rows = ("test", test_rows) if test_rows is not None else ("dev", dev_rows)
    held_out = kerasft.data.text_classification(rows, tokenizer, batch_size=64, **data)
    report = kerasft.reports.evaluate(model, held_out, folder=work / "report")
    bundle = kerasft.save_bundle(
        output,
        model,
        tokenizer,
        max_length=options.max_length,
        pair="segment_ids" in model.input and options.text_pair is not None,
        metrics={split: report.metrics},
        provenance={"options": dataclasses.asdict(options), "history": history.history},
    )
    chosen_on = "dev" if options.keep == "best" and options.epochs > 1 else None
    return {
        "metrics": report.metrics,
        "split": split,
        "best_epoch_chosen_on": chosen_on,
        "bundle": bundle,
        "report": work / "report" / "report.html",
        "logs": work / "logs",
    }
