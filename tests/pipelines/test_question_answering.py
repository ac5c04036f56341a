"""The pipeline of question answering, over a model in memory and over exported files."""

import warnings

import numpy as np
import pytest

import kerasft
from kerasft.backbones import GPT2Config, RobertaConfig, gpt2, roberta
from kerasft.errors import DataError, KerasftError
from kerasft.heads import question_answering
from kerasft.metrics import squad_scores
from tests import tiny
from tests.export.conftest import trained
from tests.tokenizers.tiny_files import tokenizer

CONTEXT = "we love the film and the card, but not the money that she lost on this very bad movie and that film"
ITEMS = [
    ("what is it?", CONTEXT),
    ("how was the film?", "a good film"),
    ("what?", ""),
    ("who lost the money?", CONTEXT * 3),
    ("caf\u00e9 \U0001f600?", "  caf\u00e9  d\u00e9j\u00e0 \U0001f600 vu "),
]
SETTINGS = {"stride": 6, "max_answer_length": 5}
SQUAD = [
    {"id": "1", "question": "what is it?", "context": CONTEXT, "answers": [{"text": "the card", "answer_start": 21}]},
    {"id": "2", "question": "how is it?", "context": "a good film", "answers": []},
    {"id": "3", "question": "what?", "context": "", "answers": []},
]


def make_bundle(**settings):
    model = trained(question_answering(tiny.backbone()))
    return kerasft.make_bundle(model, tiny.tokenizer(), max_length=24, pair=True, settings=SETTINGS | settings)


@pytest.fixture(scope="module")
def bundle():
    return make_bundle()


@pytest.fixture(scope="module")
def ask(bundle):
    return kerasft.pipelines.load(bundle)


def test_answers_are_parts_of_their_contexts(ask):
    answers = ask(ITEMS, top_k=5, batch_size=2)
    for (_, context), said in zip(ITEMS, answers):
        for each in [said, *said["answers"]]:
            if each["start"] is None:
                assert each["answer"] == ""
                assert not context
                continue
            assert context[each["start"] : each["end"]] == each["answer"] == each["answer"].strip() != ""
            assert 0 < each["score"] <= 1
            assert len(tiny.tokenizer().tokenize(each["answer"])) <= 5
        assert sum(each["score"] for each in said["answers"]) <= 1 + 1e-9
        assert {name: said[name] for name in ("answer", "start", "end", "score")} == said["answers"][0]


def test_one_item_and_several_and_none(ask):
    one = ask(ITEMS[0])
    several = ask(ITEMS)
    assert one["answer"] == several[0]["answer"]
    assert several[0]["score"] == pytest.approx(one["score"], abs=1e-5)
    assert ask([list(ITEMS[0])])[0]["answer"] == one["answer"]
    assert ask([]) == []


def test_the_answer_is_the_best_span_over_all_windows(ask):
    [found] = ask.find([ITEMS[3]])
    windows = ask.windows([ITEMS[3][0]], [ITEMS[3][1]])
    assert len(windows.token_ids) > 5
    best = -np.inf
    for row in range(len(windows.token_ids)):
        batch = windows.pad([row], 0)
        logits = ask.runner.run(batch)["logits"][0]
        first, count = windows.first[row], windows.count[row]
        for start in range(first, first + count):
            stop = min(start + 5, first + count)
            best = max(best, float(logits[start, 0] + logits[start:stop, 1].max()))
    assert found.spans[0].score == pytest.approx(best, abs=1e-4)


def test_the_threshold_of_no_answer_and_where_it_comes_from(ask):
    [found] = ask.find(ITEMS[:1])
    assert ask(ITEMS[0], no_answer=found.no_answer_score - 0.1)["answer"] == ""
    assert ask(ITEMS[0], no_answer=found.no_answer_score + 0.1)["answer"] != ""
    settled = kerasft.pipelines.load(make_bundle(no_answer_threshold=found.no_answer_score - 0.1))
    assert settled(ITEMS[0])["answer"] == ""
    assert settled(ITEMS[0], no_answer=float("inf"))["answer"] == ask(ITEMS[0])["answer"]


