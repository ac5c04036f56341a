"""What a text classifier's dev rows decide beside the epoch: temperature, thresholds, and what is out of scope."""

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
    """Refuse options that are not for `options.problem`.

    Raises:
        KerasftError: If there is one.

    Example:

    >>> from kerasft.recipes.text_classification import Options
    >>> Options(model="bert-base-uncased", train="train.csv", problem="regression", tune_temperature=True)
    Traceback (most recent call last):
    ...
    kerasft.errors.KerasftError: `tune_temperature` must be omitted for regression; received: True. ...
    """
    for name, fix in _FOR_CLASSES.items():
        if options.problem == "regression" and (given := getattr(options, name)) not in (None, False):
            raise bad_argument(name, "omitted for regression", given, fix)
    if options.problem != "multi_label" and options.tune_thresholds:
        raise bad_argument(
            "tune_thresholds", f"omitted for {options.problem}", True, "It requires problem=multi_label."
        )
    if options.problem != "single_label" and options.out_of_scope_label is not None:
        fix = "It requires problem=single_label."
        raise bad_argument("out_of_scope_label", f"omitted for {options.problem}", options.out_of_scope_label, fix)


def rows_with_labels(options: TrainingOptions, rows: SplitRows, columns: dict) -> Any:
    """The dev rows that have the model's labels; what is wrong in any row that is measured on is said now.

    Args:
        options: Those of `kerasft.recipes.text_classification`.
        rows: As `kerasft.recipes.reading.read_rows` returns them.
        columns: Which column is what.

    Raises:
        DataError: If a row has a label that no training row has, unless the options say to count such rows.

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
    if options.unseen_labels == "count":  # no loss can be computed of such rows, so that they are only in the report
        parts = [kerasft.data.separate_unseen(part, rows.labels, columns=columns)[0] for part in parts]
    for part in parts:
        kerasft.data.texts_and_labels(part, labels=rows.labels, columns=columns)
    return parts[0]


def tune(options: TrainingOptions, trained: "kerasft.Bundle", dev_rows: Any, *, watched: Any, columns: dict) -> None:
    """Put into the bundle's settings what the dev rows say of temperature, thresholds and scope, as far as it is asked for.

    The temperature is first: thresholds are of probabilities.

    Args:
        options: Those of `kerasft.recipes.text_classification`.
        trained: The bundle.
        dev_rows: All dev rows.
        watched: Those of them that have the model's labels.
        columns: Which column is what.

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
