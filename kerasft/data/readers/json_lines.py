"""Reading of JSON lines: one JSON object per line, with columns as keys."""

import json
from collections.abc import Iterable
from pathlib import Path

from kerasft import security
from kerasft.data.readers.annotations import as_object, plain_objects
from kerasft.data.readers.invalid_rows import skip
from kerasft.data.readers.python_rows import known
from kerasft.data.readers.rows import Rows
from kerasft.data.readers.text_files import split_lines
from kerasft.errors import DataError, bad_data


def read_lines(path: Path, text: str) -> Rows:
    """Read JSON lines; blank lines are skipped, missing keys are None.

    Raises:
        DataError: If a line is not a JSON object.
    """
    objects = []
    lines = []
    for number, line in enumerate(split_lines(text), 1):
        if not line.strip():
            continue
        try:
            objects.append(parse_line(str(path), number, line))
        except DataError as error:
            skip(error)
            continue
        lines.append(number)
    if not objects:
        raise bad_data(str(path), "no line is a JSON object", 'Use lines such as {"text": "good", "label": 1}.')
    return rows_of_objects(str(path), objects, lines)


def rows_of_objects(name: str, objects: Iterable[dict], lines: Iterable[int]) -> Rows:
    """Convert JSON objects to rows; exports of annotation tools get the columns that the tasks use.

    Args:
        name: The file's name.
        objects: N >= 1 objects.
        lines: Line number, or index, of each object.

    Raises:
        DataError: If no object has a key.
    """
    lines = list(lines)
    objects, indices = plain_objects(list(objects), name)
    names = list(dict.fromkeys(key for item in objects for key in item))
    if not names:
        fix = 'Use lines such as {"text": "good", "label": 1}.'
        raise bad_data(name, "the objects have no keys, or none is annotated", fix)
    security.check_columns(names, len(objects), name)
    columns = {key: [known(item.get(key)) for item in objects] for key in names}
    return Rows.of(columns, name, lines=[lines[index] for index in indices])


def parse_line(name: str, number: int, line: str) -> dict:
    """Parse one line; spaCy's `[text, {"entities": [...]}]` is converted to an object.

    Raises:
        DataError: If it is not a JSON object.
    """
    try:
        item = as_object(json.loads(line))
    except (ValueError, RecursionError) as error:
        raise bad_data(
            name, f"invalid JSON ({error})", "Each line must be one JSON object.", line=number, value=line
        ) from error
    if not isinstance(item, dict):
        raise bad_data(
            name,
            "expected a JSON object",
            'Each line must be one object such as {"text": "good", "label": 1}.',
            line=number,
            value=line,
        )
    return item
