"""Prompts in, texts out: streams, limits, perplexity, exported files."""

import functools
import math

import keras
import numpy as np
import pytest

import kerasft
from kerasft import KerasftError
from kerasft.backbones import GPT2Config, gpt2
from kerasft.tokenizers import train

LINES = ["where is my parcel", "the parcel is lost", "where is the film"]
SETTINGS = {"documents": "line", "generation": {"max_new_tokens": 6}}


@functools.cache
def bundle():
    keras.utils.set_random_seed(0)
    tokenizer = train(LINES * 3, "bpe", vocabulary_size=300, max_length=32)
    sizes = {"num_layers": 1, "num_heads": 2, "hidden_dim": 16, "intermediate_dim": 24, "max_sequence_length": 32}
    model = kerasft.heads.causal_lm(gpt2(GPT2Config(vocabulary_size=len(tokenizer), initializer_range=0.6, **sizes)))
    return kerasft.make_bundle(model, tokenizer, max_length=16, settings=SETTINGS)


@functools.cache
def pipeline():
    return kerasft.pipelines.load(bundle())


def test_one_prompt_has_one_answer_and_many_a_list(caplog):
    write = pipeline()
    answers = write(["where is", "the", ""], min_new_tokens=6)
    assert answers[0] == write("where is", min_new_tokens=6)
    assert {answer["finished"] for answer in answers} == {False}
    assert "3 of 3 generated texts were truncated at max_new_tokens=6" in caplog.text
    assert "score" in write("where", num_beams=2)
    assert write([]) == []


@pytest.mark.parametrize("options", [{}, {"method": "sample", "temperature": 2.0}])
def test_a_stream_is_the_text_in_pieces(options):
    pieces = list(pipeline().stream("where is", max_new_tokens=20, **options))
    assert len(pieces) > 1
    assert "".join(pieces) == pipeline()("where is", max_new_tokens=20, **options)["generated"]


def test_a_long_prompt_loses_its_beginning(caplog):
    write = kerasft.pipelines.load(bundle())
    long = " ".join(LINES * 20)
    assert write(long) == write(write.tokenizer.decode(write.tokenizer.encode(long)[-26:]))
    assert (
        "1 of 1 prompts (100.0 %) are longer than 26 tokens (32 positions of the model minus 6 new tokens) and were truncated"
        in caplog.text
    )
    assert write.num_truncated == 1


def test_what_cannot_be_written_is_refused():
    with pytest.raises(KerasftError, match="expected a string; received: 7"):
        pipeline()(["a", 7])
    with pytest.raises(KerasftError, match=r"`options` must be one of .*; received: 'size'"):
        pipeline()("a", size=3)
    with pytest.raises(KerasftError, match="`top_k` must be omitted for method='greedy'; received: 3"):
        pipeline()("a", top_k=3)


def test_perplexity_is_that_of_the_model_at_every_batch_size():
    report = pipeline().evaluate(LINES)
    dataset = kerasft.data.causal_lm(LINES, bundle().tokenizer, block_size=16)
    metric = kerasft.metrics.Perplexity()
    for features, y, weight in dataset:
        metric.update_state(y, bundle().model(features), weight)
    assert report.metrics["perplexity"] == pytest.approx(float(metric.result()), rel=1e-5)
    assert report.metrics["perplexity"] == pytest.approx(math.exp(report.metrics["loss"]))
    assert pipeline().evaluate(LINES, batch_size=1).metrics["loss"] == pytest.approx(report.metrics["loss"], rel=1e-5)
    assert report.metrics["num_tokens"] == sum(len(bundle().tokenizer.encode(line)) + 1 for line in LINES) - 1


@pytest.mark.parametrize("kind", ["saved_model", "litert", "int8"])
def test_exported_files_foretell_the_same_tokens(tmp_path, kind):
    if kind == "saved_model":
        report = kerasft.export.saved_model(bundle(), tmp_path / "out", texts=LINES)
    else:
        options = (
            {"quantize": "int8", "min_agreement": 0.5} if kind == "int8" else {}
        )  # of random weights int8 changes much
        report = kerasft.export.litert(bundle(), tmp_path / "out", texts=LINES, **options)
    assert report["finite"]
    if kind != "int8":
        assert report["max_difference"] < 1e-4
    loaded = kerasft.pipelines.load(tmp_path / "out")
    expected = pipeline().evaluate(LINES).metrics["loss"]
    np.testing.assert_allclose(loaded.evaluate(LINES).metrics["loss"], expected, rtol=0.1 if kind == "int8" else 1e-4)
    with pytest.raises(KerasftError, match="Load the bundle that it was exported from"):
        loaded("where is")
