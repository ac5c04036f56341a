"""Texts for texts: the answers, the warnings with numbers, the evaluation."""

import logging

import numpy as np
import pytest
import tensorflow as tf

import kerasft
from kerasft import KerasftError
from kerasft.metrics import summarization_scores, translation_scores
from kerasft.pipelines.generation_options import merged_options
from tests import tiny_t5

ROWS = [("good film", ["good", "a good film"]), ("bad movie", ["bad"]), ("money card", ["money money money"])]


@pytest.fixture(scope="module")
def write():
    return kerasft.pipelines.load(tiny_t5.bundle(generation={"max_new_tokens": 5}, metrics="all", prefix="film "))


@pytest.fixture
def log(caplog):
    caplog.set_level(logging.WARNING, logger="kerasft")
    return caplog


def test_one_text_and_many(write):
    sources = [source for source, _ in ROWS]
    answers = write(sources, batch_size=2)
    assert [sorted(answer) for answer in answers] == [["finished", "generated"]] * 3
    assert answers[1] == write("bad movie")
    assert write([]) == []
    without = kerasft.pipelines.load(kerasft.make_bundle(write.model, write.tokenizer, max_length=16))
    assert answers == without([f"film {source}" for source in sources], max_new_tokens=5)


def test_beams_have_scores_and_a_call_goes_before_the_settings(write):
    answers = write(["good film", "money"], num_beams=2, length_penalty=0.5, max_new_tokens=3)
    assert all(isinstance(answer["score"], float) for answer in answers)
    beams = kerasft.pipelines.load(tiny_t5.bundle(generation={"method": "beam", "num_beams": 2, "max_new_tokens": 3}))
    assert "score" in beams("good film")
    assert "score" not in beams("good film", method="greedy")


def test_texts_that_end_at_the_limit_are_counted(write, log):
    answers = write(["good film", "bad movie"], max_new_tokens=1)
    number = sum(not answer["finished"] for answer in answers)
    assert number  # new weights do not begin with the end token
    assert f"{number} of 2 generated texts were truncated at max_new_tokens=1" in log.text


def test_long_sources_are_counted_and_warned_of(log):
    length = len(tiny_t5.tokenizer()("bad")["input_ids"])
    short = kerasft.pipelines.load(kerasft.make_bundle(tiny_t5.model(), tiny_t5.tokenizer(), max_length=length))
    short(["good film movie card", "bad"], max_new_tokens=2)
    short("good film movie card", max_new_tokens=2)
    assert short.num_truncated == 2
    assert [text.split(" To avoid truncation")[0] for text in log.messages if "and were truncated" in text] == [
        f"{found} are longer than {length} tokens (max_source_length) and were truncated."
        for found in ("1 of 2 sources (50.0 %)", "1 of 1 sources (100.0 %)")
    ]


def test_there_is_no_silent_limit_of_20_tokens():
    assert merged_options({}, {}).max_new_tokens == 128


def test_evaluation_equals_the_packages_on_what_was_written(write, log, tmp_path):
    report = write.evaluate(ROWS, about={"data": "three rows"}, max_new_tokens=4)
    generated = [answer["generated"] for answer in write([source for source, _ in ROWS], max_new_tokens=4)]
    references = [texts for _, texts in ROWS]
    expected = translation_scores(generated, references).metrics | summarization_scores(generated, references).metrics
    assert {name: report.metrics[name] for name in expected} == expected
    assert list(report.metrics)[:6] == ["bleu", "chrf", "rouge1", "rouge2", "rougeL", "rougeLsum"]
    counts = [len(write.tokenizer(text)["input_ids"]) - 1 for texts in references for text in texts]
    assert report.metrics["references_beyond_limit"] == sum(count > 4 for count in counts) / 4
    assert 0 <= report.metrics["share_at_limit"] <= 1
    assert report.metrics["sources_cut"] == 0
    assert report.about["data"] == "three rows"
    assert report.about["bleu"].startswith("nrefs:var|case:mixed|")
    assert report.about["generation"] == "greedy, at most 4 new tokens"
    assert report.rows == 3
    assert [error["row"] for error in report.errors] == [0, 1, 2]
    assert report.errors[0]["truth"] == "good | a good film"
    assert "greedy, at most 4 new tokens" in report.write(tmp_path).read_text("utf-8")
    scores = write.scores(ROWS)
    assert set(scores) == {*expected, "share_at_limit"}


def test_references_that_cannot_be_reached_are_counted(write, log):
    report = write.evaluate(ROWS, metrics="translation", max_new_tokens=1)
    assert report.metrics["references_beyond_limit"] > 0
    assert "of 4 references are longer than max_new_tokens=1, so no generated text can match them" in log.text
    assert "rouge1" not in report.metrics


def test_the_loss_is_that_of_teacher_forcing(write):
    data = kerasft.data.sequence_to_sequence(ROWS, write.tokenizer, prefix="film ", max_source_length=16, batch_size=3)
    features, y, weight = next(iter(data))
    losses = tf.keras.losses.sparse_categorical_crossentropy(y, write.model(features), from_logits=True)
    loss = float(tf.reduce_sum(losses * weight) / tf.reduce_sum(weight))
    metrics = write.evaluate(ROWS).metrics
    assert metrics["loss"] == pytest.approx(loss, rel=1e-5)
    assert metrics["perplexity"] == pytest.approx(np.exp(loss), rel=1e-5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda write: write("a", beams=3), "`options` must be one of max_new_tokens, .*received: 'beams'"),
        (lambda write: write("a", max_new_tokens=0), "`max_new_tokens` must be a whole number >= 1; received: 0"),
        (lambda write: write(["a", 3]), "texts, line 2: expected a string, got int; received: 3"),
        (lambda write: write.evaluate(ROWS, metrics="bleu"), "`metrics` must be one of .*received: 'bleu'"),
    ],
)
def test_what_is_refused(write, call, message):
    with pytest.raises(KerasftError, match=message):
        call(write)
