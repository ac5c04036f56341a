"""Classes by name on the command line, with a model of entailment and with a sentence embedder."""

import json

import pytest

import kerasft
from kerasft.pipelines import ZeroShotPipeline
from tests import tiny
from tests.cli.conftest import json_lines, write_csv
from tests.export.conftest import trained

CLASSES = ["film", "money", "card"]


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("zero_shot")
    labels = ["contradiction", "entailment", "neutral"]
    entailment = trained(tiny.classifier(labels))
    kerasft.save_bundle(folder / "nli", entailment, tiny.tokenizer(), max_length=32, pair=True)
    embedder = trained(kerasft.heads.sentence_embedding(tiny.backbone()))
    kerasft.save_bundle(folder / "embedder", embedder, tiny.tokenizer(), max_length=32)
    return folder


@pytest.mark.parametrize("model", ["nli", "embedder"])
def test_answers_are_those_of_the_pipeline(run, models, model):
    pipeline = kerasft.pipelines.load(models / model)
    code, out, _ = run("predict", models / model, "a good film", "my card", "--labels", *CLASSES)
    classify = ZeroShotPipeline(pipeline, CLASSES)
    expected = classify(["a good film", "my card"])
    assert code == 0
    assert [answer["label"] for answer in json_lines(out)] == [answer["label"] for answer in expected]
    words = ["--labels", "film, money,card", "--multi-label", "--hypothesis-template", "it is {}", "--top-k", "3"]
    _, out, _ = run("predict", models / model, "a good film", *words)
    classify = ZeroShotPipeline(pipeline, kerasft.multi_label(CLASSES), hypothesis="it is {}")
    (answer,) = json_lines(out)
    assert answer["labels"] == [pytest.approx(row) for row in classify("a good film", top_k=3)]


def test_a_file_and_other_names_of_the_flags(run, models, tmp_path):
    data = write_csv(tmp_path / "texts.csv", [("a good film", "film"), ("pay me", "money")])
    words = ["--candidate-labels", "film", "money", "--entailment", "neutral"]
    code, out, _ = run("predict", models / "nli", "--file", data, *words)
    assert code == 0
    assert [row["text"] for row in json_lines(out)] == ["a good film", "pay me"]
    words = ["--data", data, "--labels", "film", "money", "--report", tmp_path / "report"]
    for model in ("nli", "embedder"):
        code, out, err = run("evaluate", models / model, *words)
        assert code == 0, err
        assert json.loads((tmp_path / "report" / "report.json").read_text())["rows"] == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--multi-label"], "`--multi-label` must be omitted without --labels"),
        (["--hypothesis-template", "{}"], "`--hypothesis-template` must be omitted without --labels"),
        (["--labels", "film"], "`labels` must be two or more classes; received: ['film']"),
        (["--labels", "a", "b", "--hypothesis-template", "about"], "`hypothesis` must be a sentence with one {} in it"),
        (["--labels", "a", "b", "--entailment", "yes"], "`entailment` must be one of the model's labels"),
        (["--labels", "a", "a"], "a"),
    ],
)
def test_what_does_not_fit_is_refused(fails, models, words, message):
    assert message in fails("predict", models / "nli", "a good film", *words)


def test_a_model_of_single_texts_cannot(fails, bundle):
    message = "`model` must be a sentence-embedding pipeline, or a text-classification pipeline over pairs"
    assert message in fails("predict", bundle, "a good film", "--labels", "film", "money")
