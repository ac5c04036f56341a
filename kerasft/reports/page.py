"""The HTML page of a report, rendered from the templates."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import jinja2
import numpy as np
from markupsafe import Markup

from kerasft.features import REGRESSION
from kerasft.reports import colours, plots
from kerasft.reports.examples import shown_examples, shown_types


def render(report: Any, tiles: Sequence[Mapping[str, str]]) -> str:
    """Render a report as one self-contained HTML file, without scripts; every name and text is escaped.

    Args:
        report: A `kerasft.reports.Report`.
        tiles: The scores at the top: `title`, `value`, `note`, `baseline`.

    Example:

    >>> from kerasft.reports import Report
    >>> "<h1>Test</h1>" in render(Report("Test", {}, "masked-lm", [], 2, {}), [])
    True
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("kerasft", "reports"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    types = _types(report)
    return environment.get_template("report.html").render(
        report=report,
        tiles=tiles,
        by_score=sorted(report.per_class, key=lambda row: row.get("f1", 0.0)),
        figures=_figures(report),
        examples=shown_examples(report.examples, types),
        types=shown_types(report.examples, types),
        num_hues=colours.NUM_HUES,
        hues=list(zip(colours.lines(), colours.backgrounds(), colours.backgrounds(dark=True))),
        options=option_rows(report.training) if report.training else [],
    )


def _types(report: Any) -> list[str]:
    """The span types in a report's examples; empty for tasks with untyped spans, such as question answering."""
    labels = {span["label"] for each in report.examples for span in [*each["truth"], *each["predicted"]]} - {""}
    return [*report.labels, *sorted(labels - set(report.labels))]


def _figures(report: Any) -> dict[str, Markup]:
    figures = {}
    if report.confusion_matrix is not None:
        figures["confusion_matrix"] = plots.confusion_matrix(report.confusion_matrix, report.labels)
    if report.calibration:
        figures["reliability"] = plots.reliability(report.calibration)
    if report.problem == REGRESSION:
        gold, predicted = np.moveaxis(np.array(report.points), 1, 0)  # (N, 2, K) -> 2 x (N, K)
        figures["scatter"] = plots.scatter(gold, predicted, report.labels)
        figures["residuals"] = plots.residuals(gold, predicted, report.labels)
    if report.training and (history := curves(report.training)):
        figures["learning_curve"] = plots.training_curves(history, kept_epoch=report.training.get("kept_epoch"))
    return {name: Markup(plots.to_svg(figure)) for name, figure in figures.items()}  # to_svg escapes names


def curves(training: Mapping[str, Any]) -> dict[str, list[float]]:
    """The history to plot as the learning curve: the loss and the main metric on the train and dev sets.

    Example:

    >>> curves({"history": {"loss": [0.5, 0.2], "val_f1": [None, 0.9], "val_bleu": [3.0, 4.0]}, "metric": "f1"})
    {'loss': [0.5, 0.2], 'val_f1': [nan, 0.9]}
    """
    history = training["history"]
    names = [prefix + name for name in ("loss", training["metric"]) if name for prefix in ("", "val_")]
    return {
        name: [math.nan if value is None else value for value in history[name]]
        for name in names
        if any(value is not None for value in history.get(name, ()))
    }


def option_rows(training: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The options as table rows: `name`, `value`, `default`, and whether the value was `changed` from the default.

    Example:

    >>> option_rows({"options": {"epochs": 2, "resume": False}, "defaults": {"epochs": None, "resume": False}})[1]
    {'name': 'resume', 'value': 'no', 'default': 'no', 'changed': False}
    """
    defaults = training["defaults"]
    return [
        {
            "name": name,
            "value": _in_words(value),
            "default": _in_words(defaults[name]) if name in defaults else "",
            "changed": name in defaults and value != defaults[name],
        }
        for name, value in training["options"].items()
    ]


def _in_words(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)
