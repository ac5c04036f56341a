"""How much a file may hold: each limit has a default, and an environment variable that raises it.

docs/security.md has the table. The limits are far beyond what models and data have, and keep a small file from taking all memory
or hours.
"""

import os

from .errors import bad_argument

DEFAULTS = {
    "DATA_BYTES": 2**30,
    "CELL_CHARACTERS": 10_000_000,
    "LINES": 10_000_000,
    "VALUES": 50_000_000,
    "COLUMNS": 10_000,
    "CELLS": 300_000_000,
    "LABELS": 10_000,
    "FILE_BYTES": 64 * 2**20,
    "DEPTH": 100,
    "TOKENS": 5_000_000,
    "LAYERS": 20_000,
    "WEIGHTS": 20_000,
}


def limit(name: str) -> int:
    """Return a limit: its default, or what the environment variable `KERASFT_MAX_...` says.

    Args:
        name: One of `DEFAULTS`.

    Raises:
        KerasftError: If the variable is no whole number.

    Example:

    >>> limit("LABELS")
    10000
    """
    variable = f"KERASFT_MAX_{name}"
    given = os.environ.get(variable, str(DEFAULTS[name]))
    if not (given.isascii() and given.isdecimal() and len(given) < 20):
        raise bad_argument(variable, "a whole number", given, f"The default is {DEFAULTS[name]}.")
    return int(given)


def how_to_raise(name: str, needed: int | None = None) -> str:
    """Return a sentence that says how a limit is raised.

    Args:
        name: One of `DEFAULTS`.
        needed: To how much, where that is known.

    Example:

    >>> how_to_raise("LABELS", 50_000)
    'If that is right, set the environment variable KERASFT_MAX_LABELS to 50000 or more.'
    """
    more = f"above {limit(name)}" if needed is None else f"to {needed} or more"
    return f"If that is right, set the environment variable KERASFT_MAX_{name} {more}."
