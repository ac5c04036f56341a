"""Limits of data: each reader refuses what is beyond them, and says how to raise them."""

import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import kerasft
from kerasft import data
from kerasft.errors import DataError, KerasftError
from tests import tiny
from tests.security.hostile_data import record

ROWS = [{"text": f"a good film {number}", "label": str(number % 7)} for number in range(50)]


def written(folder, ending, rows=ROWS):
    """The rows as a file of one format."""
    path = folder / f"rows.{ending}"
    if ending == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
        return path
    delimiter = "\t" if ending == "tsv" else ","
    lines = [delimiter.join(rows[0]), *(delimiter.join(row.values()) for row in rows)]
    if ending == "jsonl":
        lines = [json.dumps(row) for row in rows]
    content = "\n".join(lines).encode() + b"\n"
    path.write_bytes(gzip.compress(content) if ending.endswith(".gz") else content)
    return path


SOURCES = ("csv", "tsv", "jsonl", "parquet", "csv.gz", "rows", "columns")


@pytest.fixture(params=SOURCES)
def source(request, tmp_path):
    """The same 50 rows in every form."""
    if request.param == "rows":
        return ROWS
    if request.param == "columns":
        return {name: [row[name] for row in ROWS] for name in ROWS[0]}
    return written(tmp_path, request.param)


@pytest.mark.parametrize(
    ("variable", "most", "needed", "problem"),
    [
        ("CELL_CHARACTERS", 12, 13, r"the cell in column 'text' has 13 characters or items, maximum: 12"),
        ("COLUMNS", 1, 2, r"a table must have at most 1 columns; received: 2"),
        ("CELLS", 99, 100, r"a table must have at most 99 cells; received: 10\d"),
    ],
)
def test_a_table_beyond_a_limit_is_refused(source, monkeypatch, variable, most, needed, problem):
    assert len(data.read_rows(source)) == 50
    monkeypatch.setenv(f"KERASFT_MAX_{variable}", str(most))
    with pytest.raises(
        DataError, match=rf"{problem}.*set the environment variable KERASFT_MAX_{variable} to \d+ or more"
    ):
        data.read_rows(source)
    monkeypatch.setenv(f"KERASFT_MAX_{variable}", str(needed + 2))
    assert len(data.read_rows(source)) == 50


def test_too_many_labels_are_refused(source, monkeypatch):
    monkeypatch.setenv("KERASFT_MAX_LABELS", "6")
    with pytest.raises(KerasftError, match=r"at most 6 names; received: 7\. .*KERASFT_MAX_LABELS to 7 or more"):
        data.collect_labels(source)
    monkeypatch.setenv("KERASFT_MAX_LABELS", "7")
    assert len(data.collect_labels(source)) == 7


def test_labels_of_a_config_and_a_bundle_are_counted(bundle, tmp_path, monkeypatch):
    folder = tiny.bert_folder(
        tmp_path / "checkpoint", architectures=["BertForSequenceClassification"], num_labels=10**9
    )
    with pytest.raises(KerasftError, match=r"at most 10000 names; received: 1000000000"):
        kerasft.load_task_model(folder)
    monkeypatch.setenv("KERASFT_MAX_LABELS", "1")
    with pytest.raises(KerasftError, match="at most 1 names; received: 2"):
        kerasft.load_bundle(bundle)


def test_many_labels_and_rows_of_a_multi_label_problem_are_counted_before_they_are_made(monkeypatch):
    rows = [{"text": "a", "labels": ["x", "y", "z"]}] * 40
    labels = kerasft.multi_label(["x", "y", "z"])
    monkeypatch.setenv("KERASFT_MAX_CELLS", "100")
    with pytest.raises(DataError, match="at most 100 cells; received: 120"):
        data.texts_and_labels(rows, labels=labels)


def test_what_is_real_passes():
    """A long article, many classes, a wide table."""
    article = {"text": "word " * 100_000, **{f"column_{number}": 0 for number in range(2000)}}
    assert len(data.read_rows([article, article])) == 2
    rows = [{"text": "a", "label": f"class {number}"} for number in range(5000)]
    assert len(data.collect_labels(rows)) == 5000


def test_lines_with_keys_of_their_own_are_counted_before_they_are_a_table(tmp_path):
    lines = [json.dumps({f"k{row}_{number}": 1 for number in range(200)}) for row in range(60)]
    (tmp_path / "keys.jsonl").write_text("\n".join(lines))
    with pytest.raises(DataError, match=r"at most 10000 columns; received: 12000"):
        data.read_rows(tmp_path / "keys.jsonl")


