"""Read and write a checkpoint's own fast tokenizer."""

import os
import pathlib

from transformers import AutoTokenizer, PreTrainedTokenizerFast

from kerasft.errors import CheckpointError

_NEEDS_ONE_OF = ("tokenizer.json", "vocab.txt")


def load(folder: str | os.PathLike) -> PreTrainedTokenizerFast:
    """Load the fast (Rust) tokenizer of a Hugging Face folder, from its files alone.

    Args:
        folder: Holds `tokenizer.json`, or `vocab.txt` of a WordPiece model; `tokenizer_config.json` is honoured
            (`do_lower_case`, `strip_accents`, `tokenize_chinese_chars`, special tokens, `model_max_length`).

    Returns:
        The tokenizer. It gives exact ids and character offsets, without PyTorch.

    Raises:
        CheckpointError: If the folder or the files are missing, or a file is damaged.
    """
    folder = pathlib.Path(folder)
    if not any((folder / name).is_file() for name in _NEEDS_ONE_OF):
        raise CheckpointError(
            f"{folder}: no tokenizer found; expected {' or '.join(_NEEDS_ONE_OF)}. "
            "Copy the tokenizer's files of the same checkpoint into this folder."
        )
    return AutoTokenizer.from_pretrained(str(folder), local_files_only=True, use_fast=True)


def save(tokenizer: PreTrainedTokenizerFast, folder: str | os.PathLike) -> None:
    """Write the tokenizer's files into `folder`, which is made if it does not exist; `load` reads them back.

    Args:
        tokenizer: What `load` returned.
        folder: Where to write.
    """
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save_pretrained(str(folder))
