"""Training information in a report: learning curve, options, versions."""

import dataclasses
import math
import numbers
from collections.abc import Mapping, Sequence
from typing import Any

from kerasft.errors import is_whole
from kerasft.reports.report import Report, headline
from kerasft.security import finite

_MOST_EPOCHS = 10_000
_MOST_OPTIONS = 200
_LONGEST_VALUE = 500  # characters


def with_training(report: Report, metadata: Mapping[str, Any], *, defaults: Mapping[str, Any] | None = None) -> Report:
    """Add training information to a report.

    Args:
        report: The report, of any task.
        metadata: The contents of a bundle's or export's `kerasft.json`: `versions`, and `provenance` with the run's `options`,
            `history` and `kept_epoch`. Missing or invalid entries are skipped, since the file may be untrusted.
        defaults: The options' defaults, if known.

    Returns:
        The report with `training`: `options`, `defaults`, `versions`, `history` (values by epoch; None for NaN), `metric` (the
        metric to plot besides the loss: the run's `monitor`, or the first metric of the report that was computed after each
        epoch) and `kept_epoch` (the epoch, from 1, whose weights the model has, or None).

    Example:

    >>> report = Report("Evaluation", {}, "single_label", ["no", "yes"], 2, {"accuracy": 1.0})
    >>> provenance = {"options": {"epochs": 1}, "history": {"loss": [0.5], "val_accuracy": [1.0]}}
    >>> with_training(report, {"provenance": provenance}).training["metric"]
    'accuracy'
    """
    provenance = _mapping(metadata.get("provenance"))
    history = {str(name): _numbers(values) for name, values in _mapping(provenance.get("history")).items()}
    history = {name: values for name, values in history.items() if values}
    options = _plain(provenance.get("options"))
    versions = {name: value for name, value in _plain(metadata.get("versions")).items() if value != "not installed"}
    if not history and not options:
        return report
    training = {
        "options": options,
        "defaults": {name: value for name, value in _plain(defaults).items() if name in options},
        "versions": versions,
        "history": history,
        "kept_epoch": _kept_epoch(history, provenance.get("kept_epoch")),
        "metric": _main_metric(history, options.get("monitor"), headline(report.metrics)),
    }
    return dataclasses.replace(report, training=training)


def _main_metric(history: Mapping[str, Any], monitor: object, scores: Mapping[str, float]) -> str | None:
    logged = [name.removeprefix("val_") for name in history]
    preferred = [str(monitor).removeprefix("val_"), *scores]
    for name in [*preferred, *(name for name in logged if f"val_{name}" in history)]:
        if name in logged and name != "loss":
            return name
    return None


def _kept_epoch(history: Mapping[str, Sequence], value: object) -> int | None:
    return value if is_whole(value) and 1 <= value <= max(map(len, history.values()), default=0) else None


def _mapping(value: object) -> Mapping:
    return value if isinstance(value, Mapping) else {}


def _numbers(values: object) -> list[float | None]:
    """The values of a curve; empty if they are not a list of numbers."""
    if not isinstance(values, Sequence) or isinstance(values, str) or len(values) > _MOST_EPOCHS:
        return []
    if not all(value is None or isinstance(value, numbers.Real) for value in values):
        return []
    return [finite(value) for value in values]


def _plain(values: object) -> dict[str, Any]:
    """The entries of a dictionary as JSON-serializable values; long ones are truncated."""
    plain = {}
    for name, value in list(_mapping(values).items())[:_MOST_OPTIONS]:
        number = isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value))
        plain[str(name)[:_LONGEST_VALUE]] = value if value is None or number else str(value)[:_LONGEST_VALUE]
    return plain
