"""Files of a checkpoint beside its weights: of bounded size, ordinary, and whole."""

import io
import os
import struct

import h5py
import numpy as np
import pytest

from kerasft import security, tokenizers
from kerasft.checkpoints.h5_reader import H5Reader
from kerasft.errors import CheckpointError
from tests.security.readers import READERS, whole


@pytest.mark.parametrize(
    "name", ["sentencepiece", "vocab_txt", "vocab_json", "merges", "tokenizer", "tokenizer_config"]
)
def test_a_file_of_absurd_size_is_refused(tmp_path, name):
    """A sparse file has any size and takes no place."""
    reader = READERS[name]
    reader.write(tmp_path, whole(name))
    os.truncate(tmp_path / reader.file, 2**40)
    with pytest.raises(CheckpointError, match=r"has more than 67108864 bytes.*KERASFT_MAX_FILE_BYTES"):
        tokenizers.load(tmp_path)


def test_more_sentinels_than_a_t5_has_are_refused(tmp_path):
    READERS["sentencepiece"].write(tmp_path, whole("sentencepiece"))
    (tmp_path / "tokenizer_config.json").write_text('{"tokenizer_class": "T5Tokenizer", "extra_ids": 1000000000}')
    with pytest.raises(CheckpointError, match="extra_ids must be from 0 to 10000; received: 1000000000"):
        tokenizers.load(tmp_path)


def test_half_of_a_surrogate_pair_is_refused():
    with pytest.raises(CheckpointError, match="lone surrogate"):
        security.read_json("kerasft.json", b'{"labels": ["\\uD800"]}')
    assert security.read_json("kerasft.json", b'{"labels": ["\\uD83D\\uDE00"]}')["labels"] == ["\U0001f600"]


def test_the_depth_that_is_allowed_can_be_raised(monkeypatch):
    content = b"[" * 150 + b"]" * 150
    with pytest.raises(CheckpointError, match=r"nested deeper than 100 levels\. .*KERASFT_MAX_DEPTH above 100"):
        security.read_json("config.json", content)
    monkeypatch.setenv("KERASFT_MAX_DEPTH", "200")
    assert security.read_json("config.json", content)


def test_a_damaged_heap_of_texts_is_refused():
    """HDF5 searches some for ever; Keras reads such a text where a weight is of bfloat16."""
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        file["x"] = np.zeros(2, "V2")
        file["x"].attrs["dtype"] = "bfloat16"
    assert security.check_hdf5(content, "model.weights.h5") == 2
    for offset, number in ((8, 2**40), (24, 2**20), (24, 2**63)):
        damaged = bytearray(content.getvalue())
        struct.pack_into("<Q", damaged, damaged.index(b"GCOL") + offset, number)
        with pytest.raises(CheckpointError, match="corrupted: a string heap"):
            security.check_hdf5(io.BytesIO(bytes(damaged)), "model.weights.h5")


def test_texts_that_are_not_needed_are_not_read(tmp_path):
    """The same in `tf_model.h5`: its layers' attributes are asked for by name alone."""
    content = bytearray(whole("h5"))
    struct.pack_into("<Q", content, content.index(b"GCOL") + 8, 2**40)
    READERS["h5"].write(tmp_path, bytes(content))
    assert H5Reader(tmp_path).shape("bert.a.weight") == (3, 2)
