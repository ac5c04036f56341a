"""`save_huggingface`: every tensor as it was, a whole folder or none, nobody's files overwritten."""

import json

import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import load_file

import kerasft
from kerasft.checkpoints import save_huggingface
from kerasft.errors import KerasftError
from kerasft.features import multi_label, regression
from tests import tiny


def test_a_round_trip_is_bit_equal(tmp_path):
    source = tiny.bert_folder(tmp_path / "source")
    save_huggingface(tmp_path / "written", *kerasft.load_pretrained(source))
    expected, received = (load_file(folder / "model.safetensors") for folder in (source, tmp_path / "written"))
    assert received.keys() == expected.keys()
    assert all(received[name].tobytes() == value.tobytes() for name, value in expected.items())
    fields = json.loads((source / "config.json").read_text())
    written = json.loads((tmp_path / "written" / "config.json").read_text())
    assert {name: written[name] for name in fields} == fields


@pytest.mark.parametrize("labels", [["no", "yes", "maybe"], multi_label(["toxic", "insult"]), regression("score")])
def test_a_head_comes_back_with_its_labels(tmp_path, labels):
    model = tiny.classifier(labels)
    save_huggingface(tmp_path, model, tiny.tokenizer())
    again, tokenizer = kerasft.load_task_model(tmp_path)
    assert again.labels == model.labels
    assert again.labels.problem == model.labels.problem
    inputs = tiny.batch(["a good film", "bad"])
    np.testing.assert_array_equal(again(inputs), model(inputs))
    assert tokenizer.get_vocab() == tiny.tokenizer().get_vocab()


@pytest.mark.parametrize(("dtype", "stored"), [("float16", np.float16), ("bfloat16", ml_dtypes.bfloat16)])
def test_other_number_types_are_rounded_once(tmp_path, dtype, stored):
    backbone = tiny.backbone()
    save_huggingface(tmp_path, backbone, tiny.tokenizer(), dtype=dtype)
    assert json.loads((tmp_path / "config.json").read_text())["dtype"] == dtype
    written = load_file(tmp_path / "model.safetensors")["embeddings.word_embeddings.weight"]
    table = backbone.get_layer("token_embedding").embeddings.numpy()
    assert written.dtype == stored
    np.testing.assert_array_equal(written, table.astype(stored))
    again, _ = kerasft.load_pretrained(tmp_path)
    np.testing.assert_array_equal(
        again.get_layer("token_embedding").embeddings.numpy(), table.astype(stored).astype("f4")
    )


def test_a_number_type_that_cannot_hold_the_weights_is_refused(tmp_path):
    backbone = tiny.backbone()
    backbone.get_layer("pooled_dense").bias.assign(np.full(16, 1e5))
    with pytest.raises(KerasftError, match=r"able to represent pooler\.dense\.bias.* 1e\+05; received: 'float16'"):
        save_huggingface(tmp_path / "new", backbone, tiny.tokenizer(), dtype="float16")
    with pytest.raises(KerasftError, match=r"`dtype` must be one of .*; received: 'int8'"):
        save_huggingface(tmp_path / "new", backbone, tiny.tokenizer(), dtype="int8")
    assert list(tmp_path.iterdir()) == []  # neither a half folder nor what was written aside


def test_only_what_kerasft_wrote_is_replaced(tmp_path):
    backbone, tokenizer = tiny.backbone(), tiny.tokenizer()
    folder = save_huggingface(tmp_path / "ours", backbone, tokenizer)
    save_huggingface(folder, backbone, tokenizer)
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(KerasftError, match=r"`folder` must be a new folder.*also contains notes\.txt"):
        save_huggingface(folder, backbone, tokenizer)
    assert (folder / "notes.txt").read_text() == "mine"
    original = tiny.bert_folder(tmp_path / "original")
    before = (original / "model.safetensors").read_bytes()
    with pytest.raises(KerasftError, match="kerasft did not write it"):
        save_huggingface(original, backbone, tokenizer)
    assert (original / "model.safetensors").read_bytes() == before
    with pytest.raises(KerasftError, match="It is a file"):
        save_huggingface(folder / "notes.txt", backbone, tokenizer)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["original", "ours"]


def test_the_model_card_says_what_the_files_say(tmp_path):
    model = tiny.classifier(["negative", "positive | neutral"])
    save_huggingface(tmp_path, model, tiny.tokenizer())
    card = (tmp_path / "README.md").read_text("utf-8")
    assert card.startswith("---\nlibrary_name: transformers\npipeline_tag: text-classification\n")
    for line in (
        "# BertForSequenceClassification",
        f"A `bert` model with {model.count_params():,} parameters",
        'AutoModelForSequenceClassification.from_pretrained("path/of/this/folder")',
        'kerasft.load_task_model("path/of/this/folder")',
        '| 0 | "negative" |',
        '| 1 | "positive \\| neutral" |',
        "| hidden_size | 16 |",
    ):
        assert line in card
    save_huggingface(tmp_path, tiny.backbone(), tiny.tokenizer())
    card = (tmp_path / "README.md").read_text("utf-8")
    assert 'AutoModel.from_pretrained("path/of/this/folder")' in card
    assert "kerasft.load_pretrained" in card
    assert "## Labels" not in card
