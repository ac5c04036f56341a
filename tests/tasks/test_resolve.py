"""What signature.json says of a task's settings is what the task's pipeline does."""

import json

import pytest

import kerasft
from kerasft import heads
from kerasft.export import litert
from kerasft.features import multi_label, regression
from kerasft.pipelines.question_answering import QuestionAnsweringPipeline
from kerasft.tasks import task_of
from tests import tiny
from tests.export import test_generation
from tests.pipelines import test_relation_extraction

TAGS = ["O", "B-card", "I-card"]


def decoding(bundle, length=24):
    return task_of(bundle.metadata).resolve(bundle, length)


def made(model, **options):
    return kerasft.make_bundle(model, tiny.tokenizer(), max_length=24, **options)


@pytest.mark.parametrize(
    ("labels", "activation", "threshold"),
    [(["a", "b"], "softmax", None), (multi_label(["a", "b"]), "sigmoid", 0.5), (regression("x"), None, None)],
)
def test_text_classification(labels, activation, threshold):
    found = decoding(made(tiny.classifier(labels)))
    assert found == {
        "activation": activation,
        "multi_label": threshold is not None,
        "threshold": threshold,
        "out_of_scope": None,
    }


@pytest.mark.parametrize(
    ("labels", "settings"),
    [
        (["a", "b"], {"temperature": 1.5, "out_of_scope": {"threshold": 0.4, "label": "oos"}}),
        (multi_label(["a", "b"]), {"temperature": 0.7, "thresholds": [0.3, 0.6]}),
    ],
)
def test_a_bundles_own_thresholds_and_temperature(labels, settings):
    found = decoding(made(tiny.classifier(labels), settings=settings))
    assert {name: found[name] for name in settings} == settings


def test_wrong_thresholds_are_not_written():
    with pytest.raises(kerasft.KerasftError, match="`thresholds` must be omitted, or one number, for single_label"):
        decoding(made(tiny.classifier(["a", "b"]), settings={"thresholds": [0.3, 0.6]}))
    with pytest.raises(kerasft.KerasftError, match="`temperature` must be a number above 0; received: 0"):
        decoding(made(tiny.classifier(["a", "b"]), settings={"temperature": 0}))


@pytest.mark.parametrize(
    ("settings", "length"), [({}, 24), ({"stride": 6, "constrained": True}, 24), ({"stride": 20}, 12)]
)
def test_tags(settings, length):
    bundle = made(heads.token_classifier(tiny.backbone(), TAGS), settings=settings)
    bundle.metadata["max_length"] = length
    tagger = kerasft.pipelines.load(bundle).tagger
    found = decoding(bundle, length)
    assert (found["scheme"], found["window"], found["stride"]) == (tagger.scheme, tagger.max_length, tagger.stride)
    assert found["word_tag"] == "first_token"
    assert found["constrained"] == settings.get("constrained", False)


def test_intents_and_slots_have_both_lists(tmp_path):
    bundle = made(heads.intent_and_slots(tiny.backbone(), ["pay", "lost"], TAGS))
    litert(bundle, tmp_path / "phone")
    signature = json.loads((tmp_path / "phone" / "signature.json").read_text("utf-8"))
    assert signature["labels"] == TAGS
    assert signature["decoding"] == decoding(bundle, 24)
    assert signature["decoding"]["intents"] == ["pay", "lost"]


@pytest.mark.parametrize("length", [24, 16])
@pytest.mark.parametrize("settings", [{}, {"stride": 10, "max_answer_length": 5, "no_answer_threshold": -0.5}])
def test_question_answering(settings, length):
    bundle = made(heads.question_answering(tiny.backbone()), pair=True, settings=settings)
    bundle.metadata["max_length"] = length
    ask = kerasft.pipelines.load(bundle)
    assert isinstance(ask, QuestionAnsweringPipeline)
    assert decoding(bundle, length) == {
        "window": ask.max_length,
        "stride": ask.windows.stride,
        "max_question_length": ask.windows.max_question,
        "max_answer_length": ask.max_answer_length,
        "num_best": 20,
        "no_answer_threshold": ask.no_answer_threshold,
    }


def test_relations_have_their_markers():
    bundle = test_relation_extraction.make_bundle()
    found = decoding(bundle, 24)
    assert list(found["markers"]) == ["[E1]", "[/E1]", "[E2]", "[/E2]"]
    assert list(found["markers"].values()) == bundle.tokenizer.convert_tokens_to_ids(list(found["markers"]))
    assert found["negative_label"] == "Other"


@pytest.mark.parametrize("pooling", ["mean", "cls", "pooler", "last"])
@pytest.mark.parametrize("normalize", [True, False])
def test_embeddings(pooling, normalize):
    model = heads.sentence_embedding(tiny.backbone(), pooling=pooling, normalize=normalize)
    assert decoding(made(model), 24) == {"pooling": pooling, "normalized": normalize}


def test_the_mask():
    assert decoding(made(heads.masked_lm(tiny.backbone())), 24) == {"mask_token_id": tiny.tokenizer().mask_token_id}


@pytest.mark.parametrize("family", ["gpt2", "t5"])
def test_writing(family):
    bundle = test_generation.bundle(family)
    signature = json.loads((test_generation.folder(family) / "signature.json").read_text("utf-8"))
    found = signature["decoding"]
    defaults = {"stop": [], "top_k": None, "temperature": 1.0, "seed": 0, "length_penalty": 1.0}
    assert {name: found["options"][name] for name in defaults} == defaults | {
        name: value for name, value in bundle.settings.get("generation", {}).items() if name in defaults
    }
    assert found["options"].items() >= bundle.settings.get("generation", {}).items()
    assert found["prefix"] == bundle.settings.get("prefix", "")
    assert (found["end_token_id"], found["pad_token_id"]) == (
        bundle.tokenizer.eos_token_id,
        bundle.tokenizer.pad_token_id,
    )
