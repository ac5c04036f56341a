"""Overlapping windows of long texts, and merging their predictions."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from transformers import PreTrainedTokenizerFast

from kerasft.answers.windows import answering_windows, trimmed_offsets, window_begins
from kerasft.encoding.encoded import Encoded
from kerasft.encoding.token_store import CHUNK, Encoder
from kerasft.errors import whole_number


@dataclass(frozen=True)
class Windows:
    """N texts as M >= N windows.

    Args:
        token_ids: Token ids of each window, including special tokens.
        texts: Index of each window's text, (M,).
        begins: Index of each window's first token in its text, not counting special tokens, (M,).
        prefix: Number of special tokens at the start of a window.
        suffix: Number of special tokens at the end of a window.
        offsets: For each text, character offsets of its tokens, without surrounding whitespace; (0, 0): no characters.
    """

    token_ids: list[list[int]]
    texts: np.ndarray
    begins: np.ndarray
    prefix: int
    suffix: int
    offsets: list[list[tuple[int, int]]]

    @property
    def encoded(self) -> Encoded:
        """The windows as input rows for `kerasft.inference.runners.predict`."""
        return Encoded(self.token_ids, [[0] * len(ids) for ids in self.token_ids])

    def own(self) -> list[np.ndarray]:
        """For each window, a mask of the tokens whose predictions it provides, bool; see `answering_windows`."""
        result = []
        for text, parts in itertools.groupby(self._parts(), key=lambda part: part[0]):
            ranges = [(begin, count) for _, begin, count in parts]
            answered_by = answering_windows(len(self.offsets[text]), ranges)
            result += [answered_by[begin : begin + count] == n for n, (begin, count) in enumerate(ranges)]
        return result

    def stitch(self, rows: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Merge the windows' outputs into one per token of each text, from the window that `own` selects.

        Args:
            rows: For each window an array (tokens, C), including special tokens.

        Returns:
            For each text an array (tokens, C).
        """
        width = rows[0].shape[-1] if len(rows) else 0
        result = [np.zeros((len(offsets), width), "float32") for offsets in self.offsets]
        for (text, begin, length), own, row in zip(self._parts(), self.own(), rows):
            result[text][begin : begin + length][own] = row[self.prefix : self.prefix + length][own]
        return result

    def _parts(self) -> list[tuple[int, int, int]]:
        """For each window: index of its text, index of its first token there, number of tokens without special tokens."""
        lengths = [len(ids) - self.prefix - self.suffix for ids in self.token_ids]
        return list(zip(self.texts.tolist(), self.begins.tolist(), lengths))


def make_windows(
    tokenizer: PreTrainedTokenizerFast,
    texts: Sequence[str],
    *,
    max_length: int | None = None,
    stride: int | None = None,
) -> Windows:
    """Tokenize texts with character offsets, and split texts longer than `max_length` into overlapping windows.

    Args:
        tokenizer: The checkpoint's fast tokenizer.
        texts: N texts.
        max_length: Tokens per window, including special tokens; default 128, or the tokenizer's limit if lower.
        stride: Overlap of consecutive windows in tokens; default a quarter of the window.

    Raises:
        KerasftError: If `max_length` or `stride` is out of range.

    Example:

    >>> from kerasft.demo import tiny
    >>> tokenizer = tiny.tokenizer()
    >>> windows = make_windows(tokenizer, ["good film with a poor card"], max_length=6, stride=2)
    >>> len(windows.token_ids), windows.begins.tolist(), [own.tolist() for own in windows.own()]
    (2, [0, 2], [[True, True, True, False], [False, True, True, True]])
    """
    encoder = Encoder(tokenizer, max_length)
    prefix, suffix = special_tokens(tokenizer)
    room = encoder.max_length - len(prefix) - len(suffix)
    stride = checked_stride(stride, room)
    rows = []
    owners = []
    begins = []
    offsets = []
    for start in range(0, len(texts), CHUNK):
        chunk = list(texts[start : start + CHUNK])
        encoded = tokenizer(chunk, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        for number, (ids, spans) in enumerate(zip(encoded["input_ids"], encoded["offset_mapping"])):
            offsets.append(trimmed_offsets(chunk[number], spans))
            for begin in window_begins(len(ids), room, stride):
                rows.append([*prefix, *ids[begin : begin + room], *suffix])
                owners.append(start + number)
                begins.append(begin)
    return Windows(rows, np.array(owners, np.int64), np.array(begins, np.int64), len(prefix), len(suffix), offsets)


def checked_stride(stride: int | None, room: int) -> int:
    """Return the stride; default: a quarter of `room`, the tokens per window without special tokens.

    Raises:
        KerasftError: If it is out of range.

    Example:

    >>> checked_stride(None, 126), checked_stride(0, 126)
    (31, 0)
    """
    if stride is None:
        return room // 4
    expected = f"a whole number >= 0 and < {room}"
    fix = "A quarter of max_length is usual."
    return whole_number("stride", stride, fix, least=0, most=room - 1, expected=expected)


def special_tokens(tokenizer: PreTrainedTokenizerFast) -> tuple[list[int], list[int]]:
    """Return the ids of the special tokens that the tokenizer adds before and after a text.

    Example:

    >>> from kerasft.demo import tiny
    >>> tokenizer = tiny.tokenizer()
    >>> special_tokens(tokenizer)
    ([2], [3])
    """
    encoded = tokenizer("a", return_special_tokens_mask=True)
    ids, mask = encoded["input_ids"], encoded["special_tokens_mask"]
    before = mask.index(0) if 0 in mask else len(ids)
    after = mask[::-1].index(0) if 0 in mask else 0
    return ids[:before], ids[len(ids) - after :]
