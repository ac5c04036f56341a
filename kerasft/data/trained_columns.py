"""Reading of tables with the column assignment of the training data, where it applies."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from kerasft.data.plain_texts import text_paths
from kerasft.data.readers.columns import Roles, header_in
from kerasft.data.readers.conll import SUFFIXES, parallel_files
from kerasft.data.readers.rows import Rows
from kerasft.data.readers.sources import path_suffix, read_rows

_NUMBERED = {"text": 0}
"""Placeholder for `read_rows`, which only checks for numbers: the file has no header."""


def read_as_trained(
    source: object, trained: Mapping[str, object] | None, columns: Mapping[str, object] | None = None
) -> object:
    """Read a source with the column assignment of the training data as default.

    Args:
        source: A source for the task's data function.
        trained: Columns of the training data, from `"columns"` in a bundle's settings; None: unknown.
        columns: Columns that the user selects; they take precedence.

    Returns:
        Rows whose `roles` are the columns of `trained` that the table has; or the source unchanged, if it has no columns
        (plain texts) or the training columns are unknown.

    Raises:
        DataError: If the source cannot be read.

    Example:

    >>> rows = read_as_trained([{"body": "a good film", "text": "x"}], {"text": "body", "label": "stars"})
    >>> rows.roles
    {'text': 'body'}
    """
    if not trained or text_paths(source) or (isinstance(source, Rows) and source.roles):
        return source
    numbered = _has_numbers(columns or trained)
    rows = read_rows(source, _NUMBERED if numbered else None)
    if numbered and not columns and _has_header(rows, trained):
        rows = read_rows(source)
    fitting = {role: name for role, name in trained.items() if _fits(rows, name)}
    if not fitting.keys() & {"text", "prompt"} and not (columns or {}).keys() & {"text", "source", "prompt"}:
        fitting = {}  # a different kind of table: other matching column names mean nothing
    return replace(rows, roles=fitting or None)


def tags_as_trained(
    source: object, trained: Mapping[str, object] | None, columns: Mapping[str, object] | None = None
) -> tuple[object, Mapping[str, object] | None]:
    """Like `read_as_trained`, for `kerasft.data.read_tags`: columns of CoNLL files have only indices.

    Returns:
        The source, or its rows, and the column assignment for reading it.

    Raises:
        DataError: If the source cannot be read.

    Example:

    >>> tags_as_trained("test.conll", {"text": 0, "label": 3})
    ('test.conll', {'text': 0, 'label': 3})
    """
    if columns is not None or not trained:
        return source, columns
    if is_conll(source):
        return source, trained if _has_numbers(trained) else None
    return (source if "offsets" in getattr(source, "columns", ()) else read_as_trained(source, trained)), None


def is_conll(source: object) -> bool:
    """Whether `kerasft.data.read_tags` reads a source as CoNLL columns or parallel files, not as a table.

    Example:

    >>> is_conll("train.conll"), is_conll("train.jsonl"), is_conll([(["a"], ["O"])])
    (True, False, False)
    """
    items = source if isinstance(source, list | tuple) else [source]
    if not items or not all(isinstance(item, str | os.PathLike) for item in items):
        return False
    return bool(parallel_files(source)) or all(path_suffix(Path(item)) in SUFFIXES for item in items)


def _has_numbers(columns: Mapping[str, object]) -> bool:
    return all(isinstance(part, int) for name in columns.values() for part in _parts(name))


def _parts(name: object) -> list:
    return name if isinstance(name, list) else [name]


def _fits(rows: Rows, name: object) -> bool:
    return all(isinstance(part, int) != rows.named and str(part) in rows.columns for part in _parts(name))


def _has_header(rows: Rows, trained: Mapping[str, object]) -> bool:
    """Whether a file that was read without header, like the training data, has a header."""
    text = trained.get("text", trained.get("prompt"))
    label = _parts(trained.get("label", trained.get("completion", [])))
    if not _fits(rows, [text, *label]):
        return False
    return bool(header_in(rows, Roles(str(text), label=tuple(map(str, label)))))
