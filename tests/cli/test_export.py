import json
import pathlib

import kerasft
from kerasft.features import multi_label
from tests import tiny
from tests.cli.conftest import ROWS, write_csv


def test_the_written_folder_is_named_after_form_and_weights(run, bundle):
    code, out, err = run("export", bundle, "--quantize", "float16", "--sequence-length", "8")
    assert code == 0, err
    assert "is no better than 0.5000, the constant baseline" in err  # as the model of one epoch is not
    folder = pathlib.Path(f"{bundle}.litert.float16")
    assert f"written: {folder}" in out
    assert json.loads((folder / "report.json").read_text())["num_texts"] > 0


def test_both_forms_are_measured_on_the_texts_of_a_file(exports):
    litert, saved_model = (
        json.loads((pathlib.Path(folder) / "report.json").read_text()) for folder in exports.values()
    )
    assert litert["num_texts"] == 60
    assert litert["max_difference"] < 1e-4
    assert saved_model["max_difference"] < 1e-4


def test_a_phone_folder_is_complete_and_says_what_it_lost(run, bundle, work, tmp_path):
    folder = tmp_path / "phone"
    words = ["--quantize", "int8", "--sequence-length", "8", "12", "--output", folder]
    code, out, err = run("export", bundle, *words)
    assert code == 0, err
    assert "Accuracy was not measured: add --verify FILE" in out
    names = {path.name for path in folder.iterdir()}
    assert names >= {"model.tflite", "tokenizer.json", "labels.txt", "signature.json", "golden.jsonl", "report.html"}
    assert names >= {"README.md", "python", "android", "report.json"}
    report = json.loads((folder / "report.json").read_text())
    assert report["memory"]["peak"] > 0
    assert {row["signature"] for row in report["rows"]} == {"length_8", "length_12"}
    assert "Time per kernel" in (folder / "report.html").read_text()


def test_what_cannot_be_written_is_refused(fails, bundle, work, tmp_path):
    (tmp_path / "thesis.txt").write_text("")
    for words, message in [
        (["--output", tmp_path], "must be a new folder or an export to replace"),
        (["--output", bundle], "must be a new folder or an export to replace"),
        (["--sequence-length", "13"], "`sequence_length` must be a whole number from 3 to 12"),
        (["--format", "saved_model", "--quantize", "int8"], "`--quantize` must be omitted with --format saved_model"),
        (["--format", "saved_model", "--sequence-length", "8"], "`--sequence-length` must be omitted"),
        (["--app-normalizes"], "`--app-normalizes` must be omitted with --format litert"),
        (["--max-drop", "2"], "`--max-drop` must be omitted without --verify FILE; received: 2.0"),
        (
            ["--format", "saved_model", "--min-agreement", "1"],
            "`--min-agreement` must be omitted with --format saved_model",
        ),
        (["--format", "mediapipe", "--max-drop", "2"], "`--max-drop` must be omitted with --format mediapipe"),
        (["--verify", work / "train.csv", "--min-agreement", "2"], "`min_agreement` must be a fraction from 0 to 1"),
        (["--verify", work / "unknown.csv"], "unknown label; expected one of: "),
    ]:
        assert message in fails("export", bundle, *words)
    assert "is not a bundle" in fails("export", tmp_path)


def test_a_file_for_mediapipe_is_written_when_the_app_normalizes(run, fails, bundle, tmp_path):
    path = tmp_path / "reviews.tflite"
    words = ["--format", "mediapipe", "--output", path]
    assert "its tokenizer strips accents" in fails("export", bundle, *words)
    assert "one length" in fails("export", bundle, *words, "--app-normalizes", "--sequence-length", "8", "12")
    assert not path.exists()
    code, out, _ = run("export", bundle, *words, "--app-normalizes")
    assert code == 0
    assert f"written: {path}" in out
    assert path.stat().st_size > 10_000


def test_several_labels_are_scored_as_evaluate_scores_them(run, tmp_path):
    model = tiny.classifier(multi_label(["a", "b"]))
    bundle = kerasft.save_bundle(tmp_path / "bundle", model, tiny.tokenizer(), max_length=12)
    data = write_csv(tmp_path / "data.csv", [("a good film", "a|b"), ("a bad film", "b"), ("we", "")] * 5)
    words = ["--verify", data, "--min-agreement", "0", "--output", tmp_path / "phone"]
    code, _, err = run("export", bundle, *words)
    assert (code, err) == (0, f"columns of {data}: text: text, label: label\n")
    score = json.loads((tmp_path / "phone" / "report.json").read_text())["score"]["keras"]
    metrics = kerasft.pipelines.load(bundle).evaluate(data).metrics
    assert score == next(iter(metrics.values()))


def test_numbered_labels_and_some_rows_of_the_file_it_is_verified_on(run, fails, bundle, tmp_path):
    names = ["positive", "negative"]
    numbers = write_csv(tmp_path / "numbers.csv", [(text, names.index(label)) for text, label in ROWS])
    words = ["--format", "saved_model", "--output", tmp_path / "served", "--verify", numbers]
    assert "Labels in this file: 0, 1." in fails("export", bundle, *words)
    code, _, err = run("export", bundle, *words, "--label-names", "positive,negative", "--max-rows", "8")
    assert code == 0, err
    assert f"rows of {numbers}: 8 of 60, drawn at random with seed 0\n" in err
    assert json.loads((tmp_path / "served" / "report.json").read_text())["num_texts"] == 8
    for flag, value in (("--label-names", "a,b"), ("--max-rows", "8")):
        message = f"`{flag}` must be omitted without --verify FILE"
        assert message in fails("export", bundle, "--format", "saved_model", flag, value)
