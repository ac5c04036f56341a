"""Utterances to intents and slots: in memory, from a bundle, from exported files; evaluation."""

import json

import numpy as np
import pytest

import kerasft
from kerasft import heads
from kerasft.errors import DataError
from kerasft.features import Labels
from kerasft.inference.runners import Runner
from kerasft.pipelines import IntentAndSlotsPipeline
from tests import tiny
from tests.export.conftest import trained

SLOTS, INTENTS = Labels(["O", "B-card", "I-card"]), Labels(["pay", "lost"])
TEXTS = ["I lost my good card!", "", "please pay me my money", "the bad movie was not what we love " * 9]


@pytest.fixture
def answer():
    """A pipeline over rules: "lost" says the intent, "good" and "card" are a slot."""
    ids = tiny.tokenizer().convert_tokens_to_ids
    begin, inside, lost = ids("good"), ids("card"), ids("lost")

    def run(features):
        tokens = features["token_ids"]  # (B, S)
        slots = np.stack([np.ones_like(tokens), 3 * (tokens == begin), 3 * (tokens == inside)], -1)
        is_lost = (tokens == lost).any(-1)
        return {
            "slot_logits": slots.astype("float32"),
            "intent_logits": np.stack([~is_lost, is_lost], -1).astype("float32"),
        }

    runner = Runner(run, ("token_ids", "padding_mask", "segment_ids"))
    settings = {"intents": list(INTENTS), "stride": 4}
    return IntentAndSlotsPipeline(runner, tiny.tokenizer(), SLOTS, max_length=16, settings=settings)


def test_answers(answer):
    found = answer("I lost my good card!")
    assert found["intent"]["label"] == "lost"
    assert [(s["start"], s["end"], s["label"], s["text"]) for s in found["slots"]] == [(10, 19, "card", "good card")]
    assert json.loads(json.dumps(found)) == found
    many = answer(TEXTS, top_k=2)
    assert [one["intent"]["label"] for one in many] == ["lost", "pay", "pay", "pay"]
    assert [item["label"] for item in many[0]["intents"]] == ["lost", "pay"]
    assert answer([]) == []


def test_the_intent_is_the_first_windows(answer):
    assert answer("I lost my card " + "and the good card " * 20)["intent"]["label"] == "lost"
    late = answer("and the good card " * 20 + "lost")
    assert late["intent"]["label"] == "pay"
    assert len(late["slots"]) == 20


def test_evaluation(answer):
    rows = [
        (["I", "lost", "good", "card"], ["O", "O", "B-card", "I-card"], "lost"),
        (["pay", "good", "card"], ["O", "B-card", "O"], "pay"),
        (["good"], ["B-card"], "lost"),
        (["pay"], ["O"], "pay"),
    ]
    report = answer.evaluate(rows)
    assert report.metrics["intent_accuracy"] == 0.75
    assert report.metrics["slot_f1"] == pytest.approx(2 / 3)
    assert report.metrics["joint_accuracy"] == 0.5
    assert list(report.metrics)[:2] == ["intent_accuracy", "slot_f1"]
    assert report.rows == 4
    assert [(each["row"], each["right"]) for each in report.examples] == [(1, False), (2, False), (0, True), (3, True)]
    assert report.examples[1]["answer"] == {"name": "intent", "truth": "lost", "predicted": "pay"}
    with pytest.raises(DataError, match="the source has no intents"):
        answer.evaluate([(["a"], ["O"])])


@pytest.mark.slow
def test_bundle_saved_model_and_litert_answer_alike(tmp_path):
    model = trained(heads.intent_and_slots(tiny.backbone(), INTENTS, SLOTS))
    bundle = kerasft.save_bundle(tmp_path / "bundle", model, tiny.tokenizer(), max_length=24)
    expected = kerasft.pipelines.load(bundle)(TEXTS)
    assert sum(len(one["slots"]) for one in expected) >= 3
    reports = [
        kerasft.export.saved_model(bundle, tmp_path / "served", texts=TEXTS),
        kerasft.export.litert(bundle, tmp_path / "phone", quantize=None, texts=TEXTS),
        kerasft.export.litert(bundle, tmp_path / "small", quantize="int8", texts=TEXTS, min_agreement=0.8),
    ]
    for report in reports:
        assert report["agreement"] >= (0.8 if report["folder"].endswith("small") else 1.0)
        answers = kerasft.pipelines.load(report["folder"])(TEXTS)
        assert [set(one) for one in answers] == [{"intent", "slots"}] * len(TEXTS)
        if report["max_difference"] < 1e-4:
            for one, wanted in zip(answers, expected, strict=True):
                assert one["intent"]["label"] == wanted["intent"]["label"]
                assert [s["text"] for s in one["slots"]] == [s["text"] for s in wanted["slots"]]
    assert reports[0]["max_difference"] < 1e-4
    assert reports[1]["max_difference"] < 1e-4
