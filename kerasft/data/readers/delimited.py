"""Reading of CSV and TSV tables: headers, numbered columns, blank lines. See `dialects.py` for delimiters and quotes."""

from collections import Counter
from pathlib import Path

from kerasft import security
from kerasft.data.readers.dialects import Record, csv_records, field_count_fix, tsv_records
from kerasft.data.readers.invalid_rows import skip
from kerasft.data.readers.rows import Rows
from kerasft.data.readers.text_files import read_text, say
from kerasft.errors import bad_data


def read_csv(path: Path, header: bool = True) -> Rows:
    """Read a CSV file: commas, double quotes, any line endings; blank lines are skipped.

    If it is not a table with commas and double quotes, other dialects are detected and logged: semicolons, tabs or vertical
    bars, a first line `sep=;`, spaces after delimiters, and `\\"`. Trailing delimiters are ignored.

    Raises:
        DataError: If a quote is not closed, rows differ in their number of fields, or there are no rows.
    """
    return table_of(path, csv_records(path, read_text(path)), header)


def read_tsv(path: Path, header: bool = True) -> Rows:
    """Read a TSV file: tabs, LF or CRLF. Quotes are ordinary characters, unless all of them enclose fields.

    Raises:
        DataError: If rows differ in their number of fields, or there are no rows.
    """
    return table_of(path, tsv_records(path, read_text(path)), header)


def table_of_text(name: str, text: str, header: bool = True, *, tabs: bool = False) -> Rows:
    """Like `read_csv` (or `read_tsv` with `tabs`), for text that is not in a file, such as standard input.

    Raises:
        DataError: See `read_csv`.

    Example:

    >>> table_of_text("standard input", "id,text\\n7,fine\\n").columns
    {'id': ['7'], 'text': ['fine']}
    """
    path = Path(name)
    return table_of(path, (tsv_records if tabs else csv_records)(path, text), header)


def table_of(path: Path, records: list[Record], header: bool) -> Rows:
    """Convert records to rows.

    Args:
        path: The file, for messages.
        records: Line number and fields of each record.
        header: Whether the first record is a header.

    Raises:
        DataError: See `read_csv`.

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
    unnamed = {index for index, name in enumerate(first) if not name} if header else set()
    names, kept = _without_empty_ends(path, names, kept, without_name=unnamed)
    kept = [record for record in kept if _has_all_fields(path, names, record)]
    if not kept:
        raise bad_data(str(path), f"no row has {len(names)} fields like the first", field_count_fix(path), value=names)
    columns = {name: [fields[i] for _, fields in kept] for i, name in enumerate(names)}
    if numbered and not first[0]:
        del columns[names[0]]  # pandas' index column, before columns without names
    return Rows.of(columns, str(path), lines=[line for line, _ in kept], named=header and not numbered)


def _without_empty_ends(
    path: Path, names: list[str], kept: list[Record], *, without_name: set[int]
) -> tuple[list[str], list[Record]]:
    """Drop empty fields after the last column, from trailing delimiters."""
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
    """Whether the first row is pandas' header for columns without names: 0,1,2, optionally after an empty name."""
    numbers = first[1:] if len(first) > 1 and not first[0] else first
    return any(numbers == [str(i + start) for i in range(len(numbers))] for start in (0, 1))


def _header(path: Path, kept: list[Record]) -> list[str]:
    """Return the column names from the first record."""
    line, fields = kept[0]
    if len(kept) < 2:
        raise bad_data(str(path), "the file has a header but no rows", "Add at least one row.", line=line, value=fields)
    names = [name.strip() for name in fields]
    repeated = sorted(name for name, count in Counter(names).items() if count > 1 and name)
    if repeated:
        raise bad_data(
            str(path),
            "duplicate column names",
            "Rename them; if the file has no header, use column indices.",
            line=line,
            value=repeated,
        )
    return [name or f"column_{i}" for i, name in enumerate(names)]


def _without_repeated_header(path: Path, kept: list[Record], first: list[str]) -> list[Record]:
    """Return the records after the header, without repeated headers from concatenated files."""
    if len(first) < 2:  # in a file with one column, a text may equal the column name
        return kept[1:]
    names = [name.casefold() for name in first]
    records = [record for record in kept[1:] if [field.strip().casefold() for field in record[1]] != names]
    if skipped := len(kept) - 1 - len(records):
        subject = "rows repeat the header and are" if skipped > 1 else "row repeats the header and is"
        say(path, f"{skipped} {subject} skipped")
    if not records:
        raise bad_data(str(path), "the file has headers but no rows", "Add at least one row.", value=first)
    return records


def _without_blank_lines(path: Path, records: list[Record]) -> list[Record]:
    """Drop blank lines; in a file with one column, blank lines between rows are rows with an empty text."""
    records = list(records)
    while records and records[-1][1] == [""]:
        records.pop()
    kept = [record for record in records if record[1] != [""]]
    if not kept:
        raise bad_data(str(path), "the file has no rows", "Add at least one row.")
    return records if len(kept[0][1]) == 1 else kept
