"""What `predict` reads is what `train` reads: the text columns, of any file; the other columns come back."""

import gzip
import json

import pytest

import kerasft
from kerasft.cli.predict_input import read_chunks
from kerasft.errors import DataError
from tests.cli.conftest import json_lines
from tests.cli.test_predict import stdin  # noqa: F401

TEXTS = ["a good, warm film", 'they said "no"\nand left', "bad"]
ROWS = [{"id": str(row), "text": text, "label": "pos"} for row, text in enumerate(TEXTS, 7)]


def quoted(delimiter):
    cells = [list(ROWS[0]), *(list(row.values()) for row in ROWS)]
    return "".join(delimiter.join('"' + cell.replace('"', '""') + '"' for cell in row) + "\r\n" for row in cells)


def files(folder):
    """The same table in every form that people have."""
    objects = "".join(json.dumps(row) + "\n" for row in ROWS)
    contents = {
        "a.csv": quoted(","),
        "b.CSV": "\ufeff" + quoted(","),
        "c.csv": quoted(";"),
        "d.tsv": quoted("\t"),
        "e.jsonl": objects,
        "f.JSONL": "\ufeff" + objects,
        "g.ndjson": objects,
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content.encode())
    for name in ("a.csv", "d.tsv", "e.jsonl"):
        (folder / f"{name}.GZ").write_bytes(gzip.compress((folder / name).read_bytes()))
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.slow
def test_every_form_of_a_table_gives_the_same(run, bundle, tmp_path):
    outputs = {}
    for name in files(tmp_path):
        code, outputs[name], err = run("predict", bundle, "--file", tmp_path / name)
        assert code == 0, err
        assert f"columns of {tmp_path / name}: text: text\n" in err
        assert "The input column label is named input_label in the output." in err
    assert len(set(outputs.values())) == 1
    rows = json_lines(outputs["a.csv"])
    assert [row["text"] for row in rows] == TEXTS
    assert [row["id"] for row in rows] == ["7", "8", "9"]
    assert [row["input_label"] for row in rows] == ["pos"] * 3
    assert {row["label"] for row in rows} <= {"positive", "negative"}


def test_columns_are_named_numbered_or_ambiguous(run, fails, bundle, tmp_path, caplog):
    (tmp_path / "a.csv").write_text("body,review\nx,a good film\n")
    _, out, err = run("predict", bundle, "--file", tmp_path / "a.csv", "--text", "body")
    assert (json_lines(out)[0]["text"], json_lines(out)[0]["review"], err) == ("x", "a good film", "")
    (tmp_path / "b.csv").write_text("x,a good film\ny,bad\n")
    _, out, err = run("predict", bundle, "--file", tmp_path / "b.csv", "--text", "1")
    assert [row["text"] for row in json_lines(out)] == ["a good film", "bad"]
    (tmp_path / "c.csv").write_text("0,1\nx,a good film\n")
    _, out, _ = run("predict", bundle, "--file", tmp_path / "c.csv", "--text", "1")
    assert [row["text"] for row in json_lines(out)] == ["a good film"]
    assert "line 1 (0,1) is read as a header" in caplog.text
    (tmp_path / "d.csv").write_text("review,comment\nx,a good film\n")
    assert "ambiguous text column: ['review', 'comment']" in fails("predict", bundle, "--file", tmp_path / "d.csv")


def test_standard_input_is_text_unless_its_first_line_is_an_object(run, bundle, stdin):  # noqa: F811
    for text, words, expected in [
        ('\ufeff{"text": "bad", "id": 1}\n\n{"text": "good", "id": 2}\n', (), ["bad", "good"]),
        ('{"text": "bad"}\n', ("--lines", "text"), ['{"text": "bad"}']),
        ("\ufeffa\u2028b\nc\n", (), ["a\u2028b", "c"]),
        ('\n{"text": "bad"}\n', (), ["bad"]),
        ("{never mind}\n", (), ["{never mind}"]),
    ]:
        stdin(text)
        code, out, err = run("predict", bundle, *words)
        assert code == 0, err
        assert [json.loads(line)["text"] for line in out.split("\n")[:-1]] == expected
    stdin("a good film\n")
    assert run("predict", bundle, "--lines", "json")[0] == 1


def test_a_table_may_come_by_standard_input(bundle, stdin, capsys):  # noqa: F811
    pipeline = kerasft.pipelines.load(bundle)

    def read(text, columns=None, lines=None):
        stdin(text)
        return [pair for chunk in read_chunks(pipeline, None, columns=columns, lines=lines) for pair in zip(*chunk[:2])]

    table = quoted(",")
    body = table.replace('"text"', '"body"')
    for text, given in [
        (table, {}),
        ("\ufeff" + table.replace("\r\n", "\n"), {}),
        (quoted(";"), {}),
        (quoted("\t"), {}),
        (body, {"columns": {"text": "body"}}),
        (table.split("\r\n", 1)[1], {"columns": {"text": 1}}),
        (body.replace('"label"', '"x"'), {"columns": {"text": "body"}, "lines": "csv"}),
    ]:
        rows = read(text, **given)
        assert [item for item, _ in rows] == TEXTS
        assert [others.get("id", others.get("0")) for _, others in rows] == ["7", "8", "9"]
    assert "standard input: read as a table (csv)" in capsys.readouterr().err
    for text in ("Text, please\nyes\n", "a,b\nc,d\n", "text\nlabel\n"):
        assert [item for item, _ in read(text)] == text.split("\n")[:-1]
    assert read("id,text\n1,bad\n", lines="text")[0][0] == "id,text"
    with pytest.raises(DataError, match="standard input, line 2: expected 2 fields"):
        read("id,text\n1,bad,worse\n")


