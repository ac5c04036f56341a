"""Pearson and Spearman against scipy."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from kerasft import KerasftError
from kerasft.metrics import PearsonCorrelation, SpearmanCorrelation
from tests.checks import check_metric

KINDS = [(PearsonCorrelation, stats.pearsonr), (SpearmanCorrelation, stats.spearmanr)]


def correlation(metric, *parts):
    cut = len(parts[0]) // 3
    metric.update_state(*(part[:cut] for part in parts))
    metric.update_state(*(part[cut:] for part in parts))
    return float(metric.result())


@pytest.mark.parametrize(("kind", "scipys"), KINDS)
def test_common_checks(kind, scipys):
    x, y = np.random.default_rng(0).normal(size=(2, 12, 2)).astype("float32")
    check_metric(kind(2), [(x[:5], y[:5]), (x[5:], y[5:])])


@pytest.mark.parametrize("examples", [10, pytest.param(1000, marks=pytest.mark.slow)])
def test_equals_scipy_with_ties(examples):
    cases = given(st.integers(0, 2**31), st.integers(3, 60), st.sampled_from([2, 5, 1000]))
    settings(max_examples=examples, deadline=None)(cases(compare_with_scipy))()


def compare_with_scipy(seed, size, values):
    rng = np.random.default_rng(seed)
    x, y = rng.integers(0, values, (2, size)).astype("float32")
    x[:2], y[:2] = [0, 1], [1, 0]  # not constant
    for kind, scipys in KINDS:
        received = correlation(kind(), x[:, None], y[:, None])
        assert received == pytest.approx(scipys(x.astype("float64"), y.astype("float64"))[0], abs=1e-9)


@pytest.mark.parametrize(("kind", "scipys"), KINDS)
def test_several_targets_give_the_mean(kind, scipys):
    x, y = np.random.default_rng(0).normal(size=(2, 30, 3)).astype("float32")
    expected = np.mean([scipys(x[:, k].astype("float64"), y[:, k].astype("float64"))[0] for k in range(3)])
    assert correlation(kind(3), x, y) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(("kind", "scipys"), KINDS)
def test_a_whole_weight_counts_like_copies_and_weight_zero_like_nothing(kind, scipys):
    rng = np.random.default_rng(1)
    x, y = rng.integers(0, 6, (2, 20)).astype("float32")
    weights = rng.integers(0, 4, 20)
    expected = scipys(np.repeat(x, weights), np.repeat(y, weights))[0]
    x[weights == 0] = np.nan
    assert correlation(kind(), x, y, weights.astype("float32")) == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize(("kind", "scipys"), KINDS)
def test_a_constant_side_gives_zero(kind, scipys):
    values = np.linspace(0, 1, 9, dtype="float32")
    constant = np.full(9, 0.1, "float32")
    for pair in ((values, constant), (constant, values), (constant, constant)):
        assert correlation(kind(), *pair) == 0


@pytest.mark.parametrize(("kind", "scipys"), KINDS)
def test_nothing_and_one_element_give_zero_and_nan_stays_nan(kind, scipys):
    metric = kind()
    assert float(metric.result()) == 0
    metric.update_state([1.0], [2.0])
    assert float(metric.result()) == 0
    metric.update_state([1.0, 2.0], [np.nan, 3.0])
    assert np.isnan(float(metric.result()))


@pytest.mark.parametrize("mean", [1e2, 1e4])
def test_pearson_is_right_far_from_zero(mean):
    rng = np.random.default_rng(0)
    x = (mean + rng.normal(size=2000)).astype("float32")
    y = (mean - x + rng.normal(size=2000)).astype("float32") + np.float32(mean)
    expected = stats.pearsonr(x.astype("float64"), y.astype("float64"))[0]
    assert correlation(PearsonCorrelation(), x, y) == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize(("kind", "scipys"), KINDS)
def test_masks_and_token_axes(kind, scipys):
    x, y = np.random.default_rng(0).normal(size=(2, 4, 5, 1)).astype("float32")
    mask = np.random.default_rng(1).integers(0, 2, (4, 5)) > 0
    y_pred = tf.constant(y)
    y_pred._keras_mask = tf.constant(mask)
    metric = kind()
    metric.update_state(x, y_pred)
    assert float(metric.result()) == pytest.approx(scipys(x[mask][:, 0], y[mask][:, 0])[0], abs=1e-6)


@pytest.mark.parametrize(("kind", "scipys"), KINDS)
def test_another_number_of_outputs_is_an_error(kind, scipys):
    with pytest.raises(KerasftError, match=r"`num_targets` must be the model's number of outputs, 2; received: 1"):
        kind().update_state(np.zeros((3, 2)), np.zeros((3, 2)))
