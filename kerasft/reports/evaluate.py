"""Create a report from a model and a labeled dataset, or from given predictions."""

import dataclasses
import datetime
import os
import platform
from collections.abc import Mapping, Sequence

import keras
import numpy as np
import tensorflow as tf
from sklearn.metrics import confusion_matrix

import kerasft
from kerasft.callbacks.predictions import held, labels_of, predict, probabilities
from kerasft.errors import bad_argument, whole_number
from kerasft.features import MULTI_LABEL, REGRESSION, SINGLE_LABEL, Labels
from kerasft.reports import scores
from kerasft.reports.baseline import EVALUATED, TRAINING, constant_logits, described, statistics
from kerasft.reports.mistakes import confident_errors, confused_pairs
from kerasft.reports.report import Report
from kerasft.reports.undefined import undefined_scores

_MOST_POINTS = 2000  # in a scatter plot: more only increase the file size


def evaluate(
    model: keras.Model,
    dataset: tf.data.Dataset,
    *,
    labels: Labels | Sequence[str] | None = None,
    texts: Sequence[str] | None = None,
    folder: str | os.PathLike | None = None,
    title: str = "Evaluation",
    about: Mapping[str, str] | None = None,
    max_errors: int = 25,
) -> Report:
    """Evaluate a model on a labeled dataset, and write the report if a folder is given.

    Args:
        model: A model with one output, `logits` (B, C).
        dataset: Batches of `(features, y)`, in the same order in every pass (`shuffle=False`).
        labels: Names of the outputs; `model.labels` if None.
        texts: The texts of the dataset's rows, in the same order, shown with the most confident errors.
        folder: Where to write `report.json` and `report.html`; None writes nothing.
        title: Title of the page.
        about: Entries for the header, such as `{"data": "dev.csv"}`; model, versions and date are added.
        max_errors: Maximum number of errors to list, >= 0.

    Returns:
        The report; `report.metrics` is a dictionary of floats.

    Raises:
        KerasftError: If label names are missing or do not match, the dataset is empty, shuffled or unlabeled, the number of
            texts is not the number of rows, or a logit is not finite.

    Example:

    >>> inputs = keras.Input((2,))
    >>> identity = keras.Model(inputs, keras.layers.Activation("linear")(inputs))
    >>> data = tf.data.Dataset.from_tensor_slices(([[1.0, 3.0], [2.0, 0.0]], [1, 0])).batch(2)
    >>> evaluate(identity, data, labels=["no", "yes"]).metrics["accuracy"]
    1.0
    """
    labels = labels_of(model, labels)
    logits, gold = predict(model, dataset)
    about = {"model": f"{model.name}, {model.count_params():,} parameters", **(about or {})}
    report = summarize(logits, gold, labels, texts=texts, about=about, max_errors=max_errors)
    report = dataclasses.replace(report, title=title)
    if folder is not None:
        report.write(folder)
    return report


def summarize(
    logits: np.ndarray,
    gold: np.ndarray,
    labels: Labels | Sequence[str],
    *,
    texts: Sequence[str] | None = None,
    about: Mapping[str, str] | None = None,
    max_errors: int = 25,
    thresholds: Sequence[float] | None = None,
) -> Report:
    """Create the report from existing predictions, for example those of an exported file.

    Args:
        logits: (N, C); for regression the predicted values.
        gold: The labels: class indices (N,), or 0 and 1 (N, C), or values (N,) or (N, K).
        labels: Names of the outputs.
        texts: N texts, or None.
        about: Entries for the header; versions and date are added.
        max_errors: Maximum number of errors to list, >= 0.
        thresholds: Multi-label: the probability from which each label is predicted, (C,); `None`: 0.5.

    Returns:
        The report, including the scores of the constant baseline on these rows; see `with_baseline`.

    Raises:
        KerasftError: If shapes, labels and texts do not match, or a logit is not finite.

    Example:

    >>> summarize(np.array([[1.0, 3.0]]), np.array([0]), ["no", "yes"]).errors[0]["predicted"]
    'yes'
    """
    labels = Labels.of(labels)
    logits = np.asarray(logits)
    gold = _shaped(gold, labels)
    _check(logits, gold, labels, texts)
    whole_number("max_errors", max_errors, "For example: max_errors=25.", least=0)
    common = {
        "title": "Evaluation",
        "about": {**_versions(), **(about or {})},
        "problem": labels.problem,
        "labels": list(labels),
    }
    errors = confident_errors(logits, gold, labels, texts=texts, limit=max_errors, thresholds=thresholds)
    common |= {"rows": len(gold), "errors": errors}
    common["metrics"] = _scores(logits, gold, labels, thresholds)
    details = {SINGLE_LABEL: _single_label, MULTI_LABEL: _multi_label, REGRESSION: _regression}[labels.problem]
    return with_baseline(Report(**common, **details(logits, gold, labels, thresholds)), gold)


