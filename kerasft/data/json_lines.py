"""JSON lines: one JSON object a line, its keys are the columns."""

import json
from pathlib import Path

from kerasft import security
from kerasft.data.python_rows import known
from kerasft.data.rows import Rows
from kerasft.data.text_files import read_text, split_lines
from kerasft.errors import bad_data


def read_jsonl(path: Path, header: bool = True) -> Rows:
    """Read a file of JSON lines; blank lines are no rows, a key that a line lacks is None there.

    Raises:
        DataError: If a line is not a JSON object.
    """
    objects, lines = [], []
    for number, line in enumerate(split_lines(read_text(path)), 1):
        if line.strip():
            objects.append(parse_line(str(path), number, line))
            lines.append(number)
    names = list(dict.fromkeys(name for item in objects for name in item))
    if not names:
        raise bad_data(str(path), "the objects have no keys", 'Write lines such as {"text": "good", "label": 1}.')
    security.check_columns(names, len(objects), str(path))
    return Rows.of({name: [known(item.get(name)) for item in objects] for name in names}, str(path), lines=lines)


def parse_line(name: str, number: int, line: str) -> dict:
    """The object of one line.

    Raises:
        DataError: If it is not a JSON object.
    """
    try:
        item = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise bad_data(
            name, f"this is not JSON ({error})", "Each line must be one JSON object.", line=number, value=line
        ) from error
    if not isinstance(item, dict):
        raise bad_data(
            name,
            "this is JSON but not an object",
            'Each line must be one object such as {"text": "good", "label": 1}.',
            line=number,
            value=line,
        )
    return item
