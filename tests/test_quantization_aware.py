"""Training with rounded numbers: what rounding does, that the model learns through it, and that nothing of it stays."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras import ops

import kerasft
from kerasft.quantization_aware import fake_quantize, quantization_aware
from tests import tiny


@given(st.lists(st.floats(-100, 100, width=32), min_size=1, max_size=30))
def test_rounding_moves_a_number_by_half_a_step_at_most_and_zero_stays_zero(values):
    values = np.array([0.0, *values], np.float32)
    step = (values.max() - values.min()) / 255
    rounded = fake_quantize(ops.convert_to_tensor(values)).numpy()
    assert np.abs(rounded - values).max() <= 0.51 * step + 1e-4
    assert abs(rounded[0]) < 1e-6


def test_a_kernels_outputs_have_a_scale_each():
    kernel = np.array([[100.0, 0.01], [-50.0, 0.005]], np.float32)
    assert fake_quantize(ops.convert_to_tensor(kernel), axis=-1).numpy() == pytest.approx(kernel, rel=0.02)


@pytest.mark.slow
def test_a_model_learns_through_the_rounding_and_computes_in_floats_after(tmp_path):
    model = tiny.classifier()
    batch, y = tiny.batch(["a good film", "a bad film"]), np.array([1, 0])
    model.compile(keras.optimizers.Adam(0.01), kerasft.losses.for_labels(model.labels), jit_compile=False)
    before = model(batch).numpy()
    kernel = model.get_layer("transformer_layer_0").query.kernel.numpy()
    with quantization_aware(model):
        inside = model(batch).numpy()
        losses = [model.train_on_batch(batch, y) for _ in range(12)]
    assert 0 < np.abs(inside - before).max() < 0.05
    assert losses[-1] < losses[0]
    assert np.abs(model.get_layer("transformer_layer_0").query.kernel.numpy() - kernel).max() > 0.01
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert np.array_equal(loaded(batch).numpy(), model(batch).numpy())
    assert all("call" not in vars(layer) for layer in model._flatten_layers())
