"""Size limits of files: each has a default, and an environment variable that raises it.

See the table in docs/security.md. The limits are far above those of real models and data, and prevent that a small file uses all
memory or takes hours.
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
    """Return a limit: its default, or the value of the environment variable `KERASFT_MAX_...`.

    Args:
        name: One of `DEFAULTS`.

    Raises:
        KerasftError: If the variable is not a whole number.

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
    """Return a sentence on how to raise a limit.

    Args:
        name: One of `DEFAULTS`.
        needed: The required value, if known.

    Example:

    >>> how_to_raise("LABELS", 50_000)
    'If this is intended, set the environment variable KERASFT_MAX_LABELS to 50000 or more.'
    """
    more = f"above {limit(name)}" if needed is None else f"to {needed} or more"
    return f"If this is intended, set the environment variable KERASFT_MAX_{name} {more}."
