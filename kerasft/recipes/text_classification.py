"""Text classification: single-label, multi-label or regression; single texts or pairs.

    kerasft train text-classification --model MODEL --train train.csv --dev dev.csv --output saved_models/reviews

With SST-2 and MiniLM-L6, expect a validation accuracy of at least 0.90 within 3 epochs (results: docs/results.md).
The script is meant to be copied: below `Options` it is plain Keras.
"""

import dataclasses

import kerasft
from kerasft.recipes.defaults import choose_training
from kerasft.recipes.options import LABEL_NAMES_HELP, SMOOTHING_HELP, TEXT_HELP, TrainingOptions, option
from kerasft.recipes.reading import read_columns, read_rows
from kerasft.recipes.training import (
    batching,
    keep_weights,
    make_callbacks,
    make_loss,
    make_optimizer,
    prepare,
    progress,
    report_and_save,
    with_baseline,
)
from kerasft.recipes.tuning import check_problem, rows_with_labels, tune
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
        "--dev and --test rows with a label that does not occur in the training rows; count: count them as errors",
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
        "label of out-of-scope texts: excluded from training; in the validation rows, used to tune the out-of-scope threshold"
    )

    def __post_init__(self):
        super().__post_init__()
        check_problem(self)


def main(options: Options) -> dict:
    """Train, save the bundle, write the report.

    Args:
        options: See `Options`.

    Returns:
        `metrics` (the report's metrics), `split` ("dev" or "test", the split of these metrics), `best_epoch_chosen_on`
        ("dev" or None), and the paths `bundle`, `report` and `logs`.

    Raises:
        KerasftError: For invalid options or data.

    Example:

    >>> from kerasft.demo import tiny
    >>> checkpoint = str(tiny.checkpoint("tiny_bert"))
    >>> reviews_csv = tiny.reviews("reviews.csv")
    >>> result = main(Options(model=checkpoint, train=reviews_csv, output="reviews", epochs=1, max_length=16))
    3/3 - ...
    >>> result["bundle"].name, result["split"]
    ('reviews', 'dev')
    """
    work = prepare(options)  # folder for logs, checkpoints and report, next to the bundle

    # 1. Rows and labels. The training rows define the labels of the outputs.
    columns = read_columns(options, "text", "text_pair", "label")
    rows = read_rows(options, columns, problem=options.problem, leave_out=options.out_of_scope_label)
    labels = rows.labels
    dev_rows = rows_with_labels(options, rows, columns)

    # 2. Backbone + head, datasets, loss and optimizer.
    with kerasft.get_strategy(options.strategy).scope():
        backbone, tokenizer = kerasft.load_pretrained(options.model)
        options = choose_training(options, backbone, rows=len(rows.train), kind="text", classes=len(labels))
        model = kerasft.heads.text_classifier(backbone, labels, pooling=options.pooling, dropout=options.dropout)
        restore_head(model, options)
        limit_trainable(options, model, backbone)
        data = {"labels": model.labels, "columns": columns, "max_length": options.max_length}
        train = kerasft.data.text_classification(
            rows.train, tokenizer, batch_size=batching(options), shuffle=True, seed=options.seed, **data
        )
        dev = kerasft.data.text_classification(dev_rows, tokenizer, batch_size=64, **data)
        metrics = kerasft.metrics.for_labels(labels)
        model.compile(
            optimizer=make_optimizer(options, steps_per_epoch=len(train)),
            loss=make_loss(options, labels, train),
            metrics=metrics,
            jit_compile=False,  # XLA would recompile the step for every batch length
        )

    # 3. Train. `shuffle=False` because the dataset shuffles itself, and Keras warns about its default.
    texts, _ = kerasft.data.texts_and_labels(dev_rows, columns=columns)
    monitored = {"monitor": MONITOR[options.problem], "metrics": metrics, "validation_data": dev, "texts": texts}
    callbacks = make_callbacks(options, work, **monitored)
    with kerasft.quantization_aware.quantization_aware(model, enabled=options.quantization_aware):
        model.fit(
            train, validation_data=dev, epochs=options.epochs, callbacks=callbacks, shuffle=False, verbose=progress()
        )
    keep_weights(options, model, work)

    # 4. Report and save.
    pair = isinstance(texts[0], tuple)
    settings = {"columns": kerasft.data.remembered(rows.train)}
    trained = kerasft.make_bundle(model, tokenizer, max_length=options.max_length, pair=pair, settings=settings)

    def measure(about):
        tune(options, trained, rows.dev, watched=dev_rows, columns=columns)
        pipeline = with_baseline(trained, rows.train, columns=columns)
        return pipeline.evaluate(rows.reported, columns=columns, about=about, unseen_labels=options.unseen_labels)

    return report_and_save(options, trained, measure=measure, split=rows.split, history=model.history.history)
