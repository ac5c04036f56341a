"""Common entry point of all sources: file paths and patterns, `tfds:` names and builders, datasets, Python rows."""

import glob
import os
from collections.abc import Mapping
from pathlib import Path

import tensorflow as tf

from kerasft.data.readers.arrow_files import is_saved_dataset, read_arrow, read_saved_dataset
from kerasft.data.readers.class_names import with_names_beside
from kerasft.data.readers.columns import without_header
from kerasft.data.readers.delimited import read_csv, read_tsv
from kerasft.data.readers.excel import read_xlsx
from kerasft.data.readers.json_files import read_json, read_jsonl
from kerasft.data.readers.parquet_tfrecord import read_parquet, read_tfrecord
from kerasft.data.readers.python_rows import rows_from_python
from kerasft.data.readers.rows import Rows
from kerasft.data.readers.text_files import path_suffix
from kerasft.data.readers.tfds import PREFIX, is_builder, rows_from_dataset, rows_from_tfds
from kerasft.errors import DataError, bad_argument, bad_data

_READERS = {
    ".csv": read_csv,
    ".tsv": read_tsv,
    ".jsonl": read_jsonl,
    ".ndjson": read_jsonl,
    ".json": read_json,
    ".parquet": read_parquet,
    ".arrow": read_arrow,
    ".xlsx": read_xlsx,
    ".tfrecord": read_tfrecord,
    ".tfrecords": read_tfrecord,
}
SUFFIXES = tuple(_READERS)
"""File extensions that `read_rows` supports; each may be followed by ".gz"."""

_SAVE_AS_CSV = "Save it as CSV UTF-8, or as .xlsx."
_ADVICE = {
    ".xls": _SAVE_AS_CSV,
    ".ods": _SAVE_AS_CSV,
    ".xlsb": _SAVE_AS_CSV,
    ".txt": "This task requires a table: if the file has columns, rename it to .csv or .tsv.",
    ".spacy": 'Convert it to JSONL: {"text": doc.text, "spans": [[entity.start_char, entity.end_char, entity.label_], ...]}.',
    ".xml": "Convert it to CSV or JSON lines: there is no standard XML format for labeled texts.",
    ".pkl": "Pickle files can run code: save it as Parquet (pandas: frame.to_parquet).",
    ".pickle": "Pickle files can run code: save it as Parquet (pandas: frame.to_parquet).",
    ".conll": "CoNLL columns are for token-classification and intent-and-slots.",
    ".conllu": "CoNLL columns are for token-classification and intent-and-slots.",
    ".zip": "Unpack it, and use the file in it.",
}
"""Advice for unsupported file types."""


def read_rows(source: object, columns: Mapping[str, object] | None = None) -> Rows:
    """Read any source into rows.

    Args:
        source: See `kerasft.data.text_classification`.
        columns: Used only to detect files without header: indices instead of names.

    Raises:
        DataError: If the source cannot be read; the message gives the file, line and value.

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
    """Return the files of a source; an empty list if it is not a path."""
    if isinstance(source, (str, os.PathLike)):
        return expand_paths(os.fspath(source))
    if isinstance(source, (list, tuple)) and all(_is_path(item) for item in source):
        return [path for item in source for path in expand_paths(os.fspath(item))]
    return []


def _is_path(item: object) -> bool:
    # In a list, both texts and paths are strings: a string with the extension of a data file is a path.
    return isinstance(item, os.PathLike) or (isinstance(item, str) and path_suffix(Path(item)) in _READERS)


def expand_paths(pattern: str) -> list[Path]:
    """Return the sorted files that match a glob pattern; a path without wildcards is returned even if it does not exist.

    Raises:
        DataError: If no file matches a pattern.
    """
    path = Path(pattern).expanduser()
    if path.exists() or not glob.has_magic(pattern):
        return [path]
    paths = sorted(glob.glob(str(path), recursive=True))
    if not paths:
        raise bad_data(pattern, "no file matches this pattern", _folder_says(path))
    return [Path(name) for name in paths]


def _read_file(path: Path, header: bool) -> Rows:
    if path.is_dir() and is_saved_dataset(path):
        return read_saved_dataset(path)
    if path.is_dir():
        raise bad_data(str(path), "this is a folder", _folder_says(path / "x"))
    if not path.exists():
        raise bad_data(str(path), "the file does not exist", _folder_says(path))
    suffix = path_suffix(path)
    if suffix not in _READERS:
        raise bad_argument(
            "source",
            f"a file with one of the extensions {list(_READERS)} (optionally with .gz)",
            str(path),
            _ADVICE.get(suffix, "Rename the file to match its format."),
            kind=DataError,
        )
    return with_names_beside(_READERS[suffix](path, header), path)


def _folder_says(path: Path) -> str:
    folder = path.parent
    if glob.has_magic(str(folder)) or not folder.is_dir():
        return f"The folder {str(folder)!r} does not exist either."
    names = sorted(entry.name for entry in folder.iterdir())
    if not names:
        return f"The folder {str(folder)!r} is empty."
    shown = ", ".join(names[:12]) + (f", ... ({len(names)} in total)" if len(names) > 12 else "")
    return f"The folder {str(folder)!r} contains: {shown}."
