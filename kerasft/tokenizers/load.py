"""Read and write a checkpoint's own fast tokenizer."""

import os
import pathlib

from transformers import AutoTokenizer, BertTokenizerFast, PreTrainedTokenizerFast

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

    Example:

    >>> import tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> _ = (folder / "vocab.txt").write_text("[PAD] [UNK] [CLS] [SEP] [MASK] good film ##s".replace(" ", chr(10)))
    >>> load(folder)("Good films")["input_ids"]
    [2, 5, 6, 7, 3]
    """
    folder = pathlib.Path(folder)
    if not any((folder / name).is_file() for name in _NEEDS_ONE_OF):
        raise CheckpointError(
            f"{folder}: no tokenizer found; expected {' or '.join(_NEEDS_ONE_OF)}. "
            "Copy the tokenizer's files of the same checkpoint into this folder."
        )
    from_vocabulary = not (folder / "tokenizer.json").is_file()
    kind = BertTokenizerFast if from_vocabulary else AutoTokenizer
    try:
        tokenizer = kind.from_pretrained(str(folder), local_files_only=True, use_fast=True, trust_remote_code=False)
    except Exception as error:  # Damaged files raise errors of every kind, the Rust library's are plain `Exception`.
        reason = " ".join(str(error).split())[:200]
        raise CheckpointError(
            f"{folder}: the tokenizer's files cannot be read ({type(error).__name__}: {reason}). "
            "Copy them again, or make tokenizer.json with the library that wrote them."
        ) from error
    if from_vocabulary:
        _check_special_tokens(tokenizer, folder / "vocab.txt")
    return tokenizer


def _check_special_tokens(tokenizer: PreTrainedTokenizerFast, path: pathlib.Path) -> None:
    # transformers appends those that the vocabulary lacks, with ids that the weights know nothing of.
    vocabulary = tokenizer.backend_tokenizer.get_vocab(with_added_tokens=False)
    lacking = sorted(set(tokenizer.all_special_tokens) - set(vocabulary))
    if lacking:
        raise CheckpointError(
            f"{path}: must hold the special tokens, one token a line; lacking: {', '.join(lacking)}. "
            "Copy the file again, or name the special tokens in tokenizer_config.json."
        )


def save(tokenizer: PreTrainedTokenizerFast, folder: str | os.PathLike) -> None:
    """Write the tokenizer's files into `folder`, which is made if it does not exist; `load` reads them back.

    Args:
        tokenizer: What `load` returned.
        folder: Where to write.

    Example:

    >>> import tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> _ = (folder / "vocab.txt").write_text("[PAD] [UNK] [CLS] [SEP] [MASK] good".replace(" ", chr(10)))
    >>> save(load(folder), folder / "copy")
    >>> load(folder / "copy").tokenize("GOOD")
    ['good']
    """
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save_pretrained(str(folder))
