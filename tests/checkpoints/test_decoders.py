"""What GPT-2 and T5 checkpoints may hold, what is refused, and what is written."""

import json
import shutil

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import kerasft
from kerasft.backbones import config_of, gelu_tanh
from kerasft.checkpoints.families import FAMILIES
from kerasft.errors import CheckpointError
from tests.parity.decoder_cases import FOLDERS


@pytest.fixture
def case(tmp_path):
    """Copy a case, with fields of its config changed and tensors added."""

    def make(name, *, tensors=None, **fields):
        folder = tmp_path / "checkpoint"
        shutil.copytree(FOLDERS[name], folder, dirs_exist_ok=True)
        config = {**json.loads((folder / "config.json").read_text()), **fields}
        (folder / "config.json").write_text(json.dumps(config))
        if tensors:
            save_file({**load_file(folder / "model.safetensors"), **tensors}, folder / "model.safetensors")
        return folder

    return make


@pytest.mark.parametrize(
    ("name", "fields", "message"),
    [
        ("gpt2/base", {"add_cross_attention": True}, "'add_cross_attention' must be False or None; received: True"),
        (
            "gpt2/base",
            {"activation_function": "laplace"},
            "'activation_function' must be one of .*; received: 'laplace'",
        ),
        ("gpt2/base", {"n_inner": 0}, "'n_inner' must be a whole number >= 1 or null; received: 0"),
        ("gpt2/base", {"scale_attn_weights": 1}, "'scale_attn_weights' must be true or false; received: 1"),
        ("gpt2/base", {"auto_map": {"AutoModel": "x.Y"}}, "'auto_map' must be None; received: {'AutoModel': 'x.Y'}"),
        ("t5/base", {"feed_forward_proj": "gated"}, "'feed_forward_proj' must be one of .*; received: 'gated'"),
        ("t5/base", {"dense_act_fn": "gelu"}, "'dense_act_fn' must be 'relu'; received: 'gelu'"),
        (
            "t5/base",
            {"architectures": ["T5EncoderModel"]},
            r"'architectures' must be .*; received: \['T5EncoderModel'\]",
        ),
        ("t5/base", {"is_encoder_decoder": False}, "'is_encoder_decoder' must be True; received: False"),
        ("t5/base", {"model_type": "umt5"}, "'model_type' must be one of .*'t5'.*; received: 'umt5'"),
    ],
)
def test_what_the_graph_cannot_honour_is_refused(case, name, fields, message):
    with pytest.raises(CheckpointError, match=message):
        kerasft.load_pretrained(case(name, **fields))


def test_a_checkpoint_with_an_encoder_alone_is_refused(case):
    folder = case("t5/base")
    tensors = load_file(folder / "model.safetensors")
    kept = {name: value for name, value in tensors.items() if not name.startswith("decoder.")}
    save_file(kept, folder / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"lacks weights .*decoder\.block\.0"):
        kerasft.load_pretrained(folder)


def test_embeddings_under_two_names_have_to_be_the_same(case):
    other = {"encoder.embed_tokens.weight": np.ones((24, 8), "float32")}
    with pytest.raises(
        CheckpointError, match=r"contains a weight under two names, with different values: encoder\.embed_tokens"
    ):
        kerasft.load_pretrained(case("t5/base", tensors=other))


def test_embeddings_may_have_their_second_name_alone(case):
    folder = case("t5/base")
    tensors = load_file(folder / "model.safetensors")
    tensors["decoder.embed_tokens.weight"] = tensors.pop("shared.weight")
    save_file(tensors, folder / "model.safetensors")
    received = kerasft.load_pretrained(folder)[0].get_layer("token_embedding").embeddings
    np.testing.assert_array_equal(received, tensors["decoder.embed_tokens.weight"])


@pytest.mark.parametrize(
    ("name", "tied", "scaled"),
    [
        ("t5/base", True, True),
        ("t5/v1_1", False, False),
        ("t5/tied_v1_1", True, False),  # a new T5 1.1 of transformers 5
        ("t5/old_base", True, True),
        ("t5/old_v1_1", False, False),
        ("mt5/base", False, False),
        ("mt5/old_base", False, False),
    ],
)
def test_the_form_of_the_output_is_told_from_fields_and_tensors(name, tied, scaled):
    config = config_of(kerasft.load_pretrained(FOLDERS[name])[0])
    assert (config.tied_output, config.scaled_output) == (tied, scaled)


def test_gpt2s_output_matrix_may_be_stored_twice_or_be_another(case):
    same = load_file(FOLDERS["gpt2/base"] / "model.safetensors")["transformer.wte.weight"]
    for matrix, tied in ((same, True), (2 * same, False)):
        model, _ = kerasft.load_task_model(case("gpt2/base", tensors={"lm_head.weight": matrix}))
        assert config_of(model).tied_output is tied


def test_the_published_activations_have_their_names(tmp_path):
    write = FAMILIES["t5"].write_config
    config = config_of(kerasft.load_pretrained(FOLDERS["t5/v1_1"])[0])
    assert config.activation is gelu_tanh
    assert write(config)["feed_forward_proj"] == "gated-gelu"
    exact = type(config)(**{**vars(config), "activation": "gelu"})
    assert write(exact)["feed_forward_proj"] == "gated-gelu_python"
    assert write(type(config)(**{**vars(exact), "gated": False}))["feed_forward_proj"] == "gelu"
    gpt2 = config_of(kerasft.load_pretrained(FOLDERS["gpt2/base"])[0])
    assert FAMILIES["gpt2"].write_config(gpt2)["activation_function"] == "gelu_new"


def test_the_tokenizers_special_ids_are_written(tmp_path):
    for name in ("gpt2/classifier", "t5/base"):
        model, tokenizer = kerasft.load_task_model(FOLDERS[name])
        folder = kerasft.checkpoints.save_huggingface(tmp_path / name.replace("/", "_"), model, tokenizer)
        config = json.loads((folder / "config.json").read_text())
        assert (config["pad_token_id"], config["eos_token_id"]) == (0, 1)
    assert config["decoder_start_token_id"] == 0


def test_a_classifier_of_another_form_is_not_written(tmp_path):
    backbone, tokenizer = kerasft.load_pretrained(FOLDERS["gpt2/base"])
    model = kerasft.heads.text_classifier(backbone, ["no", "yes"], pooling="mean")
    with pytest.raises(kerasft.KerasftError, match="GPT2ForSequenceClassification reads the last token"):
        kerasft.checkpoints.save_huggingface(tmp_path / "written", model, tokenizer)


def test_dropouts_and_labels_are_read():
    model, _ = kerasft.load_task_model(FOLDERS["gpt2/classifier"])
    assert list(model.labels) == ["no", "yes", "maybe"]
    assert kerasft.load_task_model(FOLDERS["gpt2/regression"])[0].labels.problem == "regression"
    config = config_of(kerasft.load_pretrained(FOLDERS["gpt2/dropouts"])[0])
    assert (config.embedding_dropout, config.hidden_dropout, config.attention_dropout) == (0.2, 0.3, 0.4)
    config = config_of(kerasft.load_pretrained(FOLDERS["t5/dropout"])[0])
    assert (config.dropout, config.initializer_range) == (0.3, 0.5)


def test_a_t5_has_no_longest_text():
    _, tokenizer = kerasft.load_pretrained(FOLDERS["t5/base"])
    assert tokenizer.model_max_length > 10**6
