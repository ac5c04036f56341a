"""Checks that hold for every part of a kind; each kind has its section."""

import keras
import numpy as np
import tensorflow as tf

# --- losses -----------------------------------------------------------------------------------------------------------


def check_loss(loss, y_true, y_pred):
    """What holds for every loss on a batch of at least two examples.

    A scalar; the mean of its elements by their weights; finite gradients; the same after a round trip of its config, in
    a compiled function and in `fit` of a model that comes back from a file's config.
    """
    y_true, y_pred = tf.constant(y_true), tf.constant(y_pred)
    value = loss(y_true, y_pred)
    assert value.shape == ()
    assert value.dtype == tf.float32
    elements = np.asarray(loss.call(y_true, y_pred))
    np.testing.assert_allclose(value, elements.mean(), rtol=1e-5)
    weights = np.zeros(len(elements), "float32")
    weights[0] = 2.0
    np.testing.assert_allclose(loss(y_true, y_pred, weights), elements[0].mean(), rtol=1e-5)
    with tf.GradientTape() as tape:
        tape.watch(y_pred)
        watched = loss(y_true, y_pred)
    assert np.isfinite(tape.gradient(watched, y_pred)).all()
    again = _round_trip(loss)
    assert again.get_config() == loss.get_config()
    np.testing.assert_array_equal(again(y_true, y_pred), value)
    np.testing.assert_allclose(tf.function(loss)(y_true, y_pred), value, rtol=1e-6)


def check_metric(metric, batches):
    """What holds for every metric: any split into batches is the same; it forgets; its config makes the same metric."""
    for batch in batches:
        metric.update_state(*batch)
    value = np.asarray(metric.result())
    metric.reset_state()
    empty = np.asarray(metric.result())
    assert np.isfinite(empty).all()
    again = _round_trip(metric)
    assert again.get_config() == metric.get_config()
    update = tf.function(again.update_state, reduce_retracing=True)
    update(*(np.concatenate(parts) for parts in zip(*batches)))
    np.testing.assert_allclose(again.result(), value, rtol=1e-6, atol=1e-12)
    again.reset_state()
    np.testing.assert_array_equal(again.result(), empty)
    return value


def _round_trip(part):
    return keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(part))