@pytest.mark.parametrize(
    ("name", "text", "variable", "most", "number"),
    [
        ("a.csv", "text,label\na,x\nb,y\n", "LINES", 2, 3),
        ("a.csv", "text,label\ra,x\rb,y\r", "LINES", 2, 3),
        ("a.txt", "a\n" * 5, "LINES", 4, 5),
        ("a.csv", "text,label\na,x\nb,y\n", "VALUES", 2, 3),
        ("a.tsv", "text\tlabel\na\tx\nb\ty\n", "VALUES", 2, 3),
        ("a.jsonl", '{"text": "a", "label": [[], []]}\n' * 2, "VALUES", 9, 10),
        ("a.conll", "a b O\n" * 4, "VALUES", 7, 8),
    ],
)
def test_lines_and_values_are_counted_before_they_are_split(tmp_path, monkeypatch, name, text, variable, most, number):
    (tmp_path / name).write_text(text, newline="")
    monkeypatch.setenv(f"KERASFT_MAX_{variable}", str(most))
    read = data.read_tags if name == "a.conll" else data.read_text_rows
    problem = rf"{name}: a file must have at most {most} {variable.lower()}; received: {number}"
    with pytest.raises(DataError, match=rf"{problem}.*KERASFT_MAX_{variable} to {number}"):
        read(tmp_path / name)


def test_equal_texts_of_a_parquet_file_are_counted_before_they_are_texts(tmp_path, monkeypatch):
    path = tmp_path / "texts.parquet"
    pq.write_table(pa.table({"text": ["a" * 10_000] * 2000, "tags": [["b" * 1000, None]] * 2000}), path)
    assert path.stat().st_size < 30_000
    assert len(data.read_rows(path)) == 2000
    monkeypatch.setenv("KERASFT_MAX_DATA_BYTES", "21000000")
    with pytest.raises(DataError, match=r"the file exceeds 21000000 bytes.*KERASFT_MAX_DATA_BYTES"):
        data.read_rows(path)


def test_the_context_of_a_question_has_a_limit(tmp_path, monkeypatch):
    answers = [{"text": "Paris", "answer_start": 3}]
    rows = [{"id": "1", "question": "Where?", "context": "In Paris, a good cafe.", "answers": answers}]
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    assert data.read_squad(tmp_path / "rows.json")
    monkeypatch.setenv("KERASFT_MAX_CELL_CHARACTERS", "10")
    with pytest.raises(
        DataError, match=r"question '1', context: the text has 22 characters.*KERASFT_MAX_CELL_CHARACTERS"
    ):
        data.read_squad(tmp_path / "rows.json")


def test_many_questions_about_a_long_context_are_counted(monkeypatch):
    rows = [{"id": str(n), "question": "q", "context": "a b c", "answers": []} for n in range(10)]
    monkeypatch.setenv("KERASFT_MAX_DATA_BYTES", "49")
    with pytest.raises(DataError, match=r"contexts of 10 questions have 50 characters.*KERASFT_MAX_DATA_BYTES to 50"):
        data.read_squad(rows)


@pytest.mark.parametrize("given", ["4 GB", "-1", "", "1e6", "9" * 30])
def test_a_limit_that_is_no_number_is_named(monkeypatch, given):
    monkeypatch.setenv("KERASFT_MAX_COLUMNS", given)
    with pytest.raises(KerasftError, match=r"`KERASFT_MAX_COLUMNS` must be a whole number; received"):
        data.read_rows(ROWS)


@pytest.mark.parametrize("number", [10**400, -(10**400), 1e308, 2**63, float("nan"), float("inf"), True, 3.5])
def test_a_place_that_no_text_has_is_refused(number):
    span = {"start": 0, "end": number, "label": "X"}
    with pytest.raises(DataError):
        data.read_tags([{"text": "Rome is", "spans": [span]}])
    answers = [{"text": "Paris", "answer_start": number}]
    with pytest.raises(DataError, match="answer_start must be"):
        data.read_squad([{"question": "q", "context": "In Paris", "answers": answers}])
    pair = {"text": "Ann met Bob", "head": {"start": 0, "end": number}, "tail": {"start": 8, "end": 11}, "label": "x"}
    with pytest.raises(DataError):
        data.entity_pairs([pair, pair])


@pytest.mark.parametrize("length", [2**40, 2**62, 2**64 - 1, 100])
def test_a_record_that_is_longer_than_its_file_is_refused(tmp_path, length):
    (tmp_path / "a.tfrecord").write_bytes(record(b"a", length))
    with pytest.raises(DataError, match="corrupted after this record"):
        data.read_rows(tmp_path / "a.tfrecord")
