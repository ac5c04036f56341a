"""Filled gaps, measured perplexity, exports."""

import numpy as np
import pytest

import kerasft
from kerasft import DataError, KerasftError
from kerasft.data import Masking, masked_lm
from kerasft.export import litert, saved_model
from tests import tiny
from tests.export.conftest import trained

TEXTS = ["a good film", "please pay me my money", "she was very good to me"]
SETTINGS = {"masking": {"rate": 0.3, "whole_words": True}, "packed": False, "seed": 3}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    model = trained(kerasft.heads.masked_lm(tiny.backbone()))
    folder = tmp_path_factory.mktemp("masked_lm") / "bundle"
    return kerasft.load_bundle(kerasft.save_bundle(folder, model, tiny.tokenizer(), max_length=24, settings=SETTINGS))


@pytest.fixture(scope="module")
def fill(bundle):
    return kerasft.pipelines.load(bundle)


def test_gaps_are_filled_by_the_likeliest_tokens(bundle, fill):
    answer = fill("a [MASK] film [MASK]", top_k=3)
    batch = tiny.batch(["a [MASK] film [MASK]"])
    logits = np.asarray(bundle.model(batch))[0][batch["token_ids"][0] == tiny.tokenizer().mask_token_id]
    chances = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    for candidates, row in zip(answer["masks"], chances, strict=True):
        assert [candidate["score"] for candidate in candidates] == pytest.approx(np.sort(row)[::-1][:3], rel=1e-4)
        best = tiny.tokenizer().convert_ids_to_tokens(int(row.argmax()))
        assert candidates[0]["token"].removeprefix("##") == best.removeprefix("##")
    first, second = (mask[0]["token"] for mask in answer["masks"])
    assert answer["filled"] == f"a {first} film {second}".replace(" ##", "")


def test_many_texts_and_small_batches(fill):
    texts = ["a [MASK]", "[MASK] pay me my money", "lost [MASK] [MASK]"]
    assert [len(answer["masks"]) for answer in fill(texts)] == [1, 1, 2]
    for one, many in zip(fill(texts, batch_size=1), fill(texts, batch_size=8)):
        assert one["filled"] == many["filled"]
    assert fill([]) == []


def test_a_long_text_is_truncated_with_a_warning(fill, caplog):
    assert len(fill(["a [MASK] " + "good " * 50, "[MASK]"], batch_size=1)) == 2
    (message,) = caplog.messages
    assert message.startswith("1 of 2 texts (50.0 %) are longer than 24 tokens (max_length) and were truncated. ")


def test_a_text_without_a_gap_is_an_error(fill):
    with pytest.raises(DataError, match=r"the text contains no mask token; received: 'a film'. Put \[MASK\]"):
        fill("a film")
    with pytest.raises(KerasftError, match="`top_k` must be a whole number >= 1; received: 0"):
        fill("a [MASK]", top_k=0)


def test_perplexity_is_that_of_keras_on_the_same_masks(bundle, fill):
    dataset = masked_lm(TEXTS, tiny.tokenizer(), masking=Masking(**SETTINGS["masking"]), max_length=24, seed=3)
    bundle.model.compile(weighted_metrics=[kerasft.metrics.Perplexity(), "accuracy"])
    bundle.model.compile(
        loss=kerasft.losses.SparseCategoricalCrossentropy(),
        weighted_metrics=[kerasft.metrics.Perplexity(), "sparse_categorical_accuracy"],
    )
    expected = bundle.model.evaluate(dataset, verbose=0, return_dict=True)
    for batch_size in (1, 8):
        metrics = fill.evaluate(TEXTS, batch_size=batch_size).metrics
        assert metrics["perplexity"] == pytest.approx(expected["perplexity"], rel=1e-4)
        assert metrics["accuracy"] == pytest.approx(expected["sparse_categorical_accuracy"], abs=1e-6)


def test_texts_without_a_mask_drawn_are_an_error(bundle):
    settings = {**SETTINGS, "masking": {"rate": 1e-9}}
    quiet = kerasft.make_bundle(bundle.model, bundle.tokenizer, max_length=24, settings=settings)
    with pytest.raises(DataError, match="no token was masked in 3 rows"):
        kerasft.pipelines.load(quiet).evaluate(TEXTS)


@pytest.mark.slow
def test_every_form_fills_alike(bundle, fill, tmp_path):
    reports = [saved_model(bundle, tmp_path / "saved_model", texts=TEXTS)]
    reports += [
        litert(bundle, tmp_path / name, quantize=q, texts=TEXTS) for name, q in (("float", None), ("int8", "int8"))
    ]
    for report, agreement in zip(reports, (1.0, 1.0, 0.9)):
        assert report["finite"]
        assert report["agreement"] >= agreement
        pipeline = kerasft.pipelines.load(report["folder"])
        assert pipeline("a [MASK] film")["masks"][0][0]["score"] == pytest.approx(
            fill("a [MASK] film")["masks"][0][0]["score"], abs=1e-4 if agreement == 1 else 0.05
        )
        expected = fill.evaluate(TEXTS).metrics["loss"]
        assert pipeline.evaluate(TEXTS).metrics["loss"] == pytest.approx(expected, rel=1e-4 if agreement == 1 else 0.05)
