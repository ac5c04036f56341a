"""Checks of regular files and JSON files: limits on size and nesting."""

import json
import os
import pathlib
import stat
from collections.abc import Iterator
from typing import Any

from kerasft.errors import CheckpointError, is_number
from kerasft.features import is_unicode
from kerasft.limits import how_to_raise, limit
from kerasft.security.trust import is_trusted


def check_regular_file(path: str | os.PathLike) -> None:
    """Raise unless a path is a regular file: reading a pipe or a device may never end.

    Raises:
        CheckpointError: If it is not a regular file, or cannot be accessed.

    Example:

    >>> check_regular_file("/dev/zero")
    Traceback (most recent call last):
    ...
    kerasft.errors.CheckpointError: /dev/zero is not a regular file. ...
    """
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        raise CheckpointError(
            f"{path} cannot be read: {error.strerror}. Check the path and its permissions."
        ) from error
    if not stat.S_ISREG(mode):
        raise CheckpointError(f"{path} is not a regular file. Copy its content to a file, and use that.")


def read_bounded(path: str | os.PathLike) -> bytes:
    """Read a complete file other than weights: a regular file of limited size.

    Raises:
        CheckpointError: If it is not a regular file, or has more than `KERASFT_MAX_FILE_BYTES` bytes (docs/security.md).

    Example:

    >>> read_bounded("/dev/zero")
    Traceback (most recent call last):
    ...
    kerasft.errors.CheckpointError: /dev/zero is not a regular file. ...
    """
    check_regular_file(path)
    max_bytes = limit("FILE_BYTES")
    if os.path.getsize(path) > max_bytes and not is_trusted():
        raise CheckpointError(
            f"{path} has more than {max_bytes} bytes, the maximum for such a file. {how_to_raise('FILE_BYTES')}"
        )
    try:
        return pathlib.Path(path).read_bytes()
    except OSError as error:
        raise CheckpointError(
            f"{path} cannot be read: {error.strerror}. Check the path and its permissions."
        ) from error


def read_json(path: str | os.PathLike, content: bytes | None = None) -> Any:
    """Read a JSON file with limits on size and nesting.

    Args:
        path: The file; also used in messages.
        content: Its bytes, if already read, for example from an archive.

    Raises:
        CheckpointError: If it is larger than `KERASFT_MAX_FILE_BYTES`, nested deeper than `KERASFT_MAX_DEPTH`, not JSON in
            UTF-8, or contains lone surrogates.

    Example:

    >>> read_json("a.json", b'{"a": [1]}')
    {'a': [1]}
    """
    content = read_bounded(path) if content is None else content
    max_depth = limit("DEPTH")
    too_deep = CheckpointError(f"{path} is nested deeper than {max_depth} levels. {how_to_raise('DEPTH')}")
    try:
        value = json.loads(content.decode("utf-8-sig"))
    except RecursionError as error:
        raise too_deep from error
    except ValueError as error:
        raise CheckpointError(
            f"{path} is corrupted: expected JSON in UTF-8 ({error}). Copy or save it again."
        ) from error
    if any(depth > max_depth for _, depth in walk(value)):
        raise too_deep
    if b"\\ud" in content.lower() and not is_unicode(json.dumps(value, ensure_ascii=False)):
        raise CheckpointError(f"{path} is corrupted: it contains a lone surrogate. Copy or save it again.")
    return value


def finite(value: Any) -> float | None:
    """A value of a file as a float; None if it is not a finite number, or exceeds float64, such as an int of 400 digits.

    Example:

    >>> finite(3), finite(0.5), finite(float("nan")), finite(10**400), finite(True), finite("3")
    (3.0, 0.5, None, None, None, None)
    """
    return float(value) if is_number(value) else None


def walk(value: Any) -> Iterator[tuple[Any, int]]:
    """Yield each value in nested lists and dicts, with its depth; without recursion, so that a file cannot exhaust the stack.

    Example:

    >>> list(walk({"a": [1]}))
    [({'a': [1]}, 0), ([1], 1), (1, 2)]
    """
    stack = [(value, 0)]
    while stack:
        value, depth = stack.pop()
        yield value, depth
        children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        stack.extend((child, depth + 1) for child in children)
