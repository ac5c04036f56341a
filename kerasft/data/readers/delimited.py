"""CSV and TSV tables: headers, numbered columns, blank lines. See `dialects.py` for delimiters and quotes."""

from collections import Counter
from pathlib import Path

from kerasft import security
from kerasft.data.readers.dialects import Record, csv_records, field_count_fix, tsv_records
from kerasft.data.readers.invalid_rows import skip
from kerasft.data.readers.rows import Rows
from kerasft.data.readers.text_files import read_text, say
from kerasft.errors import bad_data


def read_csv(path: Path, header: bool = True) -> Rows:
    """Read a CSV file: comma, double quotes, any line ends; blank lines between rows are no rows.

    Semicolons, tabs or vertical bars, a first line `sep=;`, spaces after delimiters and `\\"` are understood, and said, where
    commas and double quotes alone give no table. Delimiters at the end of a line, with nothing after them, are dropped.

    Raises:
        DataError: If a quote never closes, a row has another number of fields than the first, or there are no rows.
    """
    return table_of(path, csv_records(path, read_text(path)), header)


def read_tsv(path: Path, header: bool = True) -> Rows:
    """Read a TSV file: tabs, LF or CRLF. A quote is an ordinary character, unless all are those of quoted fields.

    Raises:
        DataError: If a row has another number of fields than the first, or there are no rows.
    """
    return table_of(path, tsv_records(path, read_text(path)), header)


def table_of_text(name: str, text: str, header: bool = True, *, tabs: bool = False) -> Rows:
    """Read a table that is in no file, such as standard input, as `read_csv` and with `tabs` as `read_tsv` read files.

    Raises:
        DataError: As these do.

    Example:

    >>> table_of_text("standard input", "id,text\\n7,fine\\n").columns
    {'id': ['7'], 'text': ['fine']}
    """
    path = Path(name)
    return table_of(path, (tsv_records if tabs else csv_records)(path, text), header)


def table_of(path: Path, records: list[Record], header: bool) -> Rows:
    """The rows of records, whichever file they are from.

    Args:
        path: The file, for messages.
        records: The line and the fields of each.
        header: Whether the first record names the columns.

    Raises:
        DataError: As `read_csv`.

    Example:

    >>> table_of(Path("a.csv"), [(1, ["text", "label"]), (2, ["good", "1"])], True).columns
    {'text': ['good'], 'label': ['1']}
    """
    kept = _without_blank_lines(path, records)
    first_line = kept[0][0]
    first = [name.strip() for name in kept[0][1]]
    security.check_columns(first, len(kept), str(path))
    numbered = _are_numbers(first) and len(kept) > 1
    if numbered:
        say(path, f"line {first_line} ({','.join(first)}) is read as a header of numbered columns")
    if header or numbered:
        names = _header(path, kept)
        kept = _without_repeated_header(path, kept, first)
    else:
        names = [str(i) for i in range(len(first))]
    unnamed = {place for place, name in enumerate(first) if not name} if header else set()
    names, kept = _without_empty_ends(path, names, kept, without_name=unnamed)
    kept = [record for record in kept if _has_all_fields(path, names, record)]
    if not kept:
        raise bad_data(str(path), f"no row has {len(names)} fields like the first", field_count_fix(path), value=names)
    columns = {name: [fields[i] for _, fields in kept] for i, name in enumerate(names)}
    if numbered and not first[0]:
        del columns[names[0]]  # the row numbers that pandas writes before columns without names
    return Rows.of(columns, str(path), lines=[line for line, _ in kept], named=header and not numbered)


def _without_empty_ends(
    path: Path, names: list[str], kept: list[Record], *, without_name: set[int]
) -> tuple[list[str], list[Record]]:
    """Drop what follows the last column: the empty fields of delimiters at the end of a line."""
    width = len(names)
    while width > 1 and width - 1 in without_name and not any(any(fields[width - 1 :]) for _, fields in kept):
        width -= 1
    cut = [(line, fields[:width] if not any(fields[width:]) else fields) for line, fields in kept]
    number = sum(len(fields) > width for _, fields in kept) - sum(len(fields) > width for _, fields in cut)
    if number or width < len(names):
        rows = f"at the end of {number} {'row' if number == 1 else 'rows'}" if number else "after the last column"
        say(path, f"trailing delimiters {rows} are ignored")
    return names[:width], cut


def _has_all_fields(path: Path, names: list[str], record: Record) -> bool:
    line, fields = record
    if len(fields) == len(names):
        return True
    problem = f"expected {len(names)} fields as in the first row, got {len(fields)}"
    skip(bad_data(str(path), problem, field_count_fix(path), line=line, value=fields))
    return False


def _are_numbers(first: list[str]) -> bool:
    """Whether a first row is the header that pandas writes for columns without names: 0,1,2, perhaps after a blank one."""
    numbers = first[1:] if len(first) > 1 and not first[0] else first
    return any(numbers == [str(i + start) for i in range(len(numbers))] for start in (0, 1))


def _header(path: Path, kept: list[Record]) -> list[str]:
    """The names of the columns, from the first record."""
    line, fields = kept[0]
    if len(kept) < 2:
        raise bad_data(str(path), "the file has a header but no rows", "Add at least one row.", line=line, value=fields)
    names = [name.strip() for name in fields]
    repeated = sorted(name for name, count in Counter(names).items() if count > 1 and name)
    if repeated:
        raise bad_data(
            str(path),
            "duplicate column names",
            "Rename them; if the file has no header, give column numbers.",
            line=line,
            value=repeated,
        )
    return [name or f"column_{i}" for i, name in enumerate(names)]


def _without_repeated_header(path: Path, kept: list[Record], first: list[str]) -> list[Record]:
    """The records after the header, without those that repeat it, as files put one after the other have them."""
    if len(first) < 2:  # in a file of one column a text may be the same as the column's name
        return kept[1:]
    names = [name.casefold() for name in first]
    records = [record for record in kept[1:] if [field.strip().casefold() for field in record[1]] != names]
    if skipped := len(kept) - 1 - len(records):
        words = "rows repeat the header and are" if skipped > 1 else "row repeats the header and is"
        say(path, f"{skipped} {words} skipped")
    if not records:
        raise bad_data(str(path), "the file has headers but no rows", "Add at least one row.", value=first)
    return records


def _without_blank_lines(path: Path, records: list[Record]) -> list[Record]:
    """Drop blank lines, which are no rows; in a file of one column a blank line inside is a row without text."""
    records = list(records)
    while records and records[-1][1] == [""]:
        records.pop()
    kept = [record for record in records if record[1] != [""]]
    if not kept:
        raise bad_data(str(path), "the file has no rows", "Add at least one row.")
    return records if len(kept[0][1]) == 1 else kept
