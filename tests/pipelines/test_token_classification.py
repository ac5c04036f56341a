"""Texts to entities: in memory, from a bundle, from exported files; windows; evaluation by seqeval."""

import json
import logging

import numpy as np
import pytest
import seqeval.metrics

import kerasft
from kerasft import data, heads
from kerasft.errors import DataError, KerasftError
from kerasft.features import Labels
from kerasft.inference.runners import Runner
from kerasft.pipelines import TokenClassificationPipeline
from tests import tiny
from tests.export.conftest import trained

LABELS = Labels(["O", "B-X", "I-X"])
TEXTS = ["I lost my good card!", "", " \x07 ", "the bad movie was not what we love " * 9, "caf\u00e9 \U0001f600 good"]


def of_ids(logits_of, **options):
    """A pipeline over a model without context: a token's logits are a function of its id."""

    def run(features):
        return {"logits": np.array([[logits_of(int(i)) for i in row] for row in features["token_ids"]], "float32")}

    runner = Runner(run, ("token_ids", "padding_mask", "segment_ids"), lengths=options.pop("lengths", ()))
    return TokenClassificationPipeline(runner, tiny.tokenizer(), LABELS, max_length=16, **options)


def tagging(words):
    """Logits by the words' ids: B-X and I-X for these, else O."""
    ids = {tiny.tokenizer().convert_tokens_to_ids(word): tag for word, tag in words.items()}
    return lambda i: [5.0 * (ids.get(i, 0) == tag) for tag in range(3)]


def test_entities_have_the_offsets_of_the_original_text():
    find = of_ids(tagging({"good": 1, "card": 2, "film": 1}))
    text = "  I lost my  GOOD card, (film)."
    answer = find(text)["entities"]
    assert [(e["start"], e["end"], e["label"], e["text"]) for e in answer] == [
        (13, 22, "X", "GOOD card"),
        (25, 29, "X", "film"),
    ]
    assert answer[0]["score"] == pytest.approx(np.exp(5) / (np.exp(5) + 2))
    assert json.loads(json.dumps(find([text]))) == find([text])
    assert find(text, threshold=0.999) == {"entities": []}
    assert find([]) == []
    assert [word["tag"] for word in find("good film", with_tags=True)["words"]] == ["B-X", "B-X"]


@pytest.mark.parametrize("stride", [0, 3, 13])
def test_long_texts_are_answered_as_short_ones(stride):
    find = of_ids(tagging({"good": 1, "card": 2}), settings={"stride": stride})
    text = "I lost my good card. " * 30
    answer = find(text)["entities"]
    assert [e["start"] for e in answer] == [21 * i + 10 for i in range(30)]
    assert {e["text"] for e in answer} == {"good card"}


def test_a_file_of_a_short_fixed_length_works_too():
    find = of_ids(tagging({"good": 1, "card": 2}), settings={"stride": 13}, lengths=(8,))
    assert (find.tagger.max_length, find.tagger.stride) == (8, 1)
    assert len(find("I lost my good card. " * 30)["entities"]) == 30


def test_constrained_answers_are_legal():
    scores = {"film": [0.0, 1.0, 1.5], "card": [0.0, 0.0, 5.0]}
    ids = {tiny.tokenizer().convert_tokens_to_ids(word): row for word, row in scores.items()}
    find = of_ids(lambda i: ids.get(i, [5.0, 0.0, 0.0]), settings={"constrained": True})
    tags = [word["tag"] for word in find("good film card", with_tags=True)["words"]]
    assert tags == ["O", "B-X", "I-X"]
    free = [word["tag"] for word in find("good film card", with_tags=True, constrained=False)["words"]]
    assert free == ["O", "I-X", "I-X"]


def test_evaluation_is_seqevals():
    find = of_ids(tagging({"good": 1, "card": 2}))
    rows = [
        (["my", "good", "card"], ["O", "B-X", "I-X"]),
        (["good", "film", "card"], ["B-X", "I-X", "I-X"]),
        (["a"], ["O"]),
    ]
    report = find.evaluate(rows, about={"data": "here"})
    predicted = [["O", "B-X", "I-X"], ["B-X", "O", "I-X"], ["O"]]
    truth = [tags for _, tags in rows]
    assert report.metrics["entity_f1"] == seqeval.metrics.f1_score(truth, predicted)
    assert report.metrics["token_accuracy"] == seqeval.metrics.accuracy_score(truth, predicted)
    assert list(report.metrics) == ["entity_f1", "entity_precision", "entity_recall", "token_accuracy"]
    assert report.about["scoring"] == "as seqeval's default mode and conlleval, model's tags in IOB2"
    assert [(row["label"], row["support"]) for row in report.per_class] == [("X", 2)]
    assert [(e["row"], e["truth"], e["predicted"]) for e in report.errors] == [
        (1, "good film card [X]", "good [X]; card [X]")
    ]
    assert "not a token F1" in report.to_html()
    # The texts with their spans: the wrong one first, and without the one that has none.
    assert [(each["row"], each["right"], each["text"]) for each in report.examples] == [
        (1, False, "good film card"),
        (0, True, "my good card"),
    ]
    assert [span["start"] for span in report.examples[0]["predicted"]] == [0, 10]


