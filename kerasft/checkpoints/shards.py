"""The files that hold a checkpoint's weights: one, or several with an index, none of them outside the folder."""

import json
import pathlib
import re

from kerasft.errors import CheckpointError


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
        names = sorted(set(json.loads(path.read_text(encoding="utf-8"))["weight_map"].values()))
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
        raise CheckpointError(f"{path}: not an index of shards ({error}). Copy the file again.") from error
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
