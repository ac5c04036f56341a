"""The head that writes a text for a text: tied and scaled, or neither; files and precision."""

import keras
import numpy as np
import pytest

from kerasft import KerasftError
from kerasft.backbones import T5Config, t5
from kerasft.features import DECODER_PADDING_MASK, DECODER_TOKEN_IDS, ENCODER_PADDING_MASK, ENCODER_TOKEN_IDS
from kerasft.heads import sequence_to_sequence, text_classifier
from tests import tiny

SIZES = {
    "vocabulary_size": 30,
    "num_layers": 1,
    "num_decoder_layers": 2,
    "num_heads": 2,
    "head_dim": 3,
    "hidden_dim": 16,
    "intermediate_dim": 12,
}
BATCH = {
    ENCODER_TOKEN_IDS: np.array([[3, 4, 1], [5, 1, 0]], "int32"),
    ENCODER_PADDING_MASK: np.array([[1, 1, 1], [1, 1, 0]], "int32"),
    DECODER_TOKEN_IDS: np.array([[0, 9], [0, 10]], "int32"),
    DECODER_PADDING_MASK: np.array([[1, 1], [1, 1]], "int32"),
}


def new_model(dtype=None, **overrides):
    return sequence_to_sequence(t5(T5Config(**{**SIZES, **overrides}), dtype=dtype))


def states(model):
    return keras.Model(model.input, model.get_layer("decoder_layer_norm").output)(BATCH).numpy()


def test_t5_1_0_is_tied_and_scaled():
    model = new_model()
    assert model.name == "sequence_to_sequence"
    assert model.output_shape == (None, None, 30)
    expected = states(model) / 4.0 @ model.get_layer("token_embedding").embeddings.numpy().T
    np.testing.assert_allclose(model(BATCH), expected, atol=1e-5)


def test_t5_1_1_is_neither():
    model = new_model(tied_output=False, scaled_output=False)
    expected = states(model) @ model.get_layer("logits").kernel.numpy()
    np.testing.assert_allclose(model(BATCH), expected, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("overrides", [{}, {"tied_output": False, "scaled_output": False, "gated": True}])
def test_a_trained_model_comes_back_from_its_file(tmp_path, overrides):
    model = new_model(**overrides)
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(BATCH, np.ones((2, 2), "int32"), verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert [variable.path for variable in again.weights] == [variable.path for variable in model.weights]
    np.testing.assert_array_equal(again(BATCH), model(BATCH))


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_logits_are_float32_under_mixed_precision(policy):
    model = new_model(dtype=policy)
    assert model.output.dtype == model(BATCH).dtype == "float32"
    assert np.isfinite(model(BATCH)).all()


def test_an_encoder_alone_is_refused():
    with pytest.raises(KerasftError, match=r"`backbone` must be an encoder-decoder with .*; received: "):
        sequence_to_sequence(tiny.backbone())


def test_other_heads_refuse_a_t5():
    with pytest.raises(
        KerasftError, match="`backbone` must be a functional encoder with named inputs, including 'padding_mask'"
    ):
        text_classifier(t5(T5Config(**SIZES)), ["no", "yes"])
