"""Texts without labels: text files (one text per line, or documents separated by blank lines), or a column of a table."""

import os
from collections.abc import Mapping
from pathlib import Path

from kerasft.data.readers.columns import find_columns
from kerasft.data.readers.rows import Rows
from kerasft.data.readers.sources import expand_paths, path_suffix, read_rows
from kerasft.data.readers.text_files import read_text, split_lines
from kerasft.data.text_classification import text_columns

SUFFIX = ".txt"


def read_texts(source: object, *, columns: Mapping[str, object] | None = None, documents: bool = False) -> list[str]:
    """Read texts for language modeling.

    Args:
        source: Path, glob pattern or list of paths of .txt files (UTF-8; also .gz), or a source for
            `kerasft.data.text_classification`, of which only the text column is used.
        columns: `{"text": ...}`, the text column of a table.
        documents: Whether the texts of a .txt file are separated by blank lines; otherwise each non-blank line is a text.

    Returns:
        N >= 1 texts.

    Raises:
        DataError: If the source cannot be read, or a text of a table is empty.

    Example:

    >>> import pathlib
    >>> path = pathlib.Path("texts.txt")
    >>> _ = path.write_text("a good film\\nwhat a movie\\n\\nplease pay\\n")
    >>> read_texts(path), read_texts(path, documents=True)
    (['a good film', 'what a movie', 'please pay'], ['a good film\\nwhat a movie', 'please pay'])
    """
    rows = read_text_rows(source, columns=columns, documents=documents)
    texts, _ = text_columns(rows, find_columns(rows, columns))
    return texts


def read_text_rows(source: object, *, columns: Mapping[str, object] | None = None, documents: bool = False) -> Rows:
    """Like `read_texts`, but return rows, for example for `kerasft.data.split`.

    Example:

    >>> len(read_text_rows(["a good film", "bad"]))
    2
    """
    paths = text_paths(source)
    if not paths:
        return read_rows(source, columns)
    return Rows.concatenate([_rows_of(path, documents) for path in paths])


def read_table(source: object, *, column: str | None = None) -> tuple[list[dict], list[str]]:
    """Read rows as dictionaries of all columns, and the texts of one column.

    Args:
        source: See `read_texts`; .txt files have a single column "text", one text per line.
        column: Name of the text column; None: detected by the usual names.

    Returns:
        N dictionaries and N texts.

    Raises:
        DataError: If the source cannot be read, the column does not exist, or a text is empty.

    Example:

    >>> read_table([{"text": "block the card", "page": 3}])
    ([{'text': 'block the card', 'page': 3}], ['block the card'])
    """
    columns = None if column is None else {"text": column}
    rows = read_text_rows(source, columns=columns)
    texts, _ = text_columns(rows, find_columns(rows, columns))
    return [dict(zip(rows.columns, values)) for values in zip(*rows.columns.values())], texts


def text_paths(source: object) -> list[Path]:
    """Return the paths of a source if all are .txt files; otherwise an empty list."""
    items = source if isinstance(source, list | tuple) else [source]
    if not items or not all(isinstance(item, str | os.PathLike) for item in items):
        return []
    if not all(path_suffix(Path(item)) == SUFFIX for item in items):
        return []
    return [path for item in items for path in expand_paths(os.fspath(item))]


def _rows_of(path: Path, documents: bool) -> Rows:
    lines = split_lines(read_text(path))
    texts = []
    starts = []
    inside = False
    for number, line in enumerate(lines, 1):
        if not line.strip():
            inside = False
        elif documents and inside:
            texts[-1] += "\n" + line
        else:
            texts.append(line)
            starts.append(number)
            inside = True
    return Rows.of({"text": texts}, str(path), lines=starts)
