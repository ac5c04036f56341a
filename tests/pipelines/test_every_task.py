"""Every task's report: scores with a baseline beside them, in the table, in JSON and on the page."""

import json

import numpy as np
import pytest

import kerasft
from kerasft import heads
from kerasft.backbones import GPT2Config, gpt2
from kerasft.bundles import make_bundle
from kerasft.cli.table import print_table, print_warnings
from kerasft.errors import DataError, KerasftError
from kerasft.pipelines.load import PIPELINES
from kerasft.reports import score_rows
from kerasft.tasks import TASKS
from kerasft.tokenizers import train
from tests import tiny, tiny_t5

TEXTS = ["a good film", "pay my card please", "the poor movie", "what is my money", "we lost the card"] * 3


def _relation():
    backbone, tokenizer = kerasft.vocabulary.add_tokens(
        tiny.backbone(), tiny.tokenizer(), kerasft.data.ENTITY_MARKERS, special=True
    )
    markers = kerasft.data.marker_ids(tokenizer)
    model = heads.relation_classifier(backbone, ["buys", "sells", "Other"], markers=markers)
    return make_bundle(model, tokenizer, max_length=16, settings={"negative_label": "Other"})


def _causal():
    tokenizer = train(TEXTS, "bpe", vocabulary_size=270, max_length=32)
    sizes = {"num_layers": 1, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 16, "max_sequence_length": 32}
    model = heads.causal_lm(gpt2(GPT2Config(vocabulary_size=len(tokenizer), **sizes)))
    return make_bundle(model, tokenizer, max_length=8, settings={"documents": "line"})


def _made(model, **options):
    return make_bundle(model, tiny.tokenizer(), **{"max_length": 16, **options})


TAGGED = [(["pay", "my", "card"], ["O", "O", "B-card"]), (["good", "film"], ["O", "O"])] * 2
QUESTION = {"question": "what film?", "context": "a good film", "answers": {"text": ["good"], "answer_start": [2]}}
BUNDLES = {
    "text-classification": lambda: _made(tiny.classifier(["no", "yes"])),
    "token-classification": lambda: _made(heads.token_classifier(tiny.backbone(), ["O", "B-card", "I-card"])),
    "intent-and-slots": lambda: _made(heads.intent_and_slots(tiny.backbone(), ["pay", "praise"], ["O", "B-card"])),
    "question-answering": lambda: _made(heads.question_answering(tiny.backbone()), pair=True),
    "relation-extraction": _relation,
    "masked-lm": lambda: _made(heads.masked_lm(tiny.backbone())),
    "causal-lm": _causal,
    "sequence-to-sequence": lambda: tiny_t5.bundle(generation={"max_new_tokens": 3}),
    "sentence-embedding": lambda: _made(heads.sentence_embedding(tiny.backbone())),
}
DATA = {
    "text-classification": [("a good film", "yes"), ("a bad film", "no"), ("lost", "no")],
    "token-classification": TAGGED,
    "intent-and-slots": [(*TAGGED[0], "pay"), (*TAGGED[1], "praise")],
    "question-answering": [{**QUESTION, "id": "1"}, {**QUESTION, "id": "2", "answers": []}],
    "relation-extraction": [
        {"text": "<e1>we</e1> lost <e2>my money</e2>", "label": label} for label in ("buys", "Other", "Other")
    ],
    "masked-lm": TEXTS,
    "causal-lm": TEXTS,
    "sequence-to-sequence": [("a good film", "good"), ("a bad film", "a bad film")],
    "sentence-embedding": {
        "text": ["a good film", "my card", "lost"],
        "text_pair": ["good", "the card", "poor movie"],
    },
}
ITEMS = {
    "question-answering": ("what film?", "a good film"),
    "relation-extraction": DATA["relation-extraction"][0]["text"],
    "masked-lm": "a [MASK] film",
}
BASELINES = {  # what is known of the answer that needs no model
    "text-classification": {"accuracy": 2 / 3},
    "token-classification": {"entity_f1": 0.0, "token_accuracy": 0.8},
    "intent-and-slots": {"intent_accuracy": 0.5, "slot_f1": 0.0, "joint_accuracy": 0.0},
    "question-answering": {"exact_match": 0.5, "no_answer_accuracy": 1.0},
    "relation-extraction": {"relation_f1_micro": 0.5, "accuracy": 1 / 3},
    "masked-lm": {},
    "causal-lm": {},
    "sequence-to-sequence": {},
    "sentence-embedding": {},
}


@pytest.fixture(scope="module")
def made():
    """Bundle, pipeline and report of a task, made once."""
    found = {}

    def of(task):
        if task not in found:
            bundle = BUNDLES[task]()
            pipeline = kerasft.pipelines.load(bundle)
            found[task] = bundle, pipeline, pipeline.evaluate(DATA[task])
        return found[task]

    return of


def test_no_table_forgets_a_task():
    assert set(BUNDLES) == set(DATA) == set(BASELINES) == set(PIPELINES) == set(TASKS)


