import json

import pytest

import kerasft
from tests import tiny
from tests.cli.conftest import ROWS, write_csv


@pytest.mark.slow
def test_every_form_has_the_same_numbers_and_a_report(run, bundle, exports, work, tmp_path):
    found = []
    for number, form in enumerate((bundle, *exports.values())):
        folder = tmp_path / str(number)
        code, out, _ = run("evaluate", form, "--data", work / "train.csv", "--report", folder)
        assert code == 0
        assert "accuracy" in out
        assert "Learning curve" in (folder / "report.html").read_text("utf-8")  # of the training, in every form
        found.append(json.loads((folder / "report.json").read_text())["metrics"])
    for metrics in found[1:]:
        assert metrics == pytest.approx(found[0], abs=1e-4)


def test_what_does_not_fit_is_refused(fails, bundle, work, tmp_path):
    (tmp_path / "taken").write_text("")
    for words, message in [
        (["--data", tmp_path / "no.csv"], "no.csv: the file does not exist"),
        (["--data", work / "unknown.csv"], "unknown label; expected one of: negative, positive"),
        (["--data", work / "train.csv", "--text", "9"], "no column with this index"),
        (["--data", work / "train.csv", "--report", tmp_path / "taken"], "taken is a file, but a folder is expected"),
    ]:
        assert message in fails("evaluate", bundle, *words)


def test_numbers_are_no_names_unless_their_names_are_given(run, fails, bundle, work, tmp_path):
    names = ["positive", "negative"]  # not the alphabet's order, which is the bundle's
    numbers = write_csv(tmp_path / "numbers.csv", [(text, names.index(label)) for text, label in ROWS])
    message = fails("evaluate", bundle, "--data", numbers)
    assert "expected one of: negative, positive; received: '0'. Labels in this file: 0, 1." in message
    found = []
    for data, *words in ((numbers, "--label-names", "positive, negative"), (str(work / "train.csv"),)):
        assert run("evaluate", bundle, "--data", data, *words, "--report", tmp_path / "report")[0] == 0
        found.append(json.loads((tmp_path / "report" / "report.json").read_text())["metrics"])
    assert found[0] == found[1]


def test_labels_that_training_lacks_can_be_counted_as_errors(run, bundle, work, tmp_path, caplog):
    words = ("--data", work / "unknown.csv", "--unseen-labels", "count", "--report", tmp_path)
    assert run("evaluate", bundle, *words)[0] == 0
    assert (
        "unknown.csv has labels that do not occur in the training rows: neutral (1); they count as errors."
        in caplog.text
    )
    assert json.loads((tmp_path / "report.json").read_text())["metrics"]["accuracy"] <= 0.5


def test_some_rows_are_named_and_the_baseline_is_of_the_same(run, fails, bundle, work, tmp_path):
    words = ["--data", work / "train.csv", "--report", tmp_path, "--max-rows"]
    code, out, err = run("evaluate", bundle, *words, "10")
    assert code == 0
    assert f"rows of {work / 'train.csv'}: 10 of 60, drawn at random with seed 0\n" in err
    assert out.startswith(f"{work / 'train.csv'} (10 of 60 rows)")
    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["rows"], report["about"]["rows"]) == (10, "10 of 60, drawn at random with seed 0")
    assert report["baseline"]["accuracy"] == 0.5  # 5 of the 10 are of the commonest class
    code, out, err = run("evaluate", bundle, *words, "99")
    assert f"rows of {work / 'train.csv'}: all 60\n" in err
    assert "`max_rows` must be a whole number >= 1; received: 0" in fails("evaluate", bundle, *words, "0")


def test_a_thousand_rows_are_named_whole(run, bundle, tmp_path):
    path = tmp_path / "many.csv"
    path.write_text("text,label\n" + "good,positive\nbad,negative\n" * 600)
    _, out, err = run("evaluate", bundle, "--data", path, "--report", tmp_path / "report", "--max-rows", "1100")
    assert "1,100 of 1,200, drawn at random" in err
    assert out.startswith(f"{path} (1,100 of 1,200 rows)")


def test_names_of_labels_for_a_task_without_labels_are_refused(fails, tmp_path):
    embedder = kerasft.heads.sentence_embedding(tiny.backbone())
    bundle = kerasft.save_bundle(tmp_path / "embedder", embedder, tiny.tokenizer(), max_length=16)
    (tmp_path / "pairs.csv").write_text("sentence1,sentence2,score\ngood,fine,0.9\ngood,bad,0.1\nbad,fine,0.2\n")
    message = fails("evaluate", bundle, "--data", tmp_path / "pairs.csv", "--label-names", "a,b")
    assert "`--label-names` must be omitted for a task without labels; received: ['a', 'b']" in message
