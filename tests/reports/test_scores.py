import numpy as np
import pytest
from scipy.special import softmax

from kerasft.features import Labels
from kerasft.reports import scores


@pytest.fixture(name="predictions")
def _predictions():
    rng = np.random.default_rng(0)
    gold = rng.integers(0, 4, 200)
    logits = rng.normal(0, 1, (200, 4)) + 2 * np.eye(4)[gold]
    return logits, gold


def test_single_label_by_hand(predictions):
    logits, gold = predictions
    predicted = logits.argmax(-1)
    made = scores.single_label(logits, gold)
    f1 = []
    for label in range(4):
        hits = ((predicted == label) & (gold == label)).sum()
        f1.append(2 * hits / ((predicted == label).sum() + (gold == label).sum()))
    assert made["accuracy"] == made["f1_micro"] == pytest.approx((predicted == gold).mean())
    assert made["f1_macro"] == pytest.approx(np.mean(f1))
    assert made["log_loss"] == pytest.approx(-np.log(softmax(logits, -1)[np.arange(200), gold]).mean())
    assert "f1" not in made  # for two classes only


def test_matthews_of_two_classes_by_its_formula():
    gold = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0, 0])
    predicted = np.array([1, 1, 1, 0, 1, 0, 0, 0, 0, 0])
    made = scores.single_label(np.eye(2)[predicted], gold)
    tp, fn, fp, tn = 3, 1, 1, 5
    expected = (tp * tn - fp * fn) / np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    assert made["matthews"] == pytest.approx(expected)
    assert made["f1"] == pytest.approx(2 * tp / (2 * tp + fp + fn))


def test_log_loss_stays_finite_at_extreme_logits():
    made = scores.single_label(np.array([[100.0, -100.0]]), np.array([1]))
    assert made["log_loss"] == pytest.approx(200.0)
    made = scores.multi_label(np.array([[100.0, -100.0]]), np.array([[0.0, 1.0]]))
    assert made["log_loss"] == pytest.approx(100.0)


def test_one_class_only_in_truth_and_prediction():
    made = scores.single_label(np.array([[2.0, 0.0]] * 3), np.zeros(3, int))
    assert (made["accuracy"], made["matthews"], made["f1"]) == (1.0, 0.0, 0.0)


def test_calibration_error_is_zero_if_confidence_is_the_share_right():
    confidence = np.repeat([0.55, 0.75, 0.95], 100)
    right = np.concatenate([np.arange(100) < share for share in (55, 75, 95)])
    assert scores.calibration_error(scores.calibration(confidence, right)) == pytest.approx(0, abs=1e-12)


def test_calibration_error_is_the_gap_of_a_sure_model_that_is_right_half_the_time():
    bins = scores.calibration(np.ones(10), np.arange(10) % 2 == 0)
    assert scores.calibration_error(bins) == pytest.approx(0.5)
    assert bins[-1]["count"] == 10


def test_bins_are_closed_above_and_count_every_row():
    edges = np.arange(1, 16) / 15
    bins = scores.calibration(edges, np.ones(15))
    assert [row["count"] for row in bins] == [1] * 15
    assert scores.calibration(np.array([0.0]), np.array([False]))[0]["count"] == 1


def test_calibration_error_by_the_papers_sum():
    rng = np.random.default_rng(1)
    confidence, right = rng.random(500), rng.random(500) < 0.6
    expected = 0.0
    for number in range(15):
        inside = (confidence > number / 15) & (confidence <= (number + 1) / 15)
        if inside.any():
            expected += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    assert scores.calibration_error(scores.calibration(confidence, right)) == pytest.approx(expected)


def test_multi_label_by_hand():
    gold = np.array([[1, 0, 1], [0, 0, 1], [1, 1, 0]], float)
    logits = np.array([[2, -1, 1], [-1, 1, 1], [1, 1, -2]], float)
    made = scores.multi_label(logits, gold)
    assert made["subset_accuracy"] == pytest.approx(2 / 3)
    assert made["f1_micro"] == pytest.approx(2 * 5 / (5 + 1 + 5))
    assert made["f1_macro"] == pytest.approx((1 + 2 / 3 + 1) / 3)


def test_regression_by_hand():
    gold = np.array([[0.0], [1.0], [2.0], [3.0]])
    predicted = gold**3
    made = scores.regression(predicted, gold)
    error = predicted - gold
    assert made["mse"] == pytest.approx((error**2).mean())
    assert made["mae"] == pytest.approx(np.abs(error).mean())
    assert made["pearson"] == pytest.approx(np.corrcoef(predicted.T, gold.T)[0, 1])
    assert made["spearman"] == pytest.approx(1.0)


def test_correlations_of_several_targets_are_the_mean_and_each_has_its_row():
    rng = np.random.default_rng(2)
    gold = rng.normal(size=(30, 2))
    predicted = gold + rng.normal(size=(30, 2)) * [0.1, 2.0]
    rows = scores.per_target(predicted, gold, ["joy", "anger"])
    assert rows[0]["pearson"] > rows[1]["pearson"]
    mean = (rows[0]["pearson"] + rows[1]["pearson"]) / 2
    assert scores.regression(predicted, gold)["pearson"] == pytest.approx(mean)


@pytest.mark.parametrize("rows", [1, 5])
def test_a_correlation_with_a_constant_is_zero_without_a_warning(rows):
    made = scores.regression(np.ones((rows, 1)), np.arange(rows, dtype=float)[:, None])
    assert made["pearson"] == made["spearman"] == 0.0
    assert np.isfinite(made["mse"])


def test_per_class_has_classes_that_never_occur():
    rows = scores.per_class(np.array([0, 0]), np.array([0, 1]), Labels(["a", "b", "c"]))
    assert [row["support"] for row in rows] == [1, 1, 0]
    assert rows[0]["precision"] == 0.5
    assert rows[2]["f1"] == 0.0
