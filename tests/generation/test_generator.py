"""Cached generation: the same tokens as without a cache, each row by itself, limits, stop strings, seeds, streams."""

import functools

import keras
import numpy as np
import pytest

from kerasft import KerasftError
from kerasft.backbones import GPT2Config, T5Config, gpt2, t5
from kerasft.features import (
    DECODER_PADDING_MASK,
    DECODER_TOKEN_IDS,
    ENCODER_PADDING_MASK,
    ENCODER_TOKEN_IDS,
    PADDING_MASK,
    TOKEN_IDS,
)
from kerasft.generation import GenerationOptions, Generator
from kerasft.heads import causal_lm, sequence_to_sequence
from tests import tiny

PROMPTS = [[5, 6, 7], [8], [9, 10, 11, 12, 13], [20, 30]]
POSITIONS, VOCABULARY, END = 16, 40, 3


class Words:
    """A tokenizer of one letter, or so, a token."""

    eos_token_id = END

    def decode(self, token_ids, **_):
        return "".join(chr(ord("A") + token) for token in token_ids)


@functools.cache
def model(kind):
    keras.utils.set_random_seed(7)
    sizes = {"vocabulary_size": VOCABULARY, "num_heads": 2, "hidden_dim": 16, "intermediate_dim": 24}
    if kind == "gpt2":
        config = GPT2Config(**sizes, num_layers=2, max_sequence_length=POSITIONS, initializer_range=0.7)
        return causal_lm(gpt2(config))
    config = T5Config(**sizes, num_layers=1, num_decoder_layers=2, head_dim=8, num_buckets=8, max_distance=12)
    built = sequence_to_sequence(t5(config))
    rng = np.random.default_rng(0)
    built.set_weights([rng.normal(0, 0.6, weight.shape) for weight in built.weights])
    return built


@functools.cache
def generator(kind):
    return Generator(model(kind), Words())


def next_logits(kind, prompt, written):
    """Without a cache: the whole text through the model."""
    if kind == "gpt2":
        ids = np.array([prompt + written], "int32")
        return model(kind)({TOKEN_IDS: ids, PADDING_MASK: np.ones_like(ids)}).numpy()[0, -1]
    source, target = np.array([prompt], "int32"), np.array([[0, *written]], "int32")
    features = {ENCODER_TOKEN_IDS: source, ENCODER_PADDING_MASK: np.ones_like(source)}
    features |= {DECODER_TOKEN_IDS: target, DECODER_PADDING_MASK: np.ones_like(target)}
    return model(kind)(features).numpy()[0, -1]


def uncached_greedy(kind, prompt, most):
    written = []
    while len(written) < most and (not written or written[-1] != END):
        written.append(int(next_logits(kind, prompt, written).argmax()))
    return written


def uncached_beam(kind, prompt, most, width):
    """The search as its definition says, length penalty 1, early stopping: lists of (score, tokens)."""
    running, finished = [(0.0, [])], []
    for length in range(1, most + 1):
        found = []
        for score, tokens in running:
            logits = next_logits(kind, prompt, tokens).astype("float64")
            log_p = logits - np.log(np.exp(logits - logits.max()).sum()) - logits.max()
            found += [(score + log_p[token], [*tokens, token]) for token in range(VOCABULARY)]
        found = sorted(found, key=lambda pair: -pair[0])[: 2 * width]
        ends = [length == most or tokens[-1] == END for _, tokens in found]
        finished += [(score / length, tokens) for (score, tokens), end in zip(found[:width], ends) if end]
        finished = sorted(finished, key=lambda pair: -pair[0])[:width]
        running = [pair for pair, end in zip(found, ends) if not end][:width]
        if len(finished) == width:
            break
    return finished[0]


# --- with and without a cache -----------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["gpt2", "t5"])
def test_greedy_equals_uncached_at_every_length_to_the_maximum(kind):
    for length in range(1, POSITIONS):
        prompt = [5 + place * 7 % 30 for place in range(length)]
        most = POSITIONS - length if kind == "gpt2" else 15
        (text,) = generator(kind)([prompt], GenerationOptions(max_new_tokens=15))
        assert text.token_ids + [END] * text.finished == uncached_greedy(kind, prompt, most)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["gpt2", "t5"])
def test_beam_search_equals_uncached(kind):
    options = GenerationOptions(max_new_tokens=8, method="beam", num_beams=3, early_stopping=True)
    for prompt, text in zip(PROMPTS, generator(kind)(PROMPTS, options)):
        score, tokens = uncached_beam(kind, prompt, 8, 3)
        assert text.token_ids + [END] * text.finished == tokens
        assert text.score == pytest.approx(score, rel=1e-4)


@pytest.mark.parametrize("kind", ["gpt2", "t5"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"method": "beam", "num_beams": 3},
        {"method": "sample", "top_k": 20, "repetition_penalty": 1.5, "no_repeat_ngram_size": 2, "seed": 3},
        {"method": "sample", "top_p": 0.9},
    ],
)
def test_a_row_is_what_it_is_alone(kind, options):
    options = GenerationOptions(max_new_tokens=10, **options)
    together = generator(kind)(PROMPTS, options)
    alone = [generator(kind)([prompt], options)[0] for prompt in PROMPTS]
    assert [text.token_ids for text in together] == [text.token_ids for text in alone]
    in_pairs = generator(kind)(PROMPTS[::-1], options, batch_size=2)[::-1]
    assert [text.token_ids for text in together] == [text.token_ids for text in in_pairs]


def test_weights_are_those_of_the_call():
    trained = causal_lm(gpt2(model("gpt2").get_layer("token_embedding").config))
    write = Generator(trained, Words())
    options = GenerationOptions(max_new_tokens=5)
    write(PROMPTS, options)
    trained.set_weights(model("gpt2").get_weights())
    assert write(PROMPTS, options) == generator("gpt2")(PROMPTS, options)


