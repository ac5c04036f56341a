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
    """Cut a source into parts, each with nearly the same share of every label.

    Rows are put in order of label, at random within a label, and every part takes its share at even distances
    (systematic sampling; Cochran, Sampling Techniques, 1977, chapter 8). So a part has the size asked for, and a label's
    share in it is off by about one row. Train keeps a row of every label: where the draw left it none, a row of it goes back
    in exchange for one that train can spare. Regression targets, and rows without label, are drawn at random.

    Args:
        source: As for `text_classification`.
        dev: Share of the rows that goes to dev, in (0, 1), at least one row; or a number of rows, >= 1.
        test: Share or number of the rows that goes to test; 0 for none.
        seed: The same seed gives the same parts.
        columns: As for `text_classification`.
        problem: `"single_label"`, `"multi_label"` or `"regression"`.

    Returns:
        Train, dev and test (None if `test` is 0). Each is accepted as `source`, and keeps the source's order. No part is
        empty; one is smaller than asked for where train needs its rows for a label, which is logged.

    Raises:
        KerasftError: If the shares are out of range.
        DataError: If a part would be empty.

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
    # The roles that were found or given go along, so the parts need no `columns` again.
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
    """Draw exactly so many rows, each label in nearly its share.

    Args:
        source: As for `text_classification`.
        count: How many rows, >= 1; all rows if there are not more.
        seed: The same seed draws the same rows.
        columns: As there.
        problem: `"single_label"`, `"multi_label"` or `"regression"`.

    Returns:
        The rows, in the source's order. Fewer rows than labels cannot have every label.

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
    part = np.ones(len(rows), np.int8)  # 0 drawn, 1 not
    part[order[_evenly(len(rows), int(count), random)]] = 0
    drawn = part.copy()
    if not _are_measurements(labels):
        _keep_all_labels_in_train(drawn, labels, random)
    # Rare labels may have taken more rows in than others could be spared; the count is what was asked for.
    return rows.take(np.flatnonzero((drawn if (drawn == 0).sum() == count else part) == 0))


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
    key = label_key(str(label))
    if len(roles.label) != 1:
        raise bad_data(rows.name, "expected one label column", "Select one.", value=list(roles.label))
    is_label = np.array([label_key(label_text(value)) == key for value in rows.columns[roles.label[0]]], bool)
    rows = replace(rows, roles=_as_columns(roles))
    return rows.take(np.flatnonzero(~is_label)), rows.take(np.flatnonzero(is_label))


def _read(source: object, columns: Mapping[str, object] | None, problem: str) -> tuple[Rows, Roles, list[frozenset]]:
    """The rows, their columns, and the set of labels of each: no labels of a regression."""
    if problem not in PROBLEMS:
        raise bad_argument("problem", f"one of {PROBLEMS}", problem, "Choose one of them.")
    rows = read_rows(source, columns)
    roles = find_columns(rows, columns)
    if problem == REGRESSION or not roles.label:
        return rows, roles, [frozenset()] * len(rows)
    return rows, roles, _label_sets(rows, roles, problem)


def _label_sets(rows: Rows, roles: Roles, problem: str) -> list[frozenset]:
    """The labels of each row; a cell that cannot be read is one label: what is wrong is said where labels are read."""
    columns = [[label_key(label_text(value)) for value in rows.columns[name]] for name in roles.label]
    if problem == MULTI_LABEL and roles.several:  # 0/1 columns
        nothing = ("", "0", "false", "False", "FALSE")
        cells = zip(*columns)
        return [frozenset(name for name, text in zip(roles.label, cell) if text not in nothing) for cell in cells]
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
    # However small the share or the source, it is a row, and not all of them.
    return int(share) if whole else max(1, min(round(rows * share), rows - 1))


def _stratified_order(labels: Sequence[frozenset], random: np.random.Generator) -> np.ndarray:
    """All rows in order of their labels, at random among those of the same, (rows,)."""
    noise = random.random(len(labels))
    numbers = {names: number for number, names in enumerate(sorted(set(labels), key=sorted))}
    if len(numbers) > len(labels) // 2:  # hardly any label occurs twice
        return np.argsort(noise)
    return np.lexsort((noise, [numbers[names] for names in labels]))


def _are_measurements(labels: Sequence[frozenset]) -> bool:
    """Whether the labels are numbers with fractions, hardly any of them twice: the targets of a regression."""
    values = set().union(*labels)
    return len(values) > len(labels) // 2 and all(map(is_number, values)) and not all(map(is_whole_number, values))


def _evenly(count: int, picks: int, random: np.random.Generator) -> np.ndarray:
    """`picks` positions among `count`, at even distances from a random start."""
    return ((np.arange(picks) + random.random()) * (count / max(picks, 1))).astype(np.int64)


def _keep_all_labels_in_train(part: np.ndarray, labels: Sequence[frozenset], random: np.random.Generator) -> None:
    """Give train (part 0) a row of every label, in exchange for rows that it can spare; changes `part`."""
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
            # The smaller part first: none may be empty.
            number = min(set(vacated), key=lambda other: (part == other).sum())
            vacated.remove(number)
            counts.subtract(labels[row])
            part[row] = number


def _empty(rows: Rows, problem: str, sizes: Mapping[str, int]) -> DataError:
    fix = "Change the fractions, add rows, or give separate files (--dev FILE)."
    return bad_data(rows.name, problem, fix, value=dict(sizes))


def _as_columns(roles: Roles) -> dict[str, object]:
    """Roles in the form of the argument `columns`."""
    label = list(roles.label) if roles.several else next(iter(roles.label), None)
    named = {"text": roles.text, "text_pair": roles.text_pair, "label": label}
    return {role: name for role, name in named.items() if name is not None}
