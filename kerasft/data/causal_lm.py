"""Data for causal language modeling: documents packed into blocks, or prompts with completions."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import tensorflow as tf
from transformers import PreTrainedTokenizerFast

from kerasft.data.batches.batching import Batching, TokenTargets
from kerasft.data.batches.token_dataset import token_dataset
from kerasft.data.plain_texts import read_text_rows, text_paths
from kerasft.data.readers.columns import Roles, find_columns
from kerasft.data.readers.rows import Rows
from kerasft.data.readers.sources import read_rows
from kerasft.data.readers.text_files import read_text
from kerasft.data.text_classification import text_columns
from kerasft.encoding.token_store import CHUNK, DEFAULT_MAX_LENGTH, Encoder, TokenStore
from kerasft.errors import bad_argument, whole_number
from kerasft.truncation import warn_truncated

DOCUMENTS = ("file", "paragraph", "line")
"""What counts as a document in a .txt file: the file, paragraphs separated by blank lines, or lines."""
Texts = Sequence[str] | Sequence[tuple[str, str]]
"""Documents, or prompts with their completions."""
_ROLES = {"prompt": "text", "completion": "label", "text": "text"}
"""Column roles -> the names that `find_columns` (designed for classifiers) uses."""
COMPLETION_COLUMNS = ("prompt", "completion")
"""Detected names of the prompt and completion columns."""
_FEW = 20  # documents; with fewer, a random split of whole documents is unreliable


def causal_lm(
    source: object,
    tokenizer: PreTrainedTokenizerFast,
    *,
    block_size: int | None = None,
    documents: str = "file",
    columns: Mapping[str, object] | None = None,
    batch_size: int | Batching = 8,
    shuffle: bool = False,
    seed: int = 0,
) -> tf.data.Dataset:
    """Return a dataset for training a causal language model or measuring its perplexity.

    Documents are concatenated, each followed by the end-of-text token, and split into blocks. The last block is shorter, so
    no token is dropped, and every token except the first is a label exactly once. Each prompt with its completion is a row;
    the end-of-text token follows the completion, and only completion tokens contribute to the loss.

    Args:
        source: .txt files; or .csv, .tsv, .jsonl, .parquet or .tfrecord files, or rows, with documents in a text column, or
            with columns `prompt` and `completion`; or a list of texts, or of (prompt, completion) tuples.
        tokenizer: The checkpoint's fast tokenizer; it must have an end token.
        block_size: Tokens per block, or maximum tokens per prompt with completion; default 128, or the tokenizer's limit if
            lower. Longer rows are truncated at the start of the prompt, then at the end of the completion; warnings give
            the numbers.
        documents: What counts as a document in a .txt file: `"file"`, `"paragraph"` (separated by blank lines) or `"line"`.
        columns: `{"text": ...}`, or `{"prompt": ..., "completion": ...}`: column names, or 0-based indices for a file
            without header.
        batch_size: Blocks per batch, or a `Batching`.
        shuffle: Make new batches in a new order every epoch; otherwise keep the source's order.
        seed: Random seed for shuffling.

    Returns:
        A `tf.data.Dataset` of `(features, y, sample_weight)`; `len()` is exact. Features are `token_ids` and `padding_mask`,
        int32 (B, S); y holds the next tokens, int32 (B, S); weights, float32 (B, S), are 0 for prompts and padding.

    Raises:
        DataError: If the data is invalid; the message gives the file, line and value.
        KerasftError: If an argument is out of range, or the tokenizer has no end token.

    Example:

    >>> from kerasft.demo import tiny
    >>> tokenizer = tiny.tokenizer()
    >>> tokenizer.eos_token = "[SEP]"
    >>> features, y, weight = next(iter(causal_lm(["a good film", "bad"], tokenizer, block_size=4)))
    >>> tokenizer.convert_ids_to_tokens(features["token_ids"].numpy().ravel())
    ['a', 'good', 'film', '[SEP]', 'bad', '[PAD]', '[PAD]', '[PAD]']
    >>> tokenizer.convert_ids_to_tokens(y[0].numpy()), weight.numpy().tolist()
    (['good', 'film', '[SEP]', 'bad'], [[1.0, 1.0, 1.0, 1.0], [1.0, 0.0, 0.0, 0.0]])
    """
    batching = Batching.of(batch_size)
    if tokenizer.eos_token_id is None:
        fix = 'Set it: tokenizer.eos_token = "<|endoftext|>".'
        raise bad_argument("tokenizer", "a tokenizer with an end token", type(tokenizer).__name__, fix)
    size = _checked_block_size(block_size, tokenizer)
    texts = read_documents(source, documents=documents, columns=columns)
    make = _paired if isinstance(texts[0], tuple) else _packed
    ids, lengths, targets = make(texts, tokenizer, size)
    pad_id = 0 if tokenizer.pad_token_id is None else int(tokenizer.pad_token_id)
    store = TokenStore(ids, lengths, lengths, segments=False, pad_id=pad_id, max_length=size)
    return token_dataset(store, batching, y=targets, shuffle=shuffle, seed=seed)


def read_documents(source: object, *, documents: str = "file", columns: Mapping[str, object] | None = None) -> Texts:
    """Read documents, or prompts with completions.

    Args:
        source: See `causal_lm`.
        documents: See `causal_lm`.
        columns: See `causal_lm`.

    Returns:
        N >= 1 documents, or N tuples (prompt, completion).

    Raises:
        DataError: If the source cannot be read, or a text is missing, empty or not valid Unicode.

    Example:

    >>> read_documents([{"prompt": "2 + 2 =", "completion": " 4"}])
    [('2 + 2 =', ' 4')]
    """
    if documents not in DOCUMENTS:
        raise bad_argument("documents", f"one of {DOCUMENTS}", documents, "Choose one of them.")
    paths = text_paths(source)
    if paths and documents == "file":
        return [read_text(path) for path in map(Path, paths)]
    if paths:
        texts, _ = text_columns(read_text_rows(source, documents=documents == "paragraph"), Roles("text"))
        return texts
    if isinstance(source, list) and source and all(isinstance(item, tuple) and len(item) == 2 for item in source):
        prompts, completions = zip(*source)
        source = Rows.of({"prompt": list(prompts), "completion": list(completions)}, "Python rows")
    _check_columns(columns)
    rows = read_rows(source, columns and {_ROLES[role]: name for role, name in columns.items()})
    columns = columns or rows.roles or {}
    if "completion" in columns or (not columns and set(COMPLETION_COLUMNS) <= set(rows.columns)):
        named = {"prompt": "prompt", "completion": "completion", **columns}
        roles = find_columns(
            replace(rows, roles=None), {_ROLES[role]: named[role] for role in COMPLETION_COLUMNS}, need_label=True
        )
        prompts, _ = text_columns(rows, Roles(roles.text))
        completions, _ = text_columns(rows, Roles(roles.label[0]))
        return list(zip(prompts, completions))
    texts, _ = text_columns(rows, Roles(find_columns(replace(rows, roles=None), columns).text))
    return texts


def hold_out(texts: Texts, share: float, *, seed: int = 0) -> tuple[Texts, Texts]:
    """Split texts into train and dev sets.

    With fewer than 20 documents, the end of each document (from the end of a line) goes into the dev set: a random split of
    so few documents would be coarse, and a random split of their passages would not be a fair test.

    Args:
        texts: Texts from `read_documents`.
        share: Fraction for the dev set, in (0, 1).
        seed: Random seed.

    Returns:
        The train and the dev texts.

    Raises:
        KerasftError: If one of them would be empty.

    Example:

    >>> hold_out(["one\\ntwo\\nthree\\nfour\\n"], 0.7)
    (['one\\ntwo\\n'], ['three\\nfour\\n'])
    """
    if len(texts) < _FEW and not isinstance(texts[0], tuple):
        ends = [_line_end(text, round(len(text) * (1 - share))) for text in texts]
        parts = [text[:end] for text, end in zip(texts, ends)], [text[end:] for text, end in zip(texts, ends)]
    else:
        order = np.random.default_rng(seed).permutation(len(texts))
        dev_rows = set(order[: max(1, round(len(texts) * share))].tolist())
        parts = (
            [text for row, text in enumerate(texts) if row not in dev_rows],
            [texts[row] for row in sorted(dev_rows)],
        )
    rest, held_out = ([text for text in part if text] for part in parts)
    if not rest or not held_out:
        raise bad_argument(
            "dev_fraction", "large enough that no split is empty", share, "Use a --dev file, or more text."
        )
    return rest, held_out


def _line_end(text: str, position: int) -> int:
    """Return the end of the line at this character; of the word, if there are no lines."""
    for separator in ("\n", " "):
        end = text.find(separator, position)
        if 0 <= end < len(text) - 1:
            return end + 1
    return position


def _check_columns(columns: Mapping[str, object] | None) -> None:
    if columns and (set(columns) - set(_ROLES) or ("text" in columns and len(columns) > 1)):
        fix = 'For example: columns={"text": "body"} or columns={"prompt": "question", "completion": "answer"}.'
        raise bad_argument("columns", "a dictionary with text, or with prompt and completion", columns, fix)


def _checked_block_size(block_size: int | None, tokenizer: PreTrainedTokenizerFast) -> int:
    limit = int(min(tokenizer.model_max_length, 10**9))  # 1e30 if the checkpoint does not set it
    if block_size is None:
        return min(DEFAULT_MAX_LENGTH, limit)
    expected = f"a whole number from 2 to {limit}, the tokenizer's limit"
    return whole_number("block_size", block_size, "Change it.", least=2, most=limit, expected=expected)


def _tokenize(texts: Sequence[str], tokenizer: PreTrainedTokenizerFast) -> list[np.ndarray]:
    Encoder(tokenizer)  # raises if it is not a fast tokenizer
    rows = []
    for start in range(0, len(texts), CHUNK):
        encoded = tokenizer(list(texts[start : start + CHUNK]), add_special_tokens=False, verbose=False)
        rows += [np.array(ids, np.int32) for ids in encoded["input_ids"]]
    return rows


def _packed(texts: Sequence[str], tokenizer: PreTrainedTokenizerFast, size: int) -> tuple:
    """Concatenate all tokens and split them into blocks; the last block has the remainder."""
    end = np.array([tokenizer.eos_token_id], np.int32)
    stream = np.concatenate([part for row in _tokenize(texts, tokenizer) for part in (row, end)])
    ids = stream[:-1]
    next_ids = stream[1:]
    if not len(ids):
        raise bad_argument("source", "texts with at least one token", list(texts)[:3], "Use other texts.")
    lengths = np.full(-(-len(ids) // size), size, np.int32)
    lengths[-1] = len(ids) - size * (len(lengths) - 1)
    return ids, lengths, TokenTargets(next_ids, np.ones(len(ids), np.float32))


def _paired(texts: Sequence[tuple[str, str]], tokenizer: PreTrainedTokenizerFast, size: int) -> tuple:
    """Return each prompt with its completion; only completion tokens have a weight."""
    prompts = _tokenize([prompt for prompt, _ in texts], tokenizer)
    completions = _tokenize([completion for _, completion in texts], tokenizer)
    end = np.array([tokenizer.eos_token_id], np.int32)
    ids = []
    next_ids = []
    weights = []
    num_truncated = [0, 0]
    for prompt, completion in zip(prompts, completions):
        completion = np.concatenate([completion, end])
        room = size + 1 - len(completion)  # the last token is only a target
        if room < 1:  # keep one token of the prompt, to predict the first token of the completion
            room = 1
            completion = completion[:size]
            num_truncated[1] += 1
        elif len(prompt) > room:
            num_truncated[0] += 1
        row = np.concatenate([prompt[-room:] if len(prompt) else end, completion])
        ids.append(row[:-1])
        next_ids.append(row[1:])
        weights.append((np.arange(len(row) - 1) >= len(row) - 1 - len(completion)).astype(np.float32))
    about = {"total": len(texts), "limit": size, "argument": "block_size"}
    warn_truncated(num_truncated[0], kind="prompts with completions", where=" from the left", **about)
    warn_truncated(num_truncated[1], kind="completions", where=" from the right", **about)
    lengths = np.array([len(row) for row in ids], np.int32)
    return np.concatenate(ids), lengths, TokenTargets(np.concatenate(next_ids), np.concatenate(weights))
