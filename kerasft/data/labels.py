"""From label cells (names, numbers, lists, 0/1 columns) to the numbers a loss needs, and from a file to its labels."""

import math
import re
from collections import Counter

import numpy as np

from kerasft.data.columns import Roles
from kerasft.data.rows import Rows
from kerasft.errors import bad_argument, bad_data
from kerasft.features import MULTI_LABEL, PROBLEMS, REGRESSION, SINGLE_LABEL, Labels

SEPARATOR = "|"
"""Stands between the labels of one cell of a CSV or TSV file, where several labels may hold at once."""


def natural_key(name: str) -> tuple:
    """Sort key: runs of digits by their value, the rest by its characters; numbers come first.

    Example:

    >>> sorted(["b10", "b2", "10", "9", "-1", "a"], key=natural_key)
    ['-1', '9', '10', 'a', 'b2', 'b10']
    """
    try:
        number = float(name)
    except ValueError:
        number = math.nan
    if math.isfinite(number):
        return (0, number, name)
    parts = re.split(r"([0-9]+)", name)
    return (1, tuple((int(part), part) if i % 2 else (0, part) for i, part in enumerate(parts)), name)


def labels_of(rows: Rows, roles: Roles, *, problem: str = SINGLE_LABEL) -> Labels:
    """The labels that occur in the rows.

    Args:
        rows: The table.
        roles: Its columns; `roles.label` must not be empty.
        problem: `"single_label"`, `"multi_label"` or `"regression"`.

    Returns:
        `Labels` in natural order: numbers by value, names by alphabet with the numbers inside them by value.

    Raises:
        DataError: If a label is empty, or only one class occurs.
    """
    if problem not in PROBLEMS:
        raise bad_argument("problem", f"one of {PROBLEMS}", problem, "Choose one of them.")
    if problem == REGRESSION or (problem == MULTI_LABEL and roles.several):
        names = roles.label
        if not rows.named:
            names = ["score"] if len(names) == 1 else [f"label_{name}" for name in names]
        return Labels(names, problem)
    column = _only_column(rows, roles)
    if problem == MULTI_LABEL:
        counts = Counter(name for row in range(len(column)) for name in _names_in_cell(rows, row, column[row]))
    else:
        counts = Counter(_cell_name(rows, row, column[row]) for row in range(len(column)))
    names = sorted(counts, key=natural_key)
    if problem == SINGLE_LABEL and len(names) < 2:
        raise bad_data(
            rows.name,
            f"all {len(rows)} rows have one and the same label",
            "Training needs two classes or more; is this the right label column?",
            value=names[0],
        )
    if not names:
        raise bad_data(rows.name, f"no row has a label in column {roles.label[0]!r}", "Is this the right column?")
    return Labels(names, problem)


def encode_labels(rows: Rows, roles: Roles, *, labels: Labels) -> np.ndarray:
    """The label cells as numbers.

    Args:
        rows: The table.
        roles: Its columns.
        labels: What the model knows. A value is matched by name first, and else as an index number; where the names
            are themselves numbers, by name only.

    Returns:
        int32 (rows,) for single_label, float32 (rows, C) of 0 and 1 for multi_label, float32 (rows, K) for regression.

    Raises:
        DataError: If a label is unknown or missing, or a target is not a finite number.
    """
    if labels.problem == REGRESSION:
        return _targets(rows, _columns_for(rows, roles, labels))
    if labels.problem == MULTI_LABEL and roles.several:
        return _indicators(rows, _columns_for(rows, roles, labels))
    column = _only_column(rows, roles)
    index_of = _index_by_text(labels)
    if labels.problem == MULTI_LABEL:
        return _many_hot(rows, column, index_of, labels)
    y = np.empty(len(column), np.int32)
    for row, value in enumerate(column):
        name = _cell_name(rows, row, value)
        if name not in index_of:
            raise _unknown(rows, row, value, labels)
        y[row] = index_of[name]
    return y


