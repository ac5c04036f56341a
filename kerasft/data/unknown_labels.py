"""Rows with tags, intents or relations that no training row has: counted and said, never an abort."""

import functools
from collections import Counter
from collections.abc import Iterable, Sequence

from kerasft.data.labels import are_numbers_for_names
from kerasft.data.readers.rows import Rows
from kerasft.encoding.token_store import logger

UNKNOWN = -1
"""The number of a tag, an intent or a relation that is not among the labels."""

_SHOWN = 10


def report_unknown(rows: Rows, names: Iterable[Sequence[str]], known: Iterable[str], *, what: str) -> str | None:
    """Log how many rows have names that a model does not know; the same sentence is logged once.

    Such rows count nothing in the loss, for which the model has no output, and as errors in every score.

    Args:
        rows: The table.
        names: The names of each row: its tags, its intent, its relation.
        known: What the model knows.
        what: What the names are, in the plural: `"tags"`.

    Returns:
        The sentence; None if every name is known.

    Raises:
        DataError: If the unknown names are numbers where the model's are names, or the other way round.

    Example:

    >>> rows = Rows.of({"intent": ["pay", "sing"]}, "dev.jsonl")
    >>> report_unknown(rows, [["pay"], ["sing"]], ["pay", "lost"], what="intents")
    '1 of 2 rows of dev.jsonl has intents that no training row has: sing; they count as errors.'
    """
    names, known = list(names), set(known)
    unknown = [set(row) - known for row in names]
    counts = Counter(name for row in unknown for name in row)
    if not counts:
        return None
    if are_numbers_for_names(counts, known):
        row = next(row for row, strange in enumerate(unknown) if strange)
        raise rows.error(
            row,
            f"these {what} are numbers and the model's are names, or the other way round: {_shown(sorted(known))}",
            fix=f"The {what} here are {_shown(sorted(set().union(*map(set, names))))}. Numbers are not taken for places in the "
            "list of names, whose order may be another one: write them as in the training rows.",
            value=sorted(unknown[row])[0],
            can_skip=False,
        )
    number = sum(map(bool, unknown))
    shown = _shown(sorted(counts, key=lambda name: (-counts[name], name)))
    has = "has" if number == 1 else "have"
    sentence = (
        f"{number} of {len(rows)} rows of {rows.name} {has} {what} that no training row has: {shown}; "
        "they count as errors."
    )
    _log_once(sentence)
    return sentence


def _shown(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f", ... ({len(names)} in all)" if len(names) > _SHOWN else "")


@functools.lru_cache(maxsize=1000)  # the same rows are read for the loss, and evaluated after each epoch
def _log_once(sentence: str) -> None:
    logger.warning("%s", sentence)
