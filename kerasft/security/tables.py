"""Size limits of data tables from any reader, far above those of real tables."""

from collections.abc import Iterable, Mapping, Sequence

from kerasft.errors import DataError, bad_data
from kerasft.limits import how_to_raise, limit

_SIZED = (str, bytes, list, tuple, dict)


def check_columns(names: Sequence[object], rows: int, name: str) -> None:
    """Raise if a table has too many columns or cells. Call it before the cells are created.

    Args:
        names: The columns.
        rows: Number of rows.
        name: The source's name in messages.

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
    """Raise if a table has too many cells; for readers that count cells while reading.

    Args:
        cells: Number of cells.
        name: The source's name in messages.

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
    """Raise if a file has so many lines or values that parsing would need many times its size. Call it before parsing.

    Args:
        text: The content of the file.
        name: The file's name in messages.
        separators: Possible value separators; the most frequent one is counted. A JSON object counts as three more values.

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
        columns: Column name -> cells.
        name: The source's name in messages.
        lines: The line of each row; None: rows are numbered from 1.

    Raises:
        DataError: As for `check_columns`; or if a text has more characters, or a list more items, than
            `KERASFT_MAX_CELL_CHARACTERS`.

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
    """Raise if a text is too long, as in `check_table`.

    Args:
        texts: Texts; values of other types are ignored.
        name: The source's name in messages, optionally with a position.

    Example:

    >>> check_texts(["a good film", None], "train.json, question '1'")
    """
    texts = list(texts)
    row = _too_long(texts)
    if row is not None:
        raise _cell_error(name, "the text", len(texts[row]), None)


def _too_long(values: Sequence[object]) -> int | None:
    max_size = limit("CELL_CHARACTERS")
    return next((row for row, value in enumerate(values) if isinstance(value, _SIZED) and len(value) > max_size), None)


def _cell_error(name: str, what: str, size: int, line: int | None) -> DataError:
    problem = f"{what} has {size} characters or items, maximum: {limit('CELL_CHARACTERS')}"
    fix = "Is a closing quote missing? Otherwise split the text."
    return bad_data(name, problem, f"{fix} {how_to_raise('CELL_CHARACTERS', size)}", line=line)
