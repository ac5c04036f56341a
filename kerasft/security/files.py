"""Ordinary files and JSON files, with bounds on their size and nesting."""

import json
import os
import pathlib
import stat
from collections.abc import Iterator
from typing import Any

from kerasft.errors import CheckpointError
from kerasft.security.trust import is_trusted, refuse

MAX_JSON_BYTES = 64 * 2**20
"""Largest JSON file that is read: `config.json`, `kerasft.json`, `tokenizer.json` (XLM-RoBERTa's has 17 MB)."""
MAX_DEPTH = 100
"""Deepest nesting of a JSON file."""


def check_regular_file(path: str | os.PathLike) -> None:
    """Raise unless a path is an ordinary file: a pipe or a device would never end.

    Raises:
        CheckpointError: If it is another kind of file, or cannot be looked at.

    Example:

    >>> check_regular_file("/dev/zero")
    Traceback (most recent call last):
    ...
    kerasft.errors.CheckpointError: /dev/zero is not an ordinary file. ...
    """
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        raise CheckpointError(
            f"{path} cannot be read: {error.strerror}. Check the path and its permissions."
        ) from error
    if not stat.S_ISREG(mode):
        raise CheckpointError(f"{path} is not an ordinary file. Copy what it gives into a file, and name that.")


def read_json(path: str | os.PathLike, content: bytes | None = None) -> Any:
    """Read a JSON file whose size and nesting are bounded.

    Args:
        path: The file; also named in messages.
        content: Its bytes, where they were read from an archive.

    Raises:
        CheckpointError: If it is larger than `MAX_JSON_BYTES`, nested deeper than `MAX_DEPTH`, or no JSON in UTF-8.

    Example:

    >>> read_json("a.json", b'{"a": [1]}')
    {'a': [1]}
    """
    if content is None:
        check_regular_file(path)
        if os.path.getsize(path) > MAX_JSON_BYTES and not is_trusted():
            raise refuse(path, f"has more than {MAX_JSON_BYTES} bytes, which no such file needs")
        content = pathlib.Path(path).read_bytes()
    try:
        value = json.loads(content.decode("utf-8-sig"))
    except RecursionError as error:
        raise refuse(path, f"is nested deeper than {MAX_DEPTH} levels") from error
    except ValueError as error:
        raise CheckpointError(f"{path} is damaged: it is no JSON in UTF-8 ({error}). Copy or save it again.") from error
    if any(depth > MAX_DEPTH for _, depth in walk(value)):
        raise refuse(path, f"is nested deeper than {MAX_DEPTH} levels")
    return value


def walk(value: Any) -> Iterator[tuple[Any, int]]:
    """Yield each value within lists and dicts, with its depth; without recursion, which a file could exhaust.

    Example:

    >>> list(walk({"a": [1]}))
    [({'a': [1]}, 0), ([1], 1), (1, 2)]
    """
    todo = [(value, 0)]
    while todo:
        value, depth = todo.pop()
        yield value, depth
        children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        todo.extend((child, depth + 1) for child in children)
