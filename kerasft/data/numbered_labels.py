"""Names for labels that are stored as numbers."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from kerasft.data.label_cells import holds, is_multi_hot, label_cells
from kerasft.data.readers.class_names import bad_number
from kerasft.data.readers.columns import find_columns
from kerasft.data.readers.label_names import is_whole_number, label_key
from kerasft.data.readers.rows import Rows
from kerasft.data.readers.sources import read_rows
from kerasft.features import MULTI_LABEL, SINGLE_LABEL, Labels


def name_labels(
    source: object,
    names: Iterable[str],
    *,
    columns: Mapping[str, object] | None = None,
    problem: str = SINGLE_LABEL,
) -> Rows:
    """Replace the numbers 0, 1, ... in the label column by names; other labels are unchanged.

    Numbers alone are ambiguous, because the order of a model's labels differs from the order in most published datasets. So
    kerasft interprets numbers as labels only if their names are known.

    Args:
        source: See `kerasft.data.text_classification`.
        names: Names of the labels 0, 1, ..., in this order.
        columns: See `kerasft.data.text_classification`.
        problem: `"single_label"` or `"multi_label"`; in the latter case, cells may be multi-hot vectors.

    Returns:
        The rows, which can be used as source of any other function.

    Raises:
        DataError: If the source cannot be read, a number has no name, or the labels are not numbers.

    Example:

    >>> rows = name_labels([("fine", 1), ("dull", "0"), ("good", "positive")], ["negative", "positive"])
    >>> rows.columns["label"]
    ['positive', 'negative', 'positive']
    """
    names = list(Labels(names, MULTI_LABEL))
    rows = read_rows(source, columns)
    roles = find_columns(rows, columns, need_label=True)
    several = problem == MULTI_LABEL
    cells = label_cells(rows, roles, problem=problem, allow_multi_hot=several)
    if several and len(cells[0]) == len(names) and is_multi_hot(cells):
        named = [[name for name, digit in zip(names, texts) if holds(digit)] for texts in cells]
    else:
        _check_used(rows, cells, names)
        named = [[_name(rows, row, text, names) for text in texts] for row, texts in enumerate(cells)]
    column = named if several else [texts[0] for texts in named]
    return replace(rows, columns={**rows.columns, roles.label[0]: column})


def _check_used(rows: Rows, cells: Iterable[Iterable[str]], names: list[str]) -> None:
    """Raise an error if the file has no numbers and none of the given names."""
    first = None  # the first label that is not a name, and its row
    for row, texts in enumerate(cells):
        for text in texts:
            if text not in names:
                if is_whole_number(label_key(text)):
                    return
                first = first or (row, text)
    if first is not None:
        problem = f"label names are given for 0 to {len(names) - 1}, but the labels are not numbers"
        fix = f"Remove --label-names ({', '.join(names)}), or select the correct label column."
        raise rows.error(first[0], problem, fix=fix, value=first[1], can_skip=False)


def _name(rows: Rows, row: int, text: str, names: list[str]) -> str:
    key = label_key(text)
    if not is_whole_number(key) or text in names:
        return text
    if not 0 <= int(key) < len(names):
        raise bad_number(rows, row, value=text, names=names)
    return names[int(key)]
