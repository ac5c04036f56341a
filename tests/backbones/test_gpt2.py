"""The GPT-2 graph: names, causality, padding, files, precision, and the mobile form."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from kerasft.backbones import CausalAttentionBias, GPT2Config, TransformerDecoderLayer, gpt2
from kerasft.backbones.attention import attend
from kerasft.errors import KerasftError
from kerasft.features import PADDING_MASK, SEQUENCE_OUTPUT, TOKEN_IDS
from tests import checks

SIZES = {
    "vocabulary_size": 30,
    "num_layers": 2,
    "num_heads": 2,
    "hidden_dim": 8,
    "intermediate_dim": 12,
    "max_sequence_length": 9,
}
BATCH = {
    TOKEN_IDS: np.array([[3, 4, 5, 6], [7, 8, 0, 0]], "int32"),
    PADDING_MASK: np.array([[1, 1, 1, 1], [1, 1, 0, 0]], "int32"),
}


def backbone(**overrides):
    return gpt2(GPT2Config(**{**SIZES, "initializer_range": 0.3, **overrides}))


def test_layer_names_are_frozen():
    assert [layer.name for layer in backbone().layers if layer.weights] == [
        "token_embedding",
        "position_embedding",
        "transformer_layer_0",
        "transformer_layer_1",
        "layer_norm",
    ]


def test_weight_paths_are_frozen():
    paths = {variable.path for variable in backbone().get_layer("transformer_layer_1").trainable_variables}
    dense = ("query_key_value", "attention_output", "intermediate", "feedforward_output")
    norms = ("attention_layer_norm", "feedforward_layer_norm")
    assert paths == {
        *(f"transformer_layer_1/{name}/{part}" for name in dense for part in ("kernel", "bias")),
        *(f"transformer_layer_1/{name}/{part}" for name in norms for part in ("gamma", "beta")),
    }


def test_what_holds_for_every_backbone(tmp_path):
    checks.check_backbone(backbone(embedding_dropout=0.0), BATCH, tmp_path)


def test_a_token_sees_nothing_that_comes_after_it():
    model = backbone()
    other = {**BATCH, TOKEN_IDS: BATCH[TOKEN_IDS].copy()}
    other[TOKEN_IDS][0, 2] = 9
    before, after = model(BATCH)[SEQUENCE_OUTPUT][0].numpy(), model(other)[SEQUENCE_OUTPUT][0].numpy()
    np.testing.assert_array_equal(before[:2], after[:2])
    assert (np.abs(before - after)[2:].max(axis=-1) > 1e-3).all()


def test_a_row_of_padding_alone_is_finite():
    nothing = {TOKEN_IDS: np.zeros((1, 3), "int32"), PADDING_MASK: np.zeros((1, 3), "int32")}
    assert np.isfinite(backbone()(nothing)[SEQUENCE_OUTPUT]).all()


def test_rates_and_scales_reach_their_layers():
    model = backbone(
        embedding_dropout=0.2,
        hidden_dropout=0.3,
        attention_dropout=0.4,
        scale_attention_by_depth=True,
        mask_value=-30.0,
    )
    block = model.get_layer("transformer_layer_1")
    assert model.get_layer("embeddings_dropout").rate == 0.2
    assert (block.hidden_dropout_layer.rate, block.attention_dropout_layer.rate) == (0.3, 0.4)
    assert block.attention_scale == 0.5 / 2
    assert model.get_layer("attention_bias").mask_value == -30.0
    assert backbone(scale_attention=False).get_layer("transformer_layer_1").attention_scale == 1.0


def test_new_weights_before_a_residual_sum_are_smaller():
    block = backbone(hidden_dim=64, intermediate_dim=64).get_layer("transformer_layer_0")
    for dense, deviation in (
        (block.intermediate, 0.3),
        (block.feedforward_output, 0.15),
        (block.attention_output, 0.15),
    ):
        assert np.std(dense.kernel.numpy()) == pytest.approx(deviation, rel=0.1)


def test_a_cached_step_needs_no_weights_of_its_own():
    # The parts of a block, called one by one for the last token, with the keys and values of those before it.
    block = TransformerDecoderLayer(num_heads=2, intermediate_dim=12)
    hidden = keras.random.normal((1, 4, 8), seed=0)
    whole = block(hidden, CausalAttentionBias()(np.ones((1, 4), "int32")))
    _, key, value = block.project(hidden)
    query, _, _ = block.project(hidden[:, 3:])
    np.testing.assert_allclose(block.finish(hidden[:, 3:], attend(query, key, value)), whole[:, 3:], atol=1e-6)


def test_a_text_longer_than_the_positions_is_refused():
    ids = np.ones((1, 10), "int32")
    with pytest.raises(KerasftError, match=r"sequence_length.*at most 9.*received: 10"):
        backbone()({TOKEN_IDS: ids, PADDING_MASK: ids})


def test_heads_that_do_not_divide_the_width_are_refused():
    with pytest.raises(KerasftError, match=r"`num_heads` must be a divisor of hidden_dim \(8\); received: 3"):
        backbone(num_heads=3)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision_is_near(policy):
    config = GPT2Config(**SIZES, initializer_range=0.3)
    whole, half = gpt2(config), gpt2(config, dtype=policy)
    half.set_weights(whole.get_weights())
    np.testing.assert_allclose(half(BATCH)[SEQUENCE_OUTPUT][0], whole(BATCH)[SEQUENCE_OUTPUT][0], atol=0.1)


@pytest.mark.parametrize("length", [None, 4])
def test_mobile_file_has_builtins_only_and_the_same_answers(tmp_path, length):
    model = backbone()
    signature = length and [{name: keras.InputSpec(shape=(1, length), dtype="int32") for name in BATCH}]
    model.export(
        str(tmp_path / "model.tflite"),
        format="litert",
        input_signature=signature,
        verbose=False,
        target_spec={"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS]},
    )
    batch = BATCH if length is None else {name: value[:1] for name, value in BATCH.items()}
    runner = Interpreter(str(tmp_path / "model.tflite")).get_signature_runner("serving_default")
    names = sorted(runner.get_input_details())  # Keras calls them args_0, ... when a signature is given
    received = runner(**{name: batch[feature] for name, feature in zip(names, sorted(batch), strict=True)})
    np.testing.assert_allclose(received[SEQUENCE_OUTPUT], model(batch)[SEQUENCE_OUTPUT], atol=1e-5)
