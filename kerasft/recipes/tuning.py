"""What a text classifier's dev rows decide beside the epoch: temperature, thresholds, and what is out of scope."""

from typing import Any

import kerasft
from kerasft.recipes.options import TrainingOptions
from kerasft.recipes.reading import SplitRows


def rows_with_labels(options: TrainingOptions, rows: SplitRows, columns: dict) -> Any:
    """The dev rows that have the model's labels; what is wrong in any row that is measured on is said now.

    Args:
        options: Those of `kerasft.recipes.text_classification`.
        rows: As `kerasft.recipes.reading.read_rows` returns them.
        columns: Which column is what.

    Raises:
        DataError: If a row has a label that no training row has, unless the options say to count such rows.

    Example:

    >>> from kerasft.recipes.reading import read_rows
    >>> from kerasft.recipes.text_classification import Options
    >>> options = Options(model=checkpoint, train=reviews_csv)
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

    >>> from kerasft.recipes.text_classification import Options
    >>> trained = kerasft.make_bundle(model, tokenizer, max_length=16)
    >>> options = Options(model=checkpoint, train=reviews_csv)
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
