"""The learning curve and the options of the run, in the report of every task."""

import json
import math

import numpy as np
import pytest

from kerasft.features import REGRESSION
from kerasft.reports import Report, summarize, with_training
from kerasft.reports.page import curves, option_rows
from tests.reports.test_html import HOSTILE, Page

TASKS = (
    *("single_label", "multi_label", REGRESSION, "token-classification", "intent-and-slots", "question-answering"),
    *("sentence-embedding", "masked-lm", "causal-lm", "sequence-to-sequence"),
)
HISTORY = {"loss": [1.0, 0.5], "val_loss": [1.1, 0.9], "val_f1": [0.2, 0.4], "learning_rate": [1e-3, 0.0]}
OPTIONS = {"model": "bert", "epochs": 2, "learning_rate": 2e-5, "schedule": "cosine", "resume": False, "monitor": None}
METADATA = {
    "versions": {"kerasft": "1.0", "keras": "3.15.1", "tensorflow-text": "not installed"},
    "provenance": {"options": OPTIONS, "history": HISTORY},
}


def report(problem="question-answering", metrics=("exact_match", "f1")):
    points = [[[1.0, 0.0], [2.0, 0.5]]] if problem == REGRESSION else []
    return Report("Evaluation", {}, problem, ["no", "yes"], 2, dict.fromkeys(metrics, 0.5), points=points)


@pytest.mark.parametrize("problem", TASKS)
def test_every_task_shows_curve_options_and_versions(problem):
    page = Page(with_training(report(problem), METADATA, defaults={"schedule": "linear"}).to_html())
    for words in ("Learning curve", "the loss and f1", "Training options", "keras 3.15.1", "2e-05", "cosine"):
        assert words in page.text
    assert "not installed" not in page.text
    assert page.tags.count("svg") >= 1


def test_options_that_differ_from_their_default_are_bold():
    made = with_training(
        report(), METADATA, defaults={"schedule": "linear", "resume": False, "epochs": None, "gone": 1}
    )
    rows = {row["name"]: row for row in option_rows(made.training)}
    assert list(rows) == list(OPTIONS)
    assert (rows["schedule"]["default"], rows["schedule"]["changed"]) == ("linear", True)
    assert (rows["resume"]["value"], rows["resume"]["changed"]) == ("no", False)
    assert (rows["epochs"]["default"], rows["epochs"]["changed"]) == ("none", True)
    assert (rows["model"]["default"], rows["model"]["changed"]) == ("", False)
    assert "<b>cosine</b>" in made.to_html()


def test_without_defaults_there_is_no_such_column():
    page = with_training(report(), METADATA).to_html()
    assert "<th>default</th>" not in page


@pytest.mark.parametrize(
    ("monitor", "metrics", "history", "expected"),
    [
        ("val_f1", ["exact_match"], HISTORY, "f1"),
        ("val_loss", ["exact_match", "f1"], HISTORY, "f1"),
        (None, ["exact_match", "f1"], HISTORY, "f1"),
        (None, ["exact_match"], HISTORY, "f1"),  # no number of the report: the first that was measured on dev
        (None, ["accuracy"], {"loss": [1.0], "accuracy": [0.5]}, "accuracy"),
        (None, ["accuracy"], {"loss": [1.0], "learning_rate": [1e-3]}, None),
    ],
)
def test_the_main_metric(monitor, metrics, history, expected):
    metadata = {"provenance": {"options": {"monitor": monitor}, "history": history}}
    training = with_training(report(metrics=metrics), metadata).training
    assert training["metric"] == expected
    assert set(curves(training)) <= {"loss", "val_loss", f"{expected}", f"val_{expected}"}
    assert "Learning curve" in with_training(report(), metadata).to_html()


@pytest.mark.parametrize("epochs", [1, 300])
def test_one_epoch_and_many(epochs):
    metadata = {"provenance": {"history": {"loss": [0.5] * epochs, "val_f1": [0.1] * epochs}}}
    page = with_training(report(), metadata).to_html()
    assert "Learning curve" in page
    assert "Training options" not in page


def test_values_that_are_no_numbers_leave_a_gap_and_json_can_hold_them(tmp_path):
    history = {"loss": [1.0, math.nan, 0.5], "val_f1": [math.inf, None, 0.2], "val_x": [None, None, None]}
    made = with_training(report(), {"provenance": {"history": history}})
    assert made.training["history"]["loss"] == [1.0, None, 0.5]
    assert math.isnan(curves(made.training)["val_f1"][0])
    made.write(tmp_path)
    assert json.loads((tmp_path / "report.json").read_text("utf-8"))["training"]["history"]["val_f1"] == [
        None,
        None,
        0.2,
    ]


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"provenance": None},
        {"provenance": {"history": "loss", "options": ["epochs"]}},
        {"provenance": {"history": {"loss": ["1.0"], "val_loss": 3, "f1": "abc", "x": {}, "y": []}, "options": {}}},
        {"provenance": {"history": {"loss": [0.0] * 10_001}}, "versions": 3},
    ],
    ids=["nothing", "null", "other types", "no numbers", "too long"],
)
def test_a_bundle_that_says_nothing_useful_gives_the_report_as_it_was(metadata):
    assert with_training(report(), metadata) == report()


def test_hostile_options_do_nothing():
    options = {text: text * 300 for text in HOSTILE} | {"deep": {"a": [1]}, "nan": math.nan}
    history = {"loss": [1.0], f"val_{HOSTILE[2]}": [0.5]}
    metadata = {"provenance": {"options": options, "history": history}, "versions": {HOSTILE[0]: HOSTILE[1]}}
    made = with_training(report(), metadata)
    json.dumps(made.to_dict(), allow_nan=False)
    page = Page(made.to_html())
    assert not {"script", "img", "iframe", "object", "link"} & set(page.tags)
    assert "{'a': [1]}" in page.text


def test_the_scores_stay_as_they_are():
    made = summarize(np.array([[2.0, 0.0], [0.0, 1.0]]), np.array([0, 0]), ["no", "yes"])
    assert with_training(made, METADATA).metrics == made.metrics


@pytest.mark.parametrize(
    ("kept", "shown"), [(1, 1), (2, 2), (3, None), (0, None), (True, None), ("2", None), (None, None)]
)
def test_the_kept_epoch_is_marked_where_it_is_one_of_the_curve(kept, shown):
    provenance = METADATA["provenance"] | {"kept_epoch": kept}
    made = with_training(report(), METADATA | {"provenance": provenance})
    assert made.training["kept_epoch"] == shown
    words = f"The dashed line marks epoch {shown}, whose weights the model has."
    assert (words in Page(made.to_html()).text) is (shown is not None)
    assert ("dashed line" in made.to_html()) is (shown is not None)


def test_a_number_beyond_float64_is_a_gap_in_the_curve():
    history = HISTORY | {"loss": [10**400, 0.5]}
    made = with_training(report(), METADATA | {"provenance": {"options": OPTIONS, "history": history}})
    assert made.training["history"]["loss"] == [None, 0.5]
