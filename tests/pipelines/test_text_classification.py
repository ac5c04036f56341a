"""Pipelines over every form of a model: one text, many, pairs, order, truncation, wrong input."""

import numpy as np
import pytest

from kerasft import CheckpointError, DataError, KerasftError, bundles, export, multi_label, pipelines, regression
from kerasft.inference.runners import Runner, keras_runner
from kerasft.pipelines import TextClassificationPipeline
from tests import tiny
from tests.export.conftest import make_bundle, trained


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_bundle(tmp_path_factory.mktemp("bundle") / "reviews")


@pytest.fixture(scope="module")
def classify(folder):
    return pipelines.load(folder)


def pipeline_of(labels, **arguments):
    model = trained(tiny.classifier(labels))
    return TextClassificationPipeline(keras_runner(model), tiny.tokenizer(), model.labels, max_length=24, **arguments)


def test_one_text_and_many(classify):
    one = classify("a good film")
    assert set(one) == {"label", "score"}
    many = classify(["a good film", "the bad movie"])
    assert many[0]["label"] == one["label"]
    assert many[0]["score"] == pytest.approx(one["score"], abs=1e-6)
    assert classify([]) == []
    assert classify(np.array(["a good film"]))[0]["label"] == one["label"]


def test_order_and_batch_size_do_not_matter(classify):
    texts = ["good " * (7 * number % 20) for number in range(23)]
    expected = np.stack([classify.predict_logits([text])[0] for text in texts])
    for batch_size in (1, 4, 64):
        np.testing.assert_allclose(classify.predict_logits(texts, batch_size=batch_size), expected, atol=1e-5)


def test_texts_are_batched_by_length():
    shapes = []

    def run(features):
        shapes.append(features["token_ids"].shape)
        return {"logits": np.zeros((len(features["token_ids"]), 2), np.float32)}

    pipeline = TextClassificationPipeline(
        Runner(run, ("token_ids",)), tiny.tokenizer(), tiny.classifier().labels, max_length=24
    )
    pipeline(["good " * 20, "bad", "good " * 19, "film"], batch_size=2)
    assert shapes == [(2, 3), (2, 22)]


def test_empty_text_is_answered(classify):
    assert classify("")["label"] in ("negative", "positive")
    assert classify("  ") == classify("")


def test_truncation_is_counted_and_warned_of_once_a_call(caplog):
    pipeline = pipeline_of(["no", "yes"])
    pipeline(["good " * 50, "bad"])
    pipeline(["good " * 50])
    pipeline("bad")
    assert pipeline.num_truncated == 2
    assert caplog.messages == [
        f"{found} texts ({share} %) are longer than 24 tokens (max_length) and were truncated. To avoid truncation, train with a "
        "larger max_length (--max-length), or split them."
        for found, share in (("1 of 2", "50.0"), ("1 of 1", "100.0"))
    ]


def test_pairs():
    pipeline = pipeline_of(["no", "yes"], pair=True)
    answer = pipeline("a good film", "a bad film")
    assert pipeline(("a good film", "a bad film")) == answer
    assert pipeline("a good film", text_pair="a bad film") == answer
    assert pipeline({"text": "a good film", "text_pair": "a bad film"}) == answer
    with pytest.warns(DeprecationWarning, match="`pairs` is now `text_pair`"):
        assert pipeline("a good film", pairs="a bad film") == answer
    for many in (
        pipeline(["a good film"], ["a bad film"]),
        pipeline([("a good film", "a bad film")]),
        pipeline([["a good film", "a bad film"]]),
        pipeline([{"text": "a good film", "text_pair": "a bad film"}]),
    ):
        assert many == [answer]
    with pytest.raises(KerasftError, match=r"`texts` must be pairs of texts.*; received: 'a good film'"):
        pipeline("a good film")
    with pytest.raises(KerasftError, match=r"`text_pair` must be as many as texts \(2\); received: 1"):
        pipeline(["a", "b"], ["c"])
    with pytest.raises(KerasftError, match=r"`text_pair` must be a string if texts is a string"):
        pipeline(["a"], "b")
    for item in ({"text_pair": "b"}, {"text": "a", "second": "b"}):
        with pytest.raises(DataError, match=r"unexpected keys in the dictionary.*Expected keys: text and text_pair"):
            pipeline([item])
    assert pipeline_of(["no", "yes"])({"text": "a good film"}) == pipeline_of(["no", "yes"])("a good film")


def test_other_problems():
    answer = pipeline_of(multi_label(["a", "b", "c"]))("a good film", threshold=0.0)
    assert sorted(item["label"] for item in answer["labels"]) == ["a", "b", "c"]
    assert set(pipeline_of(regression("joy", "fear"))("a good film")) == {"joy", "fear"}


def test_probabilities(classify):
    answer = classify("a good film", with_probabilities=True)
    assert sum(answer["probabilities"].values()) == pytest.approx(1)
    rows = classify.predict_probabilities(["a good film", "bad"])
    assert rows.shape == (2, 2)
    assert rows[0].max() == pytest.approx(answer["score"])


@pytest.mark.parametrize(
    ("texts", "arguments", "error", "message"),
    [
        (3, {}, DataError, "texts: expected a text or a sequence of texts; received: 3"),
        ({"label": "a"}, {}, DataError, "unexpected keys in the dictionary; received: {'label': 'a'}"),
        (["a", None], {}, DataError, "texts, line 2: expected a string, got NoneType"),
        ("a", {"batch_size": 0}, KerasftError, "`batch_size` must be a whole number >= 1; received: 0"),
        ("a", {"top_k": 3}, KerasftError, "`top_k` must be a whole number from 1 to 2; received: 3"),
        ([("a", "b")], {}, KerasftError, r"`texts` must be single texts; received: \('a', 'b'\)"),
    ],
)
def test_wrong_input(classify, texts, arguments, error, message):
    with pytest.raises(error, match=message):
        classify(texts, **arguments)


@pytest.mark.slow
def test_every_form_gives_the_same_answers(folder, classify):
    export.litert(folder, texts=["a good film"])
    export.saved_model(folder, texts=["a good film"])
    texts = ["a good film", "", "we love the movie"]
    expected = classify(texts, top_k=2)
    for form in ("litert", "saved_model"):
        for answer, right in zip(pipelines.load(f"{folder}.{form}")(texts, top_k=2), expected):
            assert [item["label"] for item in answer] == [item["label"] for item in right]
            assert answer[0]["score"] == pytest.approx(right[0]["score"], abs=1e-4)


def test_a_folder_that_is_no_bundle(tmp_path):
    with pytest.raises(CheckpointError, match="is not a bundle: the folder does not exist"):
        pipelines.load(tmp_path / "nothing")
    (tmp_path / "weights.bin").write_bytes(b"")
    with pytest.raises(CheckpointError, match=r"is not a bundle: it contains weights.bin"):
        pipelines.load(tmp_path)


def test_a_bundle_without_its_model(folder, tmp_path):
    (tmp_path / "kerasft.json").write_text((folder / bundles.METADATA_FILE).read_text("utf-8"), "utf-8")
    with pytest.raises(CheckpointError, match=r"model.keras is missing"):
        pipelines.load(tmp_path)
