"""The answer that needs no model stands beside every score, by the same scorer, and a model that is no better is named."""

import json

import numpy as np
import pytest

from kerasft import KerasftError, Labels, multi_label, regression
from kerasft.reports import (
    EVALUATED,
    TRAINING,
    constant_logits,
    score_rows,
    scores,
    statistics,
    summarize,
    with_baseline,
)
from kerasft.reports.baseline import described, is_no_better

SINGLE = Labels(["neutral", "positive", "negative"])


def one_hot(classes, size=3):
    return 4.0 * np.eye(size)[np.asarray(classes)]


def test_the_commonest_class_of_the_evaluated_rows_by_the_same_scorer():
    gold = np.array([0] * 42 + [1] * 30 + [2] * 28)
    report = summarize(one_hot(gold), gold, SINGLE)
    assert report.baseline["accuracy"] == pytest.approx(0.42)
    assert report.baseline == scores.single_label(constant_logits(statistics(gold, SINGLE), SINGLE, 100), gold)
    entropy = -sum(p * np.log(p) for p in (0.42, 0.3, 0.28))
    assert report.baseline["log_loss"] == pytest.approx(entropy, rel=1e-3)
    assert report.baseline_answer == "always 'neutral', the most frequent class of the evaluated rows"
    assert report.warnings == []


def test_the_training_rows_say_which_class_it_is():
    gold = np.array([0, 0, 1])
    report = with_baseline(summarize(one_hot(gold), gold, SINGLE), gold, {"counts": [1, 8, 1], "rows": 10})
    assert report.baseline["accuracy"] == pytest.approx(1 / 3)
    assert report.baseline_answer == "always 'positive', the most frequent class of the training rows"


def test_a_model_that_is_no_better_is_named_with_what_it_answers():
    gold = np.array([0] * 42 + [1] * 34 + [2] * 24)
    predicted = np.array([1] * 97 + [0, 0, 2])
    report = summarize(one_hot(predicted), gold, SINGLE)
    (warning,) = report.warnings
    assert warning == (
        f"accuracy {report.metrics['accuracy']:.4f} is no better than 0.4200, the constant baseline: always 'neutral', "
        "the most frequent class of the evaluated rows. The model predicts 'positive' for 97 of 100 rows."
    )


def test_several_labels_and_numbers():
    labels = multi_label(["toxic", "insult", "spam"])
    gold = np.array([[1, 0, 0], [1, 1, 0], [1, 0, 0], [0, 0, 0]], float)
    report = summarize(8 * gold - 4, gold, labels)
    assert report.baseline["f1_micro"] == pytest.approx(6 / 8)  # 'toxic' for all: 3 right of 4 said and 4 there
    assert report.baseline_answer == "always 'toxic', the most frequent of the evaluated rows"
    rare = np.array([[1, 0, 0]] + [[0, 0, 0]] * 9, float)
    assert summarize(8 * rare - 4, rare, labels).baseline["f1_micro"] == pytest.approx(2 / 11)
    gold = np.array([1.0, 2.0, 6.0])
    report = with_baseline(summarize(gold[:, None], gold, regression("score")), gold, {"means": [2.0]})
    assert report.baseline["mse"] == pytest.approx(17 / 3)
    assert report.baseline_answer == "always 2, the mean of the training rows"
    assert report.warnings == []
    report = summarize(np.full((3, 1), 9.0), gold, regression("score"))
    assert any(line.startswith("pearson 0.0000 is no better than 0.0000") for line in report.warnings)


@pytest.mark.parametrize(
    ("labels", "gold"),
    [(SINGLE, [0, 2]), (multi_label(["a", "b"]), [[1, 0], [1, 1]]), (regression("x", "y"), [[1, 2], [3, 4]])],
)
def test_statistics_are_plain_values_that_json_keeps(labels, gold):
    known = statistics(np.array(gold), labels)
    assert json.loads(json.dumps(known)) == known
    assert constant_logits(known, labels, 5).shape == (5, len(labels))
    assert np.isfinite(constant_logits(known, labels, 5)).all()
    for source in (TRAINING, EVALUATED):
        assert source in described(known, labels, source)


@pytest.mark.parametrize("name", ["log_loss", "loss", "mse", "mae", "perplexity", "calibration_error"])
def test_of_losses_the_smaller_is_better(name):
    assert is_no_better(name, 0.5, 0.5)
    assert is_no_better(name, 0.6, 0.5)
    assert not is_no_better(name, 0.4, 0.5)
    assert not is_no_better("f1", 0.6, 0.5)


def test_table_json_and_page_have_both(tmp_path):
    gold = np.array([0, 0, 1])
    report = summarize(one_hot([2, 2, 2]), gold, SINGLE)
    rows = score_rows(report.metrics, report.baseline, report.undefined)
    assert rows[0] == ("accuracy", "0.0000", "0.6667")
    assert {name: value for name, value, _ in rows}["matthews"] == "undefined"
    page = report.write(tmp_path).read_text("utf-8")
    stored = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert stored["baseline"]["accuracy"] == pytest.approx(2 / 3)
    assert stored["warnings"] == report.warnings
    assert len(stored["warnings"]) == 2
    assert "baseline 0.6667" in page
    assert "always &#39;neutral&#39;, the most frequent class of the evaluated rows" in page
    assert "is no better than 0.6667" in page
    assert "undefined" in page


def test_statistics_of_other_labels_are_refused():
    report = summarize(one_hot([0, 1]), np.array([0, 1]), SINGLE)
    with pytest.raises(KerasftError, match=r"`baseline` must be training counts for 3 labels; received: \[1, 2\]"):
        with_baseline(report, np.array([0, 1]), {"counts": [1, 2], "rows": 3})
    with pytest.raises(KerasftError, match="received: None"):
        with_baseline(report, np.array([0, 1]), {"means": [1.0]})
