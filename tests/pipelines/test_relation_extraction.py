"""The relation pipeline over every form of a model: items in every form, windows, scores, exports, faults."""

import json
import logging

import numpy as np
import pytest

import kerasft
from kerasft import DataError, KerasftError, export
from kerasft.cli.main import main
from kerasft.data import ENTITY_MARKERS, Entity, EntityPair, marker_ids
from kerasft.metrics import relation_scores
from kerasft.pipelines import RelationExtractionPipeline
from tests import tiny
from tests.export.conftest import trained

LABELS = ["Cause-Effect(e1,e2)", "Cause-Effect(e2,e1)", "Other"]
TEXTS = [
    "The <e1>film</e1> was made <e2>for me</e2>",
    "<e2>great</e2> is the <e1>card</e1>, is it not?",
    "<e1>we</e1> <e2>pay</e2>",
    "good <e1>caf\u00e9 \U0001f600</e1> and " + "the movie " * 3 + "<e2>money</e2>",
    "a <e1>bad <e2>card</e2></e1>",
]


def make_bundle(pooling="start"):
    backbone, tokenizer = kerasft.vocabulary.add_tokens(tiny.backbone(), tiny.tokenizer(), ENTITY_MARKERS, special=True)
    model = kerasft.heads.relation_classifier(backbone, LABELS, markers=marker_ids(tokenizer), pooling=pooling)
    return kerasft.make_bundle(trained(model), tokenizer, max_length=24, settings={"negative_label": "Other"})


@pytest.fixture(scope="module")
def bundle():
    return make_bundle()


@pytest.fixture(scope="module")
def relate(bundle):
    return kerasft.pipelines.load(bundle)


def test_items_in_every_form_have_one_answer(relate):
    text = "The film was made for me"
    head, tail = {"start": 4, "end": 8, "type": "WORK"}, {"start": 18, "end": 24}
    answer = relate(TEXTS[0])
    assert answer["label"] in LABELS
    assert 1 / 3 <= answer["score"] <= 1
    assert answer["head"] == {"text": "film", "start": 4, "end": 8}
    assert answer["tail"] == {"text": "for me", "start": 18, "end": 24}
    typed = answer | {"head": answer["head"] | {"type": "WORK"}}
    assert relate((text, head, tail)) == typed
    assert relate({"text": text, "head": head, "tail": tail}) == typed
    assert relate((text, (4, 8), (18, 24))) == answer
    assert relate(EntityPair(text, Entity(4, 8), Entity(18, 24))) == answer
    assert relate([TEXTS[0], (text, head, tail)])[1]["score"] == pytest.approx(answer["score"], abs=1e-6)
    assert relate([]) == []


def test_the_order_of_head_and_tail_matters(relate):
    text = "The film was made for me"
    first, second = relate.predict_logits([(text, (4, 8), (18, 24)), (text, (18, 24), (4, 8))])
    assert np.abs(first - second).max() > 1e-3


def test_batches_do_not_matter_and_top_k_ranks(relate):
    one_by_one = np.concatenate([relate.predict_logits([text]) for text in TEXTS])
    np.testing.assert_allclose(relate.predict_logits(TEXTS, batch_size=2), one_by_one, atol=1e-5)
    ranked = relate(TEXTS[0], top_k=3)
    assert sum(item["score"] for item in ranked["labels"]) == pytest.approx(1)
    assert ranked["head"]["text"] == "film"


def test_a_long_text_is_truncated_around_its_entities_and_warned_of(bundle, caplog):
    relate = kerasft.pipelines.load(bundle)
    long = "very bad " * 20 + TEXTS[2] + " you" * 30
    answers = relate([long, TEXTS[0]])
    (message,) = caplog.messages
    where = "are longer than 24 tokens (max_length) and were truncated to a window around their entities."
    assert message.startswith(f"1 of 2 texts (50.0 %) {where}")
    assert answers[0]["head"] == {"text": "we", "start": 180, "end": 182}
    assert relate.num_truncated == 1


def test_evaluation_is_the_official_score(relate, tmp_path):
    rows = [(text, LABELS[i % 3]) for i, text in enumerate(TEXTS)]
    report = relate.evaluate(rows, about={"data": "five rows"})
    predicted = [answer["label"] for answer in relate(TEXTS)]
    scores = relation_scores([label for _, label in rows], predicted, negative_label="Other")
    assert list(report.metrics)[:3] == ["relation_f1_macro", "relation_f1_micro", "accuracy"]
    assert report.metrics["relation_f1_macro"] == scores["f1_macro"]
    assert [row["label"] for row in report.per_class] == ["Cause-Effect"]
    assert len(report.confusion_matrix) == 3
    page = report.write(tmp_path).read_text()
    assert "official at SemEval-2010" in page


