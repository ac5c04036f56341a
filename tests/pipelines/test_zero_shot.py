"""Classes without examples: by entailment and by embeddings, against numbers made by hand."""

import numpy as np
import pytest

import kerasft
from kerasft import DataError, KerasftError
from kerasft.inference.runners import keras_runner
from kerasft.pipelines import SentenceEmbeddingPipeline, TextClassificationPipeline, ZeroShotPipeline
from tests import tiny
from tests.export.conftest import trained

TEXTS = ["a good film", "please pay me my money"]
CLASSES = ["film", "money", "card"]


def entailment(labels=("contradiction", "entailment", "neutral"), pair=True):
    model = trained(tiny.classifier(labels))
    return TextClassificationPipeline(
        keras_runner(model), tiny.tokenizer(), kerasft.Labels(labels), max_length=32, pair=pair
    )


@pytest.fixture(scope="module")
def embedder():
    model = trained(kerasft.heads.sentence_embedding(tiny.backbone()))
    return SentenceEmbeddingPipeline(keras_runner(model), tiny.tokenizer(), max_length=24)


def test_by_entailment_the_entailment_logits_are_compared():
    model = entailment()
    classify = ZeroShotPipeline(model, CLASSES, hypothesis="it is {}")
    logits = model.predict_logits([(text, f"it is {name}") for text in TEXTS for name in CLASSES])
    np.testing.assert_allclose(classify.predict_logits(TEXTS), logits[:, 1].reshape(2, 3), atol=1e-5)
    best = CLASSES[int(logits[:3, 1].argmax())]
    assert classify(TEXTS[0])["label"] == best
    scores = [answer["score"] for answer in classify(TEXTS[0], top_k=3)]
    assert sum(scores) == pytest.approx(1.0, abs=1e-5)


def test_several_classes_are_each_entailed_or_contradicted():
    model = entailment()
    classify = ZeroShotPipeline(model, kerasft.multi_label(CLASSES), hypothesis="it is {}")
    logits = model.predict_logits([(TEXTS[0], f"it is {name}") for name in CLASSES]).astype("float64")
    np.testing.assert_allclose(classify.predict_logits(TEXTS[:1])[0], logits[:, 1] - logits[:, 0], atol=1e-5)
    two = ZeroShotPipeline(entailment(("entailment", "not_entailment")), kerasft.multi_label(CLASSES))
    assert two.predict_logits(TEXTS).shape == (2, 3)


def test_by_embeddings_descriptions_are_compared(embedder):
    described = {"film": ["a good film", "a bad movie"], "money": "please pay"}
    classify = ZeroShotPipeline(embedder, described, hypothesis="{}")
    vectors = embedder.embed(["a good film", "a bad movie", "please pay"])
    mean = vectors[:2].mean(axis=0)
    expected = 20 * embedder.embed(TEXTS) @ np.stack([mean / np.linalg.norm(mean), vectors[2]]).T
    np.testing.assert_allclose(classify.predict_logits(TEXTS), expected, atol=1e-4)


def test_evaluation_is_that_of_a_classifier(embedder):
    classify = ZeroShotPipeline(embedder, ["film", "money"])
    report = classify.evaluate([(TEXTS[0], "film"), (TEXTS[1], "money")])
    right = [answer["label"] == gold for answer, gold in zip(classify(TEXTS), ("film", "money"))]
    assert report.metrics["accuracy"] == np.mean(right)
    assert classify([]) == []
    assert classify({"text": TEXTS[0]}) == classify(TEXTS[0])


def test_what_is_wrong_is_said(embedder):
    with pytest.raises(KerasftError, match=r"`entailment` must be one of the model's labels, .*; received: None"):
        ZeroShotPipeline(entailment(("no", "yes")), CLASSES)
    assert ZeroShotPipeline(entailment(("no", "yes")), CLASSES, entailment="yes")(TEXTS[0])["label"] in CLASSES
    with pytest.raises(KerasftError, match=r"`model` must be .* over pairs; received: 'TextClassificationPipeline'"):
        ZeroShotPipeline(entailment(pair=False), CLASSES)
    with pytest.raises(KerasftError, match=r"`hypothesis` must be a sentence with one \{\} in it; received: 'about'"):
        ZeroShotPipeline(embedder, CLASSES, hypothesis="about")
    with pytest.raises(KerasftError, match="`labels` must be one or more descriptions of 'a'; received: ''"):
        ZeroShotPipeline(embedder, {"a": "", "b": "x"})
    with pytest.raises(KerasftError, match="`labels` must be classes; received: Labels"):
        ZeroShotPipeline(embedder, kerasft.regression())
    with pytest.raises(DataError, match="expected a string; received: 3"):
        ZeroShotPipeline(embedder, CLASSES)(["a", 3])
