"""Texts tokenised once, in batches, by the checkpoint's own fast tokenizer, and kept as one flat array of ids."""

import logging
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from kerasft.errors import bad_argument
from kerasft.features import SEGMENT_IDS, model_inputs

logger = logging.getLogger("kerasft")

CHUNK = 1000
"""Texts handed to the Rust tokenizer at once: enough to keep its threads busy, few enough to show progress."""

DEFAULT_MAX_LENGTH = 128
"""Tokens kept of a text by default; every text that is cut is counted and reported."""


@dataclass(frozen=True)
class TokenStore:
    """Tokenised rows in memory.

    Args:
        ids: Token ids of all rows, one after the other, int32, (tokens,).
        offsets: Row i is `ids[offsets[i] : offsets[i + 1]]`, int64, (rows + 1,).
        second: Position in the row where segment 1 begins (the row's length if there is none), int32, (rows,); None
            for tokenizers without segments.
        pad_id: The id that fills padded places.
        max_length: The most tokens that a row can have.
        truncated: How many rows were cut to `max_length`.
    """

    ids: np.ndarray
    offsets: np.ndarray
    second: np.ndarray | None
    pad_id: int
    max_length: int
    truncated: int = 0

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each row, int32, (rows,)."""
        return np.diff(self.offsets).astype(np.int32)

    def __len__(self) -> int:
        return len(self.offsets) - 1


def resolve_max_length(tokenizer, max_length: int | None, pair: bool) -> int:
    """The length to cut at: what was asked for, or 128, or the tokenizer's own limit if that is less.

    Raises:
        KerasftError: If `max_length` leaves no room for a text, or is above the tokenizer's limit.
    """
    limit = tokenizer.model_max_length  # 1e30 where the checkpoint does not say
    if max_length is None:
        return int(min(DEFAULT_MAX_LENGTH, limit))
    least = tokenizer.num_special_tokens_to_add(pair=pair) + (2 if pair else 1)
    if isinstance(max_length, bool) or not isinstance(max_length, (int, np.integer)) or max_length < least:
        raise bad_argument(
            "max_length", f"a whole number >= {least}, special tokens included", max_length, "Give 128, for example."
        )
    if max_length > limit:
        raise bad_argument(
            "max_length", f"at most {limit}, the tokenizer's limit", max_length, f"Give max_length={limit} or less."
        )
    return int(max_length)


def tokenize(texts: Sequence[str], pairs: Sequence[str] | None, tokenizer, max_length: int) -> TokenStore:
    """Tokenise all rows.

    A row that is longer than `max_length` is cut, of a pair always the longer text ("longest_first"). How many were
    cut is logged once, as a warning of the logger "kerasft", which Python shows on standard error by default.
    """
    with_segments = SEGMENT_IDS in model_inputs(tokenizer)
    parts, lengths, second, truncated = [], [], [], 0
    for chunk in _chunks(len(texts)):
        encoded = tokenizer(
            list(texts[chunk]),
            None if pairs is None else list(pairs[chunk]),
            truncation="longest_first",
            max_length=max_length,
            return_attention_mask=False,
            return_token_type_ids=with_segments,
        )
        rows = encoded["input_ids"]
        lengths.extend(map(len, rows))
        parts.append(np.fromiter((i for row in rows for i in row), np.int32))
        truncated += sum(bool(encoding.overflowing) for encoding in encoded.encodings)
        if with_segments:
            second.extend(len(types) - sum(types) for types in encoded["token_type_ids"])
    if truncated:
        logger.warning(
            "%d of %d texts (%.1f %%) were longer than max_length=%d tokens and were cut; more is kept by raising it.",
            truncated,
            len(texts),
            100 * truncated / len(texts),
            max_length,
        )
    pad_id = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else 0  # without one, the mask alone tells
    return TokenStore(
        np.concatenate(parts),
        np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]),
        np.array(second, np.int32) if with_segments else None,
        pad_id,
        max_length,
        truncated,
    )


def _chunks(count: int) -> Iterator[slice]:
    """Slices of `CHUNK` rows; a progress bar appears on standard error after two seconds, if that is a terminal."""
    with tqdm(total=count, desc="tokenising", unit="text", delay=2, leave=False, disable=None, file=sys.stderr) as bar:
        for start in range(0, count, CHUNK):
            yield slice(start, start + CHUNK)
            bar.update(min(CHUNK, count - start))
