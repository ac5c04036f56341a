"""CSV and TSV: what is written is read, and what cannot be read says where and why."""

import contextlib
import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kerasft.data import read_rows
from kerasft.data.readers.delimited import read_csv, read_tsv
from kerasft.errors import DataError

characters = st.characters(codec="utf-8", exclude_characters="\0")
cells = st.text(characters, min_size=0, max_size=12)
tables = st.integers(2, 4).flatmap(lambda width: st.lists(st.lists(cells, min_size=width, max_size=width), min_size=1))


def write(folder, name, content):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@settings(max_examples=60, deadline=None)
@given(tables, st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_csv_round_trip(tmp_path_factory, table, end, bom):
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=end, quoting=csv.QUOTE_ALL).writerows(table)
    path = write(tmp_path_factory.getbasetemp(), "round.csv", ("\ufeff" if bom else "") + text.getvalue())
    if not text.getvalue().strip():
        return
    rows = read_csv(path, header=False)
    assert [list(row) for row in zip(*rows.columns.values())] == table


@settings(max_examples=60, deadline=None)
@given(tables, st.sampled_from(["\n", "\r\n"]))
def test_tsv_round_trip(tmp_path_factory, table, end):
    # The first cell is never empty, so that no line is blank; tabs and line ends cannot stand in a TSV cell.
    table = [["x" + cell for cell in row] for row in table]
    # Cells between quotes are those of a quoted file, if all are: see test_dialects.py.
    table = [[cell.translate({9: " ", 10: " ", 13: " "}).removesuffix('"') for cell in row] for row in table]
    path = write(tmp_path_factory.getbasetemp(), "round.tsv", end.join("\t".join(row) for row in table))
    rows = read_tsv(path, header=False)
    assert [list(row) for row in zip(*rows.columns.values())] == table
    assert rows.lines.tolist() == list(range(1, len(table) + 1))


def test_line_numbers_count_line_ends_inside_quotes(tmp_path):
    path = write(tmp_path, "a.csv", 'text,label\r\n"one\r\ntwo",1\r\n\r\nthree,2\r\n')
    rows = read_csv(path)
    assert rows.columns == {"text": ["one\r\ntwo", "three"], "label": ["1", "2"]}
    assert rows.lines.tolist() == [2, 5]


def test_quotes_are_ordinary_in_tsv(tmp_path):
    rows = read_tsv(write(tmp_path, "a.tsv", 'sentence\tlabel\n"never closed\t1\nhe said "hi"\t0\n'))
    assert rows.columns["sentence"] == ['"never closed', 'he said "hi"']


def test_old_mac_line_ends(tmp_path):
    assert read_tsv(write(tmp_path, "a.tsv", "text\tlabel\rgood\t1\r")).columns == {"text": ["good"], "label": ["1"]}
    assert read_csv(write(tmp_path, "a.csv", "text,label\rgood,1\r")).columns == {"text": ["good"], "label": ["1"]}


def test_blank_lines_are_no_rows_but_a_blank_text_is(tmp_path):
    assert len(read_csv(write(tmp_path, "a.csv", "text,label\n\na,1\n\n\nb,2\n\n"))) == 2
    assert read_csv(write(tmp_path, "b.csv", "text\na\n\nb\n\n")).columns["text"] == ["a", "", "b"]


def test_gzip(tmp_path):
    import gzip

    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"text,label\ngood,1\n"))
    assert read_rows(path).columns == {"text": ["good"], "label": ["1"]}


def test_very_long_field(tmp_path):
    text = "word " * 100_000
    assert read_csv(write(tmp_path, "a.csv", f'text,label\n"{text}",1\n')).columns["text"] == [text]
    assert csv.field_size_limit() == 131072, "the limit of the user's own csv reading is left as it was"