def test_evaluate_is_the_official_metric(ask, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        report = ask.evaluate(SQUAD, about={"data": "dev"})
    predicted = {row["id"]: ask((row["question"], row["context"]))["answer"] for row in SQUAD}
    expected = squad_scores(predicted, {"1": ["the card"], "2": [], "3": []})
    assert {name: report.metrics[name] for name in expected} == expected
    assert report.rows == 3
    best = ask.best_thresholds(SQUAD)
    assert best == {name: value for name, value in report.metrics.items() if name.startswith("best_")}
    ask.no_answer_threshold = best["best_f1_threshold"]
    assert ask.evaluate(SQUAD).metrics["f1"] == pytest.approx(best["best_f1"])
    ask.no_answer_threshold = None
    assert {mistake["row"] for mistake in report.errors} <= {0, 1, 2}
    assert sorted(each["row"] for each in report.examples) == [0, 1, 2]  # every question, right or wrong
    for each in report.examples:
        row = SQUAD[each["row"]]
        assert (each["answer"]["question"], each["text"]) == (row["question"], row["context"])
        for span in each["predicted"]:
            assert each["text"][span["start"] : span["end"]] == predicted[row["id"]] == each["answer"]["predicted"]
    page = report.write(tmp_path).read_text("utf-8")
    assert "3 of 3 rows, errors first" in page
    assert "(no answer)" in page


def test_answers_out_of_reach_are_counted(ask):
    rows = [
        SQUAD[0] | {"id": "4", "answers": [{"text": CONTEXT[:40], "answer_start": 0}]},
        SQUAD[0],
    ]
    with pytest.warns(
        UserWarning, match=r"1 of 2 questions cannot be answered correctly: 1 gold answers are longer than max_a"
    ):
        ask.evaluate(rows)


def test_a_long_question_is_truncated_with_a_warning(caplog, monkeypatch):
    ask = kerasft.pipelines.load(make_bundle())
    monkeypatch.setattr("kerasft.pipelines.question_answering._CHUNK", 1)  # one warning, of all parts of the work
    ask([("what " * 50, CONTEXT), ITEMS[0]])
    (message,) = caplog.messages
    assert message.startswith(
        "1 of 2 questions (50.0 %) are longer than 12 tokens (half of max_length) and were truncated. "
    )
    assert ask.num_cut == 1
    assert ask(("what " * 50, CONTEXT))["answer"]
    assert ask.num_cut == 2


@pytest.mark.parametrize(
    ("items", "options", "message"),
    [
        (["what?"], {}, r"items, line 1: expected a tuple \(question, context\); received: 'what\?'"),
        ("what?", {}, "expected a list of questions; received: 'what"),
        ([("a", None)], {}, r"received: \('a', None\)"),
        ([("a", "\ud800")], {}, "lone surrogate"),
        (ITEMS, {"top_k": 0}, r"`top_k` must be a whole number in \[1, 20\]; received: 0"),
        (ITEMS, {"batch_size": 0}, "`batch_size` must be a whole number >= 1; received: 0"),
        (ITEMS, {"max_answer_length": 1.5}, "`max_answer_length` must be a whole number >= 1; received: 1.5"),
        (ITEMS, {"no_answer": "x"}, "`no_answer` must be a number or None; received: 'x'"),
    ],
)
def test_what_is_wrong_is_named(ask, items, options, message):
    with pytest.raises(KerasftError, match=message):
        ask(items, **options)


def test_columns_and_bad_data_are_refused(ask):
    with pytest.raises(KerasftError, match=r"`columns` must be None; received: \{'text': 'a'\}"):
        ask.evaluate(SQUAD, columns={"text": "a"})
    with pytest.raises(DataError, match="is not at answer_start=3"):
        ask.evaluate([SQUAD[0] | {"answers": [{"text": "the card", "answer_start": 3}]}])


def test_an_item_may_be_a_dictionary(ask):
    item = dict(zip(ask.fields, ITEMS[0]))
    assert ask(item) == ask(ITEMS[0])
    assert ask([item]) == ask(ITEMS[:1])
    with pytest.raises(DataError, match=r"unexpected keys in the dictionary.*Expected keys: question and context"):
        ask([{"question": "who?", "text_pair": "we"}])


@pytest.mark.parametrize("kind", ["gpt2", "roberta"])
def test_byte_level_tokens_give_exact_places(kind):
    ours = tokenizer(kind)
    sizes = {"vocabulary_size": len(ours), "num_layers": 1, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 16}
    build, config = {"gpt2": (gpt2, GPT2Config), "roberta": (roberta, RobertaConfig)}[kind]
    model = trained(question_answering(build(config(max_sequence_length=80, **sizes))))
    ask = kerasft.pipelines.load(kerasft.make_bundle(model, ours, max_length=64, pair=True))
    for (_, context), said in zip(ITEMS, ask(ITEMS, top_k=20)):
        for each in said["answers"] if context else []:
            assert context[each["start"] : each["end"]] == each["answer"] == each["answer"].strip() != ""


@pytest.mark.parametrize("form", ["bundle", "saved_model", "float32", "int8"])
def test_every_form_gives_the_same_answers(form, bundle, ask, tmp_path):
    folder = tmp_path / form
    if form == "bundle":
        kerasft.save_bundle(folder, bundle.model, bundle.tokenizer, max_length=24, pair=True, settings=SETTINGS)
    elif form == "saved_model":
        report = kerasft.export.saved_model(bundle, folder, texts=ITEMS)
        assert report["max_difference"] < 1e-4
    else:
        quantize = None if form == "float32" else "int8"
        # Random weights: of int8 only that it is written, verified and answers is asked here.
        report = kerasft.export.litert(
            bundle, folder, quantize=quantize, texts=ITEMS, min_agreement=0.0 if quantize else 1.0
        )
        assert report["finite"]
    again = kerasft.pipelines.load(folder)
    assert again.windows.stride == 6
    for one, other in zip(ask(ITEMS), again(ITEMS)):
        if form == "int8":
            assert set(other) == set(one)
            continue
        assert {**other, "score": 0} == {**one, "score": 0}
        assert other["score"] == pytest.approx(one["score"], abs=1e-4)


def test_an_export_of_a_shorter_length_reads_shorter_windows(bundle, ask, tmp_path):
    kerasft.export.litert(bundle, tmp_path / "short", sequence_length=12, texts=ITEMS)
    short = kerasft.pipelines.load(tmp_path / "short")
    assert short.max_length == 12
    assert short.windows.stride == 5
    answers = short(ITEMS[:3])
    assert answers[0]["answer"] == CONTEXT[answers[0]["start"] : answers[0]["end"]]
