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
    """Split off rows, stratified by intent, so that the other rows keep every tag and every intent.

    Args:
        rows: Rows from `kerasft.data.read_tags`.
        number: Number of rows to hold out.
        seed: Random seed.
        scheme: Tagging scheme of the model.
        exact: Whether to hold out exactly this number. Otherwise fewer rows (at least one) are held out if needed to keep
            every tag and intent in the other rows.

    Returns:
        The other rows, and the rows held out; both in the given order.

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
        raise bad_data(rows.name, "a single row cannot be split", "Add rows, or use a --dev file.", value=len(rows))
    number = min(number, len(rows) - 1)
    intents = rows.columns.get(INTENT)
    numbered = replace(rows, columns=dict(rows.columns) | {"row": list(range(len(rows)))})
    columns = {"text": "text"} | ({} if intents is None else {"label": INTENT})
    free = [row for row, needed in enumerate(_needed(rows, scheme=scheme, seed=seed)) if not needed]
    if not free or (exact and len(free) <= number):  # some tags are lost in any case
        free = range(len(rows))
    if number < len(free):
        free = sample(numbered.take(free), number, seed=seed, columns=columns).columns["row"]
    held_out = set(free)
    rest = [row for row in range(len(rows)) if row not in held_out]
    return rows.take(rest), rows.take(sorted(held_out))


def _needed(rows: Rows, *, scheme: str, seed: int) -> list[bool]:
    """Whether each row, in random order, has a tag or an intent that does not occur in earlier rows."""
    intents = rows.columns.get(INTENT)
    names = [set(tags) for tags in tags_in_scheme(rows, scheme)]
    seen: set[object] = set()
    needed = [False] * len(rows)
    for row in random.Random(seed).sample(range(len(rows)), len(rows)):
        own = names[row] | (set() if intents is None else {(INTENT, intents[row])})
        needed[row] = not own <= seen
        seen |= own
    return needed