BAD = {
    "empty file": ("a.csv", b"", r"a\.csv: the file is empty"),
    "white space only": ("a.csv", b" \n\n", r"only whitespace"),
    "header only": (
        "a.csv",
        b"text,label\n",
        r"line 1: the file has a header but no rows; received: \['text', 'label'\]",
    ),
    "latin 1": (
        "a.csv",
        "text,label\ngood,1\ncaf\u00e9,2\n".encode("latin-1"),
        r"line 3: invalid UTF-8 at byte 21.*WINDOWS-1252",
    ),
    "half of utf 16": ("a.csv", b"\xff\xfe\x00", r"invalid UTF-16 at byte ."),
    "utf 16 without its mark": (
        "a.csv",
        "text,label\n".encode("utf-16-le"),
        r"UTF-16 without a byte order mark.*UTF-8",
    ),
    "nul": ("a.csv", b"text,label\ngo\0od,1\n", r"line 2: a NUL byte"),
    "open quote": (
        "a.csv",
        b'text,label\nfine,1\n"good,1\nmore,2\nlast,3\n',
        r"line 3: unclosed quote.*good,1",
    ),
    "open quote in a later line of the record": (
        "a.csv",
        b'text,label\n"a\nb","c\nd,1\n',
        r"line 3: unclosed quote",
    ),
    "text after a quote": ("a.csv", b'text,label\n"good" film,1\n', r"line 2: invalid quotes.*good"),
    "too many fields": (
        "a.csv",
        b"text,label\nwell, good,1\n",
        r"line 2: expected 2 fields.*'well', ' good', '1'.*quotes",
    ),
    "too few fields": ("a.tsv", b"text\tlabel\ngood\n", r"line 2: expected 2 fields .* got 1.*\['good'\]"),
    "repeated name": ("a.csv", b"text,text\na,b\n", r"line 1: duplicate column names; received: \['text'\]"),
    "broken gzip": ("a.csv.gz", b"text,label\n", r"cannot be read"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_files_say_where_and_why(tmp_path, case):
    name, content, message = BAD[case]
    with pytest.raises(DataError, match=message) as error:
        read_rows(write(tmp_path, name, content))
    assert name in str(error.value)


@pytest.mark.parametrize("end", [".csv", ".CSV", ".Csv.GZ", ".TSV", ".tsv.gz"])
def test_endings_in_any_case(tmp_path, end):
    import gzip

    content = b"text\tlabel\ngood\t1\n".replace(b"\t", b"," if ".csv" in end.lower() else b"\t")
    path = write(tmp_path, f"a{end}", gzip.compress(content) if end.lower().endswith("gz") else content)
    assert read_rows(path).columns == {"text": ["good"], "label": ["1"]}


@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize(
    ("first", "names"), [("0,1", ["0", "1"]), ("1,2", ["1", "2"]), (",0,1", ["0", "1"]), ("0,1,2", ["0", "1", "2"])]
)
def test_a_header_of_numbers_is_no_row(tmp_path, caplog, first, names, header):
    width = first.count(",") + 1
    cells = [["7", "good", "pos"], ["8", "bad", "neg"]]
    lines = [",".join(row[3 - width :]) for row in cells]
    rows = read_csv(write(tmp_path, "a.csv", "\n".join([first, *lines])), header=header)
    assert list(rows.columns) == names
    assert (len(rows), rows.named, rows.lines.tolist()) == (2, False, [2, 3])
    assert rows.columns[names[-1]] == ["pos", "neg"]
    assert f"line 1 ({first}) is read as a header of numbered columns" in caplog.text


def test_a_header_in_the_middle_is_no_row(tmp_path, caplog):
    rows = read_csv(write(tmp_path, "a.csv", "text,label\na,1\ntext,label\nb,2\n text , label\nc,1\n"))
    assert rows.columns == {"text": ["a", "b", "c"], "label": ["1", "2", "1"]}
    assert rows.lines.tolist() == [2, 4, 6]
    assert "a.csv: 2 rows repeat the header and are skipped" in caplog.text
    assert len(read_tsv(write(tmp_path, "a.tsv", "text\tlabel\na\t1\ntext\tlabel\nb\t2\n"))) == 2
    assert len(read_csv(write(tmp_path, "a.csv", "Text,Label\na,1\ntext,LABEL\nb,2\n"))) == 2, "in other letters"
    assert len(read_csv(write(tmp_path, "b.csv", "text\na\ntext\n"))) == 2, "one column: it may be a text"
    with pytest.raises(DataError, match=r"the file has headers but no rows; received: \['text', 'label'\]"):
        read_csv(write(tmp_path, "c.csv", "text,label\ntext,label\n"))


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_bytes_give_rows_or_a_data_error(tmp_path_factory, data):
    """A good file with some bytes changed, or any bytes at all, never raises anything but DataError."""
    name = data.draw(st.sampled_from(["x.csv", "x.tsv", "x.jsonl", "x.csv.gz"]))
    good = {
        "x.csv": b'text,label\n"a ""b""\nc",1\nd,2\n',
        "x.tsv": b"text\tlabel\na\t1\nb\t2\n",
        "x.jsonl": b'{"text": "a", "label": [1]}\n{"text": "b", "label": {"c": null}}\n',
        "x.csv.gz": b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff",
    }[name]
    content = bytearray(data.draw(st.one_of(st.just(good), st.binary(max_size=60))))
    for _ in range(data.draw(st.integers(0, 3))):
        if content:
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = write(tmp_path_factory.getbasetemp(), name, bytes(content))
    rows = None
    with contextlib.suppress(DataError):
        rows = read_rows(path)
    if rows is not None:
        assert len(rows) >= 1
        assert all(len(values) == len(rows) for values in rows.columns.values())
