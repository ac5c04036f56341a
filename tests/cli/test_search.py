"""Search on the command line: answers in a file, an index that is kept, wrong bundles."""

import json

import pytest

import kerasft
from tests import tiny
from tests.cli.conftest import json_lines, write_csv
from tests.export.conftest import trained


@pytest.fixture(scope="module")
def embedder(tmp_path_factory):
    model = trained(kerasft.heads.sentence_embedding(tiny.backbone()))
    folder = tmp_path_factory.mktemp("search") / "embedder"
    return str(kerasft.save_bundle(folder, model, tiny.tokenizer(), max_length=16))


def test_the_entries_that_fit_are_printed(run, embedder, tmp_path):
    rows = [("a good film", "1"), ("please pay my card", "2")]
    answers = write_csv(tmp_path / "faq.csv", rows, header=("text", "page"))
    index = tmp_path / "index"
    code, out, _ = run("search", embedder, "a good film", "--answers", answers, "--top-k", "1", "--index", index)
    (line,) = json_lines(out)
    assert code == 0
    assert (line["question"], line["answers"][0]["page"]) == ("a good film", "1")
    code, out, _ = run("search", embedder, "pay", "bad", "--index", index)
    assert [len(line["answers"]) for line in json_lines(out)] == [2, 2]


def test_what_is_missing_is_said(fails, bundle, embedder, tmp_path):
    assert "`--answers` must be a file of entries" in fails("search", embedder, "bad")
    assert "`--answers` must be a file of entries" in fails("search", embedder, "bad", "--index", tmp_path / "none")
    answers = write_csv(tmp_path / "faq.csv", [("a good film",)], header=("text",))
    assert "`BUNDLE` must be a sentence embedder" in fails("search", bundle, "bad", "--answers", answers)
    assert "the file does not exist" in fails("search", embedder, "bad", "--answers", tmp_path / "none.csv")


def test_line_separators_of_unicode_end_no_entry(run, embedder, tmp_path):
    texts = ["a good film\u2028Call us at once.", "please pay\u0085my card", "bad\u2029movie"]
    (tmp_path / "faq.jsonl").write_text(
        "".join(json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in texts), "utf-8"
    )
    (tmp_path / "faq.txt").write_text("\ufeff" + "\n".join(texts), "utf-8")
    for name in ("faq.jsonl", "faq.txt"):
        index = tmp_path / f"{name}.index"
        assert run("search", embedder, "bad", "--answers", tmp_path / name, "--index", index)[0] == 0
        code, out, err = run("search", embedder, "bad", "--index", index)
        assert code == 0, err
        found = json.loads(out)["answers"]
        assert {answer["text"] for answer in found} == set(texts)


def test_the_compared_column_is_named_numbered_or_said(run, embedder, tmp_path, caplog):
    (tmp_path / "a.csv").write_text("page;review\n1;a good film\n2;bad\n")
    (tmp_path / "b.CSV").write_text("1,a good film\n2,bad\n")
    for words, said in [
        (["a.csv"], "a.csv: text: review\n"),
        (["a.csv", "--text", "review"], "semicolons"),
        (["b.CSV", "--text", "1"], ""),
    ]:
        code, out, err = run("search", embedder, "bad", "--answers", tmp_path / words[0], *words[1:], "--top-k", "1")
        assert code == 0, err
        assert "bad" in json.loads(out)["answers"][0].values()
        assert said in err + caplog.text
