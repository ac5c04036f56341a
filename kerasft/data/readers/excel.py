"""Reading of Excel workbooks (.xlsx) with openpyxl, an optional dependency."""

import io
import zipfile
from pathlib import Path

from kerasft import security
from kerasft.data.readers.delimited import table_of
from kerasft.data.readers.label_names import is_missing, label_text
from kerasft.data.readers.rows import Rows
from kerasft.data.readers.text_files import most_bytes, read_bytes, say
from kerasft.errors import DataError, bad_data


def read_xlsx(path: Path, header: bool = True) -> Rows:
    """Read the first non-empty sheet of a workbook; its name is logged if there are several sheets.

    Raises:
        DataError: If openpyxl is not installed, the file is not a workbook, or its uncompressed size exceeds `most_bytes`.
    """
    try:
        import openpyxl  # imported here: an optional dependency, for these files only
    except ImportError as error:
        fix = "Install it: pip install 'kerasft[excel]'; or save the sheet as CSV UTF-8."
        raise bad_data(str(path), "reading Excel files requires openpyxl, which is not installed", fix) from error
    content = read_bytes(path)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as parts:
            size = sum(part.file_size for part in parts.infolist())
        if size > most_bytes():
            fix = f"Save it as CSV, or set the environment variable KERASFT_MAX_DATA_BYTES above {most_bytes()}."
            raise bad_data(str(path), f"its uncompressed size is {size} bytes", fix)
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        sheets = {sheet.title: _records(path, sheet) for sheet in book.worksheets}
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError, AttributeError, OSError, SyntaxError) as error:
        if isinstance(error, DataError):
            raise
        fix = "Save it again, or as CSV UTF-8."
        raise bad_data(str(path), f"this is not a readable Excel workbook ({error})", fix) from error
    filled = [name for name, records in sheets.items() if records]
    if not filled:
        raise bad_data(str(path), "all sheets are empty", "Add at least one row.")
    if len(sheets) > 1:
        others = ", ".join(name for name in sheets if name != filled[0])
        say(path, f"reading the sheet {filled[0]!r}; ignored: {others}")
    return table_of(path, sheets[filled[0]], header)


def _records(path: Path, sheet) -> list[tuple[int, list[str]]]:
    """Return non-empty rows with their numbers, without trailing empty cells."""
    sheet.reset_dimensions()  # otherwise rows are padded to the size that the file declares
    records = []
    width = 0
    count = 0
    for number, cells in enumerate(sheet.iter_rows(values_only=True), 1):
        count += len(cells)
        security.check_cells(count, str(path))
        fields = [_text(cell) for cell in cells]
        while fields and fields[-1] == "":
            fields.pop()
        if fields:
            records.append((number, fields))
            width = max(width, len(fields))
            security.check_columns(range(width), len(records), str(path))
    return [(number, fields + [""] * (width - len(fields))) for number, fields in records]


def _text(cell: object) -> str:
    """Return a cell as it would be written in a CSV file."""
    if isinstance(cell, str) or is_missing(cell):
        return cell or ""
    return label_text(cell) if isinstance(cell, int | float) and not isinstance(cell, bool) else str(cell)
