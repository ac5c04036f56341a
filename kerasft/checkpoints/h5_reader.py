"""Read `tf_model.h5`, written by the TensorFlow classes of transformers 4 and older, without those classes.

The layout is Keras 2's: one group per top-level layer, with one dataset per variable under its full name, such as
`bert/tf_bert_model/bert/encoder/layer_._0/output/dense/kernel:0`. Shared variables are listed once per layer. Shards contain
the variables by name, without groups.
"""

import pathlib

import h5py
import numpy as np

from kerasft import security
from kerasft.checkpoints.shards import Entry, ShardedReader
from kerasft.checkpoints.tf_names import torch_name
from kerasft.errors import CheckpointError

SINGLE_FILE = "tf_model.h5"
INDEX_FILE = "tf_model.h5.index.json"


class H5Reader(ShardedReader):
    """The tensors of a folder with `tf_model.h5`, or `tf_model.h5.index.json` and its shards.

    Args:
        folder: The checkpoint.

    Raises:
        CheckpointError: If files are missing, corrupted, or outside the folder.
    """

    single = SINGLE_FILE
    index = INDEX_FILE

    @staticmethod
    def entries(path: pathlib.Path) -> dict[str, Entry]:
        """List the tensors of one file."""
        return _entries(path)

    def read(self, name: str) -> np.ndarray:
        """Read one tensor as float32.

        Raises:
            CheckpointError: If the tensor is not readable.
        """
        path, dataset, _, transposed = self._entries[name]
        try:
            with h5py.File(path, "r") as file:
                value = file[dataset][()].astype(np.float32, copy=False)
        except Exception as error:  # a corrupted HDF5 file raises errors of many types
            raise CheckpointError(f"{path}: {dataset!r} is not readable ({error}). Copy the file again.") from error
        return value.T if transposed else value


def _entries(path: pathlib.Path) -> dict[str, Entry]:
    entries = {}
    try:
        with h5py.File(path, "r") as file:
            security.check_hdf5(path, path)
            for name, dataset in _datasets(file).items():
                if dataset.dtype.kind != "f":
                    raise CheckpointError(
                        f"{path}: {name!r} must be of a float type; received: {dataset.dtype}. Quantized checkpoints cannot be "
                        "fine-tuned; use the original one."
                    )
                tensor_name, transposed = torch_name(_variable(name, list(file[name.split("/")[0]].attrs)))
                entries[tensor_name] = Entry(path, name, dataset.shape, transposed)
    except CheckpointError:
        raise
    except Exception as error:  # a corrupted HDF5 file raises errors of many types
        raise CheckpointError(
            f"{path}: not a readable HDF5 file of {path.stat().st_size} bytes ({error}). "
            "It may be truncated, or a Git LFS pointer; copy it again."
        ) from error
    return entries


def _datasets(file: h5py.File) -> dict[str, h5py.Dataset]:
    # Unlike `file.items()`, visititems does not follow links to other names or files.
    datasets = {}
    file.visititems(lambda name, item: datasets.update({name: item}) if isinstance(item, h5py.Dataset) else None)
    return datasets


def _variable(name: str, attributes: list[str]) -> str:
    if not any(attribute.startswith("weight_names") for attribute in attributes):
        return name  # a shard
    layer, first, *rest = name.split("/")
    # With the whole model saved, the variable's name starts with the model's: `tf_bert_model/bert/...`, else `bert/...`.
    is_model = first != layer or rest[:1] == [layer]
    return "/".join(rest if is_model and rest else [first, *rest])
