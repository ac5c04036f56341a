"""Tokenized rows in TFRecord files: for data larger than memory, TPUs, and several workers.

    folder/<fingerprint>/index.json              number of rows, shards, settings; written last
    folder/<fingerprint>/lengths.npy             tokens per row, int32, (rows,)
    folder/<fingerprint>/tokens-00000-of-00004.tfrecord
                                                 one record per row, little-endian int32: row index in the source,
                                                 start position of segment 1, token ids

The fingerprint covers the texts, the tokenizer and the maximum length, so train, dev and test sets can share a folder, and a
stored result is never stale. A store is written to a temporary folder and renamed when it is complete.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

from kerasft.encoding.token_store import Chunk, Encoder
from kerasft.errors import bad_data
from kerasft.files import local_path

VERSION = 1
HEAD = 2
"""Number of integers before the token ids in a record."""

_LEAST_ROWS, _MOST_ROWS, _SHARDS = 1000, 100_000, 64  # limits of rows per shard, and the target number of shards


@dataclass(frozen=True)
class TokenFiles:
    """Tokenized rows in TFRecord files.

    Args:
        files: Paths of the shards, in row order.
        lengths: Tokens per row, int32, (rows,).
        segments: Whether the model takes segment ids.
        pad_id: Id of the padding token.
        max_length: Maximum number of tokens per row.
        truncated: Number of rows truncated to `max_length`.
    """

    files: tuple[str, ...]
    lengths: np.ndarray
    segments: bool
    pad_id: int
    max_length: int
    truncated: int

    @property
    def digest(self) -> str:
        """The fingerprint of the content, which names the folder of the files."""
        return Path(self.files[0]).parent.name


def fingerprint(encoder: Encoder, texts: Sequence[str], *, pairs: Sequence[str] | None) -> str:
    """Return a hexadecimal digest of everything that determines the token ids."""
    digest = hashlib.sha256()
    backend = json.loads(encoder.tokenizer.backend_tokenizer.to_str())
    backend.pop("truncation", None)  # state left by the last call
    backend.pop("padding", None)
    settings = [
        VERSION,
        encoder.max_length,
        encoder.segments,
        encoder.pad_id,
        encoder.tokenizer.truncation_side,
        backend,
    ]
    digest.update(json.dumps(settings, sort_keys=True).encode())
    for column in (texts, pairs or ()):
        digest.update(f"\0{len(column)}\0".encode())
        for text in column:
            content = text.encode()
            digest.update(len(content).to_bytes(8, "little"))
            digest.update(content)
    return digest.hexdigest()[:32]


def tokenize_to_files(
    encoder: Encoder, texts: Sequence[str], *, pairs: Sequence[str] | None, folder: str | os.PathLike
) -> TokenFiles:
    """Tokenize all rows into files in `folder`, or reuse the files of an earlier call with the same texts and settings.

    Raises:
        DataError: If the folder cannot be written, or a stored file is missing or was modified.
    """
    store = local_path(folder) / fingerprint(encoder, texts, pairs=pairs)
    if not (store / "index.json").exists():
        try:
            local_path(folder).mkdir(parents=True, exist_ok=True)
            _write(encoder, texts, pairs, store)
        except (OSError, tf.errors.OpError) as error:
            problem = f"the token store cannot be written ({getattr(error, 'strerror', None) or error})"
            raise bad_data(str(folder), problem, "Choose another folder, or free some space.") from error
    return _read(encoder, store)


def _write(encoder: Encoder, texts: Sequence[str], pairs: Sequence[str] | None, store: Path) -> None:
    partial = Path(tempfile.mkdtemp(prefix=".partial-", dir=store.parent))
    try:
        index = _write_shards(encoder.chunks(texts, pairs), len(texts), partial)
        (partial / "index.json").write_text(json.dumps(index, indent=1), encoding="utf-8")
        try:
            partial.rename(store)
        except OSError:
            # Another worker finished first: its store has the same fingerprint. Anything else is an error.
            if not (store / "index.json").exists():
                raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _write_shards(chunks: Iterable[Chunk], rows: int, folder: Path) -> dict:
    per_shard = int(np.clip(-(-rows // _SHARDS), _LEAST_ROWS, _MOST_ROWS))
    count = -(-rows // per_shard)
    names = [f"tokens-{i:05d}-of-{count:05d}.tfrecord" for i in range(count)]
    lengths = []
    truncated = 0
    row = 0
    writer = None
    for chunk in chunks:
        ends = np.cumsum(chunk.lengths)
        for start, end, second in zip(ends - chunk.lengths, ends, chunk.second):
            if row % per_shard == 0:
                if writer:
                    writer.close()
                writer = tf.io.TFRecordWriter(str(folder / names[row // per_shard]))
            writer.write(np.concatenate([[row, second], chunk.ids[start:end]]).astype("<i4").tobytes())
            row += 1
        lengths.append(chunk.lengths)
        truncated += chunk.truncated
    writer.close()
    np.save(folder / "lengths.npy", np.concatenate(lengths))
    sizes = {name: (folder / name).stat().st_size for name in [*names, "lengths.npy"]}
    return {"version": VERSION, "rows": rows, "truncated": truncated, "size_bytes": sizes}


def _read(encoder: Encoder, store: Path) -> TokenFiles:
    try:
        index = json.loads((store / "index.json").read_text(encoding="utf-8"))
    except ValueError as error:
        raise bad_data(
            str(store / "index.json"),
            f"invalid JSON ({error})",
            f"Delete the folder {str(store)!r}; it will be recreated.",
        ) from error
    for name, size_bytes in index["size_bytes"].items():
        path = store / name
        size = path.stat().st_size if path.exists() else None
        if size != size_bytes:
            raise bad_data(
                str(path),
                f"expected a token store file of {size_bytes} bytes",
                f"Delete the folder {str(store)!r}; it will be recreated.",
                value=size,
            )
    encoder.report(index["truncated"], index["rows"])
    return TokenFiles(
        tuple(str(store / name) for name in index["size_bytes"] if name.endswith(".tfrecord")),
        np.load(store / "lengths.npy"),
        encoder.segments,
        encoder.pad_id,
        encoder.max_length,
        index["truncated"],
    )
