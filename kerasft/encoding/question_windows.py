"""Overlapping windows of a long context, each with the complete question."""

import dataclasses
from collections.abc import Sequence
from functools import cached_property

import numpy as np

from kerasft.encoding.token_store import Encoder
from kerasft.errors import bad_argument, is_whole
from kerasft.features import PADDING_MASK, SEGMENT_IDS, TOKEN_IDS
from kerasft.truncation import QUESTION_ADVICE, warn_truncated

DEFAULT_MAX_LENGTH = 384
"""Default window length in tokens, as in Devlin et al. 2019 (arXiv:1810.04805) for SQuAD."""
DEFAULT_STRIDE = 128
"""Default overlap of consecutive windows in tokens."""


@dataclasses.dataclass(frozen=True)
class EncodedQuestions:
    """The model's input rows for some questions: W windows; windows of the same question are adjacent.

    Attributes:
        token_ids: One int32 array of ids per window, including special tokens.
        second: Start position of segment 1 in the row, int32, (W,).
        owner: Index of the window's question, int32, (W,).
        first: Position of the first context token in the row, int32, (W,).
        offset: Index of this token in the context, int32, (W,).
        count: Number of context tokens in the window, int32, (W,).
        no_answer: Position that represents "no answer": that of [CLS], or 0, int32, (W,).
        spans: For each question, character offsets (start, end) of the context's tokens, int32, (tokens, 2).
        num_cut: Number of truncated questions.

    Example:

    >>> from kerasft.demo import tiny
    >>> tokenizer = tiny.tokenizer()
    >>> windows = QuestionWindows(tokenizer, max_length=10, stride=2)(["a film"], ["a good film we love and a bad film"])
    >>> windows.lengths, windows.offset.tolist(), windows.spans[0][:2].tolist()
    ([10, 10, 8], [0, 3, 6], [[0, 1], [2, 6]])
    """

    token_ids: list[np.ndarray]
    second: np.ndarray
    owner: np.ndarray
    first: np.ndarray
    offset: np.ndarray
    count: np.ndarray
    no_answer: np.ndarray
    spans: list[np.ndarray]
    num_cut: int = 0

    @cached_property
    def lengths(self) -> list[int]:
        """Number of tokens per window."""
        return [len(ids) for ids in self.token_ids]

    def pad(self, rows: Sequence[int], pad_id: int, *, length: int | None = None) -> dict[str, np.ndarray]:
        """Pad the given windows on the right: `token_ids`, `padding_mask` and `segment_ids`, int32, (B, S)."""
        lengths = np.array([len(self.token_ids[row]) for row in rows])
        position = np.arange(length or max(1, *lengths))  # (S,)
        mask = position < lengths[:, None]  # (B, S)
        token_ids = np.full(mask.shape, pad_id, np.int32)
        token_ids[mask] = np.concatenate([self.token_ids[row] for row in rows])
        segments = mask & (position >= self.second[np.asarray(rows)][:, None])
        return {TOKEN_IDS: token_ids, PADDING_MASK: mask.astype(np.int32), SEGMENT_IDS: segments.astype(np.int32)}


