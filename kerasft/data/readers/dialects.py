"""Detection of the dialect of a delimited file; unusual dialects are logged.

CSV follows RFC 4180 (commas, double quotes) and TSV the format of GLUE (tabs, no quoting), if the result is a table.
"""

import csv
import io
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from kerasft.data.readers.text_files import say, split_lines
from kerasft.errors import DataError, bad_data

Record = tuple[int, list[str]]  # 1-based line number of its start, fields

_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
_SEP_LINE = re.compile(r'"?sep=([^"\r\n])"?(?:\r\n|\r|\n)', re.IGNORECASE)
"""First line with the delimiter, written and read by Excel."""
_NAME = re.compile(r"[^\W\d][\w./#-]*( [\w./#-]+){0,3}")
"""Pattern of column names."""


def csv_records(path: Path, text: str) -> list[Record]:
    """Parse a CSV file with the first dialect that gives all records the same number of fields, at least two.

    Raises:
        DataError: If quotes are invalid in all dialects; the message gives the line.
    """
    declared = _SEP_LINE.match(text)
    delimiters = [declared[1]] if declared else list(_DELIMITERS)
    first_line = 2 if declared else 1
    text = text[declared.end() :] if declared else text
    for delimiter in delimiters:
        records = _read(text, delimiter, first_line).table
        if records:
            if delimiter != ",":
                say(
                    path,
                    f"delimiter: {_named(delimiter)}{', as declared in the first line' * bool(declared)}",
                )
            if _has_spaces(records):
                return _without_spaces(path, text, delimiter, first_line)
            return _without_backslashes(path, text, delimiter, first_line) if _has_escapes(records) else records
    for delimiter in delimiters:
        records = _read(text, delimiter, first_line, skipinitialspace=True).table
        if records:
            say(path, f"delimiter: {_named(delimiter)}; spaces after delimiters are ignored")
            return records
    for delimiter in delimiters if '\\"' in text else ():
        records = _read(_escaped(text), delimiter, first_line, escapechar="\\").table
        if records:
            say(path, f'delimiter: {_named(delimiter)}; \\" is read as a quote inside a field')
            return records
    # Not a table of two or more columns: it has one column, or is invalid with the first line's delimiter.
    header = next((line for line in split_lines(text) if line), "")
    delimiter = max(delimiters, key=header.count)  # the comma if there is a tie
    reading = _read(text, delimiter, first_line)
    if reading.problem:
        raise _bad_quote(path, text, delimiter, first_line, reading)
    if delimiter != "," and delimiter in header:
        say(path, f"delimiter: {_named(delimiter)}")
    return reading.records


def tsv_records(path: Path, text: str) -> list[Record]:
    """Parse a TSV file: quotes are ordinary characters, unless all of them enclose fields."""
    if _SEP_LINE.match(text):
        return csv_records(path, text)
    plain = [(number, line.split("\t")) for number, line in enumerate(split_lines(text), 1)]
    if other := _other_delimiter(text):
        say(path, f"no tabs found; delimiter: {_named(other)}")
        return _read(text, other, 1).records
    if '"' not in text:
        return plain
    quoted, flags = _quoted_tabs(text)
    if quoted and _is_quoted(quoted, flags, plain_is_table=_same_width(plain)):
        say(path, "quoted fields are read as in CSV")
        return quoted
    if quoted or re.search(r'(?:^|\t)"[^"\t\n]*""[^\t\n]*"(?=[\t\r\n]|$)', text, re.MULTILINE):
        say(path, "quotes are read as part of the text, since not all of them enclose fields")
    return plain


@dataclass(frozen=True)
class _Reading:
    """Result of parsing with Python's csv module."""

    records: list[Record]
    problem: str = ""
    """Error after these records; empty if there is none."""
    lines: int = 0
    """Number of lines before the error."""

    @property
    def table(self) -> list[Record]:
        """The records, if they have the same number of fields, at least two; otherwise an empty list."""
        several = any(len(fields) > 1 for _, fields in self.records)
        return self.records if several and not self.problem and _same_width(self.records) else []


def _read(text: str, delimiter: str, first_line: int, **options) -> _Reading:
    # An unclosed quote turns the rest of the file into one field: raise csv's limit of 128 KB to find where it opens.
    limit = csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True, **options)
    records = []
    lines = 0
    try:
        for fields in reader:
            records.append((first_line + lines, fields or [""]))
            lines = reader.line_num
    except csv.Error as error:
        return _Reading(records, str(error), lines)
    finally:
        csv.field_size_limit(limit)
    return _Reading(records)


def _escaped(text: str) -> str:
    """Double literal backslashes: csv treats each one as an escape, but programs escape only quotes and backslashes."""
    return re.sub(r'\\(["\\])|\\', lambda match: match[0] if match[1] else r"\\", text)


def _same_width(records: list[Record]) -> bool:
    """Whether all records have the same number of fields, except for trailing empty fields if there are at least two."""
    filled = [fields for _, fields in records if fields != [""]]
    if len({len(fields) for fields in filled}) == 1:
        return True
    width = max((number for number, field in enumerate(filled[0], 1) if field), default=0) if filled else 0
    return width > 1 and all(len(fields) >= width and not any(fields[width:]) for fields in filled)


