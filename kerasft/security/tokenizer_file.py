"""Checks of a `tokenizer.json`: no regular expression that may never finish, no component that expands texts excessively."""

import os
import re
from collections.abc import Iterable
from typing import Any

from kerasft.errors import CheckpointError
from kerasft.limits import how_to_raise, limit
from kerasft.security.files import walk
from kerasft.security.trust import is_trusted, refuse

_KNOWN = {
    # GPT-2's pattern, in a "Split" before a "ByteLevel" without its own regular expression.
    r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
}
_REPEATED = re.compile(r"(?<!\\)[*+]|(?<!\\)\{\d*,?\d*\}")
_MAX_PATTERN = 200  # characters
_MAX_PARTS = 100
"""Maximum total number of normalizers, pre-tokenizers, decoders and template pieces; XLM-RoBERTa has 12."""
_MAX_GROWTH = 1000
"""Maximum number of characters that normalizers or decoders may produce from one character."""


def check_tokenizer(content: Any, path: str | os.PathLike) -> None:
    """Check a tokenizer, unless within `trust`.

    A regular expression must be a known one, or have at most one quantifier: the engine backtracks, and a short one such as
    `(a+)+$` takes exponential time. Ids must be below `KERASFT_MAX_TOKENS`, since the library allocates memory for all ids up to
    the largest. Replacements must not expand texts excessively.

    Args:
        content: The content of `tokenizer.json`.
        path: The file's name in messages.

    Raises:
        CheckpointError: If a regular expression, an id or a component is not allowed.

    Example:

    >>> check_tokenizer({"pattern": {"Regex": "(a+)+$"}}, "tokenizer.json")
    Traceback (most recent call last):
    ...
    kerasft.errors.CheckpointError: tokenizer.json contains the regular expression '(a+)+$', which may never finish. ...
    """
    if is_trusted():
        return
    for value, _ in walk(content):
        pattern = value.get("Regex") if isinstance(value, dict) else None
        if not isinstance(pattern, str) or pattern in _KNOWN:
            continue
        if len(pattern) > _MAX_PATTERN or len(_REPEATED.findall(pattern)) > 1:
            raise refuse(path, f"contains the regular expression {pattern[:100]!r}, which may never finish")
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
    """Check the ids of a vocabulary, unless within `trust`: the library allocates memory for all ids up to the largest.

    Args:
        ids: The ids; values of other types are ignored.
        path: The file's name in messages.

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
    max_tokens = limit("TOKENS")
    invalid = next((number for number in ids if isinstance(number, int | float) and not 0 <= number < max_tokens), None)
    if invalid is not None:
        raise CheckpointError(
            f"{path}: ids and lengths must be from 0 to {max_tokens - 1}; received: {str(invalid)[:40]}. Copy the file again. "
            f"{how_to_raise('TOKENS')}"
        )


def _check_growth(component: Any, name: str, path: str | os.PathLike) -> None:
    components = [value for value, _ in walk(component) if isinstance(value, dict) and "type" in value]
    growth = 1
    for value in components:
        new = value.get("content", value.get("prepend"))
        pattern = value.get("pattern")
        old = pattern.get("String") if isinstance(pattern, dict) else None
        if old == "":
            raise refuse(path, f"has a {name} that replaces the empty string")
        growth *= max(1, -(-len(new) // len(old or "x"))) if isinstance(new, str) else 1
    if len(components) > _MAX_PARTS or growth > _MAX_GROWTH:
        raise refuse(
            path, f"has a {name} of {len(components)} components, which expand one character to up to {growth}"
        )


def _check_template(template: Any, path: str | os.PathLike) -> None:
    values = [value for value, _ in walk(template) if isinstance(value, dict)]
    pieces = sum("Sequence" in value or "SpecialToken" in value for value in values)
    ids = sum(len(value["ids"]) for value in values if isinstance(value.get("ids"), list))
    if pieces > _MAX_PARTS or ids > _MAX_PARTS or sum("type" in value for value in values) > _MAX_PARTS:
        raise refuse(path, f"adds more than {_MAX_PARTS} tokens to a text")
