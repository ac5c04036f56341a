"""Greedy texts and beam searches equal `transformers.generate` on PyTorch: 200 prompts a model, numbers by make_generation.py."""

import functools
import pathlib

import numpy as np
import pytest
import tensorflow as tf

import kerasft
from kerasft.generation import GenerationOptions, Generator
from kerasft.generation.logits_processing import Numbers, Rules, draw

HERE = pathlib.Path(__file__).parent / "generation"
MODELS = ("gpt2", "t5", "t5_v1_1")
CASES = {
    "greedy": {},
    "min_new_tokens": {"min_new_tokens": 8},
    "repetition_penalty": {"repetition_penalty": 1.4},
    "no_repeat_ngram": {"no_repeat_ngram_size": 2},
    "beam": {"num_beams": 4},
    "beam_short": {"num_beams": 3, "length_penalty": -0.5},
    "beam_long": {"num_beams": 5, "length_penalty": 2.0},
    "beam_early": {"num_beams": 4, "early_stopping": True},
    "beam_rules": {"num_beams": 4, "repetition_penalty": 1.2, "no_repeat_ngram_size": 3, "min_new_tokens": 4},
}
WARPERS = {
    "temperature": {"temperature": 0.6},
    "top_k": {"top_k": 5},
    "top_p": {"top_p": 0.7},
    "all": {"temperature": 1.5, "top_k": 12, "top_p": 0.8},
}


@functools.cache
def loaded(name):
    expected = dict(np.load(HERE / name / "expected.npz"))
    model, tokenizer = kerasft.load_task_model(HERE / name)
    return Generator(model, tokenizer), expected


@pytest.mark.parametrize(
    ("name", "case"),
    [(name, case) for name in MODELS for case in CASES if name != "t5_v1_1" or case in ("greedy", "beam")],
)
def test_texts_equal_the_references(name, case):
    generate, expected = loaded(name)
    end_id, rows = int(expected["end_id"]), expected[case].astype(int)
    assert generate.end_id == end_id
    method = "beam" if "num_beams" in CASES[case] else "greedy"
    options = GenerationOptions(max_new_tokens=rows.shape[1], method=method, **CASES[case])
    prompts = [row[row >= 0].tolist() for row in expected["prompts"].astype(int)]
    texts = generate(prompts, options, batch_size=50)
    wanted = [row[row >= 0].tolist() for row in rows]
    assert [text.token_ids + [end_id] * text.finished for text in texts] == wanted
    assert [text.finished for text in texts] == [end_id in row for row in wanted]
    if method == "beam":
        np.testing.assert_allclose([text.score for text in texts], expected[f"{case}_scores"], rtol=2e-5)


@pytest.mark.parametrize("case", WARPERS)
def test_tokens_are_drawn_by_the_references_probabilities(case):
    expected = dict(np.load(HERE / "warpers.npz"))
    options = GenerationOptions(method="sample", **WARPERS[case])
    rules, numbers = Rules.of(options), Numbers.of(options, end_id=1)
    count = 4000
    uniforms = tf.constant((np.arange(count) + 0.5) / count, tf.float32)
    draw_graph = tf.function(
        lambda row: draw(tf.repeat(row[None], count, axis=0), uniforms, rules=rules, numbers=numbers)
    )
    for row, probabilities in zip(expected["logits"], expected[case]):
        drawn = np.bincount(draw_graph(tf.constant(row)), minlength=len(row)) / count
        # Evenly spaced numbers: the counts are the probabilities but for the ends of each token's interval.
        np.testing.assert_allclose(drawn, probabilities, atol=1.01 / count)
        assert not drawn[probabilities == 0].any()