def _other_delimiter(text: str) -> str:
    """Return the delimiter of a file without tabs if its first line has at least two names; otherwise ""."""
    if "\t" in text:
        return ""
    header = next((line for line in split_lines(text) if line), "")
    for delimiter in (",", ";", "|"):
        names = header.split(delimiter)
        if len(names) > 1 and all(_NAME.fullmatch(name.strip('"')) for name in names):
            return delimiter if _read(text, delimiter, 1).table else ""
    return ""


def _has_spaces(records: list[Record]) -> bool:
    """Whether a space follows every delimiter, or is between a delimiter and a quote."""
    later = [field for _, fields in records for field in fields[1:] if field]
    if not any(field[0] == " " for field in later):
        return False
    return all(field[0] == " " for field in later) or any(field[0] == " " and '"' in field for field in later)


def _without_spaces(path: Path, text: str, delimiter: str, first_line: int) -> list[Record]:
    """Parse without the spaces after delimiters, if the result is a table too."""
    records = _read(text, delimiter, first_line, skipinitialspace=True).table
    if not records:
        return _read(text, delimiter, first_line).records
    say(path, f"spaces after {_named(delimiter)} are ignored")
    return records


def _has_escapes(records: list[Record]) -> bool:
    """Whether every quote inside a field follows a backslash, as with escaped quotes in unquoted fields."""
    with_quote = [field for _, fields in records for field in fields if '"' in field]
    return bool(with_quote) and not any(re.search(r'(?<!\\)"', field) for field in with_quote)


def _without_backslashes(path: Path, text: str, delimiter: str, first_line: int) -> list[Record]:
    """Parse escaped quotes, if this gives the same number of records."""
    plain = _read(text, delimiter, first_line).records
    records = _read(_escaped(text), delimiter, first_line, escapechar="\\").table
    if len(records) != len(plain):
        return plain
    say(path, r"\" is read as a quote inside a field")
    return records


def _named(delimiter: str) -> str:
    return _DELIMITERS.get(delimiter, repr(delimiter))


def _quoted_tabs(text: str) -> tuple[list[Record], list[list[bool]]]:
    """Return the records and which fields are quoted, if all quotes enclose fields; otherwise empty lists."""
    field = re.compile(r'(?:"([^"]*(?:""[^"]*)*)"|([^"\t\r\n]*))(\t|\r\n|\n|\r|\Z)')
    records = []
    flags = []
    position = 0
    line = 1
    while position < len(text):
        fields = []
        quoted = []
        start = line
        while True:
            match = field.match(text, position)
            if match is None:
                return [], []
            fields.append(match[2] if match[1] is None else match[1].replace('""', '"'))
            quoted.append(match[1] is not None)
            line += len(re.findall(r"\r\n|\r|\n", match[0]))
            position = match.end()
            if match[3] != "\t":
                break
        records.append((start, fields))
        flags.append(quoted)
    return records, flags


def _is_quoted(records: list[Record], flags: list[list[bool]], *, plain_is_table: bool) -> bool:
    """Whether quotes enclose fields or are part of the text, decided by what programs usually quote."""
    if not _same_width(records):
        return False
    if not plain_is_table:
        return True
    pairs = [pair for (_, fields), row in zip(records, flags) for pair in zip(fields, row)]
    if any(re.search("[\t\r\n]", text) for text, quoted in pairs if quoted):
        return False  # unquoted lines are a table already: this field would contain the end of a line
    if any('"' in text for text, quoted in pairs if quoted):
        return True
    columns = list(zip(*flags))
    if len(records) > 1 and all(flags[0]) and all(all(column[1:]) or not any(column[1:]) for column in columns):
        return True  # all fields are quoted, or all non-numeric fields
    # Excel quotes only fields with a comma.
    return all(("," in text) == quoted for text, quoted in pairs)


def _bad_quote(path: Path, text: str, delimiter: str, first_line: int, reading: _Reading) -> DataError:
    """Return the error for an invalid quote, with its line."""
    lines = re.split(r"(?<=\n)|(?<=\r)(?!\n)", text)
    record = "".join(lines[reading.lines :])
    opened = _last_opened_quote(record, delimiter)
    line = first_line + reading.lines + len(re.findall(r"\r\n|\r|\n", record[:opened]))
    if "unexpected end" in reading.problem:
        problem, fix = "unclosed quote", 'Close it; write a quote inside a quoted field as "".'
    else:
        problem = f"invalid quotes ({reading.problem})"
        fix = 'Put the whole field in quotes, and write a quote inside it as "".'
    return bad_data(str(path), problem, fix, line=line, value=record[opened : opened + 80])


def _last_opened_quote(record: str, delimiter: str) -> int:
    """Return the position of the quote that opens the last quoted field of a record, before the first invalid quote."""
    position = opened = 0
    end = re.escape(delimiter)
    quoted = re.compile(rf'"[^"]*(?:""[^"]*)*"(?=[{end}\r\n]|$)')
    plain = re.compile(rf'[^"{end}\r\n][^{end}\r\n]*|')
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


def field_count_fix(path: Path) -> str:
    """Return the fix for a record with a different number of fields than the first."""
    if ".csv" in [suffix.lower() for suffix in path.suffixes]:
        return "Enclose fields that contain a comma or a line break in double quotes."
    return "Replace tabs inside fields by spaces, or quote all such fields."
