"""Cutting one source into train, dev and test by a seeded, stratified draw."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from kerasft.data.columns import Roles, find_columns
from kerasft.data.rows import Rows
from kerasft.data.sources import read_rows
from kerasft.errors import bad_argument, bad_data
from kerasft.features import PROBLEMS, REGRESSION, SINGLE_LABEL


def split(
    source: object,
    *,
    dev: float | int = 0.1,
    test: float | int = 0,
    seed: int = 0,
    columns: Mapping[str, object] | None = None,
    problem: str = SINGLE_LABEL,
) -> tuple[Rows, Rows, Rows | None]:
    """Cut a source into parts, each with nearly the same share of every label.

    Rows are put in order of label, at random within a label, and every part takes its share at even distances
    (systematic sampling; Cochran, Sampling Techniques, 1977, chapter 8). So a part has the size asked for, and a label's
    share in it is off by about one row. A label always keeps one row in train. Regression targets, and rows without
    label, are drawn at random.

    Args:
        source: As for `text_classification`.
        dev: Share of the rows that goes to dev, in (0, 1), or a number of rows, >= 1.
        test: Share or number of the rows that goes to test; 0 for none.
        seed: The same seed gives the same parts.
        columns: As for `text_classification`.
        problem: `"single_label"`, `"multi_label"` or `"regression"`.

    Returns:
        Train, dev and test (None if `test` is 0). Each is accepted as `source`, and keeps the source's order.

    Raises:
        KerasftError: If the shares are out of range.
        DataError: If a part would be empty.

    Example:

    >>> train, dev, _ = split([(f"text {i}", i % 2) for i in range(20)], dev=0.2)
    >>> len(train), len(dev), sorted(dev.columns["label"])
    (16, 4, [0, 0, 1, 1])
    """
    if problem not in PROBLEMS:
        raise bad_argument("problem", f"one of {PROBLEMS}", problem, "Choose one of them.")
    rows = read_rows(source, columns)
    roles = find_columns(rows, columns)
    dev_rows = _count("dev", dev, len(rows))
    test_rows = 0 if test == 0 else _count("test", test, len(rows))
    if min(dev_rows, test_rows if test else 1, len(rows) - dev_rows - test_rows) < 1:
        sizes = {"train": len(rows) - dev_rows - test_rows, "dev": dev_rows, "test": test_rows}
        raise bad_data(
            rows.name, f"{len(rows)} rows leave a part empty", "Change the shares or give more rows.", value=sizes
        )
    random = np.random.default_rng(seed)
    strata = None if problem == REGRESSION else _strata(rows, roles)
    noise = random.random(len(rows))
    order = np.argsort(noise) if strata is None else np.lexsort((noise, strata))
    part = np.zeros(len(rows), np.int8)  # 0 train, 1 dev, 2 test
    held_out = order[_evenly(len(rows), dev_rows + test_rows, random)]
    part[held_out] = 1
    part[held_out[_evenly(len(held_out), test_rows, random)]] = 2
    if strata is not None:
        part[_one_row_of_each_lost(strata, part)] = 0
    # The roles that were found or given go along, so the parts need no `columns` again.
    rows = replace(rows, roles=_as_columns(roles))
    train, dev_part, test_part = (rows.take(np.flatnonzero(part == i)) for i in range(3))
    return train, dev_part, test_part if test else None


def separate_label(source: object, label: str, *, columns: Mapping[str, object] | None = None) -> tuple[Rows, Rows]:
    """Part the rows of one label from the others, such as those that are out of scope.

    Args:
        source: As for `text_classification`.
        label: The label's name.
        columns: As for `text_classification`.

    Returns:
        The rows of other labels, and those of this one; either may be empty.

    Raises:
        DataError: If the source cannot be read, or has no column of labels.

    Example:

    >>> inside, outside = separate_label([("pay my bill", "pay"), ("a show on broadway", "oos")], "oos")
    >>> inside.columns["text"], outside.columns["text"]
    (['pay my bill'], ['a show on broadway'])
    """
    rows = read_rows(source, columns)
    roles = find_columns(rows, columns, need_label=True)
    if len(roles.label) != 1:
        raise bad_data(rows.name, "one label column is expected", "Name one.", value=list(roles.label))
    is_label = np.array([str(value).strip() == label for value in rows.columns[roles.label[0]]], bool)
    rows = replace(rows, roles=_as_columns(roles))
    return rows.take(np.flatnonzero(~is_label)), rows.take(np.flatnonzero(is_label))


def _count(name: str, share: float | int, rows: int) -> int:
    whole = isinstance(share, (int, np.integer)) and not isinstance(share, bool)
    if not (share >= 1 if whole else isinstance(share, float) and 0 < share < 1):
        raise bad_argument(name, "a share in (0, 1) or a number of rows >= 1", share, f"Give {name}=0.1, for example.")
    return int(share) if whole else round(rows * share)


def _strata(rows: Rows, roles: Roles) -> np.ndarray | None:
    """The number of each row's label, (rows,); None where there is no label, or labels hardly ever occur twice."""
    if not roles.label:
        return None
    cells = list(zip(*(map(str, rows.columns[name]) for name in roles.label)))
    numbers = {cell: i for i, cell in enumerate(sorted(set(cells)))}
    return None if len(numbers) > len(rows) // 2 else np.array([numbers[cell] for cell in cells])


def _evenly(count: int, picks: int, random: np.random.Generator) -> np.ndarray:
    """`picks` positions among `count`, at even distances from a random start."""
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
