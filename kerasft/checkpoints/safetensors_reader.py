"""Read tensors from one `model.safetensors`, or from shards with an index, one tensor at a time.

The format: https://huggingface.co/docs/safetensors (8 bytes of header length, a JSON header, then the data). The library
validates the header. The data is read directly into the returned array: the pages of a memory-mapped file count as memory of the
process, which would then hold the whole checkpoint twice.
"""

import json
import pathlib
import struct

import ml_dtypes
import numpy as np
from safetensors import SafetensorError, safe_open

from kerasft.checkpoints.shards import Entry, ShardedReader
from kerasft.checkpoints.tf_names import torch_name
from kerasft.errors import CheckpointError

SINGLE_FILE = "model.safetensors"
INDEX_FILE = "model.safetensors.index.json"
_DTYPES = {"F64": np.float64, "F32": np.float32, "F16": np.float16, "BF16": ml_dtypes.bfloat16}


class SafetensorsReader(ShardedReader):
    """The tensors of a folder with `model.safetensors`, or `model.safetensors.index.json` and its shards.

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

        Args:
            name: One of the names returned by iteration.

        Returns:
            A float32 array.

        Raises:
            CheckpointError: If its dtype is not float32, float16, bfloat16 or float64.
        """
        path, (dtype, offset), shape, transposed = self._entries[name]
        if dtype not in _DTYPES:
            raise CheckpointError(
                f"{path}: tensor {name!r} is stored as {dtype}; expected F32, F16, BF16 or F64. "
                "Quantized checkpoints cannot be fine-tuned; use the original one."
            )
        array = np.fromfile(path, _DTYPES[dtype], count=int(np.prod(shape)), offset=offset)
        value = array.reshape(shape).astype(np.float32, copy=False)
        return value.T if transposed else value


def _entries(path: pathlib.Path) -> dict[str, Entry]:
    try:
        safe_open(path, framework="np")  # checks that the header is valid and that the tensors exactly fill the file
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(length))
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(
            f"{path}: not a readable safetensors file of {path.stat().st_size} bytes ({error}). "
            "It may be truncated, or a Git LFS pointer; copy it again."
        ) from error
    metadata = header.pop("__metadata__", None) or {}
    of_keras = metadata.get("format") == "tf"  # written by the TensorFlow classes of transformers 4
    entries = {}
    for stored, entry in header.items():
        name, transposed = torch_name(stored) if of_keras else (stored, False)
        offset = 8 + length + entry["data_offsets"][0]
        entries[name] = Entry(path, (entry["dtype"], offset), tuple(entry["shape"]), transposed)
    return entries