def _only_column(rows: Rows, roles: Roles) -> list:
    if len(roles.label) != 1:
        raise bad_data(
            rows.name,
            f"one label column is expected, and {len(roles.label)} are given",
            'For several 0/1 columns use problem="multi_label" (or labels=multi_label([...])).',
            value=list(roles.label),
        )
    return rows.columns[roles.label[0]]


def _index_by_text(labels: Labels) -> dict[str, int]:
    index_of = {name.strip(): i for i, name in enumerate(labels)}
    if not any(name.lstrip("-").isdecimal() for name in index_of):
        index_of = {**{str(i): i for i in range(len(labels))}, **index_of}
    return index_of


def _cell_name(rows: Rows, row: int, value: object) -> str:
    """A label cell as text: 1, 1.0, True, b"1" and " 1 " all are ways that files say "1"."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    whole = isinstance(value, (float, np.floating)) and float(value).is_integer()
    if whole or isinstance(value, (bool, np.bool_)):
        value = int(value)
    name = "" if value is None or value != value else str(value).strip()
    if not name or isinstance(value, (list, tuple, dict)):
        raise rows.error(
            row, "the label is missing or not one label", fix="Fill in one label, or delete the row.", value=value
        )
    return name


def _names_in_cell(rows: Rows, row: int, value: object) -> list[str]:
    """The labels of one multi-label cell; an empty cell or list says that none holds."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, str):
        value = [part for part in value.split(SEPARATOR) if part.strip()]
    elif value is None or not isinstance(value, (list, tuple)):
        value = [] if value is None or value != value else [value]
    return [_cell_name(rows, row, part) for part in value]


def _many_hot(rows: Rows, column: list, index_of: dict[str, int], labels: Labels) -> np.ndarray:
    y = np.zeros((len(column), len(labels)), np.float32)
    for row, value in enumerate(column):
        for name in _names_in_cell(rows, row, value):
            if name not in index_of:
                raise _unknown(rows, row, name, labels)
            y[row, index_of[name]] = 1.0
    return y


def _unknown(rows: Rows, row: int, value: object, labels: Labels):
    names = ", ".join(labels[:10]) + (f", ... ({len(labels)} in all)" if len(labels) > 10 else "")
    return rows.error(
        row,
        f"this label is not among the known ones ({names})",
        fix="Correct it, or collect the labels from a file that has them all.",
        value=value,
    )


def _columns_for(rows: Rows, roles: Roles, labels: Labels) -> list[list]:
    """The label columns in the order of `labels`: by name where the names agree, else in the order given."""
    names = list(roles.label)
    if len(names) != len(labels):
        raise bad_data(
            rows.name,
            f"the model has {len(labels)} outputs {list(labels)} and the label columns are {len(names)}",
            'Give one column per output: columns={"label": [...]}.',
            value=names,
        )
    if set(names) == set(labels):
        names = list(labels)
    elif set(names) & set(labels):
        raise bad_data(
            rows.name,
            f"only some of the label columns have names of the model's outputs {list(labels)}",
            "Give the columns of the same names.",
            value=names,
        )
    return [rows.columns[name] for name in names]


def _number(rows: Rows, row: int, value: object) -> float:
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    try:
        number = float(text) if not (isinstance(text, str) and "_" in text) else math.nan
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number) or abs(number) > float(np.finfo(np.float32).max):
        raise rows.error(
            row,
            "the target is not a finite number",
            fix="Write it as 3.5 (with a point), or delete the row.",
            value=value,
        )
    return number


def _targets(rows: Rows, columns: list[list]) -> np.ndarray:
    return np.array(
        [[_number(rows, row, column[row]) for column in columns] for row in range(len(rows))], np.float32
    ).reshape(len(rows), len(columns))


def _indicators(rows: Rows, columns: list[list]) -> np.ndarray:
    y = _targets(rows, columns)
    wrong = np.argwhere((y != 0) & (y != 1))
    if len(wrong):
        row, column = wrong[0]
        raise rows.error(
            int(row), "a multi-label column must hold 0 or 1", fix="Correct it.", value=columns[column][row]
        )
    return y
