"""A new small GPT-2 as a Hugging Face folder: a byte-level BPE vocabulary learnt from texts, and random weights.

For demonstrations, tests and languages or domains without a pretrained model. Everything that reads a checkpoint reads it.
"""

import os
import pathlib
from collections.abc import Iterable

import keras

from kerasft import tokenizers
from kerasft.backbones.gpt2 import GPT2Config, gpt2
from kerasft.checkpoints.save import save_huggingface
from kerasft.errors import bad_argument
from kerasft.heads import causal_lm


def new_gpt2(
    folder: str | os.PathLike,
    source: str | os.PathLike | Iterable[str | os.PathLike],
    *,
    vocabulary_size: int = 4000,
    num_layers: int = 4,
    hidden_dim: int = 256,
    max_sequence_length: int = 256,
    dropout: float = 0.1,
    seed: int = 0,
) -> pathlib.Path:
    """Write a GPT-2 with random weights whose vocabulary is learnt from texts.

    The proportions are those of the published models: heads of 64, a feed-forward net of 4 H, weights from a normal of 0.02.

    Args:
        folder: Where to write; made if it does not exist.
        source: The path of a text file, or texts, and `pathlib.Path`s of such files: what the vocabulary is learnt from.
        vocabulary_size: Largest number of tokens, at least 257; little text gives fewer.
        num_layers: Number of decoder blocks.
        hidden_dim: H, a multiple of 64.
        max_sequence_length: Number of positions.
        dropout: Rate of every dropout, in [0, 1).
        seed: Of the random weights.

    Returns:
        The folder, with `config.json`, `generation_config.json`, `model.safetensors` and the tokenizer's files.

    Raises:
        KerasftError: If `hidden_dim` is not a multiple of 64, a rate is out of range, or there is no text.

    Example:

    >>> folder = new_gpt2("new_gpt2", ["where is my parcel", "my money"], vocabulary_size=300, hidden_dim=64)
    >>> sorted(path.name for path in folder.iterdir())[:4]
    ['README.md', 'config.json', 'generation_config.json', 'model.safetensors']
    """
    if hidden_dim < 64 or hidden_dim % 64:
        raise bad_argument("hidden_dim", "a multiple of 64", hidden_dim, "768 is the smallest published GPT-2's.")
    if not 0 <= dropout < 1:
        raise bad_argument("dropout", "a rate in [0, 1)", dropout, "0.1 is GPT-2's.")
    tokenizer = tokenizers.train(
        source, "bpe", family="gpt2", vocabulary_size=vocabulary_size, max_length=max_sequence_length
    )
    keras.utils.set_random_seed(seed)
    config = GPT2Config(
        vocabulary_size=len(tokenizer),
        num_layers=num_layers,
        num_heads=hidden_dim // 64,
        hidden_dim=hidden_dim,
        intermediate_dim=4 * hidden_dim,
        max_sequence_length=max_sequence_length,
        embedding_dropout=dropout,
        hidden_dropout=dropout,
        attention_dropout=dropout,
    )
    return save_huggingface(folder, causal_lm(gpt2(config)), tokenizer)
