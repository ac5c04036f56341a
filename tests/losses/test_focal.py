"""Focal losses: identities, extremes, class weights, smoothing, errors."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from kerasft import KerasftError, losses
from kerasft.losses import (
    BinaryCrossentropy,
    BinaryFocalCrossentropy,
    CategoricalCrossentropy,
    CategoricalFocalCrossentropy,
    SparseCategoricalCrossentropy,
    SparseCategoricalFocalCrossentropy,
)
from kerasft.losses.formulas import focal_term, log_odds_against
from tests.checks import check_loss

FOCAL = [SparseCategoricalFocalCrossentropy, CategoricalFocalCrossentropy, BinaryFocalCrossentropy]
PLAIN = [SparseCategoricalCrossentropy, CategoricalCrossentropy, BinaryCrossentropy]


def example(kind, num_classes=3, size=5, scale=3.0, seed=0):
    """Targets of the kind that a loss takes, and logits."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(scale=scale, size=(size, num_classes)).astype("float32")
    labels = rng.integers(0, num_classes, size)
    if "Sparse" in kind.__name__:
        return labels, logits
    if "Categorical" in kind.__name__:
        return np.eye(num_classes, dtype="float32")[labels], logits
    return rng.integers(0, 2, logits.shape).astype("float32"), logits


@pytest.mark.parametrize("kind", FOCAL + PLAIN)
@pytest.mark.parametrize("alpha", [None, 0.25, [0.2, 0.5, 1.0], {1: 0.5}])
def test_common_checks(kind, alpha):
    check_loss(kind(alpha=alpha, label_smoothing=0.1), *example(kind))


@pytest.mark.parametrize(("focal", "plain"), list(zip(FOCAL, PLAIN)))
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_gamma_zero_is_cross_entropy(focal, plain, smoothing):
    y_true, logits = example(focal)
    received = float(focal(gamma=0, label_smoothing=smoothing)(y_true, logits))
    assert received == float(plain(label_smoothing=smoothing)(y_true, logits))
    if plain is SparseCategoricalCrossentropy:
        plain, y_true = CategoricalCrossentropy, np.eye(3, dtype="float32")[y_true]
    theirs = getattr(keras.losses, plain.__name__)(from_logits=True, label_smoothing=smoothing)
    assert received == pytest.approx(float(theirs(y_true, logits)), rel=1e-6)


@settings(max_examples=12, deadline=None)
@given(st.floats(-30, 30), st.floats(-30, 30), st.integers(0, 1), st.sampled_from([0.0, 0.3, 1.0, 2.0, 5.0]))
def test_two_classes_are_a_binary_problem(a, b, label, gamma):
    categorical = SparseCategoricalFocalCrossentropy(gamma)([label], tf.constant([[a, b]]))
    binary = BinaryFocalCrossentropy(gamma)([float(label)], tf.constant([[np.float32(b) - np.float32(a)]]))
    assert float(categorical) == pytest.approx(float(binary), rel=1e-4, abs=1e-6)


