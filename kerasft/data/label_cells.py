"""Parsing of label cells: one label per cell, or several in a list notation."""

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

from kerasft.data.readers.columns import Roles
from kerasft.data.readers.label_names import (
    begins_as_list,
    is_missing,
    is_number,
    label_key,
    label_text,
    visible_name,
    written_list,
)
from kerasft.data.readers.rows import Rows
from kerasft.errors import bad_data
from kerasft.features import SINGLE_LABEL, Labels

SEPARATOR = "|"
"""Separator of several labels in one cell of a CSV or TSV file (multi-label)."""

_OTHER_SEPARATORS = (";", ",")  # only if other cells show that they separate labels, or the parts are known labels
_MULTI_HOT_TEXT = re.compile(r"[01](?:\.0*)?(?:[\s,;|]+[01](?:\.0*)?)+")
_NUMBERS = re.compile(r"[0-9]+(?:\s+[0-9]+)+")
_DIGITS = {"0": "0", "1": "1", "false": "0", "true": "1"}


def label_cells(
    rows: Rows,
    roles: Roles,
    *,
    problem: str = SINGLE_LABEL,
    known: "LabelIndex | None" = None,
    allow_multi_hot: bool = False,
) -> list[list[str]]:
    """Return the labels of each row as strings, as written in the source; exactly one per row for single_label.

    Args:
        rows: The table.
        roles: Column assignment of the table, including a label column.
        problem: `"single_label"` or `"multi_label"`.
        known: The model's labels, to distinguish two labels "a, b" from a name with a comma.
        allow_multi_hot: Whether cells may be multi-hot vectors.

    Raises:
        DataError: If a label is missing, or a list of labels is invalid.

    Example:

    >>> rows = Rows.of({"text": ["x", "y"], "label": ["a|b", "['b']"]}, "topics.csv")
    >>> label_cells(rows, Roles("text", None, ("label",)), problem="multi_label")
    [['a', 'b'], ['b']]
    """
    column = only_column(rows, roles)
    if problem == SINGLE_LABEL:
        column = out_of_lists(column)
        return [[_one_label(rows, row, value)] for row, value in enumerate(column)]
    separator = None if known is not None else _separator(rows, column)
    cells = [_several_labels(rows, row, value, separator, known) for row, value in enumerate(column)]
    if known is None:
        cells = _split_at_other_separators(cells)
    if not allow_multi_hot and is_multi_hot(cells, known=known):
        raise rows.error(
            0,
            f"multi-hot vectors of {len(cells[0])} numbers do not name their labels",
            fix='Write the label names ("a|b"), or one 0/1 column per label with its name as header; or set the names: '
            "--label-names NAME,NAME (kerasft.data.name_labels).",
            value=column[0],
            can_skip=False,
        )
    return cells


def is_multi_hot(cells: Sequence[Sequence[str]], *, known: "LabelIndex | None" = None) -> bool:
    """Whether the cells are multi-hot vectors of the same length, and not lists of label names.

    Args:
        cells: The strings of each cell.
        known: The model's labels, if known: their names may be "0" and "1".

    Example:

    >>> is_multi_hot([["0", "1", "0"], ["1", "1", "0"]]), is_multi_hot([["0", "1"], ["2"]]), is_multi_hot([["False", "True"]])
    (True, False, True)
    """
    width = len(cells[0]) if cells else 0
    if width < 2 or any(len(texts) != width for texts in cells):
        return False
    keys = [[label_key(text) for text in texts] for texts in cells]
    if not all(set(row) <= _DIGITS.keys() for row in keys):
        return False
    names_are_numbers = known is not None and any(label_key(name) in ("0", "false") for name in known.labels)
    return any(len(set(row)) < width for row in keys) or not names_are_numbers


def holds(digit: str) -> bool:
    """Whether an element of a multi-hot vector is 1 (or true).

    Example:

    >>> holds("1.0"), holds("True"), holds("0")
    (True, True, False)
    """
    return _DIGITS.get(label_key(digit)) == "1"


class LabelIndex:
    """Finds the index of a label by any spelling of its name.

    Args:
        labels: The model's labels.

    Example:

    >>> index = LabelIndex(Labels(["1", "2", "yes"]))
    >>> index.get("2.0"), index.get("yes\\u200b"), index.get("Yes"), "1" in index
    (1, 2, None, True)
    """

    def __init__(self, labels: Labels):
        self.labels = labels
        self._index = {label_key(name): number for number, name in enumerate(labels)}
        lower = {key.casefold(): number for key, number in self._index.items()}
        if lower.keys() == {"true", "false"}:
            self._index = {"0": lower["false"], "1": lower["true"]} | self._index
        elif lower.keys() == {"0", "1"}:
            self._index |= {"false": lower["0"], "true": lower["1"]}
        if self.takes_indices():
            self._index = {str(number): number for number in range(len(labels))} | self._index
        self._index |= {name: number for number, name in enumerate(labels)}

    def takes_indices(self) -> bool:
        """Whether numbers are label indices."""
        if any(is_number(name) for name in self.labels):
            return False
        made_from_indices = list(self.labels) == [f"LABEL_{number}" for number in range(len(self.labels))]
        return self.labels.numbered or made_from_indices

    def get(self, text: str) -> int | None:
        """Return the index of the label with this name, or None."""
        number = self._index.get(text)
        if number is None:
            number = self._index.get(label_key(text))
            if number is not None:
                self._index[text] = number  # cache: few spellings occur
        return number

    def __contains__(self, text: str) -> bool:
        return self.get(text) is not None


