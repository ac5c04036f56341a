"""The global mean: weights, masks, padding, zero weight, mixed precision, `fit`."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from kerasft import KerasftError
from kerasft.losses import GlobalMeanLoss, MeanSquaredError, SparseCategoricalFocalCrossentropy


class Identity(GlobalMeanLoss):
    def call(self, y_true, y_pred):
        return y_pred


def mean(values, weights=None):
    values = tf.constant(values, tf.float32)
    return float(Identity()(tf.zeros_like(values), values, sample_weight=weights))


def test_divides_by_the_sum_of_the_weights():
    assert mean([1.0, 2.0, 9.0], [1.0, 3.0, 0.0]) == pytest.approx(7 / 4)
    assert mean([1.0, 2.0, 9.0]) == 4.0


@pytest.mark.parametrize("shape", [(2,), (2, 1), (2, 1, 1), (2, 3), (2, 3, 1), (2, 3, 4), (1, 3), (2, 3, 4, 1)])
def test_weights_stand_along_the_leading_axes(shape):
    rng = np.random.default_rng(0)
    values = rng.random((2, 3, 4)).astype("float32")
    weights = rng.random(shape).astype("float32")
    full = np.broadcast_to(weights.reshape((*shape, 1, 1)[:3]), (2, 3, 4))
    assert mean(values, weights) == pytest.approx((full * values).sum() / full.sum(), rel=1e-6)


@pytest.mark.parametrize("shape", [(3,), (2, 4), (2, 3, 4, 2)])
def test_weights_of_another_shape_are_an_error_that_shows_it(shape):
    with pytest.raises(KerasftError, match=r"`sample_weight`.*\(2, 3, 4\); received: \(" + str(shape[0])):
        mean(np.ones((2, 3, 4)), np.ones(shape))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 5), st.integers(0, 2), st.integers(0, 2**31))
def test_padding_does_not_change_the_value(more_tokens, more_rows, seed):
    rng = np.random.default_rng(seed)
    logits, labels = rng.normal(size=(3, 4, 5)), rng.integers(0, 5, (3, 4))
    weights = rng.integers(0, 2, (3, 4)).astype("float32")
    loss = SparseCategoricalFocalCrossentropy(label_smoothing=0.1)
    pad = ((0, more_rows), (0, more_tokens))
    padded = loss(np.pad(labels, pad, constant_values=-100), np.pad(logits, (*pad, (0, 0))), np.pad(weights, pad))
    assert float(padded) == pytest.approx(float(loss(labels, logits, weights)), rel=1e-6, abs=1e-7)


def test_a_whole_weight_counts_like_copies():
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(size=(4, 3)), np.array([0, 1, 2, 1])
    loss = SparseCategoricalFocalCrossentropy()
    copies = [0, 0, 1, 3, 3, 3]
    assert float(loss(labels, logits, [2, 1, 0, 3])) == pytest.approx(
        float(loss(labels[copies], logits[copies])), rel=1e-6
    )


def test_no_weight_at_all_gives_zero_and_gradient_zero():
    logits = tf.Variable([[100.0, -100.0], [0.0, 0.0]])
    with tf.GradientTape() as tape:
        loss = SparseCategoricalFocalCrossentropy(gamma=0.5)([1, 7], logits, [0.0, 0.0])
    assert float(loss) == 0
    np.testing.assert_array_equal(tape.gradient(loss, logits), np.zeros((2, 2)))


def test_an_empty_batch_gives_zero():
    assert float(MeanSquaredError()(tf.zeros((0, 1)), tf.zeros((0, 1)))) == 0


def test_keras_mask_and_sample_weight_multiply():
    values = tf.constant([[1.0, 2.0, 9.0], [4.0, 9.0, 9.0]])
    values._keras_mask = tf.constant([[True, True, False], [True, False, False]])
    assert float(Identity()(tf.zeros_like(values), values)) == pytest.approx(7 / 3)
    assert float(Identity()(tf.zeros_like(values), values, [1.0, 3.0])) == pytest.approx(15 / 5)


def test_a_mask_reaches_the_loss_in_fit():
    token_ids = np.array([[1, 2, 0, 0], [1, 2, 3, 4]])
    inputs = keras.Input((None,), dtype="int32")
    hidden = keras.layers.Embedding(5, 4, mask_zero=True)(inputs)
    model = keras.Model(inputs, keras.layers.Dense(3)(hidden))
    model.compile("sgd", SparseCategoricalFocalCrossentropy())
    labels = np.array([[0, 1, 2, 2], [2, 1, 0, 1]])
    expected = SparseCategoricalFocalCrossentropy()(labels, np.asarray(model(token_ids)), token_ids > 0)
    assert model.evaluate(token_ids, labels, verbose=0) == pytest.approx(float(expected), rel=1e-6)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_computed_in_float32(dtype):
    logits = tf.cast([[60.0, -60.0], [1.0, 2.0]], dtype)
    loss = SparseCategoricalFocalCrossentropy()([1, 0], logits)
    assert loss.dtype == tf.float32
    assert float(loss) == pytest.approx((120 + (1 / (1 + np.exp(-1))) ** 2 * np.log(1 + np.e)) / 2, rel=1e-5)


def test_fit_and_evaluate_report_the_weighted_mean():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4, 3, 2)).astype("float32")
    labels, weights = rng.integers(0, 2, (4, 3)), rng.integers(0, 2, (4, 3)).astype("float32")
    inputs = keras.Input((3, 2))
    model = keras.Model(inputs, keras.layers.Dense(2)(inputs))
    model.compile(keras.optimizers.SGD(0.1), SparseCategoricalFocalCrossentropy())
    expected = float(SparseCategoricalFocalCrossentropy()(labels, np.asarray(model(x)), weights))
    assert model.fit(x, labels, sample_weight=weights, batch_size=4, verbose=0).history["loss"] == [
        pytest.approx(expected)
    ]
    assert model.evaluate(x, labels, sample_weight=weights, verbose=0) < expected
