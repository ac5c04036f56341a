"""Delimited files as people have them: read right, and what was found out is said; or refused."""

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kerasft.data.readers.delimited import read_csv, read_tsv
from kerasft.errors import DataError


def write(folder, name, content, encoding="utf-8"):
    path = folder / name
    path.write_bytes(content.encode(encoding))
    return path


TEXTS = ["a bright, funny film", "so; so", 'he said "hi"', "plain"]
ROWS = [["text", "label"], *([text, "pos"] for text in TEXTS)]


def delimited(rows, **options):
    text = io.StringIO(newline="")
    csv.writer(text, **options).writerows(rows)
    return text.getvalue()


CSV = {
    "semicolons": (delimited(ROWS, delimiter=";"), "delimiter: semicolons"),
    "tabs": (delimited(ROWS, delimiter="\t"), "delimiter: tabs"),
    "vertical bars": (delimited(ROWS, delimiter="|"), "delimiter: vertical bars"),
    "declared": ("sep=;\r\n" + delimited(ROWS, delimiter=";"), "as declared in the first line"),
    "declared in quotes": ('"sep=;"\n' + delimited(ROWS, delimiter=";"), "as declared in the first line"),
    "declared commas": ("sep=,\n" + delimited(ROWS), ""),
    "spaces": (
        delimited(ROWS).replace(",pos", ", pos").replace(",label", ", label"),
        "spaces after commas are ignored",
    ),
    "spaces before quotes": (
        'label, text\npos, "a bright, funny film"\npos, so; so\npos,"he said ""hi"""\npos,plain\n',
        "spaces after delimiters are ignored",
    ),
    "backslashes": (delimited(ROWS, doublequote=False, escapechar="\\"), r"\" is read as a quote"),
    "backslashes in quoted fields": (
        delimited(ROWS, doublequote=False, escapechar="\\", quoting=csv.QUOTE_ALL),
        r"\" is read as a quote",
    ),
    "all quoted": (delimited(ROWS, quoting=csv.QUOTE_ALL), ""),
}


@pytest.mark.parametrize("case", CSV)
def test_csv_as_people_write_it(tmp_path, caplog, case):
    content, said = CSV[case]
    for encoding in ("utf-8", "utf-8-sig"):
        rows = read_csv(write(tmp_path, "a.csv", content, encoding))
        assert {**rows.columns} == {"text": TEXTS, "label": ["pos"] * 4}
    assert (said in caplog.text) if said else not caplog.text
    assert rows.place(0)[1] == (3 if case.startswith("declared") else 2)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf16(tmp_path, caplog, encoding):
    mark = "" if encoding == "utf-16" else "\ufeff"
    rows = read_csv(write(tmp_path, "a.csv", mark + delimited([["text", "label"], ["caf\u00e9", "1"]]), encoding))
    assert rows.columns == {"text": ["caf\u00e9"], "label": ["1"]}
    assert "a.csv: read as UTF-16." in caplog.text


def test_backslashes_that_escape_nothing_stay(tmp_path):
    rows = read_csv(write(tmp_path, "a.csv", 'text,label\n"C:\\new \\"x\\" \\\\ end",pos\n'))
    assert rows.columns["text"] == ['C:\\new "x" \\ end']
    rows = read_csv(write(tmp_path, "b.csv", 'text,label\n"C:\\",pos\n"a\\b",neg\n'))
    assert rows.columns["text"] == ["C:\\", "a\\b"], "RFC 4180 knows no escapes"


def test_commas_win_where_they_give_a_table(tmp_path, caplog):
    rows = read_csv(write(tmp_path, "a.csv", "text,label\nso; so,1\na|b,2\n"))
    assert rows.columns["text"] == ["so; so", "a|b"]
    rows = read_csv(write(tmp_path, "b.csv", 'text\n"well, good"\n"a; b"\n'))
    assert rows.columns["text"] == ["well, good", "a; b"]
    assert not caplog.text


