"""Excel workbooks, and what is said where they cannot be read."""

import datetime
import sys
import zipfile

import pytest

from kerasft.data import read_rows
from kerasft.errors import DataError


@pytest.fixture
def openpyxl():
    return pytest.importorskip("openpyxl", reason="openpyxl is not installed (pip install 'kerasft[excel]')")


def write(openpyxl, path, **sheets):
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def test_the_first_sheet_with_rows_is_read_and_said(openpyxl, tmp_path, caplog):
    rows = [["text", "label", None], [None, None], ["good", 1, None], ["1984", 0.5], [2012, datetime.date(2026, 1, 2)]]
    path = write(openpyxl, tmp_path / "a.xlsx", Notes=[], Data=rows, More=[["x"]])
    found = read_rows(path)
    assert {name: cells[:2] for name, cells in found.columns.items()} == {
        "text": ["good", "1984"],
        "label": ["1", "0.5"],
    }
    assert found.columns["text"][2] == "2012"
    assert found.lines.tolist() == [3, 4, 5]
    assert "reading the sheet 'Data'; ignored: Notes, More" in caplog.text


def test_a_sheet_without_header_needs_numbers(openpyxl, tmp_path):
    path = write(openpyxl, tmp_path / "a.xlsx", Sheet=[["good", "pos"], ["bad", "neg"]])
    assert read_rows(path, {"text": 0, "label": 1}).columns == {"0": ["good", "bad"], "1": ["pos", "neg"]}


def test_what_is_no_workbook_is_refused(openpyxl, tmp_path, monkeypatch):
    path = tmp_path / "a.xlsx"
    path.write_text("text,label\n")
    with pytest.raises(DataError, match="not a readable Excel workbook"):
        read_rows(path)
    with zipfile.ZipFile(path, "w") as parts:
        parts.writestr("xl/workbook.xml", "x")
    with pytest.raises(DataError, match="not a readable Excel workbook"):
        read_rows(path)
    write(openpyxl, path, Sheet=[])
    with pytest.raises(DataError, match="all sheets are empty"):
        read_rows(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as parts:
        parts.writestr("xl/workbook.xml", " " * 10**6)
    monkeypatch.setenv("KERASFT_MAX_DATA_BYTES", str(10**5))
    with pytest.raises(DataError, match=r"uncompressed size is 1000000 bytes.*KERASFT_MAX_DATA_BYTES"):
        read_rows(path)


def test_without_openpyxl_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    (tmp_path / "a.xlsx").write_bytes(b"PK")
    with pytest.raises(DataError, match=r"pip install 'kerasft\[excel\]'"):
        read_rows(tmp_path / "a.xlsx")


@pytest.mark.parametrize("cell", ["A90000", "AZZ1"])  # a far row of a workbook, and one that is wider than it has rows
def test_rows_are_not_filled_up_to_the_size_that_the_file_claims(openpyxl, tmp_path, cell):
    book = openpyxl.Workbook()
    sheet = book.active
    for row in (["text", "label"], ["good", 1], ["bad", 0]):
        sheet.append(row)
    sheet[cell] = "far"
    book.save(tmp_path / "far.xlsx")
    assert len(read_rows(tmp_path / "far.xlsx")) in (2, 3)


def test_a_workbook_of_too_many_cells_is_refused(openpyxl, tmp_path, monkeypatch):
    path = write(openpyxl, tmp_path / "wide.xlsx", Data=[["text"] + [None] * 998 + ["x"], *[["a"]] * 9])
    monkeypatch.setenv("KERASFT_MAX_CELLS", "5000")  # 10 rows of 1,000 columns, and only 1,009 cells in the file
    with pytest.raises(DataError, match=r"must have at most 5000 cells; received: .* KERASFT_MAX_CELLS"):
        read_rows(path)
