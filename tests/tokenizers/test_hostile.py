"""Tokenizer files of strangers: no file outside the folder is read or written, and damage is one sentence."""

import builtins
import io
import json
import os
import pathlib

import numpy as np
import pytest

from kerasft import tokenizers
from kerasft.errors import KerasftError
from tests import tiny

SECRET = "secret-of-another-folder"
BPE_TOKENS = {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3, "<mask>": 4, "a": 5, "b": 6, "ab": 7, "Ġ": 8, "Ġa": 9}
MERGES = "#version: 0.2\na b\nĠ a\n"


def wordpiece_folder(folder):
    folder.mkdir(parents=True)
    tiny.tokenizer_files(folder)
    return folder


def bpe_folder(folder):
    folder.mkdir(parents=True)
    (folder / "vocab.json").write_text(json.dumps(BPE_TOKENS, ensure_ascii=False), "utf-8")
    (folder / "merges.txt").write_text(MERGES, "utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "RobertaTokenizer"}))
    return folder


def outside(tmp_path):
    """A folder that nobody may look into; its vocabulary would show."""
    other = wordpiece_folder(tmp_path / "other")
    for name in ("vocab.txt", "tokenizer.json"):
        path = other / name
        path.write_text(path.read_text("utf-8").replace("film", SECRET), "utf-8")
    return other


@pytest.fixture
def opened(monkeypatch):
    """The paths that Python opens; the Rust library opens those alone that it is given, in the folder."""
    paths = []

    def watch(module, name):
        original = getattr(module, name)

        def recorded(file, *args, **kwargs):
            paths.append(os.path.realpath(file) if isinstance(file, str | os.PathLike) else str(file))
            return original(file, *args, **kwargs)

        monkeypatch.setattr(module, name, recorded)

    watch(builtins, "open")
    watch(io, "open")
    return paths


NAMES = ("vocab_file", "tokenizer_file", "merges_file", "added_tokens_file", "special_tokens_map_file", "spm_file")


@pytest.mark.parametrize("absolute", [False, True])
@pytest.mark.parametrize("from_file", [False, True])
def test_no_name_of_a_file_is_followed(tmp_path, opened, absolute, from_file):
    folder, other = wordpiece_folder(tmp_path / "mine"), outside(tmp_path)
    if not from_file:
        (folder / "tokenizer.json").unlink()
    beside = str(other) if absolute else "../other"
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    settings |= dict.fromkeys(NAMES, f"{beside}/vocab.txt") | {"tokenizer_file": f"{beside}/tokenizer.json"}
    settings |= {
        "name_or_path": beside,
        "_name_or_path": beside,
        "auto_map": {"AutoTokenizer": [f"{beside}/x.X", None]},
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    (folder / "special_tokens_map.json").write_text(json.dumps({"vocab_file": f"{beside}/vocab.txt"}))
    opened.clear()
    tokenizer = tokenizers.load(folder)
    tokenizers.save(tokenizer, tmp_path / "copy")
    assert SECRET not in tokenizer.get_vocab()
    assert not [path for path in opened if path.startswith(str(other))]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy", "mine", "other"]
    assert all(beside not in path.read_text("utf-8") for path in (tmp_path / "copy").iterdir())


def test_an_added_token_that_looks_like_a_path_is_a_token(tmp_path):
    folder = wordpiece_folder(tmp_path / "mine")
    (folder / "tokenizer.json").unlink()
    size = len((folder / "vocab.txt").read_text("utf-8").split("\n")) - 1
    (folder / "added_tokens.json").write_text(json.dumps({"../../../written": size}))
    tokenizer = tokenizers.load(folder)
    tokenizers.save(tokenizer, tmp_path / "deep" / "copy")
    assert tokenizers.load(tmp_path / "deep" / "copy").tokenize("a ../../../written") == ["a", "../../../written"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["deep", "mine"]


def test_a_chat_template_cannot_name_a_file_elsewhere(tmp_path):
    folder = wordpiece_folder(tmp_path / "mine")
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    settings["chat_template"] = [{"name": "../../written", "template": "x"}, {"name": "default", "template": "y"}]
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    tokenizers.save(tokenizers.load(folder), tmp_path / "deep" / "copy")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["deep", "mine"]
    assert sorted(path.name for path in (tmp_path / "deep").iterdir()) == ["copy"]


def test_links_of_a_cache_are_read(tmp_path):
    stored = wordpiece_folder(tmp_path / "blobs")  # as the hub's cache keeps files
    folder = tmp_path / "snapshot"
    folder.mkdir()
    for path in stored.iterdir():
        (folder / path.name).symlink_to(pathlib.Path("..") / "blobs" / path.name)
    assert tokenizers.load(folder).tokenize("good film") == ["good", "film"]


def mutate(text, rng):
    """Change, cut, double or replace a piece of a file one to three times."""
    pieces = (
        "",
        "{",
        "}",
        "[",
        "]",
        '"',
        "null",
        "-1",
        "1e999",
        "99999999999999999999",
        "\n",
        " ",
        "\x00",
        "é",
        "##",
        "true",
    )
    for _ in range(rng.integers(1, 4)):
        start = int(rng.integers(0, len(text) + 1))
        end = start + int(rng.integers(0, 1 + int(rng.choice([2, 20, 400]))))
        kind = rng.integers(0, 4)
        if kind == 0:
            text = text[:start] + str(rng.choice(pieces)) + text[end:]
        elif kind == 1:
            text = text[:end] + text[start:]
        elif kind == 2:
            text = text[:start] + text[start:end][::-1] + text[end:]
        else:
            text = text[:start]
    return text


@pytest.mark.parametrize(
    ("make", "name", "count"),
    [
        (wordpiece_folder, "tokenizer.json", 200),
        (wordpiece_folder, "tokenizer_config.json", 100),
        (wordpiece_folder, "vocab.txt", 60),
        (bpe_folder, "vocab.json", 120),
        (bpe_folder, "merges.txt", 120),
    ],
)
def test_damaged_files_load_or_are_one_sentence(tmp_path, make, name, count):
    folder = make(tmp_path / "mine")
    if name == "vocab.txt":
        (folder / "tokenizer.json").unlink()
    path = folder / name
    valid = path.read_text("utf-8")
    rng = np.random.default_rng(20261123)
    messages = []
    for _ in range(count):
        path.write_text(mutate(valid, rng), "utf-8")
        try:
            tokenizers.load(folder)
        except KerasftError as error:
            messages.append(str(error))
    assert messages
    assert all(str(folder) in message for message in messages)
    assert sorted(item.name for item in tmp_path.iterdir()) == ["mine"]
