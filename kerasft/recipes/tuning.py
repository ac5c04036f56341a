"""Tuning of a text classifier on validation rows: temperature, thresholds, and out-of-scope detection."""

from typing import Any

import kerasft
from kerasft.errors import bad_argument
from kerasft.recipes.options import TrainingOptions
from kerasft.recipes.reading import SplitRows

_FOR_CLASSES = {
    "label_names": "Only classes have names.",
    "class_weights": "Only classes have weights.",
    "tune_temperature": "Only class probabilities have a temperature.",
}


def check_problem(options: TrainingOptions) -> None:
    """Check that all options apply to `options.problem`.

    Raises:
        KerasftError: If one does not.

    Example:

    >>> from kerasft.recipes.text_classification import Options
    >>> Options(model="bert-base-uncased", train="train.csv", problem="regression", tune_temperature=True)
    Traceback (most recent call last):
    ...
    kerasft.errors.KerasftError: `tune_temperature` must be omitted for regression; received: True. ...
    """
    for name, fix in _FOR_CLASSES.items():
        if options.problem == "regression" and (value := getattr(options, name)) not in (None, False):
            raise bad_argument(name, "omitted for regression", value, fix)
    if options.problem != "multi_label" and options.tune_thresholds:
        raise bad_argument(
            "tune_thresholds", f"omitted for {options.problem}", True, "It requires problem=multi_label."
        )
    if options.problem != "single_label" and options.out_of_scope_label is not None:
        fix = "It requires problem=single_label."
        raise bad_argument("out_of_scope_label", f"omitted for {options.problem}", options.out_of_scope_label, fix)


def rows_with_labels(options: TrainingOptions, rows: SplitRows, columns: dict) -> Any:
    """Return the dev rows that have labels of the model; raise an error now if any row for evaluation is invalid.

    Args:
        options: Options of `kerasft.recipes.text_classification`.
        rows: Rows from `kerasft.recipes.reading.read_rows`.
        columns: Column assignment.

    Raises:
        DataError: If a row has a label that does not occur in the training rows, unless `unseen_labels` is "count".

    Example:

    >>> from kerasft.demo import tiny
    >>> from kerasft.recipes.reading import read_rows
    >>> from kerasft.recipes.text_classification import Options
    >>> options = Options(model="bert-base-uncased", train=tiny.reviews("reviews.csv"))
    >>> rows = read_rows(options, {})
    >>> len(rows_with_labels(options, rows, {})) == len(rows.dev)
    True
    """
    parts = [rows.dev, rows.reported]
    if options.out_of_scope_label:
        parts = [kerasft.data.separate_label(part, options.out_of_scope_label, columns=columns)[0] for part in parts]
    if options.unseen_labels == "count":  # these rows have no loss, so they are only in the report
        parts = [kerasft.data.separate_unseen(part, rows.labels, columns=columns)[0] for part in parts]
    for part in parts:
        kerasft.data.texts_and_labels(part, labels=rows.labels, columns=columns)
    return parts[0]


def tune(options: TrainingOptions, trained: "kerasft.Bundle", dev_rows: Any, *, watched: Any, columns: dict) -> None:
    """Tune temperature, thresholds and out-of-scope detection on dev rows, as the options require; set the bundle's settings.

    The temperature comes first, because thresholds depend on it.

    Args:
        options: Options of `kerasft.recipes.text_classification`.
        trained: The bundle.
        dev_rows: All dev rows.
        watched: The dev rows that have labels of the model.
        columns: Column assignment.

    Example:

    >>> from kerasft.demo import tiny
    >>> from kerasft.recipes.text_classification import Options
    >>> trained = kerasft.make_bundle(tiny.classifier(), tiny.tokenizer(), max_length=16)
    >>> reviews_csv = tiny.reviews("reviews.csv")
    >>> options = Options(model="bert-base-uncased", train=reviews_csv)
    >>> tune(options, trained, reviews_csv, watched=reviews_csv, columns={})
    >>> trained.settings
    {}
    """
    pipeline = kerasft.pipelines.load(trained)
    if options.tune_temperature:
        pipeline.temperature = pipeline.tune_temperature(watched, columns=columns)
        trained.settings["temperature"] = pipeline.temperature
    if options.tune_thresholds:
        trained.settings["thresholds"] = pipeline.tune_thresholds(watched, columns=columns)
    if options.out_of_scope_label:
        outside = options.out_of_scope_label
        if options.unseen_labels == "count":
            dev_outside = kerasft.data.separate_label(dev_rows, outside, columns=columns)[1]
            dev_rows = kerasft.data.Rows.concatenate([watched, dev_outside])
        trained.settings["out_of_scope"] = pipeline.tune_out_of_scope(dev_rows, outside, columns=columns)
