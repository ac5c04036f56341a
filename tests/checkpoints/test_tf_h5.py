"""`tf_model.h5` as the real TensorFlow classes of transformers 4 wrote it, against its PyTorch twin (`make_tf_files.py`)."""

import pathlib
import re
import shutil
import warnings
import zipfile

import h5py
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import kerasft
from kerasft.checkpoints.h5_reader import H5Reader
from kerasft.checkpoints.safetensors_reader import SafetensorsReader
from kerasft.checkpoints.tf_names import torch_name
from kerasft.errors import CheckpointError
from tests import tiny

ARCHIVE = pathlib.Path(__file__).with_name("tf_files.zip")
with zipfile.ZipFile(ARCHIVE) as archive:
    CLASSES = sorted({name.partition("/")[0] for name in archive.namelist()})
_BARE = re.compile(r"^(bert|transformer)\.")  # what PyTorch's bare models leave out


def unpack(name, folder):
    """Unpack one class; returns the folder of the h5 file and the folder of its twin, both with a tokenizer."""
    with zipfile.ZipFile(ARCHIVE) as archive:
        archive.extractall(folder, [member for member in archive.namelist() if member.startswith(name + "/")])
    ours, twin = folder / name, folder / "twin"
    twin.mkdir()
    (ours / "model.safetensors").rename(twin / "model.safetensors")
    shutil.copy(ours / "config.json", twin)
    for target in (ours, twin):
        tiny.tokenizer_files(target)
    return ours, twin


@pytest.mark.parametrize("name", CLASSES)
def test_every_tensor_is_the_twins(name, tmp_path):
    folder, twin = unpack(name, tmp_path)
    tensors = H5Reader(folder)
    expected = load_file(twin / "model.safetensors")
    renamed = {name if name in expected else _BARE.sub("", name): name for name in tensors}
    assert renamed.keys() == expected.keys()
    for twins_name, value in expected.items():
        received = tensors.read(renamed[twins_name])
        assert received.shape == tensors.shape(renamed[twins_name])
        np.testing.assert_array_equal(received.reshape(value.shape), value)


@pytest.mark.parametrize("name", CLASSES)
def test_every_model_is_the_twins(name, tmp_path):
    has_head = kerasft.checkpoints.has_task_head(unpack(name, tmp_path)[0])
    load = kerasft.load_task_model if has_head else kerasft.load_pretrained
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of poolers that a class does not have
        model, twin = (load(folder)[0] for folder in (tmp_path / name, tmp_path / "twin"))
    poolers = [weight for weight in model.checkpoint_report.missing if "pooler" in weight]
    assert len(poolers) == len(model.checkpoint_report.missing)
    for received, expected in zip(model.weights, twin.weights, strict=True):
        if not (poolers and "pooled" in expected.path):
            np.testing.assert_array_equal(received.numpy(), expected.numpy(), err_msg=expected.path)
    assert bool(model.checkpoint_report.reshaped) == name.startswith("GPT2")  # biases of shape (1, n)


def test_variables_named_without_the_model_are_read_too(tmp_path):
    folder, twin = unpack("BertForSequenceClassification", tmp_path)
    with h5py.File(folder / "tf_model.h5", "r+") as file:
        for layer in ("bert", "classifier"):
            file.move(f"{layer}/tf_bert_for_sequence_classification/{layer}", f"{layer}/{layer}")
            del file[f"{layer}/tf_bert_for_sequence_classification"]
    assert set(H5Reader(folder)) == set(load_file(twin / "model.safetensors"))


def test_safetensors_of_the_tensorflow_classes_are_translated(tmp_path):
    folder, twin = unpack("BertForSequenceClassification", tmp_path)
    tensors = {}
    with h5py.File(folder / "tf_model.h5") as file:
        file.visititems(
            lambda name, item: (
                tensors.update({name.split("/", 2)[2]: item[()]}) if isinstance(item, h5py.Dataset) else None
            )
        )
    save_file(tensors, folder / "model.safetensors", {"format": "tf"})
    reader, expected = SafetensorsReader(folder), load_file(twin / "model.safetensors")
    assert set(reader) == set(expected)
    for name, value in expected.items():
        np.testing.assert_array_equal(reader.read(name), value)
        assert reader.shape(name) == value.shape


def test_names():
    assert torch_name("transformer/h_._11/attn/c_attn/weight:0") == ("transformer.h.11.attn.c_attn.weight", False)
    assert torch_name("nsp___cls/seq_relationship/kernel:0") == ("cls.seq_relationship.weight", True)
    assert torch_name("shared/shared/embeddings") == ("shared.shared.weight", False)
    assert torch_name("") == ("", False)


@pytest.mark.parametrize("kind", ["external", "virtual", "chunked", "integers", "text", "empty"])
def test_what_keras_never_writes_is_refused(kind, tmp_path):
    folder, _ = unpack("BertModel", tmp_path)
    (tmp_path / "secret").write_bytes(bytes(64))
    with h5py.File(folder / "tf_model.h5", "r+") as file:
        name = "bert/tf_bert_model/bert/pooler/dense/bias:0"
        del file[name]
        if kind == "external":
            file.create_dataset(name, (8,), "f4", external=[(str(tmp_path / "secret"), 0, 32)])
        elif kind == "virtual":
            layout = h5py.VirtualLayout((8,), "f4")
            layout[:] = h5py.VirtualSource(str(tmp_path / "secret"), "x", (8,))
            file.create_virtual_dataset(name, layout)
        elif kind == "chunked":
            file.create_dataset(name, (10**12,), "f4", chunks=(8,))
        elif kind == "integers":
            file[name] = np.zeros(8, "i4")
        elif kind == "text":
            file[name] = "weights"
        else:
            file[name] = h5py.Empty("f4")
    with pytest.raises(CheckpointError, match=r"tf_model\.h5.* (must be of a float type|stores|contains|declares)\b"):
        kerasft.load_pretrained(folder)


def test_links_to_other_files_are_refused(tmp_path):
    folder, twin = unpack("BertModel", tmp_path)
    shutil.copy(folder / "tf_model.h5", twin / "other.h5")
    with h5py.File(folder / "tf_model.h5", "r+") as file:
        name = "bert/tf_bert_model/bert/pooler"
        del file[name]
        file[name] = h5py.ExternalLink(str(twin / "other.h5"), name)
    with pytest.raises(CheckpointError, match=r"contains an external link \('pooler'\)"):
        H5Reader(folder)


@pytest.mark.parametrize("content", [b"", b"garbage", b"\x89HDF\r\n\x1a\n", None])
def test_a_damaged_file_is_one_sentence(content, tmp_path):
    folder, _ = unpack("BertModel", tmp_path)
    path = folder / "tf_model.h5"
    path.write_bytes(path.read_bytes()[:-5000] if content is None else content)
    with pytest.raises(CheckpointError, match=r"tf_model\.h5: not a readable HDF5 file of \d+ bytes"):
        kerasft.load_pretrained(folder)
