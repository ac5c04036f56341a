"""`--skip-invalid` of `evaluate` and `predict`: the first names what it left out, the second keeps a line for each row."""

import json

from tests.cli.conftest import json_lines
from tests.cli.test_predict import stdin  # noqa: F401

LINES = [
    '{"id": 1, "text": "a good film", "label": "positive"}',
    '{"id": 2, "text":',
    '{"id": 3, "text": "", "label": "negative"}',
    '{"id": 4, "text": 5, "label": "negative"}',
    '{"id": 6, "text": "bad", "label": "negative"}',
]


def test_evaluate_counts_and_lists(run, fails, bundle, tmp_path):
    data, report = tmp_path / "test.jsonl", tmp_path / "report"
    data.write_text("\n".join(LINES))
    assert "line 2: invalid JSON" in (message := fails("evaluate", bundle, "--data", data))
    assert "To skip invalid rows: --skip-invalid" in message
    code, _, err = run("evaluate", bundle, "--data", data, "--report", report, "--skip-invalid")
    assert code == 0
    assert "3 rows were skipped (--skip-invalid):" in err
    listed = [json.loads(line) for line in (report / "skipped_rows.jsonl").read_text().splitlines()]
    assert [row["line"] for row in listed] == [2, 3, 4]
    assert (report / "report.html").is_file()


def test_predict_has_a_line_for_each_row(run, fails, bundle, tmp_path, stdin):  # noqa: F811
    data = tmp_path / "test.jsonl"
    data.write_text("\n".join(LINES))
    assert "line 2: invalid JSON" in fails("predict", bundle, "--file", data)
    code, from_file, err = run("predict", bundle, "--file", data, "--skip-invalid")
    assert code == 0
    assert "2 rows were skipped" in err
    rows = json_lines(from_file)
    assert [row.get("id") for row in rows] == [1, None, 3, None, 6]
    assert [row["error"].partition(": ")[0] for row in rows if "error" in row] == [f"{data}, line {n}" for n in (2, 4)]
    assert all("score" in row for row in rows if "error" not in row)  # the empty text has its answer
    stdin("\n".join(LINES))
    code, from_stdin, _ = run("predict", bundle, "--lines", "json", "--skip-invalid")
    assert code == 0
    assert from_stdin == from_file.replace(str(data), "standard input")


def test_predict_on_a_broken_table(run, bundle, tmp_path):
    (tmp_path / "test.csv").write_text("id,text\n1,good\n2,bad,x\n3,so so\n")
    code, out, _ = run("predict", bundle, "--file", tmp_path / "test.csv", "--skip-invalid")
    assert code == 0
    assert [row.get("id", "error" in row) for row in json_lines(out)] == ["1", True, "3"]


def test_predict_goes_on_after_a_chunk_without_a_valid_row(run, bundle, tmp_path, stdin, monkeypatch):  # noqa: F811
    monkeypatch.setattr("kerasft.cli.predict_input._CHUNK", 2)
    lines = [f'{{"id": {number}, "text": {text}}}' for number, text in enumerate(["5", "6", '"good"', "7", "8", "9"])]
    stdin("\n".join(lines))
    code, out, err = run("predict", bundle, "--lines", "json", "--skip-invalid")
    assert code == 0
    assert [row.get("id", "error" in row) for row in json_lines(out)] == [True, True, 2, True, True, True]
    assert "5 rows were skipped" in err
    (tmp_path / "test.jsonl").write_text("\n".join(lines[:2]))
    code, out, err = run("predict", bundle, "--file", tmp_path / "test.jsonl", "--skip-invalid")
    assert (code, [list(row) for row in json_lines(out)]) == (0, [["error"], ["error"]])
    assert "2 rows were skipped" in err
