"""Read tensors from one `model.safetensors`, or from shards with an index, one tensor at a time.

The format: https://huggingface.co/docs/safetensors (8 bytes of header length, a JSON header, then the numbers).
"""

import json
import pathlib
import re
from collections.abc import Iterator

import numpy as np
from safetensors import SafetensorError, safe_open

from kerasft.errors import CheckpointError

SINGLE_FILE = "model.safetensors"
INDEX_FILE = "model.safetensors.index.json"
_SHARD_NAME = re.compile(r"\w[\w.-]*\.safetensors")  # no separator: a shard lies in the folder


class Tensors:
    """The tensors of a checkpoint folder; each is read from the memory-mapped file when asked for.

    Args:
        folder: Holds `model.safetensors`, or `model.safetensors.index.json` and the shards that it names.

    Raises:
        CheckpointError: If files are missing, damaged, or lie outside the folder.
    """

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        self._file_of = {}
        self._open = {}
        for path in _weight_files(folder):
            self._open[path] = _open(path)
            self._file_of.update(dict.fromkeys(self._open[path].keys(), path))

    def __iter__(self) -> Iterator[str]:
        return iter(self._file_of)

    def __contains__(self, name: str) -> bool:
        return name in self._file_of

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of a tensor without reading it."""
        return tuple(self._open[self._file_of[name]].get_slice(name).get_shape())

    def read(self, name: str) -> np.ndarray:
        """Read one tensor as float32.

        Args:
            name: One of the names that iteration gives.

        Returns:
            A float32 array.

        Raises:
            CheckpointError: If it is stored as anything but float32, float16, bfloat16 or float64.
        """
        path = self._file_of[name]
        stored = self._open[path].get_slice(name).get_dtype()
        if stored not in ("F64", "F32", "F16", "BF16"):
            raise CheckpointError(
                f"{path}: tensor {name!r} is stored as {stored}; expected F32, F16, BF16 or F64. "
                "Quantised checkpoints cannot be fine-tuned; take the original one."
            )
        return np.asarray(self._open[path].get_tensor(name)).astype(np.float32, copy=False)


def _weight_files(folder: pathlib.Path) -> list[pathlib.Path]:
    if (folder / SINGLE_FILE).is_file():
        return [folder / SINGLE_FILE]
    index = folder / INDEX_FILE
    if not index.is_file():
        others = sorted(path.name for path in folder.glob("*") if path.suffix in (".bin", ".h5", ".msgpack", ".ckpt"))
        found = f"; found only {', '.join(others)}" if others else ""
        raise CheckpointError(
            f"{folder}: no weights found; expected {SINGLE_FILE} or {INDEX_FILE}{found}. "
            "Take a revision of the checkpoint that has safetensors, or convert it."
        )
    try:
        names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise CheckpointError(f"{index}: not a safetensors index ({error}). Copy the file again.") from error
    return [_shard(index, name) for name in names]


def _shard(index: pathlib.Path, name: str) -> pathlib.Path:
    if not isinstance(name, str) or not _SHARD_NAME.fullmatch(name):
        raise CheckpointError(
            f"{index}: a shard must be a file name inside the folder; received: {name!r}. Do not trust this checkpoint."
        )
    path = index.parent / name
    if not path.is_file():
        raise CheckpointError(f"{index}: the shard {name!r} is missing. Copy all files of the checkpoint.")
    return path


def _open(path: pathlib.Path):
    try:
        return safe_open(path, framework="np")
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"{path}: not a readable safetensors file of {path.stat().st_size} bytes ({error}). "
            "It may be cut short, or a Git LFS pointer; copy it again."
        ) from error
