"""What an export is verified on: the texts of every task's data, and the first number of its evaluation."""

import pytest

import kerasft
from kerasft import heads
from kerasft.features import multi_label, regression
from kerasft.inference.runners import keras_runner
from tests import tiny
from tests.export import generating
from tests.pipelines import test_relation_extraction

TAGS = ["O", "B-card", "I-card"]
TAGGED = [(["my", "card"], ["O", "B-card"]), (["a", "good", "film"], ["O", "O", "O"])]
QUESTION = {
    "id": "1",
    "question": "what film?",
    "context": "a good film",
    "answers": {"text": ["film"], "answer_start": [7]},
}


def made(head, **options):
    return kerasft.make_bundle(head, tiny.tokenizer(), max_length=16, **options)


CASES = {
    "classes": (
        lambda: made(tiny.classifier(["no", "yes"])), [("a good film", "yes"), ("bad", "no")], ["a good film", "bad"],
    ),
    "several labels": (
        lambda: made(tiny.classifier(multi_label(["a", "b"])), settings={"thresholds": [0.4, 0.6]}),
        [("a good film", ["a"]), ("bad", ["a", "b"])], ["a good film", "bad"],
    ),
    "numbers": (
        lambda: made(tiny.classifier(regression("stars"))), [("a good film", 1.5), ("bad", 0.5), ("we", 1)],
        ["a good film", "bad", "we"],
    ),
    "tags": (lambda: made(heads.token_classifier(tiny.backbone(), TAGS)), TAGGED, ["my card", "a good film"]),
    "intents": (
        lambda: made(heads.intent_and_slots(tiny.backbone(), ["pay", "lost"], TAGS)),
        [(*row, "pay") for row in TAGGED], ["my card", "a good film"],
    ),
    "questions": (
        lambda: made(heads.question_answering(tiny.backbone()), pair=True), [QUESTION], [("what film?", "a good film")],
    ),
    "relations": (
        test_relation_extraction.make_bundle,
        [{"text": "<e1>we</e1> lost <e2>card</e2>", "label": "Other"}], ["[E1]we[/E1] lost[E2] card[/E2]"],
    ),
    "pairs of sentences": (
        lambda: made(heads.sentence_embedding(tiny.backbone()), settings={"max_score": 5.0}),
        [("a film", "a movie", 4.0), ("a film", "bad", 0.0)], ["a film", "a movie", "bad"],
    ),
    "masks": (lambda: made(heads.masked_lm(tiny.backbone())), ["a good film"], ["a good film"]),
    "beginnings": (lambda: generating.bundle("gpt2"), ["a good film"], ["a good film"]),
    "translations": (lambda: generating.bundle("t5"), [("a film", "bad"), ("we", "lost")], ["a film", "we"]),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_the_texts_of_data(case):
    make, data, texts = CASES[case]
    assert kerasft.pipelines.texts_of(make(), data) == texts


@pytest.mark.parametrize("case", ["several labels", "numbers", "tags", "questions"])
def test_the_score_is_the_first_number_of_the_evaluation(case):
    make, data, _ = CASES[case]
    bundle = make()
    score = kerasft.pipelines.scorer(bundle, data)(keras_runner(bundle.model))
    metrics = kerasft.pipelines.load(bundle).evaluate(data).metrics
    assert score == pytest.approx(next(iter(metrics.values())))