@settings(max_examples=12, deadline=None)
@given(
    st.integers(0, 2**31), st.integers(2, 6), st.sampled_from([0.0, 0.5, 1.0, 2.0, 3.5]), st.sampled_from([0.0, 0.3])
)
def test_equals_the_papers_formula_in_float64(seed, num_classes, gamma, smoothing):
    labels, logits = example(SparseCategoricalFocalCrossentropy, num_classes, seed=seed)
    p = np.exp(logits.astype("float64"))
    p /= p.sum(axis=-1, keepdims=True)
    q = (1 - smoothing) * np.eye(num_classes)[labels] + smoothing / num_classes
    with np.errstate(invalid="ignore"):
        expected = -(q * (1 - p) ** gamma * np.log(p)).sum(axis=-1).mean()
    received = float(SparseCategoricalFocalCrossentropy(gamma, label_smoothing=smoothing)(labels, logits))
    assert received == pytest.approx(expected, rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("kind", FOCAL)
def test_focal_equals_keras_where_keras_is_right(kind):
    y_true, logits = example(kind, scale=1.0)
    name = kind.__name__
    if kind is SparseCategoricalFocalCrossentropy:
        y_true, name = np.eye(3, dtype="float32")[y_true], "CategoricalFocalCrossentropy"
    more = {} if kind is BinaryFocalCrossentropy else {"alpha": 1.0}
    theirs = getattr(keras.losses, name)(gamma=2.0, from_logits=True, **more)(y_true, logits)
    assert float(kind(gamma=2.0)(example(kind, scale=1.0)[0], logits)) == pytest.approx(float(theirs), rel=1e-4)


@pytest.mark.parametrize("kind", FOCAL)
def test_all_alphas_alike_scale_the_loss(kind):
    y_true, logits = example(kind)
    plain = float(kind()(y_true, logits))
    weight = 0.5 if kind is BinaryFocalCrossentropy else 1.0
    for alpha in (weight, [weight] * 3, np.full(3, weight), dict.fromkeys(range(3), weight)):
        assert float(kind(alpha=alpha)(y_true, logits)) == pytest.approx(weight * plain, rel=1e-6)


def test_alpha_of_a_binary_loss_is_the_positives_share():
    loss = BinaryFocalCrossentropy(gamma=2.0, alpha=[0.25, 1.0])
    plain = BinaryFocalCrossentropy(gamma=2.0)
    y_true, logits = tf.constant([[1.0, 0.0], [0.0, 1.0]]), tf.constant([[0.5, 1.0], [2.0, -1.0]])
    expected = plain.call(y_true, logits) * [[0.25, 0.0], [0.75, 1.0]]
    np.testing.assert_allclose(loss.call(y_true, logits), expected, rtol=1e-6)


@pytest.mark.parametrize("gamma", [0.0, 0.1, 0.5, 1.0, 2.0, 5.0])
@pytest.mark.parametrize("kind", FOCAL)
def test_value_gradient_and_hessian_are_finite_at_extreme_logits(kind, gamma):
    rows = np.array(list(itertools.product([-100.0, 0.0, 100.0], repeat=2)), "float32")
    labels = np.arange(len(rows)) % 2
    if "Sparse" not in kind.__name__:
        labels = np.eye(2, dtype="float32")[labels]
    logits = tf.constant(rows)
    with tf.GradientTape() as outer:
        outer.watch(logits)
        with tf.GradientTape() as inner:
            inner.watch(logits)
            value = kind(gamma, label_smoothing=0.1)(labels, logits)
        gradient = inner.gradient(value, logits)
        total = tf.reduce_sum(gradient * tf.constant([[1.0, -2.0]]))
    hessian = outer.gradient(total, logits)
    for tensor in (value, gradient, hessian):
        assert np.isfinite(tensor.numpy()).all()


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_the_gradient_does_not_vanish_where_the_model_is_most_wrong(gamma):
    logits = tf.constant([[-10.0, 10.0]])
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss = SparseCategoricalFocalCrossentropy(gamma)([0], logits)
    np.testing.assert_allclose(tape.gradient(loss, logits), [[-1.0, 1.0]], atol=1e-5)
    assert float(loss) == pytest.approx(20.0)


def test_small_losses_are_not_rounded_to_zero():
    loss = SparseCategoricalFocalCrossentropy(gamma=1.0)([0], [[20.0, 0.0]])  # p = 1 in float32
    assert float(loss) == pytest.approx(np.exp(-20.0) ** 2, rel=1e-4)


@settings(max_examples=12, deadline=None)
@given(st.lists(st.floats(-60, 60, width=32), min_size=2, max_size=5))
def test_log_odds_are_exact(logits):
    received = log_odds_against(tf.constant(logits)).numpy()
    for k in range(len(logits)):
        others = np.array(logits[:k] + logits[k + 1 :], "float64")
        assert received[k] == pytest.approx(np.logaddexp.reduce(others) - logits[k], rel=1e-5, abs=2e-5)


def test_focal_term_decreases_with_gamma_and_with_confidence():
    log_odds = tf.linspace(5.0, -5.0, 21)
    terms = np.stack([focal_term(log_odds, gamma).numpy() for gamma in (0.0, 0.5, 1.0, 2.0)])
    assert (np.diff(terms, axis=0) < 0).all()
    assert (np.diff(terms, axis=1) < 0).all()


@pytest.mark.parametrize("label", [-1, 3])
def test_a_label_that_is_no_class_gives_nan_never_a_silent_zero(label):
    loss = SparseCategoricalFocalCrossentropy(label_smoothing=0.1)
    assert np.isnan(float(loss([label, 0], np.zeros((2, 3)))))
    assert np.isfinite(float(loss([label, 0], np.zeros((2, 3)), [0.0, 1.0])))


def test_labels_may_be_a_column_and_of_any_dtype():
    loss = SparseCategoricalFocalCrossentropy()
    logits = np.array([[1.0, 2.0], [3.0, 0.0]])
    expected = float(loss(np.array([0, 1]), logits))
    for labels in (np.array([[0], [1]]), np.array([0.0, 1.0]), np.array([0, 1], "uint8")):
        assert float(loss(labels, logits)) == expected


@pytest.mark.parametrize("kind", [BinaryFocalCrossentropy, losses.MeanSquaredError])
def test_a_vector_of_targets_is_never_broadcast_against_a_column(kind):
    y_true, y_pred = np.array([0.0, 1.0, 1.0]), np.array([[0.3], [0.4], [0.5]])
    assert float(kind()(y_true, y_pred)) == pytest.approx(float(kind()(y_true[:, None], y_pred)))


@pytest.mark.parametrize(
    ("kind", "y_true", "y_pred", "message"),
    [
        (SparseCategoricalFocalCrossentropy, (2, 3), (2, 3), r"`y_true` must be class indices of shape \(2,\)"),
        (SparseCategoricalFocalCrossentropy, (2,), (2, 1), r"`y_pred` must be logits.*received: \(2, 1\)"),
        (CategoricalFocalCrossentropy, (2,), (2, 3), r"`y_true` must be of y_pred's shape \(2, 3\); received: \(2,\)"),
        (BinaryFocalCrossentropy, (2, 4), (2, 3), r"`y_true` must be of y_pred's shape \(2, 3\); received: \(2, 4\)"),
    ],
)
def test_shapes_that_do_not_fit_are_errors(kind, y_true, y_pred, message):
    with pytest.raises(KerasftError, match=message):
        kind()(np.zeros(y_true), np.zeros(y_pred))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"gamma": -1.0}, r"`gamma` must be a number >= 0; received: -1.0"),
        ({"gamma": float("nan")}, r"`gamma`.*received: nan"),
        ({"label_smoothing": 1.0}, r"`label_smoothing` must be in \[0, 1\); received: 1.0"),
        ({"alpha": [1.0, -2.0]}, r"`alpha`.*received: \[1.0, -2.0\]"),
        ({"alpha": []}, r"`alpha`.*received: \[\]"),
        ({"alpha": {-1: 1.0}}, r"`alpha`.*received: \{-1: 1.0\}"),
    ],
)
@pytest.mark.parametrize("kind", FOCAL)
def test_arguments_out_of_range_are_errors(kind, arguments, message):
    with pytest.raises(KerasftError, match=message):
        kind(**arguments)


@pytest.mark.parametrize("alpha", [2.0, [0.5, 2.0], {0: 2.0}])
def test_a_share_above_one_is_an_error(alpha):
    with pytest.raises(KerasftError, match=r"`alpha` must be in \[0, 1\].*received: .*2\.0"):
        BinaryFocalCrossentropy(alpha=alpha)


@pytest.mark.parametrize("alpha", [[0.1, 0.2], {3: 0.5}])
@pytest.mark.parametrize("kind", FOCAL)
def test_alpha_for_other_classes_is_an_error(kind, alpha):
    with pytest.raises(KerasftError, match=r"`alpha` must be one weight per class \(3\); received: .*(0\.2|0\.5)"):
        kind(alpha=alpha)(*example(kind))