def out_of_lists(column: list) -> list:
    """Unwrap the labels if all cells are lists of one label, as doccano writes them; otherwise return the column unchanged.

    Example:

    >>> out_of_lists([["a"], ["b"]]), out_of_lists(["a", ["b"]])
    (['a', 'b'], ['a', ['b']])
    """
    cells = [cell.tolist() if isinstance(cell, np.ndarray) else cell for cell in column]
    if not all(isinstance(cell, list | tuple) or is_missing(cell) for cell in cells):
        return column
    return [cell[0] if not is_missing(cell) and len(cell) == 1 else cell for cell in cells]


def check_label(rows: Rows, row: int, value: object, *, problem: str = SINGLE_LABEL) -> None:
    """Check one label cell, as far as possible without the other cells.

    Raises:
        DataError: If the label is missing, or a list of labels is invalid.

    Example:

    >>> check_label(Rows.of({"text": ["x"], "label": ["a"]}, "topics.csv"), 0, "a")
    """
    if problem == SINGLE_LABEL:
        _one_label(rows, row, value)
    else:
        _several_labels(rows, row, value, SEPARATOR, None)


def only_column(rows: Rows, roles: Roles) -> list:
    """Return the values of the label column.

    Raises:
        DataError: If there are several label columns.
    """
    if len(roles.label) != 1:
        raise bad_data(
            rows.name,
            f"expected one label column, got {len(roles.label)}",
            'For several 0/1 columns, use problem="multi_label" (or labels=multi_label([...])).',
            value=list(roles.label),
        )
    return rows.columns[roles.label[0]]


def _one_label(rows: Rows, row: int, value: object) -> str:
    value = value.tolist() if isinstance(value, np.ndarray) and value.ndim else value
    text = "" if isinstance(value, list | tuple | dict | set) else label_text(value)
    if isinstance(value, list | tuple) and len(value) > 1:
        fix = 'Write one label, or train a multi-label model: --problem multi_label (problem="multi_label").'
        raise rows.error(row, f"expected one label, got {len(value)}", fix=fix, value=value)
    if not visible_name(text):
        raise rows.error(row, "expected one label", fix="Add a label, or delete the row.", value=value)
    return text


def _several_labels(rows: Rows, row: int, value: object, separator: str | None, known: LabelIndex | None) -> list[str]:
    """Return the labels of one multi-label cell; an empty cell or list has no labels."""
    if isinstance(value, np.ndarray) and value.ndim:
        value = value.tolist()
    if isinstance(value, list | tuple | set | frozenset):
        return [_one_label(rows, row, part) for part in value]
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if not isinstance(value, str):
        return [] if is_missing(value) else [_one_label(rows, row, value)]
    if known is not None and value.strip() in known:
        return [value.strip()]
    try:
        listed = written_list(value)
    except ValueError as error:
        fix = 'Write the labels as "a|b", as a JSON list of strings, or in one 0/1 column per label.'
        raise rows.error(row, "invalid list of labels", fix=fix, value=value) from error
    if listed is not None:
        return [_one_label(rows, row, item) for item in listed]
    if _MULTI_HOT_TEXT.fullmatch(value.strip()):
        return re.split(r"[\s,;|]+", value.strip())
    if _NUMBERS.fullmatch(value.strip()):
        return value.split()
    return [part.strip() for part in value.split(_separator_of_cell(value, separator, known)) if visible_name(part)]


def _separator_of_cell(text: str, separator: str | None, known: LabelIndex | None) -> str:
    if known is None:
        return separator or SEPARATOR
    if SEPARATOR not in text:
        for other in _OTHER_SEPARATORS:
            parts = [part.strip() for part in text.split(other) if visible_name(part)]
            if len(parts) > 1 and all(part in known for part in parts):
                return other
    return SEPARATOR


def _split_at_other_separators(cells: list[list[str]]) -> list[list[str]]:
    """Split a name such as "a, b" if "a" and "b" are labels in other cells: files may be merged from several sources."""
    names = {label_key(text) for texts in cells for text in texts}

    def split_name(text: str) -> list[str]:
        for other in _OTHER_SEPARATORS:
            parts = [part.strip() for part in text.split(other) if visible_name(part)]
            if len(parts) > 1 and all(label_key(part) in names for part in parts):
                return parts
        return [text]

    return [[part for text in texts for part in split_name(text)] for texts in cells]


def _separator(rows: Rows, column: list) -> str:
    """Return the separator of labels: "|" if it occurs in any cell; ";" or "," if the parts occur in several cells."""
    cells = {value.strip(): row for row, value in reversed(list(enumerate(column))) if isinstance(value, str)}
    cells = {text: row for text, row in cells.items() if not begins_as_list(text)}
    if any(SEPARATOR in text for text in cells):
        return SEPARATOR
    for other in _OTHER_SEPARATORS:
        joined = [text for text in cells if other in text and not _MULTI_HOT_TEXT.fullmatch(text)]
        if not joined:
            continue
        parts = Counter(part for text in cells for part in {part.strip() for part in text.split(other)} if part)
        if any(count > 1 for count in parts.values()):
            return other
        fix = f'Write several labels as "a|b", and a label that contains {other!r} as a JSON list: ["a{other} b"].'
        raise rows.error(
            cells[joined[0]],
            f"ambiguous {other!r}: part of a name, or a separator of labels",
            fix=fix,
            value=joined[0],
            can_skip=False,
        )
    return SEPARATOR
