"""Texts tokenized once, in chunks, by the checkpoint's fast tokenizer, stored as one flat array of ids."""

import logging
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from tqdm import tqdm

from kerasft.errors import bad_argument, whole_number
from kerasft.features import SEGMENT_IDS, model_inputs
from kerasft.truncation import warn_truncated

logger = logging.getLogger("kerasft")

CHUNK = 1000
"""Rows per call of the Rust tokenizer: enough to use all threads, few enough to report progress."""

DEFAULT_MAX_LENGTH = 128
"""Default maximum number of tokens per row; truncated rows are reported."""


@dataclass(frozen=True)
class Chunk:
    """Some tokenized rows.

    Args:
        ids: Token ids, row by row, int32, (tokens,).
        lengths: Tokens per row, int32, (rows,).
        second: Start position of segment 1 in the row (the row's length if there is none), int32, (rows,).
        truncated: Number of truncated rows.
    """

    ids: np.ndarray
    lengths: np.ndarray
    second: np.ndarray
    truncated: int


@dataclass(frozen=True)
class TokenStore:
    """Tokenized rows in memory.

    Args:
        ids: Token ids of all rows, row by row, int32, (tokens,).
        lengths: Tokens per row, int32, (rows,).
        second: Start position of segment 1 in the row (the row's length if there is none), int32, (rows,).
        segments: Whether the model takes segment ids.
        pad_id: Id of the padding token.
        max_length: Maximum number of tokens per row.
        truncated: Number of rows truncated to `max_length`.
    """

    ids: np.ndarray = field(repr=False)
    lengths: np.ndarray = field(repr=False)
    second: np.ndarray = field(repr=False)
    segments: bool
    pad_id: int
    max_length: int
    truncated: int = 0

    @property
    def offsets(self) -> np.ndarray:
        """Row i is `ids[offsets[i] : offsets[i + 1]]`, int64, (rows + 1,)."""
        return np.concatenate([[0], np.cumsum(self.lengths, dtype=np.int64)])


def progress_bar(total: int) -> tqdm:
    """Return a progress bar over rows, shown on standard error after two seconds if that is a terminal.

    Example:

    >>> with progress_bar(2) as bar:
    ...     _ = bar.update(2)
    """
    return tqdm(total=total, desc="tokenizing", unit="row", delay=2, leave=False, disable=None, file=sys.stderr)


class Encoder:
    """A tokenizer with its settings.

    Args:
        tokenizer: A `transformers.PreTrainedTokenizerFast`.
        max_length: Maximum number of tokens per row, including special tokens; default 128, or the tokenizer's limit if
            lower.
        pair: Whether rows are pairs of texts. Of a pair, the longer text is truncated first.
        kind: Name of the texts in the warning about truncation.
        argument: Name of `max_length` in the warning.

    Raises:
        KerasftError: If the tokenizer is not a fast tokenizer, or `max_length` is too small or above the tokenizer's limit.
    """

    def __init__(
        self,
        tokenizer,
        max_length: int | None = None,
        pair: bool = False,
        *,
        kind: str = "texts",
        argument: str = "max_length",
    ):
        if not getattr(tokenizer, "is_fast", False):
            raise bad_argument(
                "tokenizer",
                "a fast tokenizer of transformers (PreTrainedTokenizerFast)",
                type(tokenizer).__name__,
                "Use the one that load_pretrained returns.",
            )
        self.tokenizer = tokenizer
        self.pair = pair
        self.kind = kind
        self.argument = argument
        self.max_length = _resolve_max_length(tokenizer, max_length, pair, argument)
        self.segments = SEGMENT_IDS in model_inputs(tokenizer)
        # GPT-2 has no padding token: any id will do, because only the padding mask matters.
        self.pad_id = 0 if tokenizer.pad_token_id is None else int(tokenizer.pad_token_id)

    def __call__(self, texts: Sequence[str], pairs: Sequence[str] | None = None) -> Chunk:
        """Tokenize some rows."""
        encoded = self.tokenizer(
            list(texts),
            None if pairs is None else list(pairs),
            truncation="longest_first",
            max_length=self.max_length,
            return_attention_mask=False,
            return_token_type_ids=self.segments,
        )
        rows = encoded["input_ids"]
        lengths = np.array([len(row) for row in rows], np.int32)
        ids = np.fromiter((token for row in rows for token in row), np.int32, count=int(lengths.sum()))
        second = lengths
        if self.segments:
            second = lengths - np.array([sum(types) for types in encoded["token_type_ids"]], np.int32)
        truncated = sum(bool(encoding.overflowing) for encoding in encoded.encodings)
        return Chunk(ids, lengths, second, truncated)

    def chunks(self, texts: Sequence[str], pairs: Sequence[str] | None = None) -> Iterator[Chunk]:
        """Tokenize all rows in chunks, with a progress bar, and log at the end how many were truncated.

        The log message is a warning of the logger "kerasft": it goes to standard error by default, can be redirected, and
        does not become an error where Python warnings do.
        """
        truncated = 0
        with progress_bar(len(texts)) as bar:
            for start in range(0, len(texts), CHUNK):
                part = slice(start, start + CHUNK)
                chunk = self(texts[part], None if pairs is None else pairs[part])
                truncated += chunk.truncated
                yield chunk
                bar.update(len(chunk.lengths))
        self.report(truncated, len(texts))

    def report(self, truncated: int, rows: int) -> None:
        """Log how many rows were truncated, if any were."""
        warn_truncated(truncated, rows, limit=self.max_length, kind=self.kind, argument=self.argument)


def tokenize(encoder: Encoder, texts: Sequence[str], *, pairs: Sequence[str] | None = None) -> TokenStore:
    """Tokenize all rows into memory."""
    chunks = list(encoder.chunks(texts, pairs))
    return TokenStore(
        np.concatenate([chunk.ids for chunk in chunks]),
        np.concatenate([chunk.lengths for chunk in chunks]),
        np.concatenate([chunk.second for chunk in chunks]),
        encoder.segments,
        encoder.pad_id,
        encoder.max_length,
        sum(chunk.truncated for chunk in chunks),
    )


def _resolve_max_length(tokenizer, max_length: int | None, pair: bool, argument: str) -> int:
    limit = tokenizer.model_max_length  # 1e30 if the checkpoint does not set it
    if max_length is None:
        return int(min(DEFAULT_MAX_LENGTH, limit))
    least = tokenizer.num_special_tokens_to_add(pair=pair) + (2 if pair else 1)
    expected = f"a whole number >= {least}, including special tokens"
    whole_number(argument, max_length, "For example: 128.", least=least, expected=expected)
    if max_length > limit:
        raise bad_argument(
            argument, f"at most {limit}, the tokenizer's limit", max_length, f"Use at most {argument}={limit}."
        )
    return int(max_length)