def with_baseline(report: Report, gold: np.ndarray, known: Mapping[str, object] | None = None) -> Report:
    """Add the scores of the constant baseline (the most frequent class, or the mean) to a report.

    Args:
        report: A classification or regression report.
        gold: The labels of its rows, as for `summarize`.
        known: `kerasft.reports.statistics` of the training rows; None: those of `gold`.

    Returns:
        The report with `baseline`, computed by the same scorer as its metrics, and `baseline_answer`.

    Example:

    >>> report = summarize(np.array([[1.0, 3.0]]), np.array([0]), ["no", "yes"])
    >>> with_baseline(report, np.array([0]), {"counts": [2, 6], "rows": 8}).baseline_answer
    "always 'yes', the most frequent class of the training rows"
    """
    labels = Labels(report.labels, report.problem)
    gold = _shaped(gold, labels)
    source = TRAINING if known else EVALUATED
    known = known or statistics(gold, labels)
    return dataclasses.replace(
        report,
        baseline=_scores(constant_logits(known, labels, len(gold)), gold, labels),
        baseline_answer=described(known, labels, source),
    )


def _shaped(gold: np.ndarray, labels: Labels) -> np.ndarray:
    """The labels as class indices (N,), or as (N, C)."""
    gold = np.asarray(gold)
    return gold.astype("int64") if labels.problem == SINGLE_LABEL else gold.reshape(len(gold), -1)


def _scores(
    logits: np.ndarray, gold: np.ndarray, labels: Labels, thresholds: Sequence[float] | None = None
) -> dict[str, float]:
    """The metrics of the model, or of the constant baseline."""
    if labels.problem == SINGLE_LABEL:
        return scores.single_label(logits, gold)
    if labels.problem == MULTI_LABEL:
        return scores.multi_label(logits, gold, thresholds)
    return scores.regression(logits, gold)


def _single_label(logits: np.ndarray, gold: np.ndarray, labels: Labels, _thresholds: None) -> dict:
    predicted = logits.argmax(-1)
    class_probabilities = probabilities(logits, SINGLE_LABEL)
    matrix = confusion_matrix(gold, predicted, labels=range(len(labels)))  # (C, C)
    return {
        "undefined": undefined_scores(predicted, gold, labels),
        "per_class": scores.per_class(predicted, gold, labels),
        "confusion_matrix": matrix.tolist(),
        "confused_pairs": confused_pairs(matrix, labels),
        "calibration": scores.calibration(class_probabilities.max(-1), predicted == gold),
    }


def _multi_label(logits: np.ndarray, gold: np.ndarray, labels: Labels, thresholds: Sequence[float] | None) -> dict:
    class_probabilities, predicted = probabilities(logits, MULTI_LABEL), held(logits, thresholds)
    return {
        "undefined": undefined_scores(predicted, gold > 0.5, labels),
        "per_class": scores.per_class(predicted, gold > 0.5, labels),
        "calibration": scores.calibration(class_probabilities.ravel(), gold.ravel() > 0.5),
    }


def _regression(predicted: np.ndarray, gold: np.ndarray, labels: Labels, _thresholds: None) -> dict:
    rows = np.unique(np.linspace(0, len(gold) - 1, _MOST_POINTS).astype(int))
    return {
        "undefined": undefined_scores(predicted, gold, labels),
        "per_class": scores.per_target(predicted, gold, labels),
        "points": np.stack([gold[rows], predicted[rows]], axis=1).tolist(),  # (N, 2, K)
    }


def _check(logits: np.ndarray, gold: np.ndarray, labels: Labels, texts: Sequence[str] | None) -> None:
    expected = (len(gold), len(labels))
    if logits.shape != expected or len(gold) == 0:
        raise bad_argument(
            "logits",
            f"of shape {expected}, N >= 1 rows by {len(labels)} labels",
            logits.shape,
            "Pass the model's labels.",
        )
    outside = gold[(gold < 0) | (gold >= len(labels))] if labels.problem == SINGLE_LABEL else ()
    if len(outside):
        raise bad_argument(
            "gold", f"class indices from 0 to {len(labels) - 1}", int(outside[0]), "Use the labels used in training."
        )
    if labels.problem != SINGLE_LABEL and gold.shape != expected:
        raise bad_argument("gold", f"of shape {expected}", gold.shape, "Give one column per label.")
    if not np.isfinite(logits).all():
        row = int(np.flatnonzero(~np.isfinite(logits).all(-1))[0])
        raise bad_argument(
            "logits", "finite", f"{logits[row].tolist()} in row {row}", "The weights are corrupted: train again."
        )
    if texts is not None and len(texts) != len(gold):
        raise bad_argument("texts", f"{len(gold)} texts, one per row", len(texts), "Pass the texts of this dataset.")


def _versions() -> dict[str, str]:
    versions = f"kerasft {kerasft.__version__}, Keras {keras.__version__}, TensorFlow {tf.__version__}"
    return {
        "versions": f"{versions}, Python {platform.python_version()}",
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
    }
