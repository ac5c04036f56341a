"""What the encoder families share: the contract, files, the mobile form; and where each differs."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from kerasft.backbones import ElectraConfig, XlmRobertaConfig, config_of, find_config, gelu_tanh
from kerasft.errors import KerasftError
from kerasft.features import PADDING_MASK, POOLED_OUTPUT, SEGMENT_IDS, SEQUENCE_OUTPUT, TOKEN_IDS
from tests import checks, tiny

BLOCKS = ["transformer_layer_0", "transformer_layer_1"]
LAYERS = {
    "bert": [
        "token_embedding", "segment_embedding", "position_embedding", "embeddings_layer_norm", *BLOCKS, "pooled_dense",
    ],
    "roberta": ["token_embedding", "segment_embedding", "position_embedding", "embeddings_layer_norm", *BLOCKS],
    "xlm-roberta": ["token_embedding", "segment_embedding", "position_embedding", "embeddings_layer_norm", *BLOCKS],
    "distilbert": ["token_embedding", "position_embedding", "embeddings_layer_norm", *BLOCKS],
    "electra": [
        "token_embedding", "segment_embedding", "position_embedding", "embeddings_layer_norm", "embeddings_projection",
        *BLOCKS,
    ],
}  # fmt: skip


@pytest.mark.parametrize("family", tiny.ENCODERS)
def test_layer_names_are_frozen(family):
    assert [layer.name for layer in tiny.encoder(family).layers if layer.weights] == LAYERS[family]


@pytest.mark.parametrize("family", tiny.ENCODERS)
def test_what_holds_for_every_backbone(family, tmp_path):
    backbone = tiny.encoder(family, activation=gelu_tanh)
    checks.check_backbone(backbone, tiny.batch_of(backbone), tmp_path)


@pytest.mark.parametrize("family", tiny.ENCODERS)
def test_inputs_and_outputs_are_the_contract(family):
    backbone = tiny.encoder(family)
    segments = {SEGMENT_IDS} if family in ("bert", "electra") else set()
    assert set(backbone.input) == {TOKEN_IDS, PADDING_MASK} | segments
    assert backbone.output[SEQUENCE_OUTPUT].shape == (None, None, 8)
    assert set(backbone.output) == {SEQUENCE_OUTPUT, *([POOLED_OUTPUT] if family == "bert" else [])}
    assert backbone.name == ("roberta" if family == "xlm-roberta" else family)


@pytest.mark.parametrize("family", tiny.ENCODERS)
def test_rates_reach_their_layers(family):
    backbone = tiny.encoder(
        family, hidden_dropout=0.25, attention_dropout=0.5, layer_norm_epsilon=1e-3, mask_value=-30.0
    )
    block = backbone.get_layer("transformer_layer_1")
    assert backbone.get_layer("embeddings_dropout").rate == 0.25
    assert (block.hidden_dropout_layer.rate, block.attention_dropout_layer.rate) == (0.25, 0.5)
    assert block.attention_layer_norm.epsilon == backbone.get_layer("embeddings_layer_norm").epsilon == 1e-3
    assert backbone.get_layer("attention_bias").mask_value == -30.0


@pytest.mark.parametrize("family", tiny.ENCODERS)
def test_new_weights_are_drawn_from_the_config(family):
    for layer in tiny.encoder(family, initializer_range=0.5, hidden_dim=32, intermediate_dim=64).layers:
        for weight in layer.weights:
            if weight.path.rpartition("/")[2] in ("kernel", "embeddings"):
                assert 0.2 < np.std(weight.numpy()) < 0.8, weight.path


@pytest.mark.parametrize("family", tiny.ENCODERS)
def test_a_text_longer_than_the_positions_is_refused(family):
    backbone = tiny.encoder(family)
    with pytest.raises(KerasftError, match=r"sequence_length.*at most 16.*received: 17"):
        backbone(tiny.batch_of(backbone, length=17))
    assert backbone(tiny.batch_of(backbone, length=16))[SEQUENCE_OUTPUT].shape == (3, 16, 8)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("family", ["roberta", "distilbert", "electra"])
def test_mixed_precision_is_close_to_float32(family, policy):
    build, _, _ = tiny.ENCODERS[family]
    backbone = tiny.encoder(family)
    mixed = build(config_of(backbone), dtype=policy)
    mixed.set_weights(backbone.get_weights())
    batch = tiny.batch_of(backbone)
    assert {layer.compute_dtype for layer in mixed.layers if layer.weights} == {policy.removeprefix("mixed_")}
    received = np.asarray(mixed(batch)[SEQUENCE_OUTPUT], "float32")
    np.testing.assert_allclose(received, backbone(batch)[SEQUENCE_OUTPUT], atol=0.2)


@pytest.mark.parametrize("family", tiny.ENCODERS)
def test_mobile_file_of_any_length_has_builtins_only_and_the_same_answers(family, tmp_path):
    backbone = tiny.encoder(family)
    builtins = {"target_spec": {"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS]}}
    backbone.export(str(tmp_path / "model.tflite"), format="litert", verbose=False, **builtins)
    runner = Interpreter(str(tmp_path / "model.tflite")).get_signature_runner("serving_default")
    names = sorted(runner.get_input_details())
    for length in (5, 7):
        batch = tiny.batch_of(backbone, num_rows=2, length=length)
        received = runner(**{name: batch[feature] for name, feature in zip(names, sorted(batch), strict=True)})
        [answer] = [value for value in received.values() if value.ndim == 3]
        np.testing.assert_allclose(answer, backbone(batch)[SEQUENCE_OUTPUT], atol=1e-5)


@pytest.mark.parametrize("family", ["roberta", "bert", "electra"])
@pytest.mark.parametrize("num_segments", [1, 3])
def test_one_segment_type_is_added_to_every_token(family, num_segments):
    backbone = tiny.encoder(family, num_segments=num_segments)
    batch = tiny.batch_of(backbone)
    assert (SEGMENT_IDS in batch) == (num_segments > 1)
    table = backbone.get_layer("segment_embedding").embeddings
    assert table.shape[0] == num_segments
    before = backbone(batch)[SEQUENCE_OUTPUT].numpy()
    table.assign_add(keras.random.normal(table.shape))
    assert not np.allclose(before, backbone(batch)[SEQUENCE_OUTPUT], atol=1e-3)


def test_distilbert_refuses_segments():
    with pytest.raises(KerasftError, match=r"`num_segments` must be 0.*received: 2"):
        tiny.encoder("distilbert", num_segments=2)


def test_electra_of_one_width_has_no_projection():
    layers = [layer.name for layer in tiny.encoder("electra", embedding_dim=8).layers]
    assert "embeddings_projection" not in layers
    assert tiny.encoder("electra").get_layer("token_embedding").embeddings.shape == (30, 6)


def test_roberta_counts_positions_from_the_padding_id():
    backbone = tiny.encoder("roberta", padding_id=3)
    layer = backbone.get_layer("position_embedding")
    assert layer.embeddings.shape == (16 + 3 + 1, 8)
    ids = np.array([[7, 8, 3, 9, 3], [3, 3, 7, 8, 9]], "int32")
    assert layer.positions(ids).numpy().tolist() == [[4, 5, 3, 6, 3], [3, 3, 4, 5, 6]]


def test_roberta_gives_the_same_states_with_padding_on_the_left():
    backbone = tiny.encoder("roberta")
    right = {TOKEN_IDS: np.array([[7, 8, 9, 1, 1]], "int32"), PADDING_MASK: np.array([[1, 1, 1, 0, 0]], "int32")}
    left = {name: value[:, [3, 4, 0, 1, 2]] for name, value in right.items()}
    np.testing.assert_allclose(
        backbone(left)[SEQUENCE_OUTPUT][:, 2:], backbone(right)[SEQUENCE_OUTPUT][:, :3], atol=1e-6
    )


def test_roberta_has_a_pooler_if_asked():
    backbone = tiny.encoder("roberta", pooler=True)
    assert backbone.output[POOLED_OUTPUT].shape == (None, 8)
    assert backbone.layers[-1].name == "pooled_dense"


@pytest.mark.parametrize("family", tiny.ENCODERS)
def test_the_config_comes_back_from_a_file(family, tmp_path):
    backbone = tiny.encoder(family, activation=gelu_tanh, hidden_dropout=0.2)
    backbone.save(tmp_path / "backbone.keras")
    config = config_of(keras.models.load_model(tmp_path / "backbone.keras"))
    assert config == config_of(backbone)
    assert (type(config), config.family) == (tiny.ENCODERS[family][1], family)


def test_configs_of_two_families_differ():
    sizes = {"vocabulary_size": 9, "num_layers": 1, "num_heads": 1, "hidden_dim": 4, "intermediate_dim": 4}
    assert XlmRobertaConfig(**sizes) != ElectraConfig(**sizes, embedding_dim=4)
    assert find_config(keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])) is None
