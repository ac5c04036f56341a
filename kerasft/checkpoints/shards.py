"""Weight files of a checkpoint: one, or shards with an index, all inside the folder."""

import pathlib
import re
from collections.abc import Iterator
from typing import ClassVar, NamedTuple

from kerasft import security
from kerasft.errors import CheckpointError


class Entry(NamedTuple):
    """Where one tensor stands: what identifies it in its file is the reader's own matter."""

    path: pathlib.Path
    place: object
    stored_shape: tuple[int, ...]
    transposed: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape as Hugging Face's PyTorch files have it."""
        return self.stored_shape[::-1] if self.transposed else self.stored_shape


class ShardedReader:
    """Base of the readers whose weights are one file, or shards with an index. A subclass has
    `entries(path)`, the tensors of one file by Hugging Face's names, and `read(name)`.

    Args:
        folder: The checkpoint.

    Raises:
        CheckpointError: If files are missing, damaged, or lie outside the folder.
    """

    single: ClassVar[str]
    index: ClassVar[str]

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        self._entries: dict[str, Entry] = {}
        for path in weight_files(folder, self.single, self.index):
            self._entries.update(self.entries(path))

    @classmethod
    def fits(cls, folder: pathlib.Path) -> bool:
        """Tell whether the folder has such files."""
        return (folder / cls.single).is_file() or (folder / cls.index).is_file()

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __contains__(self, name: str) -> bool:
        return name in self._entries

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of a tensor without reading it."""
        return self._entries[name].shape


def weight_files(folder: pathlib.Path, single: str, index: str) -> list[pathlib.Path]:
    """List the weight files of a folder.

    Args:
        folder: The checkpoint.
        single: Name of the one file, which is preferred.
        index: Name of the JSON index of shards, `{"weight_map": {tensor: file name}}`.

    Raises:
        CheckpointError: If the index is damaged, or names a file that is missing or lies elsewhere.
    """
    if (folder / single).is_file():
        return [folder / single]
    path = folder / index
    try:
        names = sorted(set(security.read_json(path)["weight_map"].values()))
    except (KeyError, AttributeError, TypeError) as error:
        raise CheckpointError(f"{path}: not a shard index ({error}). Copy the file again.") from error
    return [_shard(path, name, pathlib.Path(single).suffix) for name in names]


def _shard(index: pathlib.Path, name: str, suffix: str) -> pathlib.Path:
    # No separator in the name: a shard lies in the folder.
    if not isinstance(name, str) or not re.fullmatch(r"\w[\w.-]*" + re.escape(suffix), name, re.ASCII):
        raise CheckpointError(
            f"{index}: a shard must be a file name inside the folder, ending in {suffix}; received: {name!r}. "
            "Do not trust this checkpoint."
        )
    path = index.parent / name
    if not path.is_file():
        raise CheckpointError(f"{index}: the shard {name!r} is missing. Copy all files of the checkpoint.")
    return path
