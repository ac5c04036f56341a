"""The language-model head: tied and not, files, precision, KerasHub's GPT-2."""

import keras
import keras_hub
import numpy as np
import pytest

from kerasft import KerasftError
from kerasft.backbones import GPT2Config, gpt2
from kerasft.features import PADDING_MASK, SEQUENCE_OUTPUT, TOKEN_IDS
from kerasft.heads import causal_lm, form_of, text_classifier, token_classifier
from tests import tiny

SIZES = {"vocabulary_size": 30, "num_layers": 1, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 12}
BATCH = {
    TOKEN_IDS: np.array([[3, 4, 5, 6], [7, 8, 0, 0]], "int32"),
    PADDING_MASK: np.array([[1, 1, 1, 1], [1, 1, 0, 0]], "int32"),
}


def backbone(**overrides):
    return gpt2(GPT2Config(**{**SIZES, "initializer_range": 0.3, **overrides}))


def trained(model):
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(BATCH, np.ones((2, 4), "int32"), verbose=0)
    return model


def test_the_tied_matrix_is_the_token_embedding():
    model = causal_lm(backbone())
    assert model.name == "causal_lm"
    assert model.output_shape == (None, None, 30)
    states = backbone_states(model)
    expected = states @ model.get_layer("token_embedding").embeddings.numpy().T
    np.testing.assert_allclose(model(BATCH), expected, atol=1e-5)


def backbone_states(model):
    return keras.Model(model.input, model.get_layer("layer_norm").output)(BATCH).numpy()


def test_an_untied_matrix_is_its_own():
    model = causal_lm(backbone(tied_output=False))
    assert [variable.path for variable in model.get_layer("logits").weights] == ["logits/kernel"]
    np.testing.assert_allclose(
        model(BATCH), backbone_states(model) @ model.get_layer("logits").kernel.numpy(), atol=1e-5
    )


@pytest.mark.parametrize("tied", [True, False])
def test_a_trained_model_comes_back_from_its_file(tmp_path, tied):
    model = trained(causal_lm(backbone(tied_output=tied)))
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert [variable.path for variable in again.weights] == [variable.path for variable in model.weights]
    np.testing.assert_array_equal(again(BATCH), model(BATCH))
    trained(again)  # and goes on being one model: the tied matrix is still one variable
    assert again.count_params() == model.count_params()


def test_the_tied_matrix_gets_the_gradient_of_both_its_uses():
    model = causal_lm(backbone())
    before = model.get_layer("token_embedding").embeddings.numpy()
    trained(model)
    moved = np.any(model.get_layer("token_embedding").embeddings.numpy() != before, axis=-1)
    assert moved.all()  # as outputs, the words that no text holds move too


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("tied", [True, False])
def test_logits_are_float32_under_mixed_precision(policy, tied):
    config = GPT2Config(**SIZES, tied_output=tied)
    model = causal_lm(gpt2(config, dtype=policy))
    assert model.output.dtype == model(BATCH).dtype == "float32"


def test_keras_hubs_gpt2_fits(tmp_path):
    hub = keras_hub.models.GPT2Backbone(
        vocabulary_size=30, num_layers=1, num_heads=2, hidden_dim=8, intermediate_dim=16
    )
    model = trained(causal_lm(hub))
    model.save(tmp_path / "model.keras")
    np.testing.assert_array_equal(keras.models.load_model(tmp_path / "model.keras")(BATCH), model(BATCH))


def test_a_backbone_without_a_reversible_embedding_is_refused():
    inputs = {name: keras.Input((None,), dtype="int32", name=name) for name in (TOKEN_IDS, PADDING_MASK)}
    plain = keras.Model(inputs, keras.layers.Embedding(10, 4)(inputs[TOKEN_IDS]))
    with pytest.raises(
        KerasftError, match=r"`backbone` must be a backbone with a layer 'token_embedding'.*; received: None"
    ):
        causal_lm(plain)
    with pytest.raises(KerasftError, match="`backbone` must be an encoder that outputs hidden states"):
        causal_lm(tiny.classifier())


# --- other heads on a decoder -----------------------------------------------------------------------------------------


def test_a_classifier_on_gpt2_reads_the_last_token():
    model = text_classifier(backbone(), ["no", "yes"])
    assert form_of(model).pooling == "last"
    assert not model.get_layer("logits").use_bias
    states = backbone_states(model)
    last = np.stack([states[0, 3], states[1, 1]])
    np.testing.assert_allclose(model(BATCH), last @ model.get_layer("logits").kernel.numpy(), atol=1e-5)


def test_the_last_token_is_found_whichever_side_is_padded(tmp_path):
    model = text_classifier(tiny.backbone(), ["no", "yes"], pooling="last")
    assert form_of(model).pooling == "last"
    batch = tiny.batch(["good film"])
    padded = {name: np.pad(value, ((0, 0), (0, 3))) for name, value in batch.items()}
    np.testing.assert_allclose(model(padded), model(batch), atol=1e-5)
    model.save(tmp_path / "model.keras")
    np.testing.assert_array_equal(keras.models.load_model(tmp_path / "model.keras")(batch), model(batch))


def test_a_row_without_a_token_gives_finite_answers():
    nothing = {TOKEN_IDS: np.zeros((1, 3), "int32"), PADDING_MASK: np.zeros((1, 3), "int32")}
    assert np.isfinite(text_classifier(backbone(), ["no", "yes"])(nothing)).all()


def test_a_token_classifier_on_gpt2_answers_for_every_token():
    model = token_classifier(backbone(), ["O", "B", "I"])
    assert model(BATCH).shape == (2, 4, 3)
    assert backbone().output[SEQUENCE_OUTPUT].shape == (None, None, 8)
