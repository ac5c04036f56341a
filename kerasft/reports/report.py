"""Evaluation results, written as JSON and HTML."""

import contextlib
import dataclasses
import json
import math
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from markupsafe import Markup

from kerasft.errors import bad_argument
from kerasft.features import REGRESSION, SINGLE_LABEL
from kerasft.files import file_written_aside, local_path
from kerasft.reports import plots
from kerasft.reports.baseline import is_no_better
from kerasft.reports.notebook import table
from kerasft.reports.page import render
from kerasft.tasks.masked_lm import MASKED_LM

_HEADLINE = (
    *("relation_f1_macro", "relation_f1_micro"),
    *("accuracy", "f1", "f1_macro", "f1_micro", "subset_accuracy", "matthews"),
    *("pearson", "spearman", "mse", "mae", "log_loss", "calibration_error"),
)
_TITLES = {
    "accuracy": "Accuracy",
    "bleu": "BLEU",
    "calibration_error": "Calibration error",
    "chrf": "chrF",
    "entity_f1": "Entity F1",
    "f1_macro": "Macro F1",
    "f1_micro": "Micro F1",
    "in_scope_accuracy": "In-scope accuracy",
    "log_loss": "Log loss",
    "mae": "Mean absolute error",
    "matthews": "Matthews",
    "mse": "Mean squared error",
    "out_of_scope_precision": "Out-of-scope precision",
    "out_of_scope_recall": "Out-of-scope recall",
    "pearson": "Pearson",
    "relation_f1_macro": "Relation macro F1",
    "relation_f1_micro": "Relation micro F1",
    "references_beyond_limit": "References beyond the limit",
    "rouge1": "ROUGE-1",
    "rouge2": "ROUGE-2",
    "rougeL": "ROUGE-L",
    "rougeLsum": "ROUGE-Lsum",
    "share_at_limit": "Texts truncated at the limit",
    "spearman": "Spearman",
    "slot_f1": "Slot F1",
    "subset_accuracy": "Subset accuracy",
}
_NOTES = {
    "accuracy": "fraction of correct rows",
    "bleu": "0 to 100, over the corpus",
    "chrf": "0 to 100, over the corpus",
    "calibration_error": "mean gap between confidence and accuracy; 0 is best",
    "entity_f1": "whole entities, as seqeval counts them; not a token F1",
    "f1_macro": "mean over classes",
    "f1_micro": "over all decisions",
    "in_scope_accuracy": "with the threshold: rejected rows count as errors",
    "joint_accuracy": "intent and all slots correct",
    "log_loss": "nats; 0 is best",
    "matthews": "correlation; 0 is chance level",
    "out_of_scope_precision": "fraction of the rejected rows",
    "out_of_scope_recall": "fraction of the out-of-scope rows that are rejected",
    "relation_f1_macro": "mean over relations without the negative one; official at SemEval-2010",
    "relation_f1_micro": "over all relations without the negative one; as for TACRED",
    "slot_f1": "whole slots, as seqeval counts them; not a token F1",
    "references_beyond_limit": "fraction longer than max_new_tokens",
    "rouge1": "F1, 0 to 1",
    "rouge2": "F1, 0 to 1",
    "rougeL": "F1, 0 to 1; a text as one sequence",
    "rougeLsum": "F1, 0 to 1; line by line",
    "share_at_limit": "fraction without an end token",
    "sources_cut": "fraction of the sources",
    "subset_accuracy": "fraction of rows with all labels correct",
    "token_accuracy": "fraction of correct tags, including O; not an F1",
}


def headline(metrics: Mapping[str, float]) -> dict[str, float]:
    """Sort the metrics in display order. Micro F1 is omitted if there is an accuracy, which it equals.

    Example:

    >>> headline({"log_loss": 0.2, "accuracy": 0.9, "f1_micro": 0.9})
    {'accuracy': 0.9, 'log_loss': 0.2}
    """
    hidden = {"f1_micro"} if "accuracy" in metrics else set()
    names = [name for name in _HEADLINE if name in metrics] + [name for name in metrics if name not in _HEADLINE]
    return {name: metrics[name] for name in names if name not in hidden}


