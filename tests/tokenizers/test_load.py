"""Tokenizers from their files alone: `tokenizer.json`, or `vocab.txt` with its settings."""

import json
import sys

import pytest

from kerasft import tokenizers
from kerasft.errors import CheckpointError
from tests import tiny

VOCABULARY = "[PAD] [UNK] [CLS] [SEP] [MASK] hello Hello café cafe 東 京 東京 ! world ##s"


def vocabulary_folder(folder, **settings):
    """A folder of the old form: no tokenizer.json."""
    (folder / "vocab.txt").write_text(VOCABULARY.replace(" ", "\n") + "\n", encoding="utf-8")
    if settings:
        (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return folder


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, ["hello", "cafe", "東", "京", "!", "world", "##s"]),
        ({"do_lower_case": False}, ["Hello", "[UNK]", "東", "京", "!", "world", "##s"]),
        ({"do_lower_case": True, "strip_accents": False}, ["hello", "café", "東", "京", "!", "world", "##s"]),
        ({"do_lower_case": False, "strip_accents": True}, ["Hello", "[UNK]", "東", "京", "!", "world", "##s"]),
        ({"tokenize_chinese_chars": False}, ["hello", "cafe", "東京", "!", "world", "##s"]),
    ],
)
@pytest.mark.parametrize("with_config", [True, False])
def test_vocabulary_and_settings_are_honoured(tmp_path, settings, expected, with_config):
    if with_config:
        (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    tokenizer = tokenizers.load(vocabulary_folder(tmp_path, **settings))
    assert tokenizer.is_fast
    assert tokenizer.tokenize("Hello Café 東京! worlds") == expected


def test_ids_and_offsets_are_exact():
    encoded = tiny.tokenizer()("A good FILM!", return_offsets_mapping=True)
    tokens = tiny.tokenizer().convert_ids_to_tokens(encoded["input_ids"])
    assert tokens == ["[CLS]", "a", "good", "film", "!", "[SEP]"]
    assert encoded["offset_mapping"][1:-1] == [(0, 1), (2, 6), (7, 11), (11, 12)]


def test_save_and_load_give_the_same_ids(tmp_path):
    tokenizers.save(tiny.tokenizer(), tmp_path / "new" / "folder")
    loaded = tokenizers.load(tmp_path / "new" / "folder")
    text = "the café's card was lost; 42%"
    assert loaded(text, "money") == tiny.tokenizer()(text, "money")
    assert loaded.model_max_length == tiny.tokenizer().model_max_length


def test_special_tokens_of_the_settings_are_honoured(tmp_path):
    tokenizer = tokenizers.load(vocabulary_folder(tmp_path, unk_token="[MASK]", model_max_length=7))
    assert tokenizer.tokenize("strange") == ["[MASK]"]
    assert tokenizer.model_max_length == 7


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("tokenizer.json", "{"),
        ("tokenizer.json", "[]"),
        ("tokenizer.json", '{"model": {}}'),
        ("tokenizer_config.json", "{"),
        ("tokenizer_config.json", "[]"),
        ("vocab.txt", ""),
        ("vocab.txt", "[PAD]\n[UNK]\n"),
    ],
)
def test_a_damaged_file_is_one_sentence(tmp_path, file, content):
    vocabulary_folder(tmp_path)
    (tmp_path / file).write_text(content)
    with pytest.raises(CheckpointError, match=str(tmp_path)):
        tokenizers.load(tmp_path)


@pytest.mark.parametrize("folder", ["", "missing"])
def test_no_tokenizer_is_one_sentence(tmp_path, folder):
    with pytest.raises(CheckpointError, match=r"no tokenizer found; expected tokenizer\.json or "):
        tokenizers.load(tmp_path / folder)


def test_code_in_the_folder_is_not_run(tmp_path):
    settings = {"auto_map": {"AutoTokenizer": ["evil.Evil", "evil.Evil"]}, "tokenizer_class": "Evil"}
    (tmp_path / "evil.py").write_text("raise SystemExit('code was run')")
    vocabulary_folder(tmp_path, **settings)
    assert tokenizers.load(tmp_path).tokenize("hello") == ["hello"]


def test_pytorch_is_not_needed():
    assert "torch" not in sys.modules