def test_a_relation_that_the_model_lacks_counts_as_an_error(relate, caplog):
    rows = [(text, relate(text)["label"]) for text in TEXTS]
    assert relate.evaluate(rows).metrics["accuracy"] == 1.0
    rows[0] = (rows[0][0], "Owner-Thing(e1,e2)")
    with caplog.at_level(logging.WARNING, "kerasft"):
        reports = [relate.evaluate(rows), relate.evaluate(rows)]
    assert reports[0].metrics == reports[1].metrics
    assert reports[0].metrics["accuracy"] == pytest.approx(1 - 1 / len(rows))
    assert reports[0].rows == len(rows)
    assert [row["recall"] for row in reports[0].per_class if row["label"] == "Owner-Thing"] == [0.0]
    assert caplog.text.count("relations that do not occur in the training rows: Owner-Thing(e1,e2) (1)") == 1


def test_an_export_with_relations_is_evaluated_as_its_rows_are(relate, caplog):
    spans = [{"id": 1, "start": 0, "end": 3}, {"id": 2, "start": 12, "end": 16}, {"id": 3, "start": 20, "end": 24}]
    relations = [
        {"from_id": 1, "to_id": 2, "type": relate.labels[0]},
        {"from_id": 2, "to_id": 3, "type": relate.labels[1]},
    ]
    relations.append({"from_id": 3, "to_id": 1, "type": relate.labels[0]})
    export = [{"text": "Ann founded Acme in Rome", "spans": spans, "relations": relations}]
    report = relate.evaluate(export)
    assert report.rows == 3
    assert caplog.text.count("read 3 relations") == 1
    assert report.metrics == relate.evaluate(kerasft.tasks.settled(export, task="relation-extraction").source).metrics


@pytest.mark.slow
@pytest.mark.parametrize(("pooling", "form"), [("start", "saved_model"), ("start", "int8"), ("mean", "float32")])
def test_exports_answer_the_same(pooling, form, tmp_path):
    bundle = make_bundle(pooling)
    if form == "saved_model":
        report = export.saved_model(bundle, tmp_path / form, texts=TEXTS)
        assert report["strings_max_difference"] < 1e-4  # from strings with markers in them
        assert export.verify(bundle, tmp_path / form, num_timed=1)["agreement"] == 1.0  # the hostile sample
    else:
        report = export.litert(bundle, tmp_path / form, quantize="int8" if form == "int8" else None, texts=TEXTS)
    assert report["agreement"] == 1.0
    tolerance = 0.2 if form == "int8" else 1e-4
    again = kerasft.pipelines.load(tmp_path / form)
    expected = kerasft.pipelines.load(bundle).predict_logits(TEXTS)
    np.testing.assert_allclose(again.predict_logits(TEXTS), expected, atol=tolerance)
    assert again.negative_label == "Other"


def test_a_bundle_comes_back_from_its_folder(bundle, relate, tmp_path):
    folder = kerasft.save_bundle(
        tmp_path / "relations", bundle.model, bundle.tokenizer, max_length=24, settings=bundle.settings
    )
    again = kerasft.pipelines.load(folder)
    assert isinstance(again, RelationExtractionPipeline)
    assert again(TEXTS) == relate(TEXTS)
    assert again.evaluate([(TEXTS[0], "Other")]).rows == 1


def test_the_command_line_predicts(bundle, tmp_path, capsys):
    folder = kerasft.save_bundle(tmp_path / "relations", bundle.model, bundle.tokenizer, max_length=24)
    lines = [
        {"text": TEXTS[0]},
        {"text": "we pay", "head": {"start": 0, "end": 2}, "tail": {"start": 3, "end": 6}},
    ]
    (tmp_path / "items.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert main(["predict", str(folder), "--file", str(tmp_path / "items.jsonl"), "--set", "top_k=1"]) == 0
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [answer["tail"]["text"] for answer in answers] == ["for me", "pay"]
    assert answers[0]["labels"][0]["label"] in LABELS


@pytest.mark.parametrize(
    ("items", "message"),
    [
        (["<e1>a</e1> b"], "items, line 1: the tags"),
        ([TEXTS[0], ("a b", (0, 1))], r"items, line 2: expected a marked text, or a text and two entities"),
        ([{"text": "a b", "head": (0, 1)}], "items, line 1: expected two entities"),
        (7, "items: expected an item or a sequence of items; received: 7"),
    ],
)
def test_wrong_items(relate, items, message):
    with pytest.raises(DataError, match=message):
        relate(items)


def test_wrong_options(relate):
    with pytest.raises(KerasftError, match="`batch_size` must be a whole number >= 1; received: 0"):
        relate(TEXTS, batch_size=0)
    with pytest.raises(KerasftError, match="`top_k` must be a whole number from 1 to 3; received: 4"):
        relate(TEXTS, top_k=4)
