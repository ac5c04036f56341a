"""Tiny language models whose weights are large enough that every token is sure, and their exports, made once."""

import functools
import pathlib
import tempfile

import keras
import numpy as np

import kerasft
from kerasft import tokenizers
from kerasft.backbones import GPT2Config, T5Config, gpt2, t5
from kerasft.generation import Generator
from kerasft.heads import causal_lm, sequence_to_sequence

SENTENCE = "the quick brown fox jumps over the lazy dog and runs away from the bear in the wood"
TEXT = SENTENCE.split()
CACHE, LENGTHS = 48, (8, 16)


@functools.cache
def tokenizer(kind):
    """Byte-level BPE for GPT-2, Unigram for T5."""
    texts = [" ".join(np.random.default_rng(seed).permutation(TEXT)) for seed in range(30)]
    return tokenizers.train(texts, kind, vocabulary_size=300)


@functools.cache
def bundle(task):
    """A bundle in memory, of `"gpt2"` or `"t5"`; 300 tokens, so that the tables are large enough to be quantised."""
    keras.utils.set_random_seed(1)
    if task == "gpt2":
        sizes = {"num_layers": 2, "num_heads": 2, "hidden_dim": 32, "intermediate_dim": 48, "max_sequence_length": 64}
        model = causal_lm(gpt2(GPT2Config(vocabulary_size=300, initializer_range=0.5, **sizes)))
        generation = {"max_new_tokens": 20, "method": "beam", "num_beams": 3}
        return kerasft.make_bundle(model, tokenizer("bpe"), max_length=16, settings={"generation": generation})
    sizes = {"num_layers": 1, "num_decoder_layers": 2, "num_heads": 2, "head_dim": 16, "hidden_dim": 32}
    model = sequence_to_sequence(t5(T5Config(vocabulary_size=300, intermediate_dim=64, **sizes)))
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(0, 0.5, weight.shape) for weight in model.weights])
    return kerasft.make_bundle(model, tokenizer("unigram"), max_length=16, settings={"start_token_id": 0})


@functools.cache
def exported(task, quantize=None):
    """The report of an export of it."""
    folder = pathlib.Path(tempfile.mkdtemp()) / task
    return kerasft.export.litert_generation(
        bundle(task), folder, quantize=quantize, prefill_lengths=LENGTHS, cache_length=CACHE, prompts=TEXT[:3]
    )


@functools.cache
def keras_generator(task):
    """What writes the expected texts."""
    return Generator(bundle(task).model, bundle(task).tokenizer)
