"""A `tokenizer.json`: no regular expression that could take forever."""

import os
import re
from typing import Any

from kerasft.security.files import walk
from kerasft.security.trust import is_trusted, refuse

_KNOWN = {
    # GPT-2's own, of a "Split" before a "ByteLevel" that was told not to split.
    r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
}
_REPEATED = re.compile(r"(?<!\\)[*+]|(?<!\\)\{\d*,?\d*\}")
_MAX_PATTERN = 200  # characters


def check_tokenizer(content: Any, path: str | os.PathLike) -> None:
    """Check the regular expressions of a tokenizer, unless within `trust`.

    The engine tries every way to match, and a short expression such as `(a+)+$` has more of them than a text has letters. So an
    expression must be known, or repeat no more than one thing.

    Args:
        content: What `tokenizer.json` holds.
        path: The file, for messages.

    Raises:
        CheckpointError: If an expression is another one.

    Example:

    >>> check_tokenizer({"pattern": {"Regex": "(a+)+$"}}, "tokenizer.json")
    Traceback (most recent call last):
    ...
    kerasft.errors.CheckpointError: tokenizer.json holds the regular expression '(a+)+$', which could take forever. ...
    """
    if is_trusted():
        return
    for value, _ in walk(content):
        pattern = value.get("Regex") if isinstance(value, dict) else None
        if not isinstance(pattern, str) or pattern in _KNOWN:
            continue
        if len(pattern) > _MAX_PATTERN or len(_REPEATED.findall(pattern)) > 1:
            raise refuse(path, f"holds the regular expression {pattern[:100]!r}, which could take forever")
