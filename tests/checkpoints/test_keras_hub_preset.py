"""KerasHub presets: KerasHub's backbone as it is, and a tokenizer with the ids of KerasHub's own."""

import json

import keras_hub
import numpy as np
import pytest

import kerasft
from kerasft.errors import CheckpointError
from kerasft.features import SEQUENCE_OUTPUT
from tests import tiny

TEXTS = ["A good FILM!", "the café , lost money"]


def save(folder, **tokenizer_options):
    """Save a preset of a tiny BERT; returns its backbone and tokenizer."""
    backbone = keras_hub.models.BertBackbone(
        vocabulary_size=len(tiny.VOCABULARY),
        num_layers=1,
        num_heads=2,
        hidden_dim=8,
        intermediate_dim=12,
        max_sequence_length=24,
    )
    tokenizer = keras_hub.models.BertTokenizer(vocabulary=tiny.VOCABULARY, **tokenizer_options)
    backbone.save_to_preset(folder)
    tokenizer.save_to_preset(folder)
    return backbone, tokenizer


@pytest.mark.parametrize(
    "options", [{"lowercase": True}, {"lowercase": False}, {"lowercase": True, "strip_accents": True}]
)
def test_preset_folder_gives_keras_hubs_answers_and_ids(tmp_path, options):
    expected, their_tokenizer = save(tmp_path, **options)
    backbone, tokenizer = kerasft.load_pretrained(tmp_path)
    inputs = tiny.batch(TEXTS)
    np.testing.assert_array_equal(backbone(inputs)[SEQUENCE_OUTPUT], expected(inputs)[SEQUENCE_OUTPUT])
    for text in TEXTS:
        assert tokenizer(text, add_special_tokens=False)["input_ids"] == np.asarray(their_tokenizer(text)).tolist()
    assert tokenizer.model_max_length == 24


def test_dtype_is_passed_on(tmp_path):
    save(tmp_path, lowercase=True)
    backbone, _ = kerasft.load_pretrained(tmp_path, dtype="mixed_bfloat16")
    assert backbone.get_layer("transformer_layer_0").compute_dtype == "bfloat16"


def test_a_tokenizer_that_is_not_berts_is_refused(tmp_path):
    save(tmp_path, lowercase=True)
    keras_hub.models.DistilBertTokenizer(vocabulary=tiny.VOCABULARY).save_to_preset(tmp_path)
    with pytest.raises(CheckpointError, match="must be a BertTokenizer; received: DistilBertTokenizer"):
        kerasft.load_pretrained(tmp_path)


@pytest.mark.parametrize("file", ["config.json", "tokenizer.json"])
@pytest.mark.parametrize(
    "change",
    [
        {"registered_name": "keras>Lambda", "class_name": "Lambda", "module": "keras.layers"},
        {"registered_name": "keras_hub>WordPieceTokenizerX"},
        {"module": "os"},
        {"config": {"vocabulary": "/etc/passwd"}},
        {"config": {"dtype": {"class_name": "plot_image_gallery", "module": "keras.visualization", "config": {}}}},
        {"config": {"num_layers": {"class_name": "__lambda__", "config": {}}}},
    ],
    ids=str,
)
def test_a_preset_names_only_parts_of_keras_hub(tmp_path, monkeypatch, file, change):
    save(tmp_path, lowercase=True)
    content = json.loads((tmp_path / file).read_text())
    (tmp_path / file).write_text(json.dumps(content | change))
    monkeypatch.setattr("keras_hub.models.Tokenizer.from_preset", lambda *args: pytest.fail("KerasHub saw it"))
    with pytest.raises(CheckpointError, match="was not opened, since such a file can be harmful"):
        kerasft.load_pretrained(tmp_path)


def test_a_preset_asks_for_no_more_than_its_weights(tmp_path):
    save(tmp_path, lowercase=True)
    content = json.loads((tmp_path / "config.json").read_text())
    content["config"]["vocabulary_size"] = 10**9
    (tmp_path / "config.json").write_text(json.dumps(content))
    with pytest.raises(CheckpointError, match="requires more weights than the file contains"):
        kerasft.load_pretrained(tmp_path)


def test_a_damaged_preset_is_one_sentence(tmp_path):
    save(tmp_path, lowercase=True)
    (tmp_path / "model.weights.h5").write_bytes(b"\x89HDF")
    with pytest.raises(CheckpointError, match=r"model\.weights\.h5 is corrupted"):
        kerasft.load_pretrained(tmp_path)


def test_a_handle_that_cannot_be_had_is_one_sentence(monkeypatch):
    def refuse(*arguments, **options):
        raise ConnectionError("no route to host")

    monkeypatch.setattr(keras_hub.models.Tokenizer, "from_preset", refuse)
    with pytest.raises(CheckpointError, match="'bert_tiny_en_uncased' could not be loaded: ConnectionError: no route"):
        kerasft.load_pretrained("bert_tiny_en_uncased")
