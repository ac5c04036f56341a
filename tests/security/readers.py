"""Every reader of files that a stranger may have made, as a function of a folder: for the fuzzer and for what it found.

`corpus/NAME/` holds the seeds of the reader NAME and the inputs that it failed on once; `whole` is one that it reads.
"""

import pathlib
from collections.abc import Callable, Mapping
from typing import NamedTuple

import h5py

from kerasft import bundles, security, tokenizers
from kerasft.checkpoints.config_file import ConfigFile
from kerasft.checkpoints.families import FAMILIES
from kerasft.checkpoints.h5_reader import H5Reader
from kerasft.checkpoints.safetensors_reader import SafetensorsReader
from kerasft.checkpoints.tensors import Tensors
from kerasft.checkpoints.tf1_reader import Tf1Reader
from kerasft.data import collect_labels, collect_tags, read_squad, read_tags, texts_and_labels
from kerasft.tasks import settled

CORPUS = pathlib.Path(__file__).parent / "corpus"


class Reader(NamedTuple):
    """One reader.

    Attributes:
        file: What it calls the file.
        read: Reads all that is in a folder with this file.
        json: Whether the file is JSON, which a fuzzer may change place by place.
        beside: Other files of the folder, by name: the readers whose whole seed they are.
    """

    file: str
    read: Callable[[pathlib.Path], object]
    json: bool = False
    beside: Mapping[str, str] = {}

    def write(self, folder: pathlib.Path, content: bytes | None = None) -> None:
        """Write the files into an empty folder."""
        for name, reader in self.beside.items():
            (folder / name).write_bytes(whole(reader))
        if content is not None:
            (folder / self.file).write_bytes(content)


def whole(reader: str) -> bytes:
    """A file that a reader reads."""
    return (CORPUS / reader / "whole").read_bytes()


def _tensors(tensors: Tensors) -> None:
    for name in tensors:
        tensors.read(name).reshape(tensors.shape(name))


def _h5(folder: pathlib.Path) -> None:
    _tensors(H5Reader(folder))
    security.check_hdf5(folder / "tf_model.h5", "tf_model.h5")


def _weights(folder: pathlib.Path) -> None:
    path = folder / "model.weights.h5"
    security.check_hdf5(path, path)
    with h5py.File(path, "r") as file:  # as Keras does
        file.visititems(lambda name, thing: "dtype" in thing.attrs and thing.attrs["dtype"])
        file.visititems(lambda name, thing: thing[()] if isinstance(thing, h5py.Dataset) else None)


def _tokenizer(folder: pathlib.Path) -> None:
    tokenizer = tokenizers.load(folder)
    ids = tokenizer(["A good film, 12 \u00e9\u4e2d\U0001f600 <mask>"], ["why"], truncation=True, max_length=16)[
        "input_ids"
    ][0]
    tokenizer.decode(ids)
    tokenizer.backend_tokenizer.to_str()


def _config(folder: pathlib.Path) -> None:
    config = ConfigFile(folder / "config.json")
    family = config.choice("model_type", None, choices=FAMILIES)
    family.read_config(config)
    for head in family.heads.values():
        head.read_options(config)
    config.finish()


def _keras_config(folder: pathlib.Path) -> None:
    path = folder / "config.json"
    security.check_config(security.read_json(path), path)


def _table(file: str) -> Callable[[pathlib.Path], object]:
    def read(folder: pathlib.Path) -> None:
        rows = settled(folder / file, None, task="text-classification", need_label=True)[0]
        labels = collect_labels(rows)
        texts_and_labels(rows, labels=labels)

    return read


def _tags(folder: pathlib.Path) -> None:
    rows = read_tags(folder / "tags.conll", invalid="repair")
    collect_tags(rows)


READERS = {
    "safetensors": Reader("model.safetensors", lambda folder: _tensors(SafetensorsReader(folder))),
    "h5": Reader("tf_model.h5", _h5),
    "weights": Reader("model.weights.h5", _weights),
    "tf1": Reader(
        "bert_model.ckpt.index",
        lambda folder: _tensors(Tf1Reader(folder)),
        beside={"bert_model.ckpt.data-00000-of-00001": "tf1_data"},
    ),
    "sentencepiece": Reader("spiece.model", _tokenizer, beside={"tokenizer_config.json": "t5_settings"}),
    "tokenizer": Reader("tokenizer.json", _tokenizer, json=True),
    "tokenizer_config": Reader("tokenizer_config.json", _tokenizer, json=True, beside={"vocab.txt": "vocab_txt"}),
    "vocab_txt": Reader("vocab.txt", _tokenizer),
    "vocab_json": Reader("vocab.json", _tokenizer, json=True, beside={"merges.txt": "merges"}),
    "merges": Reader("merges.txt", _tokenizer, beside={"vocab.json": "vocab_json"}),
    "config": Reader("config.json", _config, json=True),
    "keras_config": Reader("config.json", _keras_config, json=True),
    "metadata": Reader("kerasft.json", bundles.read_metadata, json=True),
    "csv": Reader("rows.csv", _table("rows.csv")),
    "tsv": Reader("rows.tsv", _table("rows.tsv")),
    "jsonl": Reader("rows.jsonl", _table("rows.jsonl")),
    "conll": Reader("tags.conll", _tags),
    "squad": Reader("squad.json", lambda folder: read_squad(folder / "squad.json", misaligned="search"), json=True),
}
