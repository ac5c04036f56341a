"""The scores of rows with labels that the model does not have are scikit-learn's over all labels."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef

import kerasft
from kerasft.errors import DataError, KerasftError
from kerasft.features import Labels, multi_label
from kerasft.pipelines.unseen_labels import summarize_with_unseen
from tests import tiny

ROWS = [("a good film", "yes"), ("bad", "no"), ("a poor movie", "maybe"), ("great", "yes")]


@pytest.fixture(scope="module")
def pipeline():
    return kerasft.pipelines.load(kerasft.make_bundle(tiny.classifier(["no", "yes"]), tiny.tokenizer(), max_length=16))


def test_scores_are_over_all_rows_and_labels(pipeline):
    report = pipeline.evaluate(ROWS, unseen_labels="count")
    predicted = pipeline.predict_logits([text for text, _ in ROWS]).argmax(-1)
    gold = [1, 0, 2, 1]
    assert report.rows == 4
    assert report.labels == ["no", "yes", "maybe"]
    assert report.metrics["accuracy"] == accuracy_score(gold, predicted)
    assert report.metrics["f1_macro"] == pytest.approx(f1_score(gold, predicted, average="macro", zero_division=0))
    assert report.metrics["matthews"] == pytest.approx(matthews_corrcoef(gold, predicted))
    assert "log_loss" not in report.metrics
    assert report.per_class[2]["support"] == 1
    assert "maybe" in {error["truth"] for error in report.errors}


def test_they_are_an_error_unless_they_are_to_be_counted(pipeline):
    with pytest.raises(DataError, match=r"received: 'maybe'.*--unseen-labels count"):
        pipeline.evaluate(ROWS)
    with pytest.raises(KerasftError, match=r"`unseen_labels` must be 'error' or 'count'; received: 'drop'"):
        pipeline.evaluate(ROWS, unseen_labels="drop")
    assert pipeline.evaluate(ROWS[:2], unseen_labels="count").metrics == pipeline.evaluate(ROWS[:2]).metrics


def test_thresholds_and_baselines_go_on():
    logits, gold = np.array([[2.0, -2.0], [2.0, -2.0]]), np.array([[1, 0, 0], [0, 0, 1]])
    found = summarize_with_unseen(
        logits,
        gold,
        multi_label(["a", "b"]),
        unseen=["c"],
        thresholds=[0.4, 0.6],
        baseline={"counts": [3, 1], "rows": 4},
    )
    assert found.metrics["subset_accuracy"] == 0.5
    assert "'a'" in found.baseline_answer
    found = summarize_with_unseen(
        logits, np.array([0, 2]), Labels(["a", "b"]), unseen=["c"], baseline={"counts": [3, 1], "rows": 4}
    )
    assert found.baseline["accuracy"] == 0.5
