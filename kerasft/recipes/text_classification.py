"""Text classification: single-label, multi-label or regression; single texts or pairs.

    kerasft train text-classification --model MODEL --train train.csv --dev dev.csv --output saved_models/reviews

With all of SST-2 and MiniLM-L6, expect a dev accuracy of at least 0.90 within 3 epochs (docs/results.md has the numbers).
The script is meant to be copied: below `Options` it is plain Keras.
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
    """Options of the recipe, in addition to those of `TrainingOptions`.

    Example:

    >>> Options(model="bert-base-uncased", train="train.csv", output="saved_models/reviews").max_length
    128
    """

    output: str = option("output folder of the bundle", default="saved_models/text_classification")
    text: str | None = option(TEXT_HELP)
    text_pair: str | None = option("column of the second text of a pair")
    label: str | None = option("column of the label; several targets: comma-separated columns")
    label_names: str | None = option(LABEL_NAMES_HELP)
    problem: str = option("problem type", default="single_label", choices=("single_label", "multi_label", "regression"))
    unseen_labels: str = option(
        "--dev and --test rows with a label that no training row has; count: score them as errors",
        default="error",
        choices=("error", "count"),
    )
    max_length: int = option(
        "maximum input length in tokens; longer texts are truncated, with a warning", default=128, least=3
    )
    pooling: str | None = option("pooling (default: by checkpoint)", choices=("cls", "pooler", "mean"))
    dropout: float = option("dropout before the output layer", default=0.1, least=0, below=1)
    focal_gamma: float = option("focusing parameter of the focal loss; 0 is cross-entropy", default=0.0, least=0)
    class_weights: str | None = option(
        "class weights, from class frequencies (default: none)", choices=("balanced", "effective")
    )
    label_smoothing: float = option(SMOOTHING_HELP, default=0.0, least=0, below=1)
    quantization_aware: bool = option("quantization-aware training, for `export --quantize int8_full`", default=False)
    tune_temperature: bool = option(
        "calibrate probabilities by temperature scaling on the validation rows", default=False
    )
    tune_thresholds: bool = option(
        "multi-label: tune each label's threshold for F1 on the validation rows", default=False
    )
    out_of_scope_label: str | None = option(
        "label of out-of-scope texts: excluded from training; the validation ones tune the probability threshold for this label"
    )

    def __post_init__(self):
        super().__post_init__()
        if self.problem == "regression" and self.label_names is not None:
            raise bad_argument("label_names", "omitted for regression", self.label_names, "Only classes have names.")
        if self.problem == "regression" and self.class_weights is not None:
            raise bad_argument(
                "class_weights", "omitted for regression", self.class_weights, "Only classes have weights."
            )
        if self.problem == "regression" and self.tune_temperature:
            raise bad_argument(
                "tune_temperature", "omitted for regression", True, "Only class probabilities have a temperature."
            )
        if self.problem != "multi_label" and self.tune_thresholds:
            raise bad_argument(
                "tune_thresholds", f"omitted for {self.problem}", True, "It requires problem=multi_label."
            )
        if self.problem != "single_label" and self.out_of_scope_label is not None:
            fix = "It requires problem=single_label."
            raise bad_argument("out_of_scope_label", f"omitted for {self.problem}", self.out_of_scope_label, fix)


def _rounding(options: Options, model):
    """Context of the training: with `quantization_aware`, the forward pass rounds like int8."""
    return (
        kerasft.quantization_aware.quantization_aware(model) if options.quantization_aware else contextlib.nullcontext()
    )


def main(options: Options) -> dict:
    """Train, save the bundle, write the report.

    Args:
        options: See `Options`.

    Returns:
        `metrics` (the report's numbers), `split` ("dev" or "test", the rows they were measured on), `best_epoch_chosen_on`
        ("dev" or None), and the paths `bundle`, `report` and `logs`.

    Raises:
        KerasftError: For invalid options or data.

    Example:

    >>> result = main(Options(model=checkpoint, train=reviews_csv, output="reviews", epochs=1, max_length=16))
    3/3 - ...
    >>> result["bundle"].name, result["split"]
    ('reviews', 'dev')
    """
    work = prepare(options)  # the folder of logs, checkpoints and report, beside the bundle's

    # 1. Rows and labels. The training rows define the labels of the outputs.
    columns = read_columns(options)
    found = read_rows(options, columns, problem=options.problem, leave_out=options.out_of_scope_label)
    train_rows, dev_rows, (split, rows), labels = found  # the report is on `rows`
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
            jit_compile=False,  # XLA would recompile the step for every batch length
        )

    # 3. Train. `shuffle=False` because the dataset shuffles itself, and Keras warns about its default.
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
        trained.settings["baseline"] = baseline  # baseline without a model, for the report here and in `evaluate`
        return kerasft.pipelines.load(trained).evaluate(
            rows, columns=columns, about=about, unseen_labels=options.unseen_labels
        )

    result = finish(options, trained, measure=measure, split=split, history=model.history.history)
    return result


def _checked_rows(options: Options, dev_rows, rows, *, labels, columns) -> tuple:
    """The dev rows with the model's labels, and with the out-of-scope ones; checks all rows now."""
    outside = options.out_of_scope_label
    parts = [dev_rows, rows]
    if outside:
        parts = [kerasft.data.separate_label(part, outside, columns=columns)[0] for part in parts]
    if options.unseen_labels == "count":  # these rows have no loss, so they are only in the report
        parts = [kerasft.data.separate_unseen(part, labels, columns=columns)[0] for part in parts]
    for part in parts:
        kerasft.data.texts_and_labels(part, labels=labels, columns=columns)
    watched = parts[0]
    if options.unseen_labels == "count" and outside:
        dev_outside = kerasft.data.separate_label(dev_rows, outside, columns=columns)[1]
        return watched, kerasft.data.Rows.concatenate([watched, dev_outside])
    return watched, dev_rows


def _tuned_settings(options: Options, pipeline, watched, dev_rows, *, columns) -> dict:
    """Temperature and thresholds, tuned on the dev rows. The temperature is first: thresholds depend on probabilities."""
    settings = {}
    if options.tune_temperature:
        settings["temperature"] = pipeline.temperature = pipeline.tune_temperature(watched, columns=columns)
    if options.tune_thresholds:
        settings["thresholds"] = pipeline.tune_thresholds(watched, columns=columns)
    if options.out_of_scope_label:
        settings["out_of_scope"] = pipeline.tune_out_of_scope(dev_rows, options.out_of_scope_label, columns=columns)
    return settings
