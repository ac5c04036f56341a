"""Cutting one source into train, dev and test by a seeded, stratified draw; and a seeded sample for quick tries."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from kerasft.data.columns import Roles, find_columns
from kerasft.data.rows import Rows
from kerasft.data.sources import read_rows
from kerasft.errors import bad_argument, bad_data


def split(
    source: object,
    *,
    dev: float = 0.1,
    test: float = 0.0,
    seed: int = 0,
    columns: Mapping[str, object] | None = None,
) -> tuple[Rows, ...]:
    """Cut a source into parts, each with nearly the same share of every label.

    Rows are put in order of label, at random within a label, and every part takes its share at even distances
    (systematic sampling), so parts have exactly the size asked for, and a label's share is off by one row at most. A
    label always keeps one row in train. Real-valued targets, and rows without label, are drawn at random.

    Args:
        source: As for `text_classification`.
        dev: Share of the rows that goes to dev, > 0.
        test: Share of the rows that goes to test, >= 0.
        seed: The same seed gives the same parts.
        columns: As for `text_classification`.

    Returns:
        `(train, dev)`, or `(train, dev, test)` if `test` > 0; each is accepted as `source`, and keeps the source's order.

    Raises:
        KerasftError: If the shares are out of range.
        DataError: If a part would be empty.

    Example:

    >>> train, dev = split([(f"text {i}", i % 2) for i in range(20)], dev=0.2)
    >>> len(train), len(dev), sorted(dev.columns["label"])
    (16, 4, [0, 0, 1, 1])
    """
    if not (0 < dev < 1 and 0 <= test < 1 and dev + test < 1):
        raise bad_argument("dev and test", "shares, with 0 < dev and dev + test < 1", (dev, test), "Give dev=0.1.")
    rows = read_rows(source, columns)
    roles = find_columns(rows, columns)
    random = np.random.default_rng(seed)
    order, strata = _order(rows, roles, random)
    part = np.zeros(len(rows), np.int8)  # 0 train, 1 dev, 2 test
    held_out = order[_evenly(len(rows), dev + test, random)]
    part[held_out] = 1
    part[held_out[_evenly(len(held_out), test / (dev + test), random)]] = 2
    if strata is not None:
        part[_one_row_of_each_lost(strata, part)] = 0
    # The roles that were found or given go along, so the parts need no `columns` again.
    rows = replace(rows, roles=_as_columns(roles))
    parts = [rows.take(np.flatnonzero(part == i)) for i in range(3 if test else 2)]
    if not all(map(len, parts)):
        sizes = [len(part) for part in parts]
        raise bad_data(
            rows.name, f"{len(rows)} rows leave a part empty", "Give more rows or a larger share.", value=sizes
        )
    return tuple(parts)


def sample(source: object, rows: int, *, seed: int = 0, columns: Mapping[str, object] | None = None) -> Rows:
    """Draw this many rows, each label with nearly its share, in the source's order; all rows if there are no more.

    Args:
        source: As for `text_classification`.
        rows: How many, >= 1.
        seed: The same seed gives the same rows.
        columns: As for `text_classification`.

    Raises:
        KerasftError: If `rows` is below 1.

    Example:

    >>> sample([(f"text {i}", i % 2) for i in range(20)], 4).columns["label"]
    [0, 1, 1, 0]
    """
    if isinstance(rows, bool) or not isinstance(rows, (int, np.integer)) or rows < 1:
        raise bad_argument("rows", "a whole number >= 1", rows, "Give 1000, for example.")
    table = read_rows(source, columns)
    roles = find_columns(table, columns)
    table = replace(table, roles=_as_columns(roles))
    if rows >= len(table):
        return table
    random = np.random.default_rng(seed)
    order = _order(table, roles, random)[0]
    return table.take(np.sort(order[_evenly(len(table), rows / len(table), random)]))


def _order(rows: Rows, roles: Roles, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray | None]:
    """Rows in order of their label, at random within a label; and the number of each row's label."""
    strata = _strata(rows, roles)
    noise = random.random(len(rows))
    return (np.argsort(noise) if strata is None else np.lexsort((noise, strata))), strata


def _strata(rows: Rows, roles: Roles) -> np.ndarray | None:
    """The number of each row's label, (rows,); None where there is no label or it is a real-valued target."""
    if not roles.label:
        return None
    cells = list(zip(*(map(str, rows.columns[name]) for name in roles.label)))
    numbers = {cell: i for i, cell in enumerate(sorted(set(cells)))}
    if len(numbers) > len(rows) // 2 or any(_is_fraction(value) for cell in numbers for value in cell):
        return None
    return np.array([numbers[cell] for cell in cells])


def _is_fraction(text: str) -> bool:
    try:
        return not float(text).is_integer()
    except ValueError:
        return False


def _evenly(count: int, share: float, random: np.random.Generator) -> np.ndarray:
    """Positions of `share` of `count` things, at even distances from a random start."""
    picks = round(count * share)
    return ((np.arange(picks) + random.random()) * (count / max(picks, 1))).astype(np.int64)


def _one_row_of_each_lost(strata: np.ndarray, part: np.ndarray) -> np.ndarray:
    """One row of each label that train has none of."""
    values, first = np.unique(strata, return_index=True)
    return first[~np.isin(values, strata[part == 0])]


def _as_columns(roles: Roles) -> dict[str, object]:
    """Roles in the form of the argument `columns`."""
    label = list(roles.label) if roles.several else next(iter(roles.label), None)
    found = {"text": roles.text, "text_pair": roles.text_pair, "label": label}
    return {role: name for role, name in found.items() if name is not None}
