"""CSV by RFC 4180 (quotes, line ends inside quotes) and TSV as GLUE writes it (tabs, no quoting)."""

import csv
import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from kerasft.data.rows import Rows
from kerasft.data.text_files import read_text
from kerasft.errors import DataError, bad_data

_Record = tuple[int, list[str]]  # 1-based line where it starts, fields


def read_csv(path: Path, header: bool = True) -> Rows:
    """Read a CSV file: comma, double quotes, any line ends; blank lines between rows are no rows.

    Raises:
        DataError: If a quote never closes, a row has another number of fields than the first, or there are no rows.
    """
    return _table(path, _csv_records(path, read_text(path)), header)


def read_tsv(path: Path, header: bool = True) -> Rows:
    """Read a TSV file: tabs, no quoting (a quote is an ordinary character), LF or CRLF.

    Raises:
        DataError: If a row has another number of fields than the first, or there are no rows.
    """
    return _table(path, _tsv_records(read_text(path)), header)


def _tsv_records(text: str) -> Iterator[_Record]:
    lines = text.split("\n") if "\n" in text else text.split("\r")  # a lone CR ends lines only in old Mac files
    for number, line in enumerate(lines, 1):
        yield number, line.removesuffix("\r").split("\t")


def _csv_records(path: Path, text: str) -> Iterator[_Record]:
    # An unclosed quote makes one field of the rest of the file: lift csv's 128 KB limit to tell where it opened.
    limit = csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    start = 1
    try:
        for fields in reader:
            yield start, fields or [""]
            start = reader.line_num + 1
    except csv.Error as error:
        raise _bad_quote(path, text, start, error) from error
    finally:
        csv.field_size_limit(limit)


def _bad_quote(path: Path, text: str, start: int, error: csv.Error) -> DataError:
    """Say where the quote stands that csv stumbled over in the record that starts on line `start`."""
    lines = re.split(r"(?<=\n)|(?<=\r)(?!\n)", text)
    record = "".join(lines[start - 1 :])
    opened = _last_opened_quote(record)
    line = start + len(re.findall(r"\r\n|\r|\n", record[:opened]))
    if "unexpected end" in str(error):
        problem, fix = "a quote opens here and never closes", 'Close it; a quote inside a quoted field is written "".'
    else:
        problem = f"the quotes are wrong ({error})"
        fix = 'Put the whole field in quotes, and write a quote inside it as "".'
    return bad_data(str(path), problem, fix, line=line, value=record[opened : opened + 80])


def _last_opened_quote(record: str) -> int:
    """Position of the quote that opened the last quoted field of a record, read as far as the quoting is right."""
    position = opened = 0
    quoted = re.compile(r'"(?:[^"]|"")*"(?=[,\r\n]|$)')
    plain = re.compile(r'[^",\r\n][^,\r\n]*|')
    while position < len(record):
        if record[position] == '"':
            opened = position
            match = quoted.match(record, position)
            if match is None:
                break
        else:
            match = plain.match(record, position)
        position = match.end() + 1
    return opened


def _table(path: Path, records: Iterator[_Record], header: bool) -> Rows:
    kept = _without_blank_lines(path, list(records))
    first_line, names = kept[0]
    named = header
    if header:
        kept = kept[1:]
        if not kept:
            raise bad_data(
                str(path), "there is a header and no row", "Give at least one row.", line=first_line, value=names
            )
        names = [name.strip() for name in names]
        repeated = sorted({name for name in names if names.count(name) > 1 and name})
        if repeated:
            raise bad_data(
                str(path),
                "column names are repeated",
                "Rename them; if the file has no header, give column numbers.",
                line=first_line,
                value=repeated,
            )
        names = [name or f"column_{i}" for i, name in enumerate(names)]
    else:
        names = [str(i) for i in range(len(names))]
    for line, fields in kept:
        if len(fields) != len(names):
            raise bad_data(
                str(path),
                f"{len(names)} fields are expected, as in the first row, and {len(fields)} are here",
                _field_count_fix(path),
                line=line,
                value=fields,
            )
    columns = {name: [fields[i] for _, fields in kept] for i, name in enumerate(names)}
    return Rows.of(columns, str(path), lines=[line for line, _ in kept], named=named)


def _field_count_fix(path: Path) -> str:
    if ".csv" in path.suffixes:
        return "Put fields that contain a comma or a line end in double quotes."
    return "A tab inside a field must be replaced by a space; a file with quoted fields must be named .csv."


def _without_blank_lines(path: Path, records: list[_Record]) -> list[_Record]:
    """Drop blank lines, which are no rows; in a file of one column a blank line inside is a row without text."""
    while records and records[-1][1] == [""]:
        records.pop()
    kept = [record for record in records if record[1] != [""]]
    if not kept:
        raise bad_data(str(path), "the file has no row", "Give a file with at least one row.")
    return records if len(kept[0][1]) == 1 else kept