@pytest.mark.parametrize("task", PIPELINES)
def test_an_item_may_be_a_dictionary(made, task):
    _, pipeline, _ = made(task)
    item = ITEMS.get(task, "a good film")
    parts = dict(zip(pipeline.fields, [item] if isinstance(item, str) else item))
    assert pipeline(parts) == pipeline(item)
    assert len(pipeline([parts, item])) == 2
    field = pipeline.fields[0]
    for wrong in ({"title": "x"}, parts | {"title": "x"}, parts | {field: None}):
        for items in (wrong, [parts, wrong]):
            with pytest.raises(DataError, match=f"unexpected keys in the dictionary.*Expected keys: {field}"):
                pipeline(items)
    for wrong in (parts | {field: 7}, [7]):
        with pytest.raises(DataError, match="7"):
            pipeline(wrong)


@pytest.mark.parametrize("task", PIPELINES)
def test_a_baseline_stands_beside_the_score(made, task, tmp_path, capsys):
    bundle, _, report = made(task)
    assert bundle.task == task
    assert set(report.baseline) <= set(report.metrics), "only scores that the model has too"
    assert report.baseline_answer
    for name, value in BASELINES[task].items():
        assert report.baseline[name] == pytest.approx(value), name
    rows = score_rows(report.metrics, report.baseline, report.undefined)
    assert any(baseline for _, _, baseline in rows)
    print_table(("", "value", "baseline"), rows)
    print_warnings(report.baseline_answer, report.warnings)
    assert "baseline: " in capsys.readouterr().out
    page = report.write(tmp_path).read_text("utf-8")
    stored = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert stored["baseline"] == report.baseline
    assert ">baseline " in page


@pytest.mark.parametrize("task", ["masked-lm", "causal-lm"])
def test_language_models_show_samples_and_never_say_that_every_row_is_right(made, task):
    _, _, report = made(task)
    assert report.samples
    assert all(sample["text"] and sample["truth"] and sample["predicted"] for sample in report.samples)
    page = report.to_html()
    assert "<h2>Samples</h2>" in page
    assert "every row is correct" not in page
    assert ("[MASK]" in report.samples[0]["text"]) == (task == "masked-lm")


@pytest.mark.parametrize("task", ["masked-lm", "causal-lm"])
def test_the_unigram_baseline_is_between_one_and_the_vocabulary(made, task):
    bundle, _, report = made(task)
    assert 1 < report.baseline["perplexity"] < 2 * len(bundle.tokenizer)
    assert report.baseline["loss"] > 0


@pytest.mark.parametrize("task", ["text-classification", "intent-and-slots", "relation-extraction"])
def test_the_training_rows_statistics_come_from_the_bundle(made, task):
    bundle, pipeline, report = made(task)
    assert "evaluated rows" in report.baseline_answer
    known = json.loads(json.dumps(pipeline.training_baseline(DATA[task])))
    bundle.settings["baseline"] = known
    told = kerasft.pipelines.load(bundle).evaluate(DATA[task])
    assert "training rows" in told.baseline_answer
    assert told.baseline == report.baseline
    assert told.metrics == pytest.approx(report.metrics)


@pytest.mark.parametrize("task", ["token-classification", "question-answering", "masked-lm", "sequence-to-sequence"])
def test_where_the_answer_is_the_same_for_all_data_nothing_is_stored(made, task):
    assert made(task)[1].training_baseline(DATA[task]) is None


def test_rated_pairs_are_compared_with_their_mean():
    pipeline = kerasft.pipelines.load(BUNDLES["sentence-embedding"]())
    rated = [("a good film", "good", 1.0), ("my card", "the card", 0.5), ("lost", "poor movie", 0.0)]
    assert pipeline.training_baseline(rated) == {"mean_score": 0.5}
    report = pipeline.evaluate(rated)
    assert report.baseline["mse"] == pytest.approx(1 / 6)
    report = pipeline.evaluate([(first, second, 0.5) for first, second, _ in rated])
    assert report.undefined == dict.fromkeys(("spearman", "pearson"), "all labels are equal")


def test_without_an_entity_anywhere_no_score_is_a_measured_zero():
    bundle = BUNDLES["token-classification"]()
    bundle.model.get_layer("logits").bias.assign([9.0, 0.0, 0.0])
    report = kerasft.pipelines.load(bundle).evaluate([(["good", "film"], ["O", "O"])])
    assert set(report.undefined) == {"entity_f1", "entity_precision", "entity_recall"}


@pytest.mark.parametrize("task", PIPELINES)
def test_no_answer_and_no_score_is_made_of_nan(task):
    bundle = BUNDLES[task]()
    bundle.model.set_weights([np.full(weight.shape, np.nan) for weight in bundle.model.weights])
    pipeline = kerasft.pipelines.load(bundle)
    item = ITEMS.get(task, "a good film")
    with pytest.raises(KerasftError, match="must be finite; received: "):
        pipeline([item])
    with pytest.raises(KerasftError, match="must be finite"):
        pipeline.evaluate(DATA[task])
