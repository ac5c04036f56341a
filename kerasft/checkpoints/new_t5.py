"""A new small T5 as a Hugging Face folder: a Unigram vocabulary learnt from texts, and random weights.

For demonstrations, tests, and tasks or languages without a pretrained model. Everything that reads a checkpoint reads it.
"""

import os
import pathlib
from collections.abc import Iterable

import keras

from kerasft import tokenizers
from kerasft.backbones.t5 import T5Config, t5
from kerasft.checkpoints.save import save_huggingface
from kerasft.errors import bad_argument
from kerasft.heads import sequence_to_sequence


def new_t5(
    folder: str | os.PathLike,
    texts: Iterable[str],
    *,
    vocabulary_size: int = 8000,
    num_layers: int = 3,
    hidden_dim: int = 256,
    intermediate_dim: int | None = None,
    dropout: float = 0.1,
    seed: int = 0,
) -> pathlib.Path:
    """Write a T5 1.0 with random weights whose vocabulary is learnt from `texts`.

    The form and the proportions are those of the published T5 1.0 (https://arxiv.org/abs/1910.10683, section 2.1): heads of
    64, a ReLU net of 4 H, the output tied to the token embedding and scaled; so are the deviations of the weights, without
    which a T5 does not learn from nothing: 1 for the embedding, the inverse root of the inputs' width for kernels, and less
    by the root of 64 for queries, since attention scores are not scaled.

    Args:
        folder: Where to write; made if it does not exist.
        texts: What the vocabulary is learnt from (case is kept): sources with their prefix, and targets.
        vocabulary_size: Largest number of tokens; little text gives fewer.
        num_layers: Number of encoder blocks, and of decoder blocks.
        hidden_dim: H, a multiple of 64.
        intermediate_dim: Width of the feed-forward nets; None: 4 H.
        dropout: Rate of every dropout, in [0, 1).
        seed: Of the random weights.

    Returns:
        The folder, with `config.json`, `generation_config.json`, `model.safetensors` and the tokenizer's files.

    Raises:
        KerasftError: If `hidden_dim` is not a multiple of 64, a rate is out of range, or there is no text.

    Example:

    >>> folder = new_t5("new_t5", ["where is my parcel", "my money"], vocabulary_size=40, hidden_dim=64)
    >>> sorted(path.name for path in folder.iterdir())[:4]
    ['README.md', 'config.json', 'generation_config.json', 'model.safetensors']
    """
    if hidden_dim < 64 or hidden_dim % 64:
        raise bad_argument("hidden_dim", "a multiple of 64", hidden_dim, "512 is T5-small.")
    if not 0 <= dropout < 1:
        raise bad_argument("dropout", "a rate in [0, 1)", dropout, "0.1 is T5's.")
    tokenizer = tokenizers.train(texts, "unigram", family="t5", vocabulary_size=vocabulary_size)
    keras.utils.set_random_seed(seed)
    config = T5Config(
        vocabulary_size=len(tokenizer),
        num_layers=num_layers,
        num_decoder_layers=num_layers,
        num_heads=hidden_dim // 64,
        head_dim=64,
        hidden_dim=hidden_dim,
        intermediate_dim=intermediate_dim or 4 * hidden_dim,
        dropout=dropout,
    )
    return save_huggingface(folder, sequence_to_sequence(t5(config)), tokenizer)
