"""A tiny T5 with its own vocabulary, as a bundle in memory."""

import functools

import keras

import kerasft
from kerasft import tokenizers
from kerasft.backbones import T5Config, t5
from kerasft.heads import sequence_to_sequence

WORDS = ("good", "bad", "film", "movie", "card", "money")
TEXTS = [f"{first} {second}" for first in WORDS for second in WORDS if first != second]


@functools.cache
def tokenizer():
    """Unigram, with T5's special tokens."""
    return tokenizers.train([*TEXTS, *WORDS] * 3, "unigram", vocabulary_size=60)


def model(seed: int = 0):
    """A new one: 2 + 2 blocks, 16 wide."""
    keras.utils.set_random_seed(seed)
    sizes = {"num_layers": 2, "num_decoder_layers": 2, "num_heads": 2, "head_dim": 8, "hidden_dim": 16}
    return sequence_to_sequence(
        t5(T5Config(vocabulary_size=len(tokenizer()), intermediate_dim=32, dropout=0.0, **sizes))
    )


def bundle(**settings):
    """A bundle of a new one in memory."""
    return kerasft.make_bundle(model(), tokenizer(), max_length=16, settings={"start_token_id": 0, **settings})