def test_the_report_shows_200_texts_at_most_the_wrong_ones_first():
    find = of_ids(tagging({"good": 1}))
    rows = [(["good"], ["O" if row % 100 == 99 else "B-X"]) for row in range(400)]
    report = find.evaluate(rows)
    assert [each["row"] for each in report.examples[:6]] == [99, 199, 299, 399, 0, 1]
    assert len(report.examples) == 200
    assert "200 of 400 rows, errors first (4 wrong, 196 correct)" in report.to_html()


def test_tags_that_the_model_lacks_count_as_missed_and_are_said_once(caplog):
    find = of_ids(tagging({}))
    rows = [(["good", "card"], ["B-Y", "I-Y"]), (["good"], ["B-Y"]), (["film"], ["O"])]
    with caplog.at_level(logging.WARNING, "kerasft"):
        reports = [find.evaluate(rows), find.evaluate(rows)]
    assert [report.metrics["entity_recall"] for report in reports] == [0.0, 0.0]
    assert reports[0].metrics["token_accuracy"] == 0.25
    sentence = (
        "2 of 3 rows of Python rows have tags that do not occur in the training rows: B-Y (2), I-Y (1); they count"
    )
    assert caplog.text.count(sentence) == 1


def test_evaluation_reads_the_scheme_of_the_training_data(tmp_path):
    path = tmp_path / "dev.conll"
    path.write_text("good I-X\ncard I-X\n")
    find = of_ids(tagging({"good": 1, "card": 2}), settings={"scheme": "IOB1", "invalid": "error"})
    assert find.evaluate(path).metrics["entity_f1"] == 1.0
    with pytest.raises(DataError, match="invalid tag for the scheme IOB2"):
        of_ids(tagging({})).evaluate(path)


@pytest.mark.parametrize(
    ("texts", "message"),
    [(3, "expected a text or a sequence of texts; received: 3"), (["a", 3], "line 2: expected a string, got int; received: 3"),
     ("\ud800", "lone surrogate")],
)  # fmt: skip
def test_items_that_are_no_texts(texts, message):
    with pytest.raises(DataError, match=message):
        of_ids(tagging({}))(texts)


def test_wrong_options():
    with pytest.raises(KerasftError, match="`batch_size` must be a whole number >= 1; received: 0"):
        of_ids(tagging({}))("a", batch_size=0)


def without_scores(answers):
    return [[(e["start"], e["end"], e["label"]) for e in answer["entities"]] for answer in answers]


@pytest.mark.slow
def test_bundle_saved_model_and_litert_answer_alike(tmp_path):
    model = trained(heads.token_classifier(tiny.backbone(), LABELS))
    bundle = kerasft.save_bundle(
        tmp_path / "bundle", model, tiny.tokenizer(), max_length=24, settings={"stride": 8, "constrained": True}
    )
    expected = kerasft.pipelines.load(kerasft.make_bundle(
        model, tiny.tokenizer(), max_length=24, settings={"stride": 8, "constrained": True}
    ))(TEXTS)  # fmt: skip
    assert sum(len(answer["entities"]) for answer in expected) > 10
    assert expected[1] == {"entities": []}
    loaded = kerasft.pipelines.load(bundle)
    assert loaded.tagger.stride == 8
    assert without_scores(loaded(TEXTS)) == without_scores(expected)
    reports = [
        kerasft.export.saved_model(bundle, tmp_path / "served", texts=TEXTS),
        kerasft.export.litert(bundle, tmp_path / "phone", quantize=None, texts=TEXTS),
    ]
    for report in reports:
        assert report["max_difference"] < 1e-4
        assert report["agreement"] == 1.0
        answers = kerasft.pipelines.load(report["folder"])(TEXTS)
        assert without_scores(answers) == without_scores(expected)
        for answer, wanted in zip(answers, expected, strict=True):
            np.testing.assert_allclose(
                [e["score"] for e in answer["entities"]], [e["score"] for e in wanted["entities"]], atol=1e-4
            )
    small = kerasft.export.litert(bundle, tmp_path / "small", quantize="int8", texts=TEXTS, min_agreement=0.8)
    assert small["agreement"] >= 0.8
    assert len(kerasft.pipelines.load(small["folder"])(TEXTS)) == len(TEXTS)


def test_the_callback_sees_the_pipelines_own_number():
    rows = data.read_tags([(["good", "card"], ["B-X", "O"])] * 4)
    model = heads.token_classifier(tiny.backbone(), LABELS)
    train = data.token_classification(rows, tiny.tokenizer(), labels=LABELS)
    model.compile("adam", kerasft.losses.SparseCategoricalFocalCrossentropy(gamma=1.0), run_eagerly=True)
    find = kerasft.pipelines.load(kerasft.make_bundle(model, tiny.tokenizer(), max_length=16))
    evaluation = kerasft.callbacks.Evaluation(lambda: find.evaluate(rows).metrics)
    history = model.fit(train, epochs=2, verbose=0, callbacks=[evaluation], shuffle=False).history
    assert history["val_entity_f1"][-1] == find.evaluate(rows).metrics["entity_f1"]
