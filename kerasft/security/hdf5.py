"""Checks of HDF5 weight files: numeric data only, without external links."""

import contextlib
import io
import math
import os
import re
import struct
from collections.abc import Iterator

import h5py

from kerasft.errors import CheckpointError
from kerasft.limits import how_to_raise, limit
from kerasft.security.trust import refuse

_CHUNK = 2**24


def check_hdf5(file: str | os.PathLike | io.IOBase, name: str | os.PathLike) -> int:
    """Check that an HDF5 file contains only uncompressed numeric data, stored in the file itself.

    Args:
        file: The file's path, or the file opened in binary mode.
        name: The file's name in messages.

    Returns:
        The number of values in all datasets.

    Raises:
        CheckpointError: If it contains soft or external links, virtual datasets, data in other files, compression filters,
            types other than numbers or strings, more datasets than `KERASFT_MAX_WEIGHTS`, or a corrupted string heap.

    Example:

    >>> import pathlib
    >>> with h5py.File("links.h5", "w") as file:
    ...     file["elsewhere"] = h5py.ExternalLink("other.h5", "/x")
    >>> check_hdf5(pathlib.Path("links.h5"), "links.h5")
    Traceback (most recent call last):
    ...
    kerasft.errors.CheckpointError: links.h5 contains an external link ('elsewhere'). ...
    """
    try:
        num_values = 0
        has_strings = False
        with h5py.File(file, "r") as opened:
            for dataset in _datasets(opened, name):
                num_values += math.prod(dataset.shape)
                has_strings = has_strings or "dtype" in dataset.attrs  # Keras stores the dtype, for bfloat16 only
        if has_strings:
            _check_heaps(file)
        return num_values
    except CheckpointError:
        raise
    except Exception as error:  # a corrupted file raises OSError and h5py's own types
        raise CheckpointError(f"{name} is corrupted: {str(error).splitlines()[0]}. Save or copy it again.") from error


def _datasets(file: h5py.File, name: str | os.PathLike) -> Iterator[h5py.Dataset]:
    stack = [file["/"]]
    seen = set()
    number = 0
    while stack:
        group = stack.pop()
        address = h5py.h5o.get_info(group.id).addr
        if address in seen:  # hard links may form a cycle
            continue
        seen.add(address)
        for key in group:
            number += 1
            if number > limit("WEIGHTS") * 4:  # including groups; a BERT with 24 layers has about 400
                raise CheckpointError(f"{name} has more than {limit('WEIGHTS')} tensors. {how_to_raise('WEIGHTS')}")
            if not isinstance(group.get(key, getlink=True), h5py.HardLink):
                raise refuse(name, f"contains an external link ({key!r})")
            item = group[key]
            if isinstance(item, h5py.Group):
                stack.append(item)
            elif isinstance(item, h5py.Dataset):
                _check_dataset(item, name)
                yield item
            else:
                raise refuse(name, f"contains an object that is not a tensor ({key!r})")


def _check_dataset(dataset: h5py.Dataset, name: str | os.PathLike) -> None:
    properties = dataset.id.get_create_plist()
    if dataset.is_virtual or properties.get_external_count():
        raise refuse(name, f"stores the values of {dataset.name!r} in another file")
    if properties.get_nfilters():
        raise refuse(name, f"contains {dataset.name!r} compressed, unlike saved models")
    if dataset.shape is None or dataset.dtype.kind not in "biufSV":  # V: bfloat16
        raise refuse(name, f"contains {dataset.name!r}, which is not a numeric tensor")
    if dataset.id.get_storage_size() < math.prod(dataset.shape) * dataset.dtype.itemsize:
        raise refuse(name, f"declares the shape {dataset.shape} for {dataset.name!r}, but contains less data")


def _check_heaps(file: str | os.PathLike | io.IOBase) -> None:
    """Check the heaps in which HDF5 stores strings: it can search a corrupted heap forever.

    The format: https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html (section III.E).
    """
    with contextlib.ExitStack() as stack:
        opened = file if hasattr(file, "read") else stack.enter_context(open(file, "rb"))
        size = opened.seek(0, os.SEEK_END)
        start = opened.seek(0)
        rest = b""
        while chunk := opened.read(_CHUNK):
            for match in re.finditer(rb"GCOL\x01\0\0\0", rest + chunk):
                _check_heap(opened, start - len(rest) + match.start(), size)
            start += len(chunk)
            rest = chunk[-7:]
            opened.seek(start)


def _check_heap(file: io.IOBase, start: int, size: int) -> None:
    file.seek(start + 8)
    (length,) = struct.unpack("<Q", file.read(8).ljust(8, b"\0"))
    if not 16 <= length <= min(size - start, _CHUNK):
        raise ValueError("a string heap extends past the end of the file")
    content = file.read(length - 16)
    position = 0
    while position + 16 <= len(content):
        index, _, object_size = struct.unpack_from("<HH4xQ", content, position)
        if index == 0:  # the free space at the end, including its header
            if object_size != len(content) - position:
                raise ValueError("a string heap has a gap")
            return
        position += 16 + -(-object_size // 8) * 8
        if position > len(content) or index > len(content) // 16:
            raise ValueError("a string heap is corrupted")