def score_rows(
    metrics: Mapping[str, float],
    baseline: Mapping[str, float] | None = None,
    undefined: Mapping[str, str] | None = None,
) -> list[tuple[str, str, str]]:
    """Scores as table rows: name, value, and the baseline's value, if any.

    Args:
        metrics: Score by name.
        baseline: The constant baseline's scores, by name.
        undefined: The reason for each undefined score, by name.

    Example:

    >>> score_rows({"accuracy": 0.9, "matthews": 0.0}, {"accuracy": 0.5}, {"matthews": "all labels are equal"})
    [('accuracy', '0.9000', '0.5000'), ('matthews', 'undefined', '')]
    """
    baseline = baseline or {}
    return [
        (
            name,
            "undefined" if name in (undefined or {}) else f"{value:.4f}",
            f"{baseline[name]:.4f}" if name in baseline else "",
        )
        for name, value in headline(metrics).items()
    ]


@dataclasses.dataclass(frozen=True)
class Report:
    """An evaluation: the contents of `report.json`. A notebook shows it as the table of its scores.

    Attributes:
        title: Title of the page.
        about: Entries for the header, such as model, data, versions and date.
        problem: `"single_label"`, `"multi_label"` or `"regression"`; for other tasks the task's name.
        labels: Names of the outputs, or of the entries of `per_class`; may be empty.
        rows: Number of rows evaluated.
        metrics: Score by name, in display order.
        per_class: One dictionary per class (precision, recall, F1, support) or regression target (its scores).
        confusion_matrix: Counts; rows are the true classes. None except for single-label problems.
        confused_pairs: The most frequent confusions of two classes.
        calibration: The bins of the reliability diagram; empty except for classification.
        errors: The most confident errors: `row` (from 0), `text`, `truth` (the label), `predicted` and `confidence` (may be
            None).
        baseline: The constant baseline's scores, by the names in `metrics`; may be incomplete.
        baseline_answer: What the baseline predicts, such as "always 'yes', the most frequent class of the training rows".
        undefined: The reason for each metric that is undefined on this data (and 0 by convention).
        samples: Generated texts: `text`, `truth` (the reference) and `predicted`.
        examples: Rows with the gold and the predicted spans in their text, errors first; see
            `kerasft.reports.examples.example`.
        training: How the model was trained; see `kerasft.reports.with_training`. Empty if unknown.
        points: Targets and predictions of regression rows, (N, 2, K), for the figures; at most 2,000.

    Example:

    >>> import tempfile
    >>> from kerasft.reports import summarize
    >>> report = summarize(np.array([[2.0, 0.0], [0.0, 1.0]]), np.array([0, 0]), ["no", "yes"])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     report.write(folder).name
    'report.html'
    """

    title: str
    about: dict[str, str] = dataclasses.field(repr=False)
    problem: str
    labels: list[str] = dataclasses.field(repr=False)
    rows: int
    metrics: dict[str, float]
    per_class: list[dict] = dataclasses.field(default_factory=list, repr=False)
    confusion_matrix: list[list[int]] | None = dataclasses.field(default=None, repr=False)
    confused_pairs: list[dict] = dataclasses.field(default_factory=list, repr=False)
    calibration: list[dict] = dataclasses.field(default_factory=list, repr=False)
    errors: list[dict] = dataclasses.field(default_factory=list, repr=False)
    points: list[list[list[float]]] = dataclasses.field(default_factory=list, repr=False)
    baseline: dict[str, float] = dataclasses.field(default_factory=dict)
    baseline_answer: str = ""
    undefined: dict[str, str] = dataclasses.field(default_factory=dict)
    samples: list[dict] = dataclasses.field(default_factory=list, repr=False)
    examples: list[dict] = dataclasses.field(default_factory=list, repr=False)
    training: dict = dataclasses.field(default_factory=dict, repr=False)

    def __post_init__(self):
        broken = {name: value for name, value in self.metrics.items() if not math.isfinite(value)}
        if broken:
            fix = "The weights are corrupted, or overflow in their precision: train again."
            raise bad_argument("metrics", "finite numbers", broken, fix)

    @property
    def warnings(self) -> list[str]:
        """Warnings about the scores: a model that is no better than the baseline, and undefined metrics."""
        sentences = []
        compared = [name for name in headline(self.metrics) if name in self.baseline]
        # The main metric, and those that it does not cover: slots besides the intent, squared error besides a correlation.
        also = {"slot_f1"} | ({"mse"} if self.problem == REGRESSION else set())
        for name in [*compared[:1], *(name for name in compared[1:] if name in also and name not in self.undefined)]:
            if is_no_better(name, self.metrics[name], self.baseline[name]):
                comparison = f"{name} {self.metrics[name]:.4f} is no better than {self.baseline[name]:.4f}"
                sentences.append(
                    f"{comparison}, the constant baseline: {self.baseline_answer}.{self._most_frequent_prediction()}"
                )
        reasons: dict[str, list[str]] = {}
        for name, reason in self.undefined.items():
            if name in self.metrics:
                reasons.setdefault(reason, []).append(name)
        for reason, names in reasons.items():
            verb = "is" if len(names) == 1 else "are"
            sentences.append(f"{', '.join(names)} {verb} undefined and counted as 0: {reason}.")
        return sentences

    def _most_frequent_prediction(self) -> str:
        """A sentence with the most frequently predicted class, if there is a confusion matrix."""
        if self.confusion_matrix is None:
            return ""
        counts = np.sum(self.confusion_matrix, axis=0)  # (C,), of the predictions
        most = int(counts.argmax())
        return f" The model predicts {self.labels[most]!r} for {counts[most]:,} of {self.rows:,} rows."

    def to_dict(self) -> dict:
        """Return the report as JSON-serializable values."""
        return dataclasses.asdict(self) | {"warnings": self.warnings}

    def to_html(self) -> str:
        """Return the page: self-contained, without scripts; every name and text is escaped."""
        tiles = [
            {
                "title": _TITLES.get(name) or self._title(name),
                "value": self._shown(name, value),
                "note": self.undefined.get(name) or self._note(name),
                "baseline": f"{self.baseline[name]:.4f}" if name in self.baseline else "",
            }
            for name, value in headline(self.metrics).items()
        ]
        return render(self, tiles)

    def _repr_html_(self) -> str:
        """The scores beside the baseline's, for a notebook."""
        rows = score_rows(self.metrics, self.baseline, self.undefined)
        columns = ("score", "model", "baseline") if self.baseline else ("score", "model")
        notes = [f"Baseline: {self.baseline_answer}."] if self.baseline_answer else []
        lines = Markup("").join(Markup("<p>{}</p>").format(note) for note in [*notes, *self.warnings])
        return table([dict(zip(columns, row)) for row in rows]) + lines

    def _note(self, name: str) -> str:
        if name == "accuracy" and self.problem == MASKED_LM.name:
            return "fraction of correct masked tokens"
        return _NOTES.get(name, "")

    def _shown(self, name: str, value: float) -> str:
        if name in self.undefined:
            return "undefined"
        return f"{value:.4f}" if isinstance(value, float) else f"{value:,}"

    def _title(self, name: str) -> str:
        if name == "f1" and self.problem == SINGLE_LABEL:
            return f"F1 of {plots.shorten(self.labels[1], 14)}"
        return name.replace("_", " ").capitalize()

    def write(self, folder: str | os.PathLike) -> Path:
        """Write `report.json` and `report.html` atomically; return the path of the page."""
        folder = local_path(folder)
        contents = {
            "report.json": json.dumps(self.to_dict(), indent=1, ensure_ascii=False, allow_nan=False),
            "report.html": self.to_html(),
        }
        with contextlib.ExitStack() as both:  # if the disk is full at the second file, neither old file is replaced
            for name, content in contents.items():
                both.enter_context(file_written_aside(folder / name)).write_text(content, encoding="utf-8")
        return folder / "report.html"
