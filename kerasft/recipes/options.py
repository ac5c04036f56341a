"""How a recipe declares its choices, so that the command line and the YAML file can offer the same ones."""

import dataclasses
from typing import Any


def option(help: str, *, default: Any = None, choices: tuple | None = None, required: bool = False) -> Any:
    """A field of a recipe's `Options`: its explanation, default and allowed values, and whether it must be given.

    Example:

    >>> @dataclasses.dataclass
    ... class Options:
    ...     epochs: int = option("passes over the training rows", default=3)
    >>> Options().epochs
    3
    """
    return dataclasses.field(default=default, metadata={"help": help, "choices": choices, "required": required})


def column(value: str | None) -> int | str | list[int | str] | None:
    """Read a column as it is typed: a name, a number for files without a header, or several joined by commas.

    Example:

    >>> column("sentence"), column("3"), column("toxic,insult"), column(None)
    ('sentence', 3, ['toxic', 'insult'], None)
    """
    if value is None:
        return None
    parts = [int(part) if part.strip().isdigit() else part.strip() for part in str(value).split(",")]
    return parts if len(parts) > 1 else parts[0]
