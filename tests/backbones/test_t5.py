"""The T5 graph: names, causality, padding, files, relative positions, and the mobile form."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from kerasft.backbones import MT5Config, RelativeAttentionBias, T5Config, config_of, gelu_tanh, t5
from kerasft.backbones.relative_position import distance_buckets
from kerasft.errors import KerasftError
from kerasft.features import (
    DECODER_PADDING_MASK,
    DECODER_SEQUENCE_OUTPUT,
    DECODER_TOKEN_IDS,
    ENCODER_PADDING_MASK,
    ENCODER_SEQUENCE_OUTPUT,
    ENCODER_TOKEN_IDS,
)

SIZES = {
    "vocabulary_size": 30,
    "num_layers": 2,
    "num_decoder_layers": 1,
    "num_heads": 3,
    "head_dim": 5,
    "hidden_dim": 8,
    "intermediate_dim": 12,
    "num_buckets": 8,
    "max_distance": 10,
}
GATED = {"gated": True, "activation": gelu_tanh, "tied_output": False, "scaled_output": False}
BATCH = {
    ENCODER_TOKEN_IDS: np.array([[3, 4, 5, 6, 1], [7, 8, 1, 0, 0]], "int32"),
    ENCODER_PADDING_MASK: np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]], "int32"),
    DECODER_TOKEN_IDS: np.array([[0, 9, 0], [0, 10, 11]], "int32"),
    DECODER_PADDING_MASK: np.array([[1, 1, 0], [1, 1, 1]], "int32"),
}
OUTPUTS = (ENCODER_SEQUENCE_OUTPUT, DECODER_SEQUENCE_OUTPUT)


def backbone(**overrides):
    return t5(T5Config(**{**SIZES, **overrides}))


def changed(feature, row, column):
    batch = {**BATCH, feature: BATCH[feature].copy()}
    batch[feature][row, column] += 10
    return batch


def test_layer_names_are_frozen():
    assert [layer.name for layer in backbone().layers if layer.weights] == [
        "token_embedding",
        "encoder_attention_bias",
        "transformer_encoder_layer_0",
        "transformer_encoder_layer_1",
        "encoder_layer_norm",
        "decoder_attention_bias",
        "transformer_decoder_layer_0",
        "decoder_layer_norm",
    ]


def test_weight_paths_are_frozen():
    paths = {variable.path for variable in backbone(**GATED).get_layer("transformer_decoder_layer_0").weights}
    attentions = [f"{side}_attention" for side in ("self", "cross")]
    assert {path.removeprefix("transformer_decoder_layer_0/") for path in paths} == {
        *(f"{name}/{part}/kernel" for name in attentions for part in ("query", "key", "value", "output")),
        *(f"feedforward/{part}/kernel" for part in ("intermediate", "gate", "output")),
        *(f"{name}_layer_norm/scale" for name in (*attentions, "feedforward")),
    }


@pytest.mark.parametrize("overrides", [{}, GATED])
def test_files_padding_and_gradients(tmp_path, overrides):
    model = backbone(**overrides, dropout=0.0)
    assert {tensor.dtype for tensor in model.input.values()} == {"int32"}
    outputs = model(BATCH)
    for row in range(2):
        alone = {name: value[row : row + 1] for name, value in BATCH.items()}
        for side in ("encoder", "decoder"):
            real = alone[f"{side}_padding_mask"][0].astype(bool)
            for part in ("token_ids", "padding_mask"):
                alone[f"{side}_{part}"] = alone[f"{side}_{part}"][:, real]
        for name, received in model(alone).items():
            np.testing.assert_allclose(received[0], outputs[name][row][: received.shape[1]], atol=1e-5)
    with tf.GradientTape() as tape:
        loss = sum(tf.reduce_sum(value[..., :1] ** 3) for value in model(BATCH, training=True).values())
    gradients = tape.gradient(loss, [variable.value for variable in model.trainable_variables])
    assert all(gradient is not None for gradient in gradients)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert config_of(again) == config_of(model)
    for name, received in again(BATCH).items():
        np.testing.assert_array_equal(received, outputs[name])


def test_the_decoder_is_causal_and_the_encoder_is_not():
    model = backbone()
    before = model(BATCH)
    after = model(changed(DECODER_TOKEN_IDS, 1, 2))
    np.testing.assert_array_equal(before[DECODER_SEQUENCE_OUTPUT][1, :2], after[DECODER_SEQUENCE_OUTPUT][1, :2])
    np.testing.assert_array_equal(before[ENCODER_SEQUENCE_OUTPUT], after[ENCODER_SEQUENCE_OUTPUT])
    after = model(changed(ENCODER_TOKEN_IDS, 0, 4))
    for name in OUTPUTS:
        difference = np.abs(before[name][0, :2] - after[name][0, :2]).max(axis=-1)
        assert (difference > 1e-4).all(), name


def test_rates_reach_their_layers():
    model = backbone(dropout=0.25, layer_norm_epsilon=1e-3, mask_value=-30.0)
    block = model.get_layer("transformer_decoder_layer_0")
    layers = (block, block.self_attention, block.cross_attention, block.feedforward)
    assert [layer.dropout_layer.rate for layer in layers] == [0.25] * 4
    for name in ("encoder_embeddings", "encoder_output", "decoder_embeddings", "decoder_output"):
        assert model.get_layer(f"{name}_dropout").rate == 0.25
    assert block.cross_attention_layer_norm.epsilon == model.get_layer("encoder_layer_norm").epsilon == 1e-3
    for name in ("encoder", "decoder", "cross"):
        assert model.get_layer(f"{name}_attention_bias").mask_value == -30.0


def test_new_weights_have_the_deviations_of_the_paper():
    wide = {"num_heads": 8, "head_dim": 16, "hidden_dim": 64, "intermediate_dim": 256, "initializer_range": 2.0}
    model = backbone(**wide, **GATED)
    block = model.get_layer("transformer_encoder_layer_0")
    deviations = [
        (model.get_layer("token_embedding").embeddings, 2.0),
        (block.self_attention.query.kernel, 2.0 * (64 * 16) ** -0.5),
        (block.self_attention.key.kernel, 2.0 * 64**-0.5),
        (block.self_attention.output_projection.kernel, 2.0 * 128**-0.5),
        (block.feedforward.gate.kernel, 2.0 * 64**-0.5),
        (block.feedforward.output_projection.kernel, 2.0 * 256**-0.5),
    ]
    for variable, deviation in deviations:
        assert np.std(variable.numpy()) == pytest.approx(deviation, rel=0.1), variable.path


def test_mt5_has_a_name_of_its_own(tmp_path):
    model = t5(MT5Config(**SIZES, **GATED))
    model.save(tmp_path / "model.keras")
    assert config_of(keras.models.load_model(tmp_path / "model.keras")).family == "mt5"


def test_distances_beyond_the_largest_share_a_bucket():
    layer = RelativeAttentionBias(num_heads=2, num_buckets=8, max_distance=10)
    bias = layer(np.ones((1, 40), "int32"))
    np.testing.assert_array_equal(bias[0, :, 0, 11:], np.repeat(bias[0, :, 0, 10:11], 29, axis=-1))
    assert not np.array_equal(bias[0, :, 0, 30], bias[0, :, 30, 0])  # later and earlier differ


def test_a_later_position_can_be_asked_alone():
    # As a cached decoding step does.
    layer = RelativeAttentionBias(num_heads=2, num_buckets=8, max_distance=10, bidirectional=False)
    whole = layer(np.ones((1, 12), "int32"))
    np.testing.assert_array_equal(layer.between(tf.constant([11]), tf.range(12))[:, 0], whole[0, :, 11])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1, 10), r"`num_buckets` must be at least 2 .*; received: 1"),
        ((32, 16), r"`max_distance` must be larger than num_buckets / 2 \(16\); received: 16"),
    ],
)
def test_buckets_that_make_no_sense_are_refused(arguments, message):
    with pytest.raises(KerasftError, match=message):
        distance_buckets(*arguments)


@pytest.mark.parametrize("static", [False, True])
def test_mobile_file_has_builtins_only_and_the_same_answers(tmp_path, static):
    model = backbone(**GATED)
    signature = [{name: keras.InputSpec(shape=value.shape, dtype="int32") for name, value in BATCH.items()}]
    model.export(
        str(tmp_path / "model.tflite"),
        format="litert",
        input_signature=signature if static else None,
        verbose=False,
        target_spec={"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS]},
    )
    runner = Interpreter(str(tmp_path / "model.tflite")).get_signature_runner("serving_default")
    names = sorted(runner.get_input_details())  # Keras calls them args_0, ... when a signature is given
    received = runner(**{name: BATCH[feature] for name, feature in zip(names, sorted(BATCH), strict=True)})
    for name in OUTPUTS:
        np.testing.assert_allclose(received[name], model(BATCH)[name], atol=1e-5)
