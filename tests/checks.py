"""Checks that hold for every part of a kind; each kind has its section."""

import json
import warnings

import keras
import numpy as np
import tensorflow as tf

import kerasft
from kerasft.encoding.encoded import encode
from kerasft.inference.runners import keras_runner, predict_logits

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


# --- exporters --------------------------------------------------------------------------------------------------------


def check_exporter(export, bundle, folder, texts, *, tolerance=1e-4):
    """What holds for every exporter: a whole folder, a true report, the model's own answers.

    `export(bundle, folder, texts=...)` writes and returns the report, which is returned here.
    """
    report = export(bundle, folder, texts=texts)
    assert report["folder"] == str(folder)
    assert report["num_texts"] == len(texts)
    assert report["finite"]
    assert report["max_difference"] <= tolerance
    assert json.loads((folder / "report.json").read_text("utf-8")) == report
    assert (folder / "labels.txt").read_text("utf-8").splitlines() == list(bundle.labels)
    assert {"kerasft.json", "tokenizer.json"} <= {path.name for path in folder.iterdir()}
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]  # nothing left aside
    pipeline = kerasft.pipelines.load(folder)
    encoded = encode(bundle.tokenizer, texts, max_length=pipeline.max_length)
    expected = predict_logits(keras_runner(bundle.model), bundle.tokenizer, encoded)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of truncation
        received = pipeline.predict_logits(texts)
    np.testing.assert_allclose(received, expected, atol=tolerance)
    return report


# --- backbones --------------------------------------------------------------------------------------------------------


def check_backbone(backbone, batch, folder):
    """What holds for every backbone on a batch with padding.

    Named int32 inputs; hidden states that do not depend on padding; a gradient for every weight; the same answers from
    its `.keras` file.
    """
    assert {tensor.dtype for tensor in backbone.input.values()} == {"int32"}
    states = backbone(batch)["sequence_output"]
    assert states.shape[:2] == batch["token_ids"].shape
    real = batch["padding_mask"].astype(bool)
    assert not real.all(), "give a batch with padding"
    for row in range(len(real)):
        alone = backbone({name: value[row : row + 1, real[row]] for name, value in batch.items()})
        np.testing.assert_allclose(alone["sequence_output"][0], states[row][real[row]], atol=1e-5)
    with tf.GradientTape() as tape:
        loss = sum(tf.reduce_sum(value[..., :1] ** 3) for value in backbone(batch, training=True).values())
    gradients = tape.gradient(loss, [variable.value for variable in backbone.trainable_variables])
    lacking = [v.path for v, g in zip(backbone.trainable_variables, gradients, strict=True) if g is None]
    assert not lacking, lacking
    backbone.save(folder / "backbone.keras")
    again = keras.models.load_model(folder / "backbone.keras")
    np.testing.assert_array_equal(again(batch)["sequence_output"], states)
