"""Seeded mutations of valid files: whatever a reader is given, it reads it or raises a `KerasftError`.

2,400 files: bytes changed, cut out, doubled and inserted anywhere, with a preference for the headers.
"""

import json
import pathlib
import shutil

import h5py
import numpy as np
import pytest
import tensorflow as tf

from kerasft.checkpoints.bert import read_config
from kerasft.checkpoints.config_file import ConfigFile
from kerasft.checkpoints.safetensors_reader import INDEX_FILE
from kerasft.checkpoints.tensors import open_tensors
from kerasft.errors import KerasftError
from tests import tiny

RNG_SEED = 20261123
_NUMBERS = (0, 1, 127, 255, 2**31 - 1, 2**32 - 1, 2**63 - 1, 2**64 - 1)


def mutate(data, rng):
    """Apply one to four mutations to bytes."""
    data = bytearray(data)
    for _ in range(rng.integers(1, 5)):
        length = len(data)
        limit = length if rng.random() < 0.4 else min(length, 600)  # headers break in more ways than numbers
        start = int(rng.integers(0, max(limit, 1)))
        kind = rng.integers(0, 6)
        if kind == 0 and length:
            data[min(start, length - 1)] ^= 1 << int(rng.integers(0, 8))
        elif kind == 1:
            data[start : start + int(rng.integers(1, 9))] = rng.bytes(int(rng.integers(1, 9)))
        elif kind == 2:
            del data[start : start + int(rng.integers(1, 64))]
        elif kind == 3:
            data[start:start] = data[start : start + int(rng.integers(1, 64))]
        elif kind == 4:
            data[start : start + 8] = int(_NUMBERS[rng.integers(0, len(_NUMBERS))]).to_bytes(8, "little")
        else:
            del data[int(rng.integers(0, length + 1)) :]
    return bytes(data)


def read_all(folder):
    tensors = open_tensors(folder)
    for name in tensors:
        assert name in tensors
        value = tensors.read(name)
        assert value.dtype == np.float32
        assert value.shape == tensors.shape(name)


def read_settings(folder):
    config = ConfigFile(folder / "config.json")
    read_config(config)
    assert config.path.parent == folder


def numbers():
    rng = np.random.default_rng(0)
    return {f"layer_{index}": rng.normal(size=(3, 4)).astype("float32") for index in range(4)}


def write_safetensors(folder):
    tiny.save_file({name: value.astype(np.float16) for name, value in numbers().items()}, folder / "model.safetensors")


def write_index(folder):
    names = [f"model-0000{index}-of-00002.safetensors" for index in (1, 2)]
    for index, name in enumerate(names):
        tiny.save_file(dict(list(numbers().items())[index::2]), folder / name)
    weight_map = {name: names[index % 2] for index, name in enumerate(numbers())}
    (folder / INDEX_FILE).write_text(json.dumps({"weight_map": weight_map}))


def write_h5(folder):
    with h5py.File(folder / "tf_model.h5", "w") as file:
        file.attrs["layer_names"] = ["bert"]
        for name, value in numbers().items():
            file[f"bert/tf_bert_model/bert/{name}/kernel:0"] = value
        file["bert"].attrs["weight_names"] = [f"tf_bert_model/bert/{name}/kernel:0" for name in numbers()]


def write_tf1(folder):
    named = {f"bert/encoder/{name}/kernel": value for name, value in numbers().items()}
    named["bert/encoder/layer_0/kernel/adam_m"] = named["bert/encoder/layer_0/kernel"]
    prefix = str(folder / "bert_model.ckpt")
    tf.raw_ops.SaveV2(
        prefix=prefix, tensor_names=list(named), shape_and_slices=[""] * len(named), tensors=list(named.values())
    )


def write_config(folder):
    (folder / "config.json").write_text(json.dumps(tiny.CONFIG))


@pytest.mark.filterwarnings("ignore:.*unknown fields")
@pytest.mark.parametrize(
    ("write", "mutated", "read", "files"),
    [
        (write_safetensors, "model.safetensors", read_all, 800),
        (write_index, INDEX_FILE, read_all, 300),
        (write_h5, "tf_model.h5", read_all, 500),
        (write_tf1, "bert_model.ckpt.index", read_all, 300),
        (write_tf1, "bert_model.ckpt.data-00000-of-00001", read_all, 100),
        (write_config, "config.json", read_settings, 400),
    ],
)
def test_mutated_files_are_read_or_refused(tmp_path, write, mutated, read, files):
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    write(folder)
    read(folder)
    path = folder / mutated
    valid = path.read_bytes()
    rng = np.random.default_rng(RNG_SEED)
    before = inventory(tmp_path)
    messages = []
    for _ in range(files):
        path.write_bytes(mutate(valid, rng))
        try:
            read(folder)
        except KerasftError as error:
            messages.append(str(error))
    assert 0 < len(messages) <= files
    assert all(str(folder) in message for message in messages)
    assert inventory(tmp_path) == before  # nothing was written
    shutil.rmtree(folder)


def inventory(folder):
    return sorted(str(path.relative_to(folder)) for path in pathlib.Path(folder).rglob("*"))
