"""Checks of a `tokenizer.json`: no regular expression that may never finish, no part that expands short texts."""

import os
import re
from collections.abc import Iterable
from typing import Any

from kerasft.errors import CheckpointError
from kerasft.limits import how_to_raise, limit
from kerasft.security.files import walk
from kerasft.security.trust import is_trusted, refuse

_KNOWN = {
    # GPT-2's own, of a "Split" before a "ByteLevel" that was told not to split.
    r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
}
_REPEATED = re.compile(r"(?<!\\)[*+]|(?<!\\)\{\d*,?\d*\}")
_MAX_PATTERN = 200  # characters
_MAX_PARTS = 100
"""Maximum total number of normalizers, pre-tokenizers, decoders and template parts; XLM-RoBERTa has 12."""
_MAX_GROWTH = 1000
"""Maximum number of characters that normalizers or decoders may produce from one."""


def check_tokenizer(content: Any, path: str | os.PathLike) -> None:
    """Check a tokenizer, unless within `trust`.

    A regular expression must be known, or repeat no more than one thing: the engine tries every way to match, and a short one
    such as `(a+)+$` has more of them than a text has letters. An id must be below `KERASFT_MAX_TOKENS`, since the library lists
    all ids up to the largest. Replacements may not let a text grow without end.

    Args:
        content: What `tokenizer.json` holds.
        path: The file, for messages.

    Raises:
        CheckpointError: If an expression, a number or a part is another one.

    Example:

    >>> check_tokenizer({"pattern": {"Regex": "(a+)+$"}}, "tokenizer.json")
    Traceback (most recent call last):
    ...
    kerasft.errors.CheckpointError: tokenizer.json holds the regular expression '(a+)+$', which may never finish. ...
    """
    if is_trusted():
        return
    for value, _ in walk(content):
        pattern = value.get("Regex") if isinstance(value, dict) else None
        if not isinstance(pattern, str) or pattern in _KNOWN:
            continue
        if len(pattern) > _MAX_PATTERN or len(_REPEATED.findall(pattern)) > 1:
            raise refuse(path, f"holds the regular expression {pattern[:100]!r}, which may never finish")
    if isinstance(content, dict):
        _check_numbers(content, path)
        for name in ("normalizer", "pre_tokenizer", "decoder"):
            _check_growth(content.get(name), name, path)
        _check_template(content.get("post_processor"), path)


def _check_numbers(content: dict, path: str | os.PathLike) -> None:
    model = content.get("model")
    vocabulary = model.get("vocab") if isinstance(model, dict) else None
    ids = list(vocabulary.values()) if isinstance(vocabulary, dict) else []
    for name in ("added_tokens", "post_processor", "padding"):
        ids.extend(value for value, _ in walk(content.get(name)))
    check_ids(ids, path)


def check_ids(ids: Iterable[object], path: str | os.PathLike) -> None:
    """Check the ids of a vocabulary, unless within `trust`: the library takes memory for all up to the largest.

    Args:
        ids: The numbers; what is none passes.
        path: The file, for messages.

    Raises:
        CheckpointError: If one is negative, or not below `KERASFT_MAX_TOKENS`.

    Example:

    >>> check_ids([0, 10**9], "vocab.json")
    Traceback (most recent call last):
    ...
    kerasft.errors.CheckpointError: vocab.json: ids and lengths must be from 0 to 4999999; received: 1000000000. ...
    """
    if is_trusted():
        return
    most = limit("TOKENS")
    wrong = next((number for number in ids if isinstance(number, int | float) and not 0 <= number < most), None)
    if wrong is not None:
        raise CheckpointError(
            f"{path}: ids and lengths must be from 0 to {most - 1}; received: {str(wrong)[:40]}. Copy the file again. "
            f"{how_to_raise('TOKENS')}"
        )


def _check_growth(part: Any, name: str, path: str | os.PathLike) -> None:
    parts = [value for value, _ in walk(part) if isinstance(value, dict) and "type" in value]
    growth = 1
    for value in parts:
        new = value.get("content", value.get("prepend"))
        pattern = value.get("pattern")
        old = pattern.get("String") if isinstance(pattern, dict) else None
        if old == "":
            raise refuse(path, f"has a {name} that replaces the empty string")
        growth *= max(1, -(-len(new) // len(old or "x"))) if isinstance(new, str) else 1
    if len(parts) > _MAX_PARTS or growth > _MAX_GROWTH:
        raise refuse(path, f"has a {name} of {len(parts)} parts, which expand one character to up to {growth}")


def _check_template(part: Any, path: str | os.PathLike) -> None:
    values = [value for value, _ in walk(part) if isinstance(value, dict)]
    pieces = sum("Sequence" in value or "SpecialToken" in value for value in values)
    ids = sum(len(value["ids"]) for value in values if isinstance(value.get("ids"), list))
    if pieces > _MAX_PARTS or ids > _MAX_PARTS or sum("type" in value for value in values) > _MAX_PARTS:
        raise refuse(path, f"adds more than {_MAX_PARTS} parts to a text")