# --- limits -----------------------------------------------------------------------------------------------------------


def test_a_text_without_end_says_so_and_has_all_its_tokens():
    write = generator("gpt2")
    for text in write(PROMPTS, GenerationOptions(max_new_tokens=4, min_new_tokens=4)):
        assert not text.finished
        assert len(text.token_ids) == 4
    longest = write([[5] * 12], GenerationOptions(max_new_tokens=50, min_new_tokens=50))[0]
    assert (len(longest.token_ids), longest.finished) == (POSITIONS - 12, False)


def test_prompts_without_tokens_or_without_room_are_refused():
    with pytest.raises(KerasftError, match=r"`prompts` must be non-empty lists of token ids; received: \[\]"):
        generator("gpt2")([[5], []])
    with pytest.raises(KerasftError, match=f"`prompts` must be shorter than the model's {POSITIONS} positions; .*: 16"):
        generator("gpt2")([[5] * POSITIONS])
    with pytest.raises(KerasftError, match="`batch_size` must be a whole number >= 1; received: 0"):
        generator("gpt2")([[5]], batch_size=0)
    with pytest.raises(
        KerasftError, match=r"`model` must be built by kerasft.heads.causal_lm .*; received: 'text_class"
    ):
        Generator(tiny.classifier(), tiny.tokenizer())
    assert generator("gpt2")([]) == []


# --- samples ----------------------------------------------------------------------------------------------------------


def test_the_seed_decides_and_equal_prompts_get_texts_of_their_own():
    def write(seed, prompts=PROMPTS):
        options = GenerationOptions(max_new_tokens=10, method="sample", seed=seed)
        return [text.token_ids for text in generator("gpt2")(prompts, options)]

    assert write(1) == write(1)
    assert write(1) != write(2)
    first, second = write(1, [[5, 6, 7]] * 2)
    assert first != second
    assert first == write(1)[0]


def test_of_one_candidate_a_sample_is_greedy():
    greedy = generator("gpt2")(PROMPTS, GenerationOptions(max_new_tokens=8))
    for options in ({"top_k": 1}, {"top_p": 1e-6}, {"temperature": 1e-4}):
        sampled = generator("gpt2")(PROMPTS, GenerationOptions(max_new_tokens=8, method="sample", **options))
        assert sampled == greedy


def test_no_pair_of_tokens_comes_twice():
    options = GenerationOptions(max_new_tokens=12, min_new_tokens=12, no_repeat_ngram_size=2)
    for prompt, text in zip(PROMPTS[:2], generator("gpt2")(PROMPTS[:2], options)):
        pairs = list(zip([*prompt, *text.token_ids], [*prompt, *text.token_ids][1:]))
        assert len(set(pairs)) == len(pairs)


# --- stop strings and streams -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["gpt2", "t5"])
def test_a_stop_string_ends_the_text_and_is_not_in_it(kind):
    whole = generator(kind)(PROMPTS, GenerationOptions(max_new_tokens=11, min_new_tokens=11))
    for prompt, text in zip(PROMPTS, whole):
        stop = text.text[2:4]
        options = GenerationOptions(max_new_tokens=11, min_new_tokens=11, stop=(stop,))
        (stopped,) = generator(kind)([prompt], options)
        place = text.text.find(stop)
        assert (stopped.text, stopped.finished) == (text.text[:place], True)
        assert stopped.token_ids == text.token_ids[:place]
        assert list(generator(kind).stream(prompt, options)) == stopped.token_ids


@pytest.mark.parametrize("options", [{}, {"method": "sample", "top_p": 0.95, "seed": 5}])
def test_a_stream_is_the_text(options):
    options = GenerationOptions(max_new_tokens=10, **options)
    for prompt, text in zip(PROMPTS, generator("gpt2")(PROMPTS, options)):
        assert list(generator("gpt2").stream(prompt, options)) == text.token_ids


def test_a_beam_search_is_not_streamed():
    with pytest.raises(KerasftError, match="`method` must be 'greedy' or 'sample' to stream; received: 'beam'"):
        generator("gpt2").stream([5], GenerationOptions(method="beam", num_beams=2))


# --- options ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_new_tokens": 0}, "`max_new_tokens` must be a whole number >= 1; received: 0"),
        ({"min_new_tokens": 200}, r"`min_new_tokens` must be at most max_new_tokens \(128\); received: 200"),
        ({"method": "best"}, "`method` must be one of .*; received: 'best'"),
        ({"method": "beam"}, '`num_beams` must be at least 2 for method="beam"; received: 1'),
        ({"num_beams": 3}, "`num_beams` must be omitted for method='greedy'; received: 3"),
        ({"top_p": 0.5}, "`top_p` must be omitted for method='greedy'; received: 0.5"),
        ({"method": "sample", "top_p": 1.5}, "`top_p` must be greater than 0 and at most 1; received: 1.5"),
        ({"method": "sample", "top_k": 0}, "`top_k` must be a whole number >= 1; received: 0"),
        ({"method": "sample", "temperature": 0.0}, "`temperature` must be greater than 0; received: 0.0"),
        ({"repetition_penalty": float("nan")}, "`repetition_penalty` must be a number; received: nan"),
        ({"stop": ("",)}, r"`stop` must be non-empty strings; received: \('',\)"),
        ({"seed": -1}, "`seed` must be a whole number >= 0; received: -1"),
    ],
)
def test_wrong_options_are_refused(options, message):
    with pytest.raises(KerasftError, match=message):
        GenerationOptions(**options)
