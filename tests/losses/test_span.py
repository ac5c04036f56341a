"""The loss of spans: equal to two sparse cross-entropies where every token is allowed, and only allowed tokens count."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasft.errors import KerasftError
from kerasft.losses import SpanCrossentropy
from tests.checks import check_loss

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(0, 2, (4, 6, 2)).astype("float32")
START, END = np.array([0, 2, 3, 1]), np.array([0, 4, 3, 5])
Y = np.stack([np.eye(6)[START], np.eye(6)[END]], -1).astype("int32")  # (4, 6, 2)


def reference(logits, start, end):
    """Mean of the two cross-entropies of one row, in float64."""
    log_p = logits - np.log(np.exp(logits.astype("float64")).sum(0))
    return -(log_p[start, 0] + log_p[end, 1]) / 2


def test_it_is_the_mean_of_both_cross_entropies():
    rows = [reference(LOGITS[i], START[i], END[i]) for i in range(4)]
    np.testing.assert_allclose(SpanCrossentropy()(Y, LOGITS), np.mean(rows), rtol=1e-6)
    ours = SpanCrossentropy().call(tf.constant(Y), tf.constant(LOGITS))
    np.testing.assert_allclose(ours, rows, rtol=1e-5)
    for column, places in enumerate((START, END)):
        keras_own = keras.losses.sparse_categorical_crossentropy(places, LOGITS[..., column], from_logits=True)
        rows = rows - keras_own.numpy() / 2
    np.testing.assert_allclose(rows, 0, atol=1e-6)


def test_what_holds_for_every_loss():
    check_loss(SpanCrossentropy(), Y, LOGITS)


def test_only_allowed_tokens_count_and_padding_changes_nothing():
    allowed = np.ones((4, 6), "float32")
    allowed[:, 5] = 0
    y, weights = Y[:3], allowed[:3]
    expected = np.mean([reference(LOGITS[i, :5], START[i], END[i]) for i in range(3)])
    value = SpanCrossentropy()(y, LOGITS[:3], sample_weight=weights)
    np.testing.assert_allclose(value, expected, rtol=1e-6)
    strange = LOGITS[:3].copy()
    strange[:, 5] = (np.nan, np.inf)
    with tf.GradientTape() as tape:
        logits = tf.constant(strange)
        tape.watch(logits)
        again = SpanCrossentropy()(y, logits, sample_weight=weights)
    np.testing.assert_array_equal(again, value)
    gradient = tape.gradient(again, logits).numpy()
    assert np.isfinite(gradient).all()
    assert not gradient[:, 5].any()
    longer = [np.pad(array, ((0, 0), (0, 9), (0, 0))[: array.ndim]) for array in (y, LOGITS[:3], weights)]
    np.testing.assert_allclose(SpanCrossentropy()(*longer), value, rtol=1e-6)


def test_a_row_without_allowed_tokens_counts_nothing():
    weights = np.ones((4, 6), "float32")
    weights[1:] = 0
    value = SpanCrossentropy()(Y, LOGITS, sample_weight=weights)
    np.testing.assert_allclose(value, reference(LOGITS[0], START[0], END[0]), rtol=1e-6)
    with tf.GradientTape() as tape:
        logits = tf.constant(LOGITS)
        tape.watch(logits)
        value = SpanCrossentropy()(Y, logits, sample_weight=np.zeros((4, 6), "float32"))
    assert float(value) == 0
    assert not tape.gradient(value, logits).numpy().any()


def test_a_row_counts_by_its_weight():
    weights = np.ones((4, 6), "float32") * [[1.0], [3.0], [0.0], [0.0]]
    rows = [reference(LOGITS[i], START[i], END[i]) for i in range(2)]
    np.testing.assert_allclose(SpanCrossentropy()(Y, LOGITS, weights), (rows[0] + 3 * rows[1]) / 4, rtol=1e-6)


@pytest.mark.parametrize("size", [100.0, 1e4])
def test_value_and_gradient_are_finite_at_large_logits(size):
    logits = tf.constant(np.sign(LOGITS) * size)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        value = SpanCrossentropy()(Y, logits)
    assert np.isfinite(value)
    assert np.isfinite(tape.gradient(value, logits)).all()


def test_a_wrong_shape_is_named():
    with pytest.raises(KerasftError, match=r"`y_true` must be of y_pred's shape \(4, 6, 2\); received: \(4, 6\)"):
        SpanCrossentropy()(Y[..., 0], LOGITS)
