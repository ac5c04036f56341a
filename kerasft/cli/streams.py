"""Standard input and output for any text, independent of the terminal's encoding."""

import json
import sys
from collections.abc import Iterable, Iterator
from typing import Any, TextIO

from kerasft.errors import KerasftError


def carry_any_text() -> None:
    """Read standard input as UTF-8, and escape characters that the encoding of standard output does not support.

    Example:

    >>> carry_any_text.__name__  # only for the command's own process
    'carry_any_text'
    """
    # A replacement, as in a notebook, has no such method.
    if hasattr(sys.stdin, "reconfigure"):
        sys.stdin.reconfigure(encoding="utf-8")
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")


def json_line(content: Any, stream: TextIO) -> str:
    r"""Return JSON on one line: non-ASCII characters are escaped unless the stream is UTF-8.

    Args:
        content: A JSON-compatible value; other values are converted to strings.
        stream: The stream to which the line will be written.

    Example:

    >>> import io
    >>> json_line({"label": "caf\u00e9"}, io.TextIOWrapper(io.BytesIO(), "latin-1"))
    '{"label": "caf\\u00e9"}'
    """
    encoding = (getattr(stream, "encoding", None) or "utf-8").lower().replace("_", "-")
    return json.dumps(content, ensure_ascii=encoding not in ("utf-8", "utf8"), default=str)


def utf8_lines(stream: Iterable[str], name: str) -> Iterator[str]:
    """Yield the lines of a stream.

    Args:
        stream: A text stream that decodes UTF-8.
        name: Name of the stream, for messages.

    Raises:
        KerasftError: If it is not UTF-8.

    Example:

    >>> list(utf8_lines(["a\\n", "b"], "standard input"))
    ['a\\n', 'b']
    """
    try:
        yield from stream
    except UnicodeDecodeError as error:
        raise KerasftError(f"{name} is not UTF-8: {error}. Convert it, for example with iconv.") from error
