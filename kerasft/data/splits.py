"""Seeded, stratified splits into train, dev and test."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from kerasft.data.label_cells import label_cells
from kerasft.data.readers.columns import Roles, find_columns
from kerasft.data.readers.label_names import is_number, is_whole_number, label_key, label_text
from kerasft.data.readers.rows import Rows
from kerasft.data.readers.sources import read_rows
from kerasft.encoding.token_store import logger
from kerasft.errors import DataError, bad_argument, bad_data, is_whole, whole_number
from kerasft.features import MULTI_LABEL, PROBLEMS, REGRESSION, SINGLE_LABEL


def split(
    source: object,
    *,
    dev: float | int = 0.1,
    test: float | int = 0,
    seed: int = 0,
    columns: Mapping[str, object] | None = None,
    problem: str = SINGLE_LABEL,
) -> tuple[Rows, Rows, Rows | None]:
    """Split a source into train, dev and test, stratified by label.

    Rows are shuffled and sorted by label, and rows at equal distances go into each split (systematic sampling; Cochran,
    Sampling Techniques, 1977, chapter 8). So splits have exact sizes, and label proportions are preserved up to about one
    row. Train has at least one row of every label: if needed, rows are exchanged with the other splits. Rows with regression
    targets, or without labels, are split at random.

    Args:
        source: See `text_classification`.
        dev: Fraction of the rows for dev, in (0, 1), at least one row; or a number of rows, >= 1.
        test: Fraction or number of rows for test; 0 for none.
        seed: Random seed.
        columns: See `text_classification`.
        problem: `"single_label"`, `"multi_label"` or `"regression"`.

    Returns:
        Train, dev and test (None if `test` is 0), each usable as a source, in the source's order. No split is empty. A split
        is smaller than requested if train needs its rows for a label; this is logged.

    Raises:
        KerasftError: If the fractions are out of range.
        DataError: If a split would be empty.

    Example:

    >>> train, dev, _ = split([(f"text {i}", i % 2) for i in range(20)], dev=0.2)
    >>> len(train), len(dev), sorted(dev.columns["label"])
    (16, 4, [0, 0, 1, 1])
    """
    rows, roles, labels = _read(source, columns, problem)
    test_rows = 0 if test == 0 else _count("test", test, len(rows))
    dev_rows = _count("dev", dev, len(rows))
    sizes = {"train": len(rows) - dev_rows - test_rows, "dev": dev_rows, "test": test_rows}
    if sizes["train"] < 1:
        raise _empty(rows, f"{len(rows)} rows are too few: a split would be empty", sizes)
    random = np.random.default_rng(seed)
    order = _stratified_order(labels, random)
    part = np.zeros(len(rows), np.int8)  # 0 train, 1 dev, 2 test
    held_out = order[_evenly(len(rows), dev_rows + test_rows, random)]
    part[held_out] = 1
    part[held_out[_evenly(len(held_out), test_rows, random)]] = 2
    if not _are_measurements(labels):
        _keep_all_labels_in_train(part, labels, random)
    for empty, other in ((1, 2), (2, 1)) if test_rows else ():
        if not (part == empty).any() and (part == other).sum() > 1:
            part[random.choice(np.flatnonzero(part == other))] = empty
    drawn = {name: int((part == number).sum()) for number, name in enumerate(sizes)}
    if not drawn["dev"] or (test_rows and not drawn["test"]):
        problem = (
            f"{len(rows)} rows with {len(set().union(*labels))} labels are too few to split: train needs every label"
        )
        raise _empty(rows, problem, drawn)
    if drawn != sizes:
        logger.warning("%s: the splits have %s rows, so that train has every label.", rows.name, drawn)
    # The splits keep the column assignment, so later calls need no `columns`.
    rows = replace(rows, roles=_as_columns(roles))
    train, dev_part, test_part = (rows.take(np.flatnonzero(part == i)) for i in range(3))
    return train, dev_part, test_part if test_rows else None


def sample(
    source: object,
    count: int,
    *,
    seed: int = 0,
    columns: Mapping[str, object] | None = None,
    problem: str = SINGLE_LABEL,
) -> Rows:
    """Sample a fixed number of rows, stratified by label.

    Args:
        source: See `text_classification`.
        count: Number of rows, >= 1; all rows if there are fewer.
        seed: Random seed.
        columns: See `text_classification`.
        problem: `"single_label"`, `"multi_label"` or `"regression"`.

    Returns:
        The rows, in the source's order. If there are fewer rows than labels, some labels do not occur.

    Raises:
        KerasftError: If `count` is out of range.

    Example:

    >>> sorted(sample([(f"text {i}", i % 2) for i in range(20)], 4).columns["label"])
    [0, 0, 1, 1]
    """
    whole_number("count", count, "For example: 1000.")
    rows, roles, labels = _read(source, columns, problem)
    rows = replace(rows, roles=_as_columns(roles))
    if count >= len(rows):
        return rows
    random = np.random.default_rng(seed)
    order = _stratified_order(labels, random)
    part = np.ones(len(rows), np.int8)  # 0 sampled, 1 not
    part[order[_evenly(len(rows), int(count), random)]] = 0
    with_all_labels = part.copy()
    if not _are_measurements(labels):
        _keep_all_labels_in_train(with_all_labels, labels, random)
    # Adding rare labels may have made the sample larger than requested: then keep the original sample.
    return rows.take(np.flatnonzero((with_all_labels if (with_all_labels == 0).sum() == count else part) == 0))


def separate_label(source: object, label: str, *, columns: Mapping[str, object] | None = None) -> tuple[Rows, Rows]:
    """Separate the rows of one label, such as out-of-scope examples, from the other rows.

    Args:
        source: See `text_classification`.
        label: Name of the label.
        columns: See `text_classification`.

    Returns:
        The rows with other labels, and the rows with this label; either may be empty.

    Raises:
        DataError: If the source cannot be read, or has no label column.

    Example:

    >>> inside, outside = separate_label([("pay my bill", "pay"), ("a show on broadway", "oos")], "oos")
    >>> inside.columns["text"], outside.columns["text"]
    (['pay my bill'], ['a show on broadway'])
    """
    rows = read_rows(source, columns)
    roles = find_columns(rows, columns, need_label=True)
    key = label_key(str(label))
    if len(roles.label) != 1:
        raise bad_data(rows.name, "expected one label column", "Select one.", value=list(roles.label))
    is_label = np.array([label_key(label_text(value)) == key for value in rows.columns[roles.label[0]]], bool)
    rows = replace(rows, roles=_as_columns(roles))
    return rows.take(np.flatnonzero(~is_label)), rows.take(np.flatnonzero(is_label))


def _read(source: object, columns: Mapping[str, object] | None, problem: str) -> tuple[Rows, Roles, list[frozenset]]:
    """Return the rows, their column assignment, and the set of labels of each row; empty sets for regression."""
    if problem not in PROBLEMS:
        raise bad_argument("problem", f"one of {PROBLEMS}", problem, "Choose one of them.")
    rows = read_rows(source, columns)
    roles = find_columns(rows, columns)
    if problem == REGRESSION or not roles.label:
        return rows, roles, [frozenset()] * len(rows)
    return rows, roles, _label_sets(rows, roles, problem)


def _label_sets(rows: Rows, roles: Roles, problem: str) -> list[frozenset]:
    """Return the labels of each row; an invalid cell counts as one label, since reading labels raises the error later."""
    columns = [[label_key(label_text(value)) for value in rows.columns[name]] for name in roles.label]
    if problem == MULTI_LABEL and roles.several:  # 0/1 columns
        empty_cells = ("", "0", "false", "False", "FALSE")
        cells = zip(*columns)
        return [frozenset(name for name, text in zip(roles.label, cell) if text not in empty_cells) for cell in cells]
    one_label = [frozenset(text for text in cell if text) for cell in zip(*columns)]
    if problem != MULTI_LABEL:
        return one_label
    try:
        return [frozenset(map(label_key, texts)) for texts in label_cells(rows, roles, problem=problem)]
    except DataError:
        return one_label


def _count(name: str, share: float | int, rows: int) -> int:
    whole = is_whole(share)
    if not (share >= 1 if whole else isinstance(share, float) and 0 < share < 1):
        raise bad_argument(name, "a fraction in (0, 1) or a number of rows >= 1", share, f"For example: {name}=0.1.")
    # At least one row, and not all rows, even if the fraction or the source is small.
    return int(share) if whole else max(1, min(round(rows * share), rows - 1))


def _stratified_order(labels: Sequence[frozenset], random: np.random.Generator) -> np.ndarray:
    """Return row indices sorted by label, shuffled within each label, (rows,)."""
    noise = random.random(len(labels))
    numbers = {names: number for number, names in enumerate(sorted(set(labels), key=sorted))}
    if len(numbers) > len(labels) // 2:  # hardly any label occurs twice
        return np.argsort(noise)
    return np.lexsort((noise, [numbers[names] for names in labels]))


def _are_measurements(labels: Sequence[frozenset]) -> bool:
    """Whether the labels look like regression targets: numbers, not all integers, and rarely repeated."""
    values = set().union(*labels)
    return len(values) > len(labels) // 2 and all(map(is_number, values)) and not all(map(is_whole_number, values))


def _evenly(count: int, picks: int, random: np.random.Generator) -> np.ndarray:
    """Return `picks` of `count` positions, evenly spaced from a random start."""
    return ((np.arange(picks) + random.random()) * (count / max(picks, 1))).astype(np.int64)


def _keep_all_labels_in_train(part: np.ndarray, labels: Sequence[frozenset], random: np.random.Generator) -> None:
    """Move a row of every label into train (part 0), in exchange for rows of frequent labels; changes `part`."""
    counts = Counter(name for row in np.flatnonzero(part == 0) for name in labels[row])
    order = random.permutation(len(labels))
    vacated = []
    for row in order[part[order] > 0]:
        if any(not counts[name] for name in labels[row]):
            vacated.append(part[row])
            counts.update(labels[row])
            part[row] = 0
    for row in order[part[order] == 0] if vacated else ():
        if vacated and all(counts[name] > 1 for name in labels[row]):
            # The smaller split first, so that none is empty.
            number = min(set(vacated), key=lambda other: (part == other).sum())
            vacated.remove(number)
            counts.subtract(labels[row])
            part[row] = number


def _empty(rows: Rows, problem: str, sizes: Mapping[str, int]) -> DataError:
    fix = "Change the fractions, add rows, or use separate files (--dev FILE)."
    return bad_data(rows.name, problem, fix, value=dict(sizes))


def _as_columns(roles: Roles) -> dict[str, object]:
    """Return the roles in the form of the argument `columns`."""
    label = list(roles.label) if roles.several else next(iter(roles.label), None)
    named = {"text": roles.text, "text_pair": roles.text_pair, "label": label}
    return {role: name for role, name in named.items() if name is not None}
