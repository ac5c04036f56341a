"""Texts without labels: plain text files with one text per line or documents between blank lines, or a column of a table."""

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
    """Read the texts of a source, to learn a language from.

    Args:
        source: Path, pattern or list of paths of .txt files (UTF-8; with .gz too), or what `kerasft.data.text_classification`
            reads, of which only the text column is used.
        columns: `{"text": ...}`, which column of a table.
        documents: Whether a text of a .txt file is what stands between blank lines; else each line that is not blank.

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
    """Read a source as `read_texts` does, and return the rows, which `kerasft.data.split` cuts and every reader takes.

    Example:

    >>> len(read_text_rows(["a good film", "bad"]))
    2
    """
    paths = text_paths(source)
    if not paths:
        return read_rows(source, columns)
    return Rows.concatenate([_rows_of(path, documents) for path in paths])


def read_table(source: object, *, column: str | None = None) -> tuple[list[dict], list[str]]:
    """Read a source's rows as dictionaries of all columns, and the texts of one column.

    Args:
        source: As for `read_texts`; .txt files have a single column "text", one text per line.
        column: The name of the text column; None: found by the usual names.

    Returns:
        N dictionaries and N texts.

    Raises:
        DataError: If the source cannot be read, there is no such column, or a text of it is empty.

    Example:

    >>> read_table([{"text": "block the card", "page": 3}])
    ([{'text': 'block the card', 'page': 3}], ['block the card'])
    """
    columns = None if column is None else {"text": column}
    rows = read_text_rows(source, columns=columns)
    texts, _ = text_columns(rows, find_columns(rows, columns))
    return [dict(zip(rows.columns, values)) for values in zip(*rows.columns.values())], texts


def text_paths(source: object) -> list[Path]:
    """The .txt files that a source names; none if it names others or none."""
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
