"""Numeric label columns: regression targets, and 0/1 columns of multi-label problems."""

import math
import re
from dataclasses import replace

import numpy as np

from kerasft.data.readers.columns import Roles
from kerasft.data.readers.label_names import label_text
from kerasft.data.readers.rows import Rows
from kerasft.encoding.token_store import logger
from kerasft.errors import bad_data
from kerasft.features import Labels

_DECIMAL = re.compile(r"[+-]?\d+(,\d+)?", re.ASCII)
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}", re.ASCII)


def targets(rows: Rows, roles: Roles, labels: Labels) -> np.ndarray:
    """Return regression targets, float32 (rows, K), in the order of `labels`.

    Raises:
        DataError: If a target is not a finite number, or the columns do not match the labels.

    Example:

    >>> rows = Rows.of({"text": ["a"], "joy": ["0.5"], "fear": [1]}, "moods.csv")
    >>> targets(rows, Roles("text", None, ("joy", "fear"), True), Labels(["fear", "joy"], "regression")).tolist()
    [[1.0, 0.5]]
    """
    columns = _columns_for(with_decimal_points(rows, roles), roles, labels)
    y = [[_number(rows, row, column[row]) for column in columns] for row in range(len(rows))]
    return np.array(y, np.float32).reshape(len(rows), len(columns))


def with_decimal_points(rows: Rows, roles: Roles) -> Rows:
    """Replace decimal commas by points in label columns where all cells are such numbers, and log it.

    Columns where all commas could be thousands separators ("1,234"), or with a single comma, are ambiguous and not changed.

    Example:

    >>> rows = Rows.of({"text": ["a", "b", "c"], "score": ["0,5", "3", "1,25"]}, "scores.csv")
    >>> with_decimal_points(rows, Roles("text", None, ("score",))).columns["score"]
    ['0.5', '3', '1.25']
    """
    changed = {}
    for name in roles.label:
        cells = [cell.strip() if isinstance(cell, str) else cell for cell in rows.columns[name]]
        filled = [cell for cell in cells if isinstance(cell, str) and cell]
        with_comma = [cell for cell in filled if "," in cell]
        if len(with_comma) < 2 or not all(_DECIMAL.fullmatch(cell) for cell in filled):
            continue
        if all(_THOUSANDS.fullmatch(cell) for cell in with_comma):
            continue
        changed[name] = [cell.replace(",", ".") if isinstance(cell, str) else cell for cell in cells]
        logger.warning(
            "%s: commas in column %r are read as decimal points, for example %r.", rows.name, name, with_comma[0]
        )
    return replace(rows, columns={**rows.columns, **changed}) if changed else rows


def indicators(rows: Rows, roles: Roles, labels: Labels) -> np.ndarray:
    """Return 0/1 columns as multi-hot targets, float32 (rows, C), in the order of `labels`; true and false are 1 and 0.

    Raises:
        DataError: If a value is neither 0 nor 1, or the columns do not match the labels.

    Example:

    >>> rows = Rows.of({"text": ["x"], "rude": ["1"], "kind": [False]}, "comments.csv")
    >>> indicators(rows, Roles("text", None, ("rude", "kind"), True), Labels(["rude", "kind"], "multi_label")).tolist()
    [[1.0, 0.0]]
    """
    columns = _columns_for(rows, roles, labels)
    y = np.zeros((len(rows), len(columns)), np.float32)
    for index, column in enumerate(columns):
        for row, value in enumerate(column):
            boolean = {"true": 1.0, "false": 0.0}.get(label_text(value).casefold())
            y[row, index] = _number(rows, row, value) if boolean is None else boolean
            if y[row, index] not in (0, 1):
                raise rows.error(row, "a multi-label column must contain 0 or 1", fix="Correct the value.", value=value)
    return y


def _columns_for(rows: Rows, roles: Roles, labels: Labels) -> list[list]:
    """Return the label columns in the order of `labels`: matched by name if possible, else in the given order."""
    names = list(roles.label)
    if len(names) != len(labels):
        raise bad_data(
            rows.name,
            f"expected {len(labels)} label columns, one per model output {list(labels)}, got {len(names)}",
            'Select one column per output: columns={"label": [...]}.',
            value=names,
        )
    if set(names) == set(labels):
        names = list(labels)
    elif set(names) & set(labels):
        raise bad_data(
            rows.name,
            f"only some of the label columns match the model's outputs {list(labels)}",
            "Rename the columns to match.",
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
            "expected a finite number as target",
            fix="Write it as 3.5 (with a point, without thousands separators), or delete the row.",
            value=value,
        )
    return number
