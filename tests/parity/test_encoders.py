"""Our encoders and their heads against the reference implementation, whose numbers `make_encoders.py` wrote."""

import json
import shutil

import numpy as np
import pytest
from safetensors.numpy import load_file

import kerasft
from kerasft.checkpoints import save_huggingface
from tests.parity.encoder_cases import FOLDERS, TASKS, TOLERANCE, answers, differences, features, load


def test_every_family_has_every_head():
    families = {name.partition("/")[0] for name in FOLDERS}
    assert families == {"bert", "distilbert", "electra", "roberta", "xlm-roberta"}
    assert {f"{family}/{task}" for family in families for task in TASKS} <= set(FOLDERS)


@pytest.mark.parametrize("name", FOLDERS)
def test_outputs_equal_the_references_at_every_length(name):
    found = list(differences(FOLDERS[name]))
    assert found
    assert max(difference for _, difference in found) < TOLERANCE


@pytest.mark.parametrize("name", FOLDERS)
def test_reading_and_writing_gives_back_every_tensor_and_the_config(name, tmp_path):
    model, tokenizer = load(FOLDERS[name])
    save_huggingface(tmp_path, model, tokenizer)
    expected, received = (load_file(folder / "model.safetensors") for folder in (FOLDERS[name], tmp_path))
    fields, written = (json.loads((folder / "config.json").read_text()) for folder in (FOLDERS[name], tmp_path))
    if name.endswith("ForPreTraining"):  # we have no such head
        expected = {key[8:]: value for key, value in expected.items() if key.startswith("electra.")}
        fields["architectures"] = ["ElectraModel"]
    assert received.keys() == expected.keys()
    for key, value in expected.items():
        assert value.dtype == received[key].dtype
        assert value.tobytes() == received[key].tobytes(), key
    others = {"classifier_dropout", "pad_token_id", "sinusoidal_pos_embds", "problem_type"}  # null, or without effect
    others |= {"bos_token_id", "eos_token_id"}  # written as the tokenizer has them, whose vocabulary is a made-up one
    same = fields.keys() & written.keys() - others
    assert {key: fields[key] for key in same} == {key: written[key] for key in same}


@pytest.mark.parametrize("name", [name for name in FOLDERS if name.endswith(("base", "segments", *TASKS))])
def test_what_was_written_answers_the_same(name, tmp_path):
    model, tokenizer = load(FOLDERS[name])
    save_huggingface(tmp_path, model, tokenizer)
    again, read = load(tmp_path)
    assert read.get_vocab() == tokenizer.get_vocab()
    inputs = features(np.load(FOLDERS[name] / "expected.npz"))
    for key, value in answers(model, inputs).items():
        np.testing.assert_array_equal(answers(again, inputs)[key], value)
    if hasattr(model, "labels"):
        assert again.labels == model.labels


@pytest.mark.filterwarnings("ignore:.*initialized randomly. pooler")  # BERT's, which most of its heads do without
@pytest.mark.parametrize("name", [name for name in FOLDERS if name.endswith(TASKS)])
def test_a_head_is_left_out_of_a_backbone(name):
    backbone, _ = kerasft.load_pretrained(FOLDERS[name])
    assert "sequence_output" in backbone.output
    assert "logits" not in [layer.name for layer in backbone.layers]


FIELDS = {
    "gelu_new": ("hidden_act", "activation"),
    "relu": ("hidden_act", "activation"),
    "layer_norm_eps": ("layer_norm_eps",),
    "relu_masked_lm": ("activation",),
    "padding_id": ("pad_token_id",),
}


CHANGED = [name for name in FOLDERS if name.partition("/")[2] in FIELDS]
CHANGED.remove("roberta/relu_masked_lm")  # whose head has gelu whatever the blocks have


@pytest.mark.parametrize("name", CHANGED)
def test_a_field_that_is_ignored_would_show(name, tmp_path):
    shutil.copytree(FOLDERS[name], tmp_path, dirs_exist_ok=True)
    config = json.loads((tmp_path / "config.json").read_text())
    for field in FIELDS[name.partition("/")[2]]:
        config.pop(field, None)
    if name.endswith("padding_id"):
        config["max_position_embeddings"] = 14
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert max(difference for _, difference in differences_of(tmp_path, FOLDERS[name])) > 10 * TOLERANCE


def differences_of(changed, folder):
    """The differences of a checkpoint with another config from the reference's numbers."""
    shutil.copy(folder / "expected.npz", changed)
    return list(differences(changed))
