"""One door for every source: file paths and patterns, `tfds:` names and builders, datasets, Python rows."""

import glob
import os
import re
from collections.abc import Mapping
from pathlib import Path

import tensorflow as tf

from kerasft.data.binary_files import read_parquet, read_tfrecord
from kerasft.data.columns import without_header
from kerasft.data.datasets import PREFIX, is_builder, rows_from_dataset, rows_from_tfds
from kerasft.data.delimited import read_csv, read_tsv
from kerasft.data.json_lines import read_jsonl
from kerasft.data.python_rows import rows_from_python
from kerasft.data.rows import Rows
from kerasft.errors import DataError, bad_argument, bad_data

_READERS = {
    ".csv": read_csv,
    ".tsv": read_tsv,
    ".jsonl": read_jsonl,
    ".ndjson": read_jsonl,
    ".parquet": read_parquet,
    ".tfrecord": read_tfrecord,
    ".tfrecords": read_tfrecord,
}
SUFFIXES = tuple(_READERS)
"""Endings of the files that `read_rows` reads; each may be followed by ".gz"."""


def read_rows(source: object, columns: Mapping[str, object] | None = None) -> Rows:
    """Read any source into rows.

    Args:
        source: See `kerasft.data.text_classification`.
        columns: Only asked whether it gives numbers, which says that there is no header.

    Raises:
        DataError: If the source cannot be read; the message names the file, the line and the value.

    Example:

    >>> len(read_rows([("good", 1), ("bad", 0)]))
    2
    """
    header = not without_header(columns)
    if isinstance(source, Rows):
        return source
    if is_builder(source) or (isinstance(source, str) and source.startswith(PREFIX)):
        return rows_from_tfds(source)
    if isinstance(source, tuple) and len(source) == 2 and is_builder(source[0]):
        return rows_from_tfds(*source)
    if isinstance(source, tf.data.Dataset):
        return rows_from_dataset(source, numbered=not header)
    paths = _paths(source)
    if paths:
        return Rows.concatenate([_read_file(path, header) for path in paths])
    return rows_from_python(source, numbered=not header)


def _paths(source: object) -> list[Path]:
    """The files that `source` names; none if it is no path."""
    if isinstance(source, (str, os.PathLike)):
        return expand_paths(os.fspath(source))
    if isinstance(source, (list, tuple)) and all(_is_path(item) for item in source):
        return [path for item in source for path in expand_paths(os.fspath(item))]
    return []


def _is_path(item: object) -> bool:
    # In a list, texts and paths are both strings: a string is a path if it ends as a data file does.
    return isinstance(item, os.PathLike) or (isinstance(item, str) and path_suffix(Path(item)) in _READERS)


def expand_paths(pattern: str) -> list[Path]:
    """The files that a path or pattern names: a path itself, whether it exists or not, a pattern's matches in order.

    Raises:
        DataError: If no file matches a pattern.
    """
    path = Path(pattern).expanduser()
    if path.exists() or not glob.has_magic(pattern):
        return [path]
    found = sorted(glob.glob(str(path), recursive=True))
    if not found:
        raise bad_data(pattern, "no file matches this pattern", _folder_says(path))
    return [Path(name) for name in found]


def path_suffix(path: Path) -> str:
    """The ending that tells the format, without ".gz" and without the "-00000-of-00005" of sharded files."""
    return Path(re.sub(r"(-\d+-of-\d+)?(\.gz)?$", "", path.name, flags=re.IGNORECASE)).suffix.lower()


def _read_file(path: Path, header: bool) -> Rows:
    if path.is_dir():
        raise bad_data(str(path), "this is a folder", _folder_says(path / "x"))
    if not path.exists():
        raise bad_data(str(path), "there is no such file", _folder_says(path))
    suffix = path_suffix(path)
    if suffix not in _READERS:
        raise bad_argument(
            "source",
            f"a file that ends in one of {sorted(_READERS)} (or these with .gz)",
            str(path),
            "Rename the file to say what it is.",
            kind=DataError,
        )
    return _READERS[suffix](path, header)


def _folder_says(path: Path) -> str:
    folder = path.parent
    if glob.has_magic(str(folder)) or not folder.is_dir():
        return f"The folder {str(folder)!r} does not exist either."
    names = sorted(entry.name for entry in folder.iterdir())
    if not names:
        return f"The folder {str(folder)!r} is empty."
    shown = ", ".join(names[:12]) + (f", ... ({len(names)} in all)" if len(names) > 12 else "")
    return f"The folder {str(folder)!r} holds: {shown}."
