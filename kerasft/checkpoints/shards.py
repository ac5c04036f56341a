"""Weight files of a checkpoint: a single file, or shards with an index, all inside the folder."""

import pathlib
import re
from collections.abc import Iterator
from typing import ClassVar, NamedTuple

from kerasft import security
from kerasft.errors import CheckpointError


class Entry(NamedTuple):
    """Location of one tensor; `place` identifies it within its file and depends on the reader."""

    path: pathlib.Path
    place: object
    stored_shape: tuple[int, ...]
    transposed: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape in Hugging Face's PyTorch files."""
        return self.stored_shape[::-1] if self.transposed else self.stored_shape


class ShardedReader:
    """Base class of readers of a single weight file, or of shards with an index.

    Subclasses implement `entries(path)`, the tensors of one file by Hugging Face's names, and `read(name)`.

    Args:
        folder: The checkpoint.

    Raises:
        CheckpointError: If files are missing, corrupted, or outside the folder.
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
        """Return whether the folder has this format."""
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
        single: Name of the single file, which is preferred.
        index: Name of the JSON index of shards, `{"weight_map": {tensor: file name}}`.

    Raises:
        CheckpointError: If the index is invalid, or a shard is missing or outside the folder.
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
    # No separator in the name: shards must be inside the folder.
    if not isinstance(name, str) or not re.fullmatch(r"\w[\w.-]*" + re.escape(suffix), name, re.ASCII):
        raise CheckpointError(
            f"{index}: a shard must be a file name inside the folder, ending in {suffix}; received: {name!r}. "
            "Do not trust this checkpoint."
        )
    path = index.parent / name
    if not path.is_file():
        raise CheckpointError(f"{index}: the shard {name!r} is missing. Copy all files of the checkpoint.")
    return path
