"""Reading of JSON files with a table: a list of objects, or formats of pandas, Hugging Face and annotation tools."""

import json
from collections.abc import Mapping
from pathlib import Path

from kerasft.data.readers.annotations import as_object
from kerasft.data.readers.class_names import with_class_names
from kerasft.data.readers.json_lines import read_lines, rows_of_objects
from kerasft.data.readers.rows import Rows
from kerasft.data.readers.text_files import read_text, say
from kerasft.errors import DataError, bad_data

_FIX = 'Use JSON lines (.jsonl), one object per line, or a list of objects: [{"text": "good", "label": 1}, ...].'


def read_jsonl(path: Path, header: bool = True) -> Rows:
    """Read a file of JSON lines; blank lines are skipped, missing keys are None.

    Raises:
        DataError: If a line is not a JSON object.
    """
    text = read_text(path)
    if text.lstrip().startswith("[") and isinstance(content := _parsed(text), list) and not _is_pair(content):
        say(path, "read as one JSON list instead of JSON lines")
        return _rows(path, content)
    return read_lines(path, text)


def read_json(path: Path, header: bool = True) -> Rows:
    """Read a JSON file of rows; messages number its objects from 1.

    Supported are: a list of objects, or of spaCy's `[text, {"entities": [...]}]`; an object of columns; files of pandas'
    `to_json`; rows of Hugging Face's dataset viewer; JSON lines.

    Raises:
        DataError: If it is none of these.
    """
    text = read_text(path)
    content = _parsed(text)
    if isinstance(content, DataError):
        first = _parsed(next(line for line in text.split("\n") if line.strip()))
        if isinstance(first, dict) or _is_pair(first):
            return read_lines(path, text)
        raise bad_data(str(path), content.problem, _FIX)
    return _rows(path, content)


def _parsed(text: str) -> object:
    """Parse JSON; return the value, or the error (not raised)."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        return bad_data("", f"invalid JSON ({error})", _FIX)


def _is_pair(content: object) -> bool:
    return as_object(content) is not content


def _rows(path: Path, content: object) -> Rows:
    features = None
    if isinstance(content, Mapping):
        features = content.get("features")
        content = _items(str(path), content)
    items = [as_object(item) for item in content] if isinstance(content, list) else []
    for number, item in enumerate(items, 1):
        if not isinstance(item, Mapping):
            raise bad_data(str(path), "expected an object", _FIX, line=number, value=item)
    if not items:
        raise bad_data(str(path), "it contains no list of objects", _FIX, value=content)
    if any("paragraphs" in item for item in items):
        fix = "Use: kerasft train question-answering."
        raise bad_data(str(path), "this is SQuAD's question-answering format", fix)
    rows = rows_of_objects(str(path), items, range(1, len(items) + 1))
    return with_class_names(rows, features)


def _items(name: str, content: Mapping) -> object:
    """Return the list of rows in an object, in any of the supported formats."""
    rows, data, columns = (content.get(key) for key in ("rows", "data", "columns"))
    if isinstance(rows, list) and rows and all(isinstance(row, Mapping) and "row" in row for row in rows):
        return [row["row"] for row in rows]  # Hugging Face's dataset viewer
    if isinstance(data, list) and isinstance(columns, list):  # pandas, orient="split"
        return _split_rows(name, columns, data)
    if isinstance(data, list):
        return data
    values = list(content.values())
    if values and all(isinstance(value, Mapping) for value in values):
        if all(str(key).isdigit() for value in values for key in value):  # pandas, orient="columns"
            keys = dict.fromkeys(key for value in values for key in value)
            return [{column: cells.get(key) for column, cells in content.items()} for key in keys]
        if all(str(key).isdigit() for key in content):  # orient="index"
            return values
    lists = {key: value for key, value in content.items() if isinstance(value, list)}
    of_objects = [key for key, value in lists.items() if value and all(isinstance(item, Mapping) for item in value)]
    if len(of_objects) > 1 and not any(isinstance(value, str) for value in values):
        fix = "Save each split to a separate file, and use these with --train, --dev and --test."
        raise bad_data(name, f"ambiguous: several lists of objects: {of_objects}", fix)
    if len(of_objects) == 1 and len(lists) == len(content) == 1:
        return lists[of_objects[0]]
    if values and len(lists) == len(content) and len({len(value) for value in values}) == 1:
        return [dict(zip(content, cells)) for cells in zip(*values)]  # columns
    return [content]


def _split_rows(name: str, columns: list, data: list) -> list[dict]:
    """Convert pandas' format of separate column names and rows of cells to objects."""
    names = [str(column) for column in columns if isinstance(column, str | int | float)]
    if len(set(names)) != len(columns):
        fix = "Rename the columns before writing the file; flatten a MultiIndex."
        raise bad_data(name, "duplicate column names", fix, value=columns)
    for number, row in enumerate(data, 1):
        if not isinstance(row, list) or len(row) != len(names):
            problem = f"a row of data must be a list of {len(names)} values, one per column"
            raise bad_data(
                name, problem, "Write the file again: frame.to_json(path, orient='split').", line=number, value=row
            )
    return [dict(zip(names, row)) for row in data]
