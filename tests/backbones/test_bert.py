"""The BERT graph: names, shapes, files, and the mobile form."""

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from kerasft.backbones import gelu_tanh
from kerasft.errors import KerasftError
from kerasft.features import PADDING_MASK, POOLED_OUTPUT, SEGMENT_IDS, SEQUENCE_OUTPUT, TOKEN_IDS
from tests import checks, tiny

TEXTS = ["a good film", "bad"]


def test_layer_names_are_frozen():
    assert [layer.name for layer in tiny.backbone().layers if layer.weights] == [
        "token_embedding",
        "segment_embedding",
        "position_embedding",
        "embeddings_layer_norm",
        "transformer_layer_0",
        "transformer_layer_1",
        "pooled_dense",
    ]


def test_weight_paths_are_frozen():
    paths = {variable.path for variable in tiny.backbone().get_layer("transformer_layer_1").trainable_variables}
    dense = ("query", "key", "value", "attention_output", "intermediate", "feedforward_output")
    norms = ("attention_layer_norm", "feedforward_layer_norm")
    assert paths == {
        *(f"transformer_layer_1/{name}/{part}" for name in dense for part in ("kernel", "bias")),
        *(f"transformer_layer_1/{name}/{part}" for name in norms for part in ("gamma", "beta")),
    }


def test_inputs_and_outputs_are_the_contract():
    backbone = tiny.backbone()
    assert set(backbone.input) == {TOKEN_IDS, PADDING_MASK, SEGMENT_IDS}
    assert all(tensor.dtype == "int32" and tensor.shape == (None, None) for tensor in backbone.input.values())
    assert backbone.output[SEQUENCE_OUTPUT].shape == (None, None, 16)
    assert backbone.output[POOLED_OUTPUT].shape == (None, 16)


def test_new_weights_are_drawn_from_the_config():
    backbone = tiny.backbone(initializer_range=0.5)
    for name in ("token_embedding", "pooled_dense"):
        assert 0.3 < np.std(backbone.get_layer(name).weights[0].numpy()) < 0.6
    assert 0.3 < np.std(backbone.get_layer("transformer_layer_0").intermediate.kernel.numpy()) < 0.6


def test_rates_reach_their_layers():
    backbone = tiny.backbone(hidden_dropout=0.25, attention_dropout=0.5, layer_norm_epsilon=1e-3, mask_value=-30.0)
    block = backbone.get_layer("transformer_layer_1")
    assert backbone.get_layer("embeddings_dropout").rate == 0.25
    assert (block.hidden_dropout_layer.rate, block.attention_dropout_layer.rate) == (0.25, 0.5)
    assert block.attention_layer_norm.epsilon == 1e-3
    assert backbone.get_layer("embeddings_layer_norm").epsilon == 1e-3
    assert backbone.get_layer("attention_bias").mask_value == -30.0


def test_a_text_longer_than_the_positions_is_refused():
    ids = np.ones((1, 33), "int32")
    with pytest.raises(KerasftError, match=r"sequence_length.*at most 32.*received: 33"):
        tiny.backbone()({TOKEN_IDS: ids, PADDING_MASK: ids, SEGMENT_IDS: 0 * ids})


@pytest.mark.parametrize("options", [{}, {"activation": gelu_tanh, "mask_value": -30.0, "initializer_range": 0.1}])
def test_what_holds_for_every_backbone(tmp_path, options):
    checks.check_backbone(tiny.backbone(**options), tiny.batch(TEXTS), tmp_path)


def test_saved_file_gives_the_same_answers_in_a_new_process(tmp_path):
    backbone = tiny.backbone(activation=gelu_tanh)
    batch = tiny.batch(TEXTS)
    backbone.save(tmp_path / "model.keras")
    np.savez(tmp_path / "batch.npz", **batch)
    script = (
        "import keras, kerasft.backbones, numpy as np, sys\n"
        "model = keras.models.load_model(sys.argv[1] + '/model.keras')\n"
        "batch = dict(np.load(sys.argv[1] + '/batch.npz'))\n"
        "np.save(sys.argv[1] + '/out.npy', model(batch)['sequence_output'])\n"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True, capture_output=True)
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), backbone(batch)[SEQUENCE_OUTPUT])


def test_training_moves_every_weight():
    backbone = tiny.backbone()
    before = [variable.numpy() for variable in backbone.trainable_variables]
    batch = tiny.batch(TEXTS, ["very bad", "the card"])
    with tf.GradientTape() as tape:
        outputs = backbone(batch, training=True)
        loss = tf.reduce_sum(outputs[SEQUENCE_OUTPUT] ** 3) + tf.reduce_sum(outputs[POOLED_OUTPUT])
    gradients = tape.gradient(loss, [variable.value for variable in backbone.trainable_variables])
    keras.optimizers.SGD(1.0).apply(gradients, backbone.trainable_variables)
    for old, variable in zip(before, backbone.trainable_variables, strict=True):
        assert np.any(old != variable.numpy()), variable.path


BUILTINS = {"target_spec": {"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS]}}


def check_same_on_mobile(path, backbone, batch):
    runner = Interpreter(str(path)).get_signature_runner("serving_default")
    names = sorted(runner.get_input_details())  # Keras calls them args_0, ... when a signature is given
    received = runner(**{name: batch[feature] for name, feature in zip(names, sorted(batch), strict=True)})
    np.testing.assert_allclose(received[SEQUENCE_OUTPUT], backbone(batch)[SEQUENCE_OUTPUT], atol=1e-5)


def test_mobile_file_of_any_length_has_builtins_only_and_the_same_answers(tmp_path):
    backbone = tiny.backbone(initializer_range=0.3)
    backbone.export(str(tmp_path / "model.tflite"), format="litert", verbose=False, **BUILTINS)
    check_same_on_mobile(tmp_path / "model.tflite", backbone, tiny.batch(TEXTS))
    check_same_on_mobile(tmp_path / "model.tflite", backbone, tiny.batch(["the card was lost , please pay"]))


def test_mobile_file_of_one_length_has_builtins_only_and_the_same_answers(tmp_path):
    backbone = tiny.backbone(initializer_range=0.3, activation=gelu_tanh)
    batch = tiny.batch(["a good film"])
    signature = [{name: keras.InputSpec(shape=(1, 5), dtype="int32") for name in batch}]
    backbone.export(
        str(tmp_path / "model.tflite"), format="litert", input_signature=signature, verbose=False, **BUILTINS
    )
    check_same_on_mobile(tmp_path / "model.tflite", backbone, batch)
