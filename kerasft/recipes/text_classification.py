"""Fine-tune a text classifier (classes, several classes at once, or numbers; one text or a pair), end to end.

    kerasft train text-classification --model MODEL --train train.csv --dev dev.csv --output saved_models/reviews

From all of SST-2 and MiniLM-L6 expect a dev accuracy of 0.90 or more within 3 epochs (docs/results.md has the numbers).
The script is meant to be copied: below `Options` stands plain Keras.
"""

import dataclasses

import kerasft
from kerasft.errors import bad_argument
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
from kerasft.recipes.tuning import rows_with_labels, tune
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
        for name in ("label_names", "class_weights", "tune_temperature"):
            if self.problem == "regression" and (given := getattr(self, name)) not in (None, False):
                raise bad_argument(name, "left out for a regression", given, "It is for classes.")
        if self.problem != "multi_label" and self.tune_thresholds:
            raise bad_argument("tune_thresholds", f"left out for {self.problem}", True, "It is for several labels.")
        if self.problem != "single_label" and self.out_of_scope_label is not None:
            fix = "Others can have no label at all."
            raise bad_argument("out_of_scope_label", f"left out for {self.problem}", self.out_of_scope_label, fix)


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

    >>> result = main(Options(model=checkpoint, train=reviews_csv, output="reviews", epochs=1, max_length=16))
    3/3 - ...
    >>> result["bundle"].name, result["split"]
    ('reviews', 'dev')
    """
    work = prepare(options)  # the folder of logs, checkpoints and report, beside the bundle's

    # 1. Rows and labels. What the outputs stand for is decided by the training rows alone.
    columns = read_columns(options, "text", "text_pair", "label")
    rows = read_rows(options, columns, problem=options.problem, leave_out=options.out_of_scope_label)
    labels = rows.labels
    watched = rows_with_labels(options, rows, columns)

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
        dev = kerasft.data.text_classification(watched, tokenizer, batch_size=64, **data)
        metrics = kerasft.metrics.for_labels(labels)
        model.compile(
            optimizer=make_optimizer(options, steps_per_epoch=len(train)),
            loss=make_loss(options, labels, train),
            metrics=metrics,
            jit_compile=False,  # XLA would compile the step anew for every length of a batch
        )

    # 3. Train. `shuffle=False` because the dataset shuffles itself, and Keras warns of its own default.
    texts, _ = kerasft.data.texts_and_labels(watched, columns=columns)
    watching = {"monitor": MONITOR[options.problem], "metrics": metrics, "validation_data": dev, "texts": texts}
    watch = make_callbacks(options, work, **watching)
    with kerasft.quantization_aware.quantization_aware(model, enabled=options.quantization_aware):
        model.fit(train, validation_data=dev, epochs=options.epochs, callbacks=watch, shuffle=False, verbose=progress())
    keep_weights(options, model, work)

    # 4. Report and save.
    pair = isinstance(texts[0], tuple)
    settings = {"columns": kerasft.data.remembered(rows.train)}
    trained = kerasft.make_bundle(model, tokenizer, max_length=options.max_length, pair=pair, settings=settings)

    def measure(about):
        tune(options, trained, rows.dev, watched=watched, columns=columns)
        pipeline = with_baseline(trained, rows.train, columns=columns)
        return pipeline.evaluate(rows.reported, columns=columns, about=about, unseen_labels=options.unseen_labels)

    return report_and_save(options, trained, measure=measure, split=rows.split, history=model.history.history)
