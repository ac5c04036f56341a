"""F1 and Matthews against scikit-learn."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef

from kerasft import KerasftError
from kerasft.metrics import F1Score, MatthewsCorrelation
from tests.checks import check_metric


def logits_of(labels, num_classes):
    return np.eye(num_classes, dtype="float32")[labels] * 4 - 2


def single(metric, y_true, y_pred, num_classes, *weights):
    return of_two_batches(metric, y_true, logits_of(y_pred, num_classes), *weights)


def of_two_batches(metric, *parts):
    half = len(parts[0]) // 2
    metric.update_state(*(part[:half] for part in parts))
    metric.update_state(*(part[half:] for part in parts))
    return metric.result().numpy()


@pytest.mark.parametrize("metric", [F1Score(3), F1Score(3, None, name="each"), MatthewsCorrelation(3)])
def test_common_checks(metric):
    y_true, y_pred = np.random.default_rng(0).integers(0, 3, (2, 12))
    logits = logits_of(y_pred, 3)
    check_metric(metric, [(y_true[:5], logits[:5]), (y_true[5:], logits[5:])])


def test_common_checks_of_multi_label():
    y_true, logits = np.random.default_rng(0).integers(0, 2, (2, 12, 3)).astype("float32")
    check_metric(F1Score(3, multi_label=True), [(y_true[:5], logits[:5]), (y_true[5:], logits[5:])])


AVERAGES = ["macro", "micro", "weighted", None]


EXAMPLES = pytest.mark.parametrize("examples", [10, pytest.param(1000, marks=pytest.mark.slow)])


@pytest.mark.filterwarnings("ignore:A single label was found")  # scikit-learn, of rows of one class
@EXAMPLES
def test_single_label_equals_scikit_learn(examples):
    cases = given(st.integers(0, 2**31), st.integers(2, 5), st.integers(2, 30))
    settings(max_examples=examples, deadline=None)(cases(compare_single_label))()


def compare_single_label(seed, num_classes, size):
    rng = np.random.default_rng(seed)
    y_true, y_pred = rng.integers(0, num_classes, (2, size))
    weights = rng.integers(0, 3, size).astype("float32")
    if not weights.any():
        weights[0] = 1
    for average in AVERAGES:
        labels = range(num_classes) if average is None else None
        received = single(F1Score(num_classes, average), y_true, y_pred, num_classes)
        expected = f1_score(y_true, y_pred, average=average, labels=labels, zero_division=0)
        np.testing.assert_allclose(received, expected, rtol=1e-12)
    counts = weights > 0  # scikit-learn's macro average also counts a class that only stands where the weight is 0
    expected = f1_score(y_true[counts], y_pred[counts], average="macro", sample_weight=weights[counts])
    received = single(F1Score(num_classes), y_true, y_pred, num_classes, weights)
    assert received == pytest.approx(expected, rel=1e-12)
    assert single(MatthewsCorrelation(num_classes), y_true, y_pred, num_classes) == pytest.approx(
        matthews_corrcoef(y_true, y_pred), abs=1e-12
    )
    assert single(MatthewsCorrelation(num_classes), y_true, y_pred, num_classes, weights) == pytest.approx(
        matthews_corrcoef(y_true, y_pred, sample_weight=weights), abs=1e-12
    )


@EXAMPLES
def test_multi_label_equals_scikit_learn(examples):
    cases = given(st.integers(0, 2**31), st.integers(1, 4), st.sampled_from([0.1, 0.5, 0.9]))
    settings(max_examples=examples, deadline=None)(cases(compare_multi_label))()


def compare_multi_label(seed, num_classes, threshold):
    rng = np.random.default_rng(seed)
    logits = rng.normal(scale=2, size=(12, num_classes)).astype("float32")
    y_true = rng.integers(0, 2, logits.shape).astype("float32")
    y_true[:, 0] = 0
    y_pred = 1 / (1 + np.exp(-logits)) > threshold
    for average in AVERAGES:
        metric = F1Score(num_classes, average, multi_label=True, threshold=threshold)
        received = of_two_batches(metric, y_true, logits)
        if num_classes > 1:
            expected = f1_score(y_true, y_pred, average=average, zero_division=0)
        else:
            expected = f1_score(y_true[:, 0], y_pred[:, 0], zero_division=0)
        np.testing.assert_allclose(received, expected, rtol=1e-12)


def test_binary_is_f1_of_class_one_and_micro_is_accuracy():
    y_true, y_pred = np.random.default_rng(0).integers(0, 2, (2, 20))
    assert single(F1Score(2, "binary"), y_true, y_pred, 2) == pytest.approx(f1_score(y_true, y_pred))
    assert single(F1Score(2, "micro"), y_true, y_pred, 2) == pytest.approx(accuracy_score(y_true, y_pred))


def test_it_is_not_the_mean_of_batches():
    y_true, y_pred = np.array([0, 0, 0, 1]), np.array([0, 0, 0, 0])
    metric = F1Score(2)
    batches = []
    for part in (slice(0, 2), slice(2, 4)):
        metric.reset_state()
        metric.update_state(y_true[part], logits_of(y_pred[part], 2))
        batches.append(float(metric.result()))
    assert np.mean(batches) != pytest.approx(f1_score(y_true, y_pred, average="macro"))
    metric.reset_state()
    assert single(metric, y_true, y_pred, 2) == pytest.approx(f1_score(y_true, y_pred, average="macro"))


@pytest.mark.parametrize("metric", [F1Score(3, name="a"), MatthewsCorrelation(3, name="b")])
@pytest.mark.parametrize("y_pred", [[0, 0, 0], [1, 2, 0]])
def test_one_class_only(metric, y_pred):
    metric.reset_state()
    y_true = np.array([0, 0, 0])
    received = single(metric, y_true, np.array(y_pred), 3)
    score = f1_score(y_true, y_pred, average="macro") if metric.name == "a" else 0.0
    assert received == pytest.approx(score)


@pytest.mark.parametrize("kind", [F1Score, MatthewsCorrelation])
def test_padding_and_masks_do_not_count(kind):
    y_true = np.array([[0, 1, -100], [2, 2, 1]])
    logits = logits_of(np.array([[0, 1, 0], [2, 1, 1]]), 3)
    weights = np.array([[1, 1, 0], [1, 1, 1]], "float32")
    weighted, masked, plain = kind(3), kind(3), kind(3)
    weighted.update_state(y_true, logits, weights)
    tensor = tf.constant(logits)
    tensor._keras_mask = tf.constant(weights > 0)
    masked.update_state(y_true, tensor)
    plain.update_state(y_true[weights > 0], logits[weights > 0])
    assert float(weighted.result()) == float(masked.result()) == float(plain.result())


def test_counts_stay_exact_above_what_float32_can_count():
    metric = MatthewsCorrelation(2)
    metric.update_state([0, 1, 1], logits_of([0, 1, 0], 2), [2.0**25, 1.0, 1.0])
    metric.update_state([1], logits_of([1], 2), [1.0])
    assert metric.counts.numpy().sum() == (2**25 + 2) + (2**25 + 3) * 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"average": "mean"}, r"`average`.*received: 'mean'"),
        ({"average": "binary"}, r"`num_classes` must be 2.*received: 3"),
        ({"multi_label": True, "threshold": 1.0}, r"`threshold` must be in \(0, 1\); received: 1.0"),
    ],
)
def test_bad_arguments_are_errors(arguments, message):
    with pytest.raises(KerasftError, match=message):
        F1Score(3, **arguments)


@pytest.mark.parametrize("multi_label", [False, True])
def test_another_number_of_logits_is_an_error(multi_label):
    with pytest.raises(KerasftError, match=r"`num_classes` must be the model's number of logits, 4; received: 3"):
        F1Score(3, multi_label=multi_label).update_state(np.zeros(2), np.zeros((2, 4)))
