"""Tokenising: the tokenizer's own ids and segments, cut rows counted, and files that are used again only when right."""

import io
import json
import logging
import pathlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kerasft.data.batches.token_files import fingerprint, tokenize_to_files
from kerasft.encoding import token_store
from kerasft.encoding.token_store import Encoder, tokenize
from kerasft.errors import DataError, KerasftError
from tests import tiny

words = st.lists(st.sampled_from(["good", "bad", "film", "not", "\u00e9", "!", "zzz"]), min_size=1, max_size=40).map(
    " ".join
)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(words, words), min_size=1, max_size=5), st.booleans(), st.integers(6, 32))
def test_ids_and_segments_are_the_tokenizers_own(rows, pair, max_length):
    texts, pairs = (list(part) for part in zip(*rows))
    pairs = pairs if pair else None
    store = tokenize(Encoder(tiny.tokenizer(), max_length, pair), texts, pairs=pairs)
    expected = tiny.tokenizer()(texts, pairs, truncation=True, max_length=max_length)
    whole = tiny.tokenizer()(texts, pairs)
    for i, (start, end) in enumerate(zip(store.offsets, store.offsets[1:])):
        assert store.ids[start:end].tolist() == expected["input_ids"][i]
        assert (np.arange(end - start) >= store.second[i]).astype(int).tolist() == expected["token_type_ids"][i]
    assert store.truncated == sum(map(lambda a, b: len(a) < len(b), expected["input_ids"], whole["input_ids"]))


def test_cut_rows_are_reported_once(caplog):
    texts = ["good film " * 20] * 3 + ["good"] * 1997
    with caplog.at_level(logging.WARNING, logger="kerasft"):
        tokenize(Encoder(tiny.tokenizer(), 16), texts)
    assert [record.getMessage() for record in caplog.records] == [
        "3 of 2000 texts (0.1 %) are longer than 16 tokens (max_length) and were truncated. To avoid truncation, train with a "
        "larger max_length (--max-length), or split them."
    ]
    caplog.clear()
    tokenize(Encoder(tiny.tokenizer(), 16), ["good"])
    assert not caplog.records


def test_progress_is_shown_on_a_terminal_when_it_takes_long(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    class Clock:
        now = 0.0

        def __call__(self):
            self.now += 3.0
            return self.now

    for kind, shown in ((Terminal, True), (io.StringIO, False)):
        screen, clock = kind(), Clock()
        monkeypatch.setattr(token_store.sys, "stderr", screen)
        monkeypatch.setattr("tqdm.std.time", clock)
        tokenize(Encoder(tiny.tokenizer()), ["good"] * 3000)
        assert ("tokenizing" in screen.getvalue()) == shown


def test_default_length_is_never_above_the_tokenizers_limit():
    assert Encoder(tiny.tokenizer()).max_length == 32
    with pytest.raises(KerasftError, match=r"`max_length` must be at most 32, the tokenizer's limit; received: 33"):
        Encoder(tiny.tokenizer(), 33)
    with pytest.raises(KerasftError, match=r"`max_length` must be a whole number >= 5, .* received: 4"):
        Encoder(tiny.tokenizer(), 4, pair=True)
    for value in (2, 0, -1, 8.0, True, "128"):
        with pytest.raises(KerasftError, match=rf"`max_length` must be a whole number >= 3, .* received: {value!r}"):
            Encoder(tiny.tokenizer(), value)
    with pytest.raises(KerasftError, match=r"`tokenizer` must be a fast tokenizer .* received: 'str'"):
        Encoder("bert-base-uncased")


def test_files_hold_the_same_rows_and_are_used_again(tmp_path, caplog):
    texts, pairs = ["good film " * (1 + i % 9) for i in range(2500)], ["bad"] * 2500
    encoder = Encoder(tiny.tokenizer(), 16, pair=True)
    files = tokenize_to_files(encoder, texts, pairs=pairs, folder=tmp_path / "store")
    assert len(files.files) == 3
    memory = tokenize(encoder, texts, pairs=pairs)
    assert files.lengths.tolist() == memory.lengths.tolist()
    assert files.truncated == memory.truncated > 0
    written = {path: path.stat().st_mtime_ns for path in (tmp_path / "store").rglob("*") if path.is_file()}
    assert not [path for path in (tmp_path / "store").iterdir() if path.name.startswith(".partial")]
    caplog.clear()
    again = tokenize_to_files(encoder, texts, pairs=pairs, folder=tmp_path / "store")
    assert again.files == files.files
    assert written == {path: path.stat().st_mtime_ns for path in (tmp_path / "store").rglob("*") if path.is_file()}
    assert [record.getMessage() for record in caplog.records] == [
        f"{memory.truncated} of 2500 texts ({100 * memory.truncated / 2500:.1f} %) are longer than 16 tokens "
        "(max_length) and were truncated. To avoid truncation, train with a larger max_length (--max-length), or split them."
    ]


def test_fingerprint_changes_with_everything_that_matters():
    tokenizer = tiny.tokenizer()
    base = fingerprint(Encoder(tokenizer, 16), ["a", "b"], pairs=None)
    tokenizer(["a"], truncation=True, max_length=5, padding="max_length")  # leaves its settings in the tokenizer
    assert fingerprint(Encoder(tokenizer, 16), ["a", "b"], pairs=None) == base
    others = [
        fingerprint(Encoder(tokenizer, 15), ["a", "b"], pairs=None),
        fingerprint(Encoder(tokenizer, 16), ["ab", ""], pairs=None),
        fingerprint(Encoder(tokenizer, 16), ["b", "a"], pairs=None),
        fingerprint(Encoder(tokenizer, 16), ["a"], pairs=["b"]),
        fingerprint(Encoder(tokenizer, 16), ["a", "b"], pairs=["a", "b"]),
    ]
    assert len({base, *others}) == 6


def test_damaged_or_unwritable_store(tmp_path):
    encoder = Encoder(tiny.tokenizer(), 16)
    files = tokenize_to_files(encoder, ["good", "bad"], pairs=None, folder=tmp_path)
    shard = pathlib.Path(files.files[0])
    shard.write_bytes(shard.read_bytes()[:-1])
    with pytest.raises(
        DataError, match=r"tokens-00000-of-00001\.tfrecord: expected a token store file of .*Delete the folder"
    ):
        tokenize_to_files(encoder, ["good", "bad"], pairs=None, folder=tmp_path)
    index = shard.parent / "index.json"
    index.write_text(json.dumps({"version": 1})[:-1])
    with pytest.raises(DataError, match=r"index\.json: .*Delete the folder"):
        tokenize_to_files(encoder, ["good", "bad"], pairs=None, folder=tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="the token store cannot be written"):
        tokenize_to_files(encoder, ["good"], pairs=None, folder=tmp_path / "file")


def test_an_interrupted_write_leaves_nothing(tmp_path, monkeypatch):
    encoder = Encoder(tiny.tokenizer(), 16)
    monkeypatch.setattr(Encoder, "__call__", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        tokenize_to_files(encoder, ["good"], pairs=None, folder=tmp_path)
    assert list(tmp_path.iterdir()) == []
