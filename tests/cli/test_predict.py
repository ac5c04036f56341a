import io
import json
import sys

import pytest

import kerasft
from kerasft.cli.predict_input import first_rows
from tests.cli.conftest import json_lines


@pytest.fixture
def stdin(monkeypatch):
    def give(text, *, terminal=False):
        stream = io.StringIO(text)
        stream.isatty = lambda: terminal
        monkeypatch.setattr(sys, "stdin", stream)

    return give


def test_arguments(run, bundle):
    code, out, err = run("predict", bundle, "a good film", "bad \u00e9")
    assert (code, err) == (0, "")
    first, second = json_lines(out)
    assert first["text"] == "a good film"
    assert first["label"] in ("negative", "positive")
    assert 0.5 <= first["score"] <= 1
    assert second["text"] == "bad \u00e9"
    assert "\u00e9" in out  # not escaped


def test_top_k(run, bundle):
    _, out, _ = run("predict", bundle, "a good film", "--top-k", "2")
    (answer,) = json_lines(out)
    assert [sorted(row) for row in answer["labels"]] == [["label", "score"]] * 2


def test_a_file_standard_input_and_json_lines_give_the_same(run, bundle, stdin, tmp_path):
    texts = ["a good film", "", "bad"]
    (tmp_path / "texts.txt").write_text("a good film\n\nbad\n")
    (tmp_path / "texts.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    _, from_file, _ = run("predict", bundle, "--file", tmp_path / "texts.txt")
    _, from_objects, _ = run("predict", bundle, "--file", tmp_path / "texts.jsonl")
    stdin("a good film\n\nbad")
    _, from_stdin, _ = run("predict", bundle)
    assert [row["text"] for row in json_lines(from_file)] == texts
    assert from_file == from_objects == from_stdin


def test_no_texts_no_answers(run, bundle, stdin):
    stdin("")
    assert run("predict", bundle) == (0, "", "")


def test_a_terminal_is_told_what_to_do_and_answered_line_by_line(run, bundle, stdin, monkeypatch):
    monkeypatch.setattr("kerasft.cli.predict_input._CHUNK", None)  # not asked for
    stdin("a good film\nbad\n", terminal=True)
    code, out, err = run("predict", bundle, "--file", "-")
    assert (code, len(json_lines(out))) == (0, 2)
    assert err == "Reading texts from the terminal, one per line; press Ctrl-D to finish.\n"


def test_output_goes_to_a_file(run, bundle, tmp_path):
    code, out, _ = run("predict", bundle, "a good film", "--output", tmp_path / "answers.jsonl")
    assert (code, out) == (0, "")
    assert json_lines((tmp_path / "answers.jsonl").read_text())[0]["text"] == "a good film"


def test_truncated_texts_are_noted_in_one_line(run, bundle, stdin, caplog, monkeypatch):
    long = "a good film " * 20
    assert run("predict", bundle, long, "bad")[0] == 0
    monkeypatch.setattr("kerasft.cli.predict_input._CHUNK", 2)  # of all parts of a long file together
    stdin(f"{long}\n" * 5)
    assert run("predict", bundle)[0] == 0
    words = "texts ({} %) are longer than 12 tokens (max_length) and were truncated. To avoid truncation, train with a larger "
    assert [text.split("max_length (--")[0] for text in caplog.messages if "truncated" in text] == [
        f"1 of 2 {words.format('50.0')}",
        f"5 of 5 {words.format('100.0')}",
    ]


def test_every_form_answers_alike(run, bundle, exports):
    answers = [json_lines(run("predict", form, "a good film")[1])[0] for form in (bundle, *exports.values())]
    assert len({answer["label"] for answer in answers}) == 1
    assert max(answer["score"] for answer in answers) - min(answer["score"] for answer in answers) < 1e-4


def test_what_cannot_be_read_is_refused(fails, bundle, tmp_path):
    (tmp_path / "bad.jsonl").write_text('{"text": "a"}\nnot json\n')
    (tmp_path / "binary.txt").write_bytes(b"\xff\xfe\x00")
    for words, message in [
        (["a", "--file", "b.txt"], "either as arguments or with --file; received: ['a']"),
        (["a", "b", "--pair", "c"], "`--pair` must be given once for each of the 2 texts; received: ['c']"),
        (["a", "--pair", "b"], "must be single texts; received: ('a', 'b')"),
        (["a", "--top-k", "3"], "`top_k` must be a whole number from 1 to 2; received: 3"),
        (["a", "--batch-size", "0"], "`batch_size` must be a whole number >= 1; received: 0"),
        (["--file", tmp_path], "`--file` must be an existing file"),
        (["--file", tmp_path / "bad.jsonl"], "bad.jsonl, line 2"),
        (["--file", tmp_path / "binary.txt"], "binary.txt: invalid UTF-16 at byte"),
        (["a", "--output", tmp_path], "is a folder, but a file is expected"),
        (["a", "--output", tmp_path / "binary.txt" / "x"], "binary.txt is a file, but a folder is expected"),
    ]:
        assert message in fails("predict", bundle, *words)
    assert "is not a bundle: the folder does not exist" in fails("predict", tmp_path / "nothing", "a")


def test_options_of_the_pipeline_are_set_by_name(run, bundle):
    code, out, _ = run("predict", bundle, "good", "--set", "with_probabilities=true", "--set", "top_k=1")
    assert code == 0
    (answer,) = json_lines(out)
    assert set(answer["probabilities"]) == {"negative", "positive"}


def test_an_option_that_the_pipeline_has_not_is_refused(fails, bundle):

    line = fails("predict", bundle, "good", "--set", "num_beams=4")
    assert (
        "`--set` must be one of the options of this task: top_k, threshold, with_probabilities; received: 'num" in line
    )
    assert "`--set` must be NAME=VALUE; received: 'top_k'" in fails("predict", bundle, "good", "--set", "top_k")


def test_the_first_rows_alone(run, fails, bundle, work, stdin):
    code, out, err = run("predict", bundle, "--file", work / "train.csv", "--max-rows", "2")
    assert (code, len(json_lines(out))) == (0, 2)
    assert "Using the first 2 rows only (--max-rows).\n" in err
    stdin("good\nbad\n")
    code, out, err = run("predict", bundle, "--max-rows", "2")
    assert (len(json_lines(out)), err) == (2, "")
    assert "`--max-rows` must be a whole number >= 1; received: 0" in fails("predict", bundle, "a", "--max-rows", "0")


def test_rows_that_cannot_be_read_keep_their_places_among_the_first_rows(run, bundle, tmp_path):
    path = tmp_path / "texts.jsonl"
    path.write_text('{"text": "good"}\nno JSON\n{"text": "bad"}\n{"text": "fine"}\nno JSON either\n')
    _, out, _ = run("predict", bundle, "--file", path, "--max-rows", "2", "--skip-invalid")
    good, error, bad = json_lines(out)
    assert (good["text"], bad["text"]) == ("good", "bad")
    assert "line 2" in error["error"]
    _, out, _ = run("predict", bundle, "--file", path, "--max-rows", "9", "--skip-invalid")
    assert ["error" in row for row in json_lines(out)] == [False, True, False, False, True]


def test_no_row_is_read_after_the_first_rows():
    def chunks():
        yield kerasft.pipelines.Items(["a", "b"], [{}, {}], {})
        raise AssertionError("a terminal would wait here")

    assert [chunk.items for chunk in first_rows(chunks(), 2)] == [["a", "b"]]


def test_a_columns_name_is_not_taken_for_a_text(fails, bundle):
    message = fails("predict", bundle, "a good film", "--text-pair", "a bad one")
    assert "`--text-pair` must be omitted with texts as arguments; received: 'a bad one'" in message
    assert "for texts as arguments, use --pair TEXT" in message
