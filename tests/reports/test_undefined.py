"""A score that the data leave undefined is counted as 0, and said to be undefined."""

import numpy as np
import pytest

from kerasft import Labels, multi_label, regression
from kerasft.reports import summarize, undefined_correlation, undefined_scores, undefined_spans

TWO = Labels(["ham", "spam"])


@pytest.mark.parametrize(
    ("predicted", "gold", "expected"),
    [
        ([0, 1], [0, 1], {}),
        ([0, 0], [0, 1], {"matthews": "all predictions are 'ham'"}),
        ([0, 1], [1, 1], {"matthews": "all labels are 'spam'"}),
        ([0, 0], [0, 0], {"matthews": "all labels are 'ham'", "f1": "no row is, or is predicted as, 'spam'"}),
    ],
)
def test_one_class_only(predicted, gold, expected):
    assert undefined_scores(np.array(predicted), np.array(gold), TWO) == expected


def test_no_label_at_all():
    labels = multi_label(["a", "b"])
    nothing = np.zeros((3, 2), bool)
    assert set(undefined_scores(nothing, nothing, labels)) == {"f1_micro", "f1_macro"}
    assert undefined_scores(nothing, ~nothing, labels) == {}


@pytest.mark.parametrize(
    ("predicted", "gold", "reason"),
    [
        ([1.0, 1.0], [1.0, 2.0], "all predictions are equal"),
        ([1.0, 2.0], [3.0, 3.0], "all labels are equal"),
        ([1.0], [3.0], "there is only one row"),
        ([[1.0, 5.0], [2.0, 5.0]], [[1.0, 1.0], [2.0, 2.0]], "all predictions are equal"),
        ([1.0, 2.0], [3.0, 4.0], None),
    ],
)
def test_correlations_of_constants(predicted, gold, reason):
    assert undefined_correlation(np.array(predicted), np.array(gold)) == reason


def test_spans():
    assert undefined_spans(2, 2, name="slot") == {}
    assert set(undefined_spans(0, 0, name="slot")) == {"slot_f1", "slot_precision", "slot_recall"}
    assert set(undefined_spans(0, 2, name="slot")) == {"slot_recall"}


def test_a_report_names_them_and_shows_no_measured_zero():
    report = summarize(np.ones((3, 1)), np.array([1.0, 2.0, 3.0]), regression("score"))
    assert report.metrics["spearman"] == 0.0
    assert report.undefined == dict.fromkeys(("pearson", "spearman"), "all predictions are equal")
    assert "pearson, spearman are undefined and counted as 0: all predictions are equal." in report.warnings
    assert "undefined" in report.to_html()
