"""Splits of tagged texts into train and dev that keep every tag and intent in train."""

import random
from dataclasses import replace

from kerasft.data.readers.rows import Rows
from kerasft.data.splits import sample
from kerasft.data.tagged_texts import INTENT, tags_in_scheme
from kerasft.errors import bad_data


def split_tagged_rows(
    rows: Rows, number: int, *, seed: int, scheme: str = "IOB2", exact: bool = False
) -> tuple[Rows, Rows]:
    """Draw rows to hold out, by share of the intents, so that the rest keeps every tag and every intent.

    Args:
        rows: As `kerasft.data.read_tags` returns them.
        number: How many rows to hold out.
        seed: The same seed gives the same parts.
        scheme: The scheme in which the tags are trained.
        exact: Whether to hold out that many in any case. Else fewer are held out, but one at least, where more would take a
            tag or an intent from the rest.

    Returns:
        The rest, and the rows held out; both in the given order.

    Raises:
        DataError: If there are fewer than two rows.

    Example:

    >>> from kerasft.data.tagged_texts import read_tags
    >>> rows = read_tags([(["film"], ["B-WORK"]), (["card"], ["B-CARD"]), (["film"], ["B-WORK"])])
    >>> rest, held_out = split_tagged_rows(rows, 1, seed=0)
    >>> sorted(rest.columns["text"]), held_out.columns["text"]
    (['card', 'film'], ['film'])
    """
    if len(rows) < 2:
        raise bad_data(rows.name, "a single row cannot be split", "Add rows, or give a --dev file.", value=len(rows))
    number = min(number, len(rows) - 1)
    intents = rows.columns.get(INTENT)
    numbered = replace(rows, columns=dict(rows.columns) | {"row": list(range(len(rows)))})
    columns = {"text": "text"} | ({} if intents is None else {"label": INTENT})
    free = [row for row, needed in enumerate(_needed(rows, scheme=scheme, seed=seed)) if not needed]
    if not free or (exact and len(free) <= number):  # some tags are lost whatever is held out
        free = range(len(rows))
    if number < len(free):
        free = sample(numbered.take(free), number, seed=seed, columns=columns).columns["row"]
    held_out = set(free)
    rest = [row for row in range(len(rows)) if row not in held_out]
    return rows.take(rest), rows.take(sorted(held_out))


def _needed(rows: Rows, *, scheme: str, seed: int) -> list[bool]:
    """Whether each row, in a random order, has a tag or an intent that none before it has."""
    intents = rows.columns.get(INTENT)
    names = [set(tags) for tags in tags_in_scheme(rows, scheme)]
    seen: set[object] = set()
    needed = [False] * len(rows)
    for row in random.Random(seed).sample(range(len(rows)), len(rows)):
        own = names[row] | (set() if intents is None else {(INTENT, intents[row])})
        needed[row] = not own <= seen
        seen |= own
    return needed
