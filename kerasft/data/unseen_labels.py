"""Rows with labels, tags, intents or relations that do not occur in the training data: they are logged and counted as errors."""

import functools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from kerasft.data.label_cells import LabelIndex, label_cells
from kerasft.data.labels import are_numbers_for_names, unknown_label
from kerasft.data.readers.columns import find_columns
from kerasft.data.readers.label_names import natural_key, visible_name
from kerasft.data.readers.rows import Rows
from kerasft.data.readers.sources import read_rows
from kerasft.encoding.token_store import logger
from kerasft.features import REGRESSION, Labels

UNKNOWN = -1
"""Index of tags, intents and relations that the model does not have."""

_SHOWN = 10


def separate_unseen(
    source: object, labels: Labels, *, columns: Mapping[str, object] | None = None
) -> tuple[Rows, list[str]]:
    """Remove the rows with labels that a model does not have; their number is logged.

    Args:
        source: See `kerasft.data.text_classification`; with one label column.
        labels: The model's labels.
        columns: See `kerasft.data.text_classification`.

    Returns:
        The rows with known labels, and the names of the unknown labels in natural order.

    Raises:
        DataError: If no row has a known label, or the unknown labels are numbers and the model's labels are names (or vice
            versa).

    Example:

    >>> rows, names = separate_unseen([("fine", "a"), ("good", "b"), ("odd", "c")], Labels(["a", "b"]))
    >>> len(rows), names
    (2, ['c'])
    """
    rows = read_rows(source, columns)
    roles = find_columns(rows, columns, need_label=True)
    if labels.problem == REGRESSION or roles.several:
        return rows, []
    index_of = LabelIndex(labels)
    cells = label_cells(rows, roles, problem=labels.problem, known=index_of)
    unknown_names = [[visible_name(text) for text in texts if text not in index_of] for texts in cells]
    known = np.array([not row for row in unknown_names], bool)
    names = sorted({name for row in unknown_names for name in row}, key=natural_key)
    if not names:
        return rows, []
    if not known.any() or are_numbers_for_names(names, labels):
        first = int(np.flatnonzero(~known)[0])
        raise unknown_label(rows, roles, row=first, cells=cells, index_of=index_of)
    report_unknown(rows, unknown_names, labels, what="labels")
    return rows.take(np.flatnonzero(known)), names


def report_unknown(rows: Rows, names: Iterable[Sequence[str]], known: Iterable[str], *, what: str) -> str | None:
    """Log how many rows have names that a model does not have; the same message is logged once.

    Such rows are ignored by the loss, and count as errors in all metrics.

    Args:
        rows: The table.
        names: The names of each row: its labels, tags, intent, or relation.
        known: The model's names.
        what: Kind of the names, in the plural: `"tags"`.

    Returns:
        The message; None if all names are known.

    Raises:
        DataError: If the unknown names are numbers and the model's are names, or vice versa.

    Example:

    >>> rows = Rows.of({"intent": ["pay", "sing"]}, "dev.jsonl")
    >>> report_unknown(rows, [["pay"], ["sing"]], ["pay", "lost"], what="intents")
    '1 of 2 rows of dev.jsonl has intents that do not occur in the training rows: sing (1); they count as errors.'
    """
    names, known = list(names), set(known)
    unknown = [set(row) - known for row in names]
    counts = Counter(name for row in unknown for name in row)
    if not counts:
        return None
    if are_numbers_for_names(counts, known):
        row = next(row for row, unknown_names in enumerate(unknown) if unknown_names)
        raise rows.error(
            row,
            f"{what} must be names if the model has names, or numbers if it has numbers: {_shown(sorted(known))}",
            fix=f"Found {what}: {_shown(sorted(set().union(*map(set, names))))}. Numbers are not used as indices of "
            "names, because the order may differ: write them as in the training rows.",
            value=sorted(unknown[row])[0],
            can_skip=False,
        )
    number = sum(map(bool, unknown))
    ordered = sorted(counts, key=lambda name: (-counts[name], natural_key(name)))
    shown = _shown([f"{name} ({counts[name]})" for name in ordered])
    has = "has" if number == 1 else "have"
    sentence = (
        f"{number} of {len(rows)} rows of {rows.name} {has} {what} that do not occur in the training rows: {shown}; "
        "they count as errors."
    )
    _log_once(sentence)
    return sentence


def _shown(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f", ... ({len(names)} in total)" if len(names) > _SHOWN else "")


@functools.lru_cache(maxsize=1000)  # the same rows are read for the loss, and evaluated after each epoch
def _log_once(sentence: str) -> None:
    logger.warning("%s", sentence)