def test_the_error_is_about_the_delimiter_of_the_first_line(tmp_path):
    with pytest.raises(DataError, match=r"line 3: expected 2 fields.* got 3; received: \['b', 'c', '2'\]"):
        read_csv(write(tmp_path, "a.csv", "text;label\na;1\nb;c;2\n"))
    with pytest.raises(DataError, match="line 2: unclosed quote"):
        read_csv(write(tmp_path, "b.csv", 'text;label\n"a;1\nb;2\n'))


def pandas_tsv(rows, **options):
    return delimited(rows, delimiter="\t", lineterminator="\n", **options)


TSV = {
    "minimal": pandas_tsv(ROWS),
    "all quoted": pandas_tsv(ROWS, quoting=csv.QUOTE_ALL),
    "tab inside": pandas_tsv([*ROWS[:-1], ["plain", "pos"]]).replace("so; so", '"so; so"'),
    "excel": 'text\tlabel\n"a bright, funny film"\tpos\nso; so\tpos\n"he said ""hi"""\tpos\nplain\tpos\n',
    "sep line": "sep=;\n" + delimited(ROWS, delimiter=";"),
}


@pytest.mark.parametrize("case", TSV)
def test_quoted_tsv(tmp_path, caplog, case):
    rows = read_tsv(write(tmp_path, "a.tsv", TSV[case]))
    assert rows.columns == {"text": TEXTS, "label": ["pos"] * 4}
    said = "delimiter: semicolons, as declared" if case == "sep line" else "quoted fields are read as in CSV"
    assert f"a.tsv: {said}" in caplog.text


def test_quoted_tsv_with_tabs_and_lines_inside(tmp_path):
    rows = read_tsv(write(tmp_path, "a.tsv", 'text\tlabel\n"one\ttab"\t1\n"two\nlines"\t2\nplain\t3\n'))
    assert rows.columns == {"text": ["one\ttab", "two\nlines", "plain"], "label": ["1", "2", "3"]}
    assert rows.lines.tolist() == [2, 3, 5]


@pytest.mark.parametrize(
    "lines",
    [
        ['he said "hi"\t1', "b\t2"],
        ['"never closed\t1', 'he said "\t0'],
        ['" alone "\t1', "two, three\t2"],
        ['"a"" b\t1', "c\t2"],
        ['"whole"\t1', 'bare " quote\t2'],
        ['"a ""b"" c"\t1', 'bare " quote\t2'],
    ],
)
def test_glue_tsv_keeps_its_quotes(tmp_path, lines):
    rows = read_tsv(write(tmp_path, "a.tsv", "\n".join(["sentence\tlabel", *lines]) + "\n"))
    assert rows.columns["sentence"] == [line.split("\t")[0] for line in lines]


def test_quotes_that_could_be_read_in_two_ways_are_said(tmp_path, caplog):
    read_tsv(write(tmp_path, "a.tsv", 'text\tlabel\n"a ""b"" c"\t1\nbare " quote\t2\n'))
    assert "a.tsv: quotes are read as part of the text" in caplog.text


cells = st.text(st.sampled_from('ab ,;"\t\n\u2028\u0085é'), min_size=1, max_size=8).map(lambda text: "x" + text)
# With a tab and a line end in one field, the lines of a TSV file can be a table as they are.
cells = cells.filter(lambda text: not ("\t" in text and "\n" in text))
tables = st.lists(st.tuples(cells, cells), min_size=1, max_size=6)


@settings(max_examples=60, deadline=None)
@given(tables, st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]), st.sampled_from([(";", ".csv"), ("\t", ".tsv")]))
def test_what_pandas_writes_is_read(tmp_path_factory, table, quoting, form):
    delimiter, end = form
    content = delimited([("text", "label"), *table], delimiter=delimiter, quoting=quoting, lineterminator="\n")
    path = write(tmp_path_factory.getbasetemp(), f"pandas{end}", content)
    rows = (read_csv if end == ".csv" else read_tsv)(path)
    assert list(zip(*rows.columns.values())) == table
