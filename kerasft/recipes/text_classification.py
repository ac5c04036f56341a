"""Fine-tune a text classifier (classes, several classes at once, or numbers; one text or a pair), end to end.

    kerasft train text-classification --model MODEL --train train.csv --dev dev.csv --output saved_models/reviews

From all of SST-2 and MiniLM-L6 expect a dev accuracy of 0.90 or more within 3 epochs (docs/results.md has the numbers).
The script is meant to be copied: below `Options` stands plain Keras.
"""

import contextlib
import dataclasses

import kerasft
from kerasft.errors import bad_argument
from kerasft.recipes.defaults import choose_training
from kerasft.recipes.options import LABEL_NAMES_HELP, SMOOTHING_HELP, TEXT_HELP, TrainingOptions, option
from kerasft.recipes.training import (
    finish,
    keep_weights,
    make_callbacks,
    make_optimizer,
    prepare,
    progress,
    read_columns,
    read_rows,
)
from kerasft.recipes.weights import limit_trainable, restore_head

MONITOR = {"single_label": "val_accuracy", "multi_label": "val_f1_micro", "regression": "val_spearman"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(TrainingOptions):
    """Every choice of the recipe: these, and those of `TrainingOptions`.

    Example:

    >>> Options(model="bert-base-uncased", train="train.csv", output="saved_models/reviews").max_length
    128
    """

    output: str = option("folder of the bundle to write", default="saved_models/text_classification")
    text: str | None = option(TEXT_HELP)
    text_pair: str | None = option("column of the second text of a pair")
    label: str | None = option("column of the label; several joined by commas are several targets")
    label_names: str | None = option(LABEL_NAMES_HELP)
    problem: str = option(
        "what a label is", default="single_label", choices=("single_label", "multi_label", "regression")
    )
    unseen_labels: str = option(
        "what to do about rows of --dev and --test whose label no training row has; count: they are errors of the model",
        default="error",
        choices=("error", "count"),
    )
    max_length: int = option("longest input in tokens; longer texts are cut, and counted", default=128, least=3)
    pooling: str | None = option("how a text becomes one vector", choices=("cls", "pooler", "mean"))
    dropout: float = option("dropout before the output layer", default=0.1, least=0, below=1)
    focal_gamma: float = option("focusing parameter of the focal loss; 0 is cross-entropy", default=0.0, least=0)
    class_weights: str | None = option("weigh classes by their frequency", choices=("balanced", "effective"))
    label_smoothing: float = option(SMOOTHING_HELP, default=0.0, least=0, below=1)
    quantization_aware: bool = option("train with int8 products, for a file of `--quantize int8_full`", default=False)
    tune_temperature: bool = option(
        "find the temperature by which probabilities say how often an answer is right, on the dev rows", default=False
    )
    tune_thresholds: bool = option("find each label's threshold by its F1, on the dev rows", default=False)
    out_of_scope_label: str | None = option(
        "label of texts of no class: they are not trained on, the dev ones tune the probability below which an answer is this"
    )

    def __post_init__(self):
        super().__post_init__()
        if self.problem == "regression" and self.label_names is not None:
            raise bad_argument("label_names", "left out for a regression", self.label_names, "It is for classes.")
        if self.problem == "regression" and self.class_weights is not None:
            raise bad_argument("class_weights", "left out for a regression", self.class_weights, "It is for classes.")
        if self.problem == "regression" and self.tune_temperature:
            raise bad_argument("tune_temperature", "left out for a regression", True, "It is for classes.")
        if self.problem != "multi_label" and self.tune_thresholds:
            raise bad_argument("tune_thresholds", f"left out for {self.problem}", True, "It is for several labels.")
        if self.problem != "single_label" and self.out_of_scope_label is not None:
            fix = "Others can have no label at all."
            raise bad_argument("out_of_scope_label", f"left out for {self.problem}", self.out_of_scope_label, fix)


def _rounding(options: Options, model):
    """The context of the training: with `quantization_aware` the forward pass rounds as int8 does."""
    return (
        kerasft.quantization_aware.quantization_aware(model) if options.quantization_aware else contextlib.nullcontext()
    )


def main(options: Options) -> dict:
    """Train, save the bundle, report.

    Args:
        options: The choices; see `Options`.

    Returns:
        `metrics` (the report's numbers), `split` ("dev" or "test", what they were measured on), `best_epoch_chosen_on`
        ("dev" or None), and the paths `bundle`, `report` and `logs`.

    Raises:
        KerasftError: For anything in the options or the data that the user can mend.

    Example:

    >>> from kerasft.demo import tiny
    >>> checkpoint = str(tiny.checkpoint("tiny_bert"))
    >>> reviews_csv = tiny.reviews("reviews.csv")
    >>> result = main(Options(model=checkpoint, train=reviews_csv, output="reviews", epochs=1, max_length=16))
    3/3 - ...
    >>> result["bundle"].name, result["split"]
    ('reviews', 'dev')
    """
    work = prepare(options)  # the folder of logs, checkpoints and report, beside the bundle's

    # 1. Rows and labels. What the outputs stand for is decided by the training rows alone.
    columns = read_columns(options)
    found = read_rows(options, columns, problem=options.problem, leave_out=options.out_of_scope_label)
    train_rows, dev_rows, (split, rows), labels = found  # `rows` are what is reported
    watched, dev_rows = _checked_rows(options, dev_rows, rows, labels=labels, columns=columns)

    # 2. Backbone + head, datasets, loss and optimizer.
    with kerasft.get_strategy(options.strategy).scope():
        backbone, tokenizer = kerasft.load_pretrained(options.model)
        options = choose_training(options, backbone, rows=len(train_rows), kind="text", classes=len(labels))
        model = kerasft.heads.text_classifier(backbone, labels, pooling=options.pooling, dropout=options.dropout)
        restore_head(model, options)
        limit_trainable(options, model, backbone)
        data = {"labels": model.labels, "columns": columns, "max_length": options.max_length}
        batch_size = kerasft.data.Batching(tokens=options.token_budget) if options.token_budget else options.batch_size
        train = kerasft.data.text_classification(
            train_rows, tokenizer, batch_size=batch_size, shuffle=True, seed=options.seed, **data
        )
        dev = kerasft.data.text_classification(watched, tokenizer, batch_size=64, **data)
        scheme, several = options.class_weights, options.problem == "multi_label"
        alpha = scheme and kerasft.losses.class_weights(train, len(labels), scheme=scheme, multi_label=several)
        metrics = kerasft.metrics.for_labels(labels)
        model.compile(
            optimizer=make_optimizer(options, steps_per_epoch=len(train)),
            loss=kerasft.losses.for_labels(
                labels, focal_gamma=options.focal_gamma, alpha=alpha, label_smoothing=options.label_smoothing
            ),
            metrics=metrics,
            jit_compile=False,  # XLA would compile the step anew for every length of a batch
        )

    # 3. Train. `shuffle=False` because the dataset shuffles itself, and Keras warns of its own default.
    texts, _ = kerasft.data.texts_and_labels(watched, columns=columns)
    watching = {"monitor": MONITOR[options.problem], "metrics": metrics, "validation_data": dev, "texts": texts}
    watch = make_callbacks(options, work, **watching)
    with _rounding(options, model):
        model.fit(train, validation_data=dev, epochs=options.epochs, callbacks=watch, shuffle=False, verbose=progress())
    keep_weights(options, model, work)

    # 4. Report and save.
    about = {"model": options.model, "data": options.test or options.dev or f"{split} part of {options.train}"}
    pair = isinstance(texts[0], tuple)
    settings = {"columns": kerasft.data.remembered(train_rows)}
    trained = kerasft.make_bundle(model, tokenizer, max_length=options.max_length, pair=pair, settings=settings)

    def measure():
        tuned = _tuned_settings(options, kerasft.pipelines.load(trained), watched, dev_rows, columns=columns)
        trained.settings.update(tuned)
        baseline = kerasft.pipelines.load(trained).training_baseline(train_rows, columns=columns)
        trained.settings["baseline"] = baseline  # the answer without a model, to compare with here and in `evaluate`
        return kerasft.pipelines.load(trained).evaluate(
            rows, columns=columns, about=about, unseen_labels=options.unseen_labels
        )

    result = finish(options, trained, measure=measure, split=split, history=model.history.history)
    return result


def _checked_rows(options: Options, dev_rows, rows, *, labels, columns) -> tuple:
    """The dev rows that have the model's labels, and these with the out-of-scope ones; what is wrong anywhere is said now."""
    outside = options.out_of_scope_label
    parts = [dev_rows, rows]
    if outside:
        parts = [kerasft.data.separate_label(part, outside, columns=columns)[0] for part in parts]
    if options.unseen_labels == "count":  # no loss can be computed of such rows, so that they are only in the report
        parts = [kerasft.data.separate_unseen(part, labels, columns=columns)[0] for part in parts]
    for part in parts:
        kerasft.data.texts_and_labels(part, labels=labels, columns=columns)
    watched = parts[0]
    if options.unseen_labels == "count" and outside:
        dev_outside = kerasft.data.separate_label(dev_rows, outside, columns=columns)[1]
        return watched, kerasft.data.Rows.concatenate([watched, dev_outside])
    return watched, dev_rows


def _tuned_settings(options: Options, pipeline, watched, dev_rows, *, columns) -> dict:
    """What the dev rows say of temperature and thresholds. The temperature is first: thresholds are of probabilities."""
    settings = {}
    if options.tune_temperature:
        settings["temperature"] = pipeline.temperature = pipeline.tune_temperature(watched, columns=columns)
    if options.tune_thresholds:
        settings["thresholds"] = pipeline.tune_thresholds(watched, columns=columns)
    if options.out_of_scope_label:
        settings["out_of_scope"] = pipeline.tune_out_of_scope(dev_rows, options.out_of_scope_label, columns=columns)
    return settings
