"""Texts to padded model inputs outside of a graph, for pipelines and the verification of exports."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
from transformers import PreTrainedTokenizerFast

from kerasft.errors import bad_data
from kerasft.features import (
    DECODER_PADDING_MASK,
    DECODER_TOKEN_IDS,
    ENCODER_PADDING_MASK,
    ENCODER_TOKEN_IDS,
    PADDING_MASK,
    SEGMENT_IDS,
    TOKEN_IDS,
    is_unicode,
)


class Batchable(Protocol):
    """Encoded rows that can be padded into a batch, such as `Encoded`."""

    @property
    def lengths(self) -> list[int]:
        """Number of tokens per row: used to batch rows of similar length and to remove the outputs of padding."""

    def pad(self, rows: Sequence[int], pad_id: int, *, length: int | None = None) -> dict[str, np.ndarray]:
        """Return the padded model inputs of the given rows by name, int32 (B, S)."""


class Encoded(NamedTuple):
    """Tokenized texts, not yet padded.

    Example:

    >>> Encoded([[2, 5, 3], [2, 3]], [[0, 0, 0], [0, 0]], 0).pad([0, 1], pad_id=0)["token_ids"].tolist()
    [[2, 5, 3], [2, 3, 0]]
    """

    token_ids: list[list[int]]
    """One list of ids per text, including special tokens."""
    segment_ids: list[list[int]]
    """0 for the first text of a pair, 1 for the second."""
    num_truncated: int = 0
    """Number of texts longer than `max_length`."""

    @property
    def lengths(self) -> list[int]:
        """Number of tokens per text."""
        return [len(ids) for ids in self.token_ids]

    def pad(self, rows: Sequence[int], pad_id: int, *, length: int | None = None) -> dict[str, np.ndarray]:
        """Pad the given rows on the right.

        Args:
            rows: Indices of the rows in this batch.
            pad_id: Id of the padding token.
            length: Length S to pad to; None: the longest of these rows.

        Returns:
            `token_ids`, `padding_mask`, `segment_ids`, int32, (B, S).
        """
        # GPT-2 adds no special tokens, so an empty text has no tokens: it becomes one padding token.
        length = length or max(1, *(len(self.token_ids[row]) for row in rows))
        token_ids = np.full((len(rows), length), pad_id, np.int32)
        padding_mask, segment_ids = np.zeros_like(token_ids), np.zeros_like(token_ids)
        for index, row in enumerate(rows):
            ids = self.token_ids[row]
            token_ids[index, : len(ids)] = ids
            segment_ids[index, : len(ids)] = self.segment_ids[row]
            padding_mask[index, : len(ids)] = 1
        return {TOKEN_IDS: token_ids, PADDING_MASK: padding_mask, SEGMENT_IDS: segment_ids}


def encode(tokenizer: PreTrainedTokenizerFast, texts: Sequence[str | tuple[str, str]], *, max_length: int) -> Encoded:
    """Tokenize texts or pairs of texts to at most `max_length` ids; of a pair, the longer text is truncated first.

    Args:
        tokenizer: The checkpoint's fast tokenizer.
        texts: N >= 1 texts, or N tuples of two texts. An empty text gives only special tokens.
        max_length: Maximum number of tokens per row, including special tokens.

    Raises:
        DataError: If an item is not a string (or has a lone surrogate), or single texts and pairs are mixed.

    Example:

    >>> from kerasft.demo import tiny
    >>> encode(tiny.tokenizer(), ["a good film", "bad"], max_length=4).num_truncated
    1
    """
    pair = isinstance(texts[0], tuple)
    for number, item in enumerate(texts, 1):
        if isinstance(item, tuple) != pair or (pair and len(item) != 2):
            raise bad_data(
                "texts",
                "expected an item like the first one",
                "Use only texts, or only pairs.",
                line=number,
                value=item,
            )
        for text in item if pair else (item,):
            if not isinstance(text, str):
                kind = type(text).__name__
                raise bad_data("texts", f"expected a string, got {kind}", "Use only strings.", line=number, value=text)
            if not is_unicode(text):
                raise bad_data(
                    "texts", "invalid Unicode (lone surrogate)", "Decode it as UTF-8.", line=number, value=text
                )
    encodings = tokenizer(list(texts), truncation="longest_first", max_length=max_length, return_token_type_ids=True)
    num_truncated = sum(bool(encoding.overflowing) for encoding in encodings.encodings)
    return Encoded(encodings["input_ids"], encodings["token_type_ids"], num_truncated)


class EncodedPairs(NamedTuple):
    """Tokenized source texts and decoder inputs, not yet padded.

    Example:

    >>> pairs = EncodedPairs(Encoded([[5, 1]], [[0, 0]]), Encoded([[0, 7, 8]], [[0, 0, 0]]))
    >>> {name: value.shape for name, value in pairs.pad([0], 0).items()}["decoder_token_ids"]
    (1, 3)
    """

    source: Encoded
    target: Encoded

    @property
    def lengths(self) -> list[int]:
        """Number of tokens per target, which is the length of the outputs."""
        return self.target.lengths

    def pad(self, rows: Sequence[int], pad_id: int, *, length: int | None = None) -> dict[str, np.ndarray]:
        """Pad the given rows on the right; `length` applies to both source and target.

        Returns:
            `encoder_token_ids`, `encoder_padding_mask` (B, S), `decoder_token_ids`, `decoder_padding_mask` (B, T), int32.
        """
        source = self.source.pad(rows, pad_id, length=length)
        target = self.target.pad(rows, pad_id, length=length)
        return {
            ENCODER_TOKEN_IDS: source[TOKEN_IDS],
            ENCODER_PADDING_MASK: source[PADDING_MASK],
            DECODER_TOKEN_IDS: target[TOKEN_IDS],
            DECODER_PADDING_MASK: target[PADDING_MASK],
        }


def encode_pairs(
    tokenizer: PreTrainedTokenizerFast, pairs: Sequence[tuple[str, str]], *, max_length: int, start_id: int
) -> EncodedPairs:
    """Tokenize sources and targets for teacher forcing: the target is shifted right by the start token.

    Args:
        tokenizer: The checkpoint's fast tokenizer.
        pairs: N >= 1 tuples of source and target.
        max_length: Maximum number of tokens of a source, and of a target.
        start_id: Id of the decoder's start token; for T5 the padding token, 0.

    Raises:
        DataError: If an item is not a tuple of two strings.

    Example:

    >>> from kerasft.demo import tiny
    >>> encode_pairs(tiny.tokenizer(), [("a good film", "bad")], max_length=8, start_id=0).target.token_ids[0][0]
    0
    """
    for number, item in enumerate(pairs, 1):
        if not isinstance(item, tuple) or len(item) != 2:
            raise bad_data("texts", "expected a tuple (source, target)", "Provide both.", line=number, value=item)
    source = encode(tokenizer, [source for source, _ in pairs], max_length=max_length)
    target = encode(tokenizer, [target for _, target in pairs], max_length=max_length)
    shifted = [[start_id, *ids[:-1]] for ids in target.token_ids]
    return EncodedPairs(source, target._replace(token_ids=shifted))
