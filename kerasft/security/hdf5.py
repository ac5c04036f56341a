"""An HDF5 file of weights: numbers that stand in it, and nothing that leads elsewhere."""

import io
import math
import os
from collections.abc import Iterator

import h5py

from kerasft.errors import CheckpointError
from kerasft.security.trust import refuse

MAX_WEIGHTS = 20_000
"""Most tensors in a weights file; a BERT of 24 layers has about 400."""


def check_hdf5(file: str | os.PathLike | io.IOBase, name: str | os.PathLike) -> int:
    """Check an HDF5 file: numbers that stand in it, and nothing that leads elsewhere or unpacks to more.

    Args:
        file: The file's path, or the file opened for reading bytes.
        name: What to call it in messages.

    Returns:
        How many numbers it holds.

    Raises:
        CheckpointError: If it holds soft or external links, virtual datasets, data in other files, filters that unpack,
            types that are no numbers or text, or more than `MAX_WEIGHTS` datasets.

    Example:

    >>> with h5py.File(scratch / "links.h5", "w") as file:
    ...     file["elsewhere"] = h5py.ExternalLink("other.h5", "/x")
    >>> check_hdf5(scratch / "links.h5", "links.h5")
    Traceback (most recent call last):
    ...
    kerasft.errors.CheckpointError: links.h5 holds a link to another place ('elsewhere'). ...
    """
    try:
        with h5py.File(file, "r") as opened:
            return sum(math.prod(dataset.shape) for dataset in _datasets(opened, name))
    except CheckpointError:
        raise
    except Exception as error:  # h5py raises its own kinds, and OSError, for a damaged file
        raise CheckpointError(f"{name} is damaged: {str(error).splitlines()[0]}. Save or copy it again.") from error


def _datasets(file: h5py.File, name: str | os.PathLike) -> Iterator[h5py.Dataset]:
    todo, seen, number = [file["/"]], set(), 0
    while todo:
        group = todo.pop()
        address = h5py.h5o.get_info(group.id).addr
        if address in seen:  # hard links may form a ring
            continue
        seen.add(address)
        for key in group:
            number += 1
            if number > MAX_WEIGHTS * 4:
                raise refuse(name, f"has more than {MAX_WEIGHTS} tensors")
            if not isinstance(group.get(key, getlink=True), h5py.HardLink):
                raise refuse(name, f"holds a link to another place ({key!r})")
            item = group[key]
            if isinstance(item, h5py.Group):
                todo.append(item)
            elif isinstance(item, h5py.Dataset):
                _check_dataset(item, name)
                yield item
            else:
                raise refuse(name, f"holds something that is no tensor ({key!r})")


def _check_dataset(dataset: h5py.Dataset, name: str | os.PathLike) -> None:
    properties = dataset.id.get_create_plist()
    if dataset.is_virtual or properties.get_external_count():
        raise refuse(name, f"takes the numbers of {dataset.name!r} from another file")
    if properties.get_nfilters():
        raise refuse(name, f"holds {dataset.name!r} compressed, as no model is written")
    if dataset.shape is None or dataset.dtype.kind not in "biufSV":  # V: bfloat16
        raise refuse(name, f"holds {dataset.name!r}, which is no tensor of numbers")
    if dataset.id.get_storage_size() < math.prod(dataset.shape) * dataset.dtype.itemsize:
        raise refuse(name, f"says that {dataset.name!r} has the shape {dataset.shape}, and holds less")