def test_text_files(run, fails, bundle, tmp_path, caplog):
    content = "\ufeffa good film\r\n\r\nbad\u2028end\r\n"
    (tmp_path / "a.txt").write_bytes(content.encode())
    (tmp_path / "b.TXT.gz").write_bytes(gzip.compress(content.encode()))
    (tmp_path / "c.txt").write_bytes(content.encode("utf-16-le"))
    for name in ("a.txt", "b.TXT.gz", "c.txt"):
        code, out, err = run("predict", bundle, "--file", tmp_path / name)
        assert code == 0, err
        assert [json.loads(line)["text"] for line in out.split("\n")[:-1]] == ["a good film", "", "bad\u2028end"]
    assert "c.txt: read as UTF-16." in caplog.text
    (tmp_path / "d.txt").write_text('{"text": "bad"}\n')
    _, out, err = run("predict", bundle, "--file", tmp_path / "d.txt")
    assert json_lines(out)[0]["text"] == '{"text": "bad"}'
    assert "--lines json to read JSON objects" in err
    _, out, _ = run("predict", bundle, "--file", tmp_path / "d.txt", "--lines", "json")
    assert json_lines(out)[0]["text"] == "bad"
    (tmp_path / "t.txt").write_text("id,text\n1,bad\n")
    assert "--lines csv to read a table" in run("predict", bundle, "--file", tmp_path / "t.txt")[2]
    (tmp_path / "e.txt").write_text("")
    assert run("predict", bundle, "--file", tmp_path / "e.txt") == (0, "", "")


def test_what_cannot_be_honoured_is_refused(fails, bundle, tmp_path):
    (tmp_path / "a.csv").write_text("text,label\n")
    (tmp_path / "b.json").write_text("[]")
    (tmp_path / "c.csv").write_text("text\na\n")
    (tmp_path / "d.txt").write_text("a\n")
    (tmp_path / "e.csv").write_text("text,label\na,1\n")
    for words, message in [
        (["a.csv"], "the file has a header but no rows"),
        (["b.json"], "Use JSON lines (.jsonl), one object per line"),
        (["c.csv", "--lines", "json"], "`--lines` must be omitted for a table; received: 'json'"),
        (["d.txt", "--text", "body"], "`--text` must be omitted for lines of text; received: {'text': 'body'}"),
        (["e.csv", "--text", "body"], "no column with this name; the columns are ['text', 'label']; received: 'body'"),
        (["e.csv", "--text", "0"], "e.csv, line 1: this row is a header"),
        (["none.csv"], "`--file` must be an existing file"),
    ]:
        name, *flags = words
        assert message in fails("predict", bundle, "--file", tmp_path / name, *flags)


@pytest.fixture
def named(run, work, train_words, tmp_path):
    """A bundle trained on columns of other names, of which two could be the label."""
    lines = (work / "train.csv").read_text().splitlines()[1:]
    (tmp_path / "train.csv").write_text("\n".join(["review,stars,rating", *(f"{line},1" for line in lines)]))
    words = [*train_words[:-1], str(tmp_path / "named"), "--label", "stars"]
    words[words.index("--train") + 1] = str(tmp_path / "train.csv")
    code, _, err = run(*words)
    assert code == 0, err
    return tmp_path / "named", err


@pytest.mark.slow
def test_columns_are_printed_remembered_and_used(run, named, tmp_path):
    folder, err = named
    assert f"columns of {tmp_path / 'train.csv'}: text: review, label: stars (2 classes)\n" in err
    columns = json.loads((folder / "kerasft.json").read_text())["settings"]["columns"]
    assert columns == {"text": "review", "label": "stars"}
    # By their names alone, sentence and review both could be the text, and stars would not be found as the label.
    (tmp_path / "test.csv").write_text("sentence,review,stars\nx,a good film,positive\ny,bad,negative\n")
    _, out, err = run("predict", folder, "--file", tmp_path / "test.csv")
    assert [row["text"] for row in json_lines(out)] == ["a good film", "bad"]
    assert "test.csv: text: review\n" in err
    code, _, err = run("evaluate", folder, "--data", tmp_path / "test.csv")
    assert code == 0, err
    assert "test.csv: text: review, label: stars (2 classes)\n" in err
    # A file that lacks them is read by the usual names.
    (tmp_path / "other.csv").write_text("text,label\na good film,positive\nbad,negative\n")
    _, out, err = run("predict", folder, "--file", tmp_path / "other.csv")
    assert "other.csv: text: text\n" in err
    code, _, err = run("evaluate", folder, "--data", tmp_path / "other.csv")
    assert code == 0, err
