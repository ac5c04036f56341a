import json

import keras
import numpy as np
import pytest

from kerasft.errors import KerasftError
from kerasft.features import Labels, multi_label, regression
from kerasft.reports import evaluate, headline, summarize
from tests.callbacks import tiny_training

KINDS = [tiny_training.LABELS, multi_label(["a", "b", "c"]), regression("x", "y")]


@pytest.mark.parametrize("labels", KINDS, ids=["single", "multi", "regression"])
def test_numbers_equal_keras_evaluate(labels):
    model, data = tiny_training.model(labels), tiny_training.dataset(labels)
    model.fit(data, epochs=2, shuffle=False, verbose=0)
    report = evaluate(model, data)
    expected = model.evaluate(data, verbose=0, return_dict=True)
    loss = report.metrics["mse" if report.problem == "regression" else "log_loss"]
    assert loss == pytest.approx(expected["loss"], rel=1e-5)
    if report.problem == "single_label":
        assert report.metrics["accuracy"] == pytest.approx(expected["accuracy"])
    assert report.rows == 12
    assert report.labels == list(Labels.of(labels))


@pytest.mark.parametrize("labels", KINDS, ids=["single", "multi", "regression"])
def test_files_are_written_and_hold_the_same(tmp_path, labels):
    model = tiny_training.model(labels)
    texts = [f"text {row}" for row in range(12)]
    report = evaluate(
        model,
        tiny_training.dataset(labels),
        texts=texts,
        folder=tmp_path / "new",
        title="Dev",
        about={"data": "dev.csv"},
    )
    stored = json.loads((tmp_path / "new" / "report.json").read_text("utf-8"))
    assert stored["metrics"] == pytest.approx(report.metrics)
    assert stored["about"]["data"] == "dev.csv"
    assert keras.__version__ in stored["about"]["versions"]
    page = (tmp_path / "new" / "report.html").read_text("utf-8")
    assert "<title>Dev</title>" in page
    assert "dev.csv" in page
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["report.html", "report.json"]


def test_confusion_matrix_and_pairs():
    logits = np.eye(3)[[0, 0, 1, 2, 1, 1]]
    report = summarize(logits, np.array([0, 0, 0, 2, 2, 1]), ["a", "b", "c"])
    assert report.confusion_matrix == [[2, 1, 0], [0, 1, 0], [0, 1, 1]]
    assert report.confused_pairs[0] == {"truth": "a", "predicted": "b", "count": 1, "share": pytest.approx(1 / 3)}
    assert len(report.confused_pairs) == 2


def test_errors_are_the_surest_first_and_only_errors():
    logits = np.array([[3.0, 0.0], [0.0, 1.0], [0.0, 5.0], [2.0, 0.0]])
    report = summarize(logits, np.array([0, 0, 0, 1]), ["no", "yes"], texts=["a", "b", "c", "d"], max_errors=2)
    assert [(error["row"], error["text"], error["truth"], error["predicted"]) for error in report.errors] == [
        (2, "c", "no", "yes"),
        (3, "d", "yes", "no"),
    ]
    assert report.errors[0]["confidence"] == pytest.approx(1 / (1 + np.exp(-5)))
    assert summarize(logits, logits.argmax(-1), ["no", "yes"]).errors == []


def test_errors_of_several_labels_and_of_regression():
    report = summarize(np.array([[3.0, -4.0], [1.0, 1.0]]), np.array([[1, 1], [1, 1]]), multi_label(["a", "b"]))
    assert [error["row"] for error in report.errors] == [0]
    assert (report.errors[0]["truth"], report.errors[0]["predicted"]) == ("a, b", "a")
    report = summarize(np.array([[1.0], [5.0]]), np.array([1.5, 2.0]), regression("score"))
    assert [error["row"] for error in report.errors] == [1, 0]
    assert report.errors[0]["confidence"] == 3.0


def test_regression_pages_keep_at_most_2000_points():
    values = np.linspace(0, 1, 5000)
    assert len(summarize(values[:, None], values, regression("score")).points) == 2000


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"logits": np.zeros((2, 3))}, r"`logits` must be of shape \(2, 2\).*received: \(2, 3\)"),
        ({"logits": np.zeros((1, 2))}, r"`logits` must be of shape \(2, 2\).*received: \(1, 2\)"),
        ({"logits": np.array([[0, 0], [np.nan, 0]])}, r"`logits` must be finite; received: '\[nan, 0\.0\] in row 1'"),
        ({"gold": np.array([0, 2])}, "`gold` must be class indices from 0 to 1; received: 2"),
        ({"gold": np.array([-1, 0])}, "`gold` must be class indices from 0 to 1; received: -1"),
        ({"texts": ["a"]}, "`texts` must be 2 texts, one per row; received: 1"),
        ({"labels": multi_label(["a", "b"])}, r"`gold` must be of shape \(2, 2\); received: \(2, 1\)"),
        ({"logits": np.zeros((0, 2)), "gold": np.zeros(0, int)}, "N >= 1 rows"),
        ({"max_errors": -1}, "`max_errors` must be a whole number >= 0; received: -1"),
    ],
)
def test_what_does_not_fit_is_an_error(change, message):
    arguments = {"logits": np.zeros((2, 2)), "gold": np.array([0, 1]), "labels": ["no", "yes"], **change}
    with pytest.raises(KerasftError, match=message):
        summarize(**arguments)


def test_several_labels_hold_from_their_thresholds():
    logits, gold = np.array([[1.0, -1.0], [1.0, -1.0]]), np.array([[0, 1], [1, 1]])
    report = summarize(logits, gold, multi_label(["a", "b"]), thresholds=[0.8, 0.2])  # of 0.73 and 0.27
    assert [row["recall"] for row in report.per_class] == [0.0, 1.0]
    assert report.metrics["subset_accuracy"] == 0.5
    (error,) = report.errors
    assert (error["row"], error["truth"], error["predicted"]) == (1, "a, b", "b")
    assert error["confidence"] == pytest.approx(1 - 0.731, abs=1e-3)  # of the one wrong decision
    plain = summarize(logits, gold, multi_label(["a", "b"]))
    assert [row["recall"] for row in plain.per_class] == [1.0, 0.0]
    assert plain.metrics["log_loss"] == report.metrics["log_loss"]


def test_headline_is_ordered_and_leaves_out_the_double():
    report = summarize(np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([0, 1]), ["no", "yes"])
    names = list(headline(report.metrics))
    assert names == ["accuracy", "f1", "f1_macro", "matthews", "log_loss", "calibration_error"]
