"""Checks of the index of a TensorFlow 1 checkpoint: each entry must match the data files.

TensorFlow crashes the process for an invalid entry, and allocates any amount of memory. The format is a LevelDB table
(https://github.com/google/leveldb/blob/main/doc/table_format.md) of protocol buffers, always uncompressed.
"""

import math
import os
import pathlib
import struct
from collections.abc import Iterator

import tensorflow as tf
from tensorflow.core.protobuf import tensor_bundle_pb2

from kerasft.security.files import check_regular_file, read_bounded
from kerasft.security.trust import damaged, is_trusted
from kerasft.security.varint import varint

_FOOTER, _MAGIC = 48, 0xDB4775248B80FB57
_MAX_SHARDS = 1000
_MAX_DTYPE = 100  # larger values are reference types


def check_tf1_index(path: str | os.PathLike) -> None:
    """Check the index of a TensorFlow 1 checkpoint, unless within `trust`.

    Args:
        path: `NAME.index`; the data files `NAME.data-00000-of-00001` (or more) are in the same folder.

    Raises:
        CheckpointError: If it is not an index, or an entry is not a tensor in the data files.

    Example:

    >>> _ = pathlib.Path("bert_model.ckpt.index").write_bytes(b"no table")
    >>> check_tf1_index(pathlib.Path("bert_model.ckpt.index"))
    Traceback (most recent call last):
    ...
    kerasft.errors.CheckpointError: ...bert_model.ckpt.index cannot be read as a TensorFlow 1 checkpoint: ...
    """
    path = pathlib.Path(path)
    check_regular_file(path)
    if is_trusted():
        return
    content = read_bounded(path)
    try:
        entries = [entry for handle in _data_blocks(content) for entry in _entries(_block(content, *handle))]
        if not entries or entries[0][0]:
            raise ValueError("missing header entry")
        header = tensor_bundle_pb2.BundleHeaderProto.FromString(entries[0][1])
        if not 1 <= header.num_shards <= _MAX_SHARDS:
            raise ValueError(f"it has {header.num_shards} data files")
        shards = [f"{path.with_suffix('')}.data-{i:05d}-of-{header.num_shards:05d}" for i in range(header.num_shards)]
        for shard in shards:
            check_regular_file(shard)
        sizes = [os.path.getsize(shard) for shard in shards]
        for name, value in entries[1:]:
            _check_entry(name, tensor_bundle_pb2.BundleEntryProto.FromString(value), sizes)
    except Exception as error:  # protobuf has its own error types
        raise damaged(path, "a TensorFlow 1 checkpoint", error) from error


def _check_entry(name: bytes, entry: tensor_bundle_pb2.BundleEntryProto, sizes: list[int]) -> None:
    shown = name.decode()[:100]
    shape = [dimension.size for dimension in entry.shape.dim]
    if entry.slices:
        raise ValueError(f"{shown!r} is stored in slices: save it as one variable")
    if entry.shape.unknown_rank or min(shape, default=0) < 0 or len(shape) > 8:
        raise ValueError(f"{shown!r} has the shape {shape[:10]}")
    if (
        not 0 <= entry.shard_id < len(sizes)
        or not 0 <= entry.offset <= entry.offset + entry.size <= sizes[entry.shard_id]
    ):
        raise ValueError(f"{shown!r} is outside the data files")
    if entry.dtype > _MAX_DTYPE:
        raise ValueError(f"{shown!r} has the data type {entry.dtype}")
    dtype = tf.as_dtype(entry.dtype)  # raises for an invalid type
    width = dtype.size or 1  # a string has at least one byte, for its length
    num_values = math.prod(shape)
    if num_values * width > entry.size or (dtype.is_floating and num_values * width != entry.size):
        raise ValueError(f"{shown!r} has the shape {shape} and {entry.size} bytes")


def _data_blocks(content: bytes) -> Iterator[tuple[int, int]]:
    if len(content) < _FOOTER or struct.unpack("<Q", content[-8:])[0] != _MAGIC:
        raise ValueError("invalid footer")
    footer = content[-_FOOTER:]
    position, handle = 0, []
    for _ in range(4):  # offset and size of the metaindex block, and of the index block
        value, position = varint(footer, position)
        handle.append(value)
    _block(content, *handle[:2])
    for _, value in _entries(_block(content, *handle[2:])):
        offset, position = varint(value, 0)
        yield offset, varint(value, position)[0]


def _block(content: bytes, offset: int, size: int) -> bytes:
    if offset + size + 5 > len(content) or size < 4:
        raise ValueError("a block extends past the end of the file")
    if content[offset + size]:
        raise ValueError("a block is compressed, which TensorFlow never does")
    return content[offset : offset + size]


def _entries(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    (restarts,) = struct.unpack("<I", block[-4:])
    end = len(block) - 4 * (restarts + 1)
    if end < 0 or any(start > end for start in struct.unpack(f"<{restarts}I", block[end:-4])):
        raise ValueError("invalid restart offsets")
    position, key = 0, b""
    while position < end:
        sizes = []
        for _ in range(3):  # bytes: of the prefix shared with the previous key, of the rest of the key, of the value
            size, position = varint(block, position)
            sizes.append(size)
        shared, unshared, length = sizes
        if shared > len(key) or position + unshared + length > end:
            raise ValueError("an entry extends past the end of its block")
        key = key[:shared] + block[position : position + unshared]
        yield key, block[position + unshared : position + unshared + length]
        position += unshared + length
