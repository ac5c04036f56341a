"""Size limits of data tables from any reader, far above those of real tables."""

from collections.abc import Iterable, Mapping, Sequence

from kerasft.errors import DataError, bad_data
from kerasft.limits import how_to_raise, limit

_SIZED = (str, bytes, list, tuple, dict)


def check_columns(names: Sequence[object], rows: int, name: str) -> None:
    """Raise if a table would have too many columns, or too many cells. Call it before the cells are made.

    Args:
        names: The columns.
        rows: How many rows there are.
        name: The source, for messages.

    Raises:
        DataError: If there are more than `KERASFT_MAX_COLUMNS` columns, or more than `KERASFT_MAX_CELLS` cells.

    Example:

    >>> check_columns(range(100_000), 1, "train.csv")
    Traceback (most recent call last):
    ...
    kerasft.errors.DataError: train.csv: a table must have at most 10000 columns; received: 100000. ...
    """
    _check_number("COLUMNS", len(names), name)
    check_cells(len(names) * rows, name)


def check_cells(cells: int, name: str) -> None:
    """Raise if a table would have too many cells, where these are counted as they come.

    Args:
        cells: How many there are.
        name: The source, for messages.

    Raises:
        DataError: If there are more than `KERASFT_MAX_CELLS`.

    Example:

    >>> check_cells(40, "train.xlsx")
    """
    _check_number("CELLS", cells, name)


def _check_number(what: str, number: int, name: str) -> None:
    if number > limit(what):
        problem = f"a table must have at most {limit(what)} {what.lower()}"
        raise bad_data(name, problem, f"Remove what is not needed. {how_to_raise(what, number)}", value=number)


def check_text_file(text: str, name: str, separators: str = ",;\t|") -> None:
    """Raise if a file has so many lines or values that they would take many times its own size. Call it before it is split.

    Args:
        text: What the file holds.
        name: The file, for messages.
        separators: What may stand between values: the most frequent is counted. An object of JSON counts as three more.

    Raises:
        DataError: If there are more than `KERASFT_MAX_LINES` lines, or more than `KERASFT_MAX_VALUES` values.

    Example:

    >>> check_text_file("text,label\\na good film,yes\\n", "train.csv")
    """
    counts = {
        "LINES": max(text.count("\n"), text.count("\r")),
        "VALUES": max(text.count(separator) for separator in separators) + 3 * text.count("{"),
    }
    for what, number in counts.items():
        if number > limit(what):
            problem = f"a file must have at most {limit(what)} {what.lower()}"
            raise bad_data(name, problem, f"Split the file. {how_to_raise(what, number)}", value=number)


def check_table(columns: Mapping[str, Sequence[object]], name: str, lines: Sequence[int] | None = None) -> None:
    """Raise if a table has too many columns, or a cell is too long.

    Args:
        columns: The cells by the columns' names.
        name: The source, for messages.
        lines: The line of each row; None: rows are numbered from 1.

    Raises:
        DataError: As `check_columns`; or if a text has more characters, or a list more items, than `KERASFT_MAX_CELL_CHARACTERS`.

    Example:

    >>> check_table({"text": ["a good film"]}, "train.csv")
    """
    check_columns(list(columns), max(map(len, columns.values()), default=0), name)
    for column, values in columns.items():
        row = _too_long(values)
        if row is not None:
            raise _cell_error(
                name, f"the cell in column {column!r}", len(values[row]), row + 1 if lines is None else lines[row]
            )


def check_texts(texts: Iterable[object], name: str) -> None:
    """Raise if one of some texts is too long, as `check_table` does.

    Args:
        texts: Texts, or anything else, which passes.
        name: The source, and perhaps the place in it, for messages.

    Example:

    >>> check_texts(["a good film", None], "train.json, question '1'")
    """
    texts = list(texts)
    row = _too_long(texts)
    if row is not None:
        raise _cell_error(name, "the text", len(texts[row]), None)


def _too_long(values: Sequence[object]) -> int | None:
    most = limit("CELL_CHARACTERS")
    return next((row for row, value in enumerate(values) if isinstance(value, _SIZED) and len(value) > most), None)


def _cell_error(name: str, what: str, size: int, line: int | None) -> DataError:
    problem = f"{what} has {size} characters or items, maximum: {limit('CELL_CHARACTERS')}"
    fix = "Is a closing quote missing? Otherwise split the text."
    return bad_data(name, problem, f"{fix} {how_to_raise('CELL_CHARACTERS', size)}", line=line)