class QuestionWindows:
    """Splits contexts into overlapping windows.

    A row is a pair of question and context, with the tokenizer's special tokens. A long context is split into several rows,
    each with the whole question; consecutive rows overlap by `stride` context tokens. Questions are truncated to half of
    `max_length`, to leave room for the context. With a long question, windows overlap by at most half of their context, so
    that each window advances by at least half of it.

    Args:
        tokenizer: The checkpoint's fast tokenizer.
        max_length: Tokens per window, including special tokens; default 384, or the tokenizer's limit if lower.
        stride: Overlap of consecutive windows in tokens, in [0, max_length / 2); default 128, or a third of `max_length`
            if lower.

    Raises:
        KerasftError: If the tokenizer is not a fast tokenizer, or a number is out of range.

    Example:

    >>> from kerasft.demo import tiny
    >>> tokenizer = tiny.tokenizer()
    >>> windows = QuestionWindows(tokenizer, max_length=16, stride=4)
    >>> len(windows(["a film"], ["a good film " * 20]).token_ids)
    8
    """

    def __init__(self, tokenizer, *, max_length: int | None = None, stride: int | None = None):
        if max_length is None:
            max_length = int(min(DEFAULT_MAX_LENGTH, getattr(tokenizer, "model_max_length", DEFAULT_MAX_LENGTH)))
        encoder = Encoder(tokenizer, max_length, pair=True)
        self.tokenizer = tokenizer
        self.max_length = encoder.max_length
        self.segments = encoder.segments
        self.pad_id = encoder.pad_id
        stride = min(DEFAULT_STRIDE, self.max_length // 3) if stride is None else stride
        if not is_whole(stride) or not 0 <= stride < self.max_length / 2:
            expected = f"a whole number in [0, max_length / 2 = {self.max_length / 2:g})"
            fix = "It is the overlap of consecutive windows: a third of max_length is usual."
            raise bad_argument("stride", expected, stride, fix)
        self.stride = int(stride)
        self._frame = _frame(tokenizer)
        num_special = sum(len(part) for part in self._frame)
        # Maximum number of question tokens: half of the row, and few enough that at least one context token fits.
        self.max_question = max(1, min(self.max_length // 2, self.max_length - num_special - 1))

    def __call__(self, questions: Sequence[str], contexts: Sequence[str]) -> EncodedQuestions:
        """Tokenize N questions and N contexts (each distinct context once), and split into windows."""
        context_index = {text: number for number, text in enumerate(dict.fromkeys(contexts))}
        question_ids = self._tokenize([question.strip() for question in questions])["input_ids"]
        tokenized = self._tokenize(list(context_index), return_offsets_mapping=True)
        texts = [np.array(ids, np.int32) for ids in tokenized["input_ids"]]
        spans = [np.array(pairs, np.int32).reshape(-1, 2) for pairs in tokenized["offset_mapping"]]
        rows = []
        positions = []
        for owner, (question, context) in enumerate(zip(question_ids, contexts)):
            text = texts[context_index[context]]
            head = self._head(question[: self.max_question])
            tail = [token for token, _ in self._frame[2]]
            room = self.max_length - len(head) - len(tail)
            for start in self._starts(len(text), room):
                part = text[start : start + room]
                rows.append(np.concatenate([head, part, tail]).astype(np.int32))
                positions.append((owner, self._second(head), len(head), start, len(part), self._no_answer(rows[-1])))
        owner, second, first, offset, count, no_answer = np.array(positions, np.int32).reshape(-1, 6).T
        num_cut = sum(len(question) > self.max_question for question in question_ids)
        own = [spans[context_index[context]] for context in contexts]
        return EncodedQuestions(rows, second, owner, first, offset, count, no_answer, own, num_cut)

    def warn_truncated(self, truncated: int, total: int) -> None:
        """Log how many questions were truncated, if any were."""
        about = {"kind": "questions", "argument": "half of max_length", "advice": QUESTION_ADVICE}
        warn_truncated(truncated, total, limit=self.max_question, **about)

    def _tokenize(self, texts: list[str], **options):
        if not texts:
            return {"input_ids": [], "offset_mapping": []}
        # Texts are split into windows later, so the tokenizer's warning about long texts (`verbose`) would be wrong.
        return self.tokenizer(texts, add_special_tokens=False, truncation=False, verbose=False, **options)

    def _head(self, question: list[int]) -> list[int]:
        before, between, _ = self._frame
        return [*(token for token, _ in before), *question, *(token for token, _ in between)]

    def _second(self, head: list[int]) -> int:
        """Start of segment 1: the context, or special tokens before it that belong to this segment."""
        between = self._frame[1]
        return len(head) - sum(segment for _, segment in between)

    def _starts(self, length: int, room: int) -> list[int]:
        step = room - min(self.stride, room // 2)
        return list(range(0, max(1, length - room + step), step))

    def _no_answer(self, row: np.ndarray) -> int:
        cls_id = self.tokenizer.cls_token_id
        positions = [] if cls_id is None else np.flatnonzero(row == cls_id)
        return int(positions[0]) if len(positions) else 0


def _frame(tokenizer) -> tuple[list[tuple[int, int]], ...]:
    """Return the special tokens, each with its segment id, before, between and after the texts of a pair."""
    encoded = tokenizer("a", "a", return_token_type_ids=True)
    tokens = list(zip(encoded["input_ids"], encoded["token_type_ids"]))
    sequence = encoded.sequence_ids(0)
    first, second = sequence.index(0), sequence.index(1)
    end_of_first = max(position for position, number in enumerate(sequence) if number == 0) + 1
    end = max(position for position, number in enumerate(sequence) if number == 1) + 1
    return tokens[:first], tokens[end_of_first:second], tokens[end:]
