"""Data for extractive question answering: windows with start and end positions."""

import dataclasses

import numpy as np
import tensorflow as tf
from transformers import PreTrainedTokenizerFast

from kerasft.data.batches.batching import Batching, TokenTargets
from kerasft.data.batches.token_dataset import token_dataset
from kerasft.data.readers.squad import Question, read_squad
from kerasft.encoding.question_windows import EncodedQuestions, QuestionWindows
from kerasft.encoding.token_store import CHUNK, TokenStore, logger
from kerasft.errors import bad_argument, bad_data

WITHOUT_ANSWER = ("keep", "drop")
"""How to treat windows of an answerable question that do not contain its answer."""


def question_answering(
    source: object,
    tokenizer: PreTrainedTokenizerFast,
    *,
    max_length: int | None = None,
    stride: int | None = None,
    batch_size: int | Batching = 32,
    shuffle: bool = False,
    seed: int = 0,
    windows_without_answer: str = "keep",
    misaligned: str = "error",
) -> tf.data.Dataset:
    """Return a dataset for training a model of `kerasft.heads.question_answering`.

    The target of a window is the question's first answer that fits into a window, or "no answer" ([CLS] as first and last
    token) if this window does not contain it. Questions whose answers do not fit into any window are skipped, since "no
    answer" would be incorrect. The numbers of skipped and truncated questions are logged.

    Args:
        source: A source for `kerasft.data.read_squad`: a SQuAD file (1.1 or 2.0), JSON lines, or rows.
        tokenizer: The checkpoint's fast tokenizer.
        max_length: Tokens per window, including the question and special tokens; default 384, or the tokenizer's limit if
            lower.
        stride: Overlap of consecutive windows in tokens; default 128, or a third of `max_length` if lower.
        batch_size: Windows per batch, or a `Batching`.
        shuffle: Make new batches of windows of similar length in a new order every epoch.
        seed: Random seed for shuffling.
        windows_without_answer: `"keep"` windows of answerable questions that do not contain the answer, with target "no
            answer": this makes the scores of a long context's windows comparable, as needed to select its answer. `"drop"`
            them for faster training on long contexts.
        misaligned: See `read_squad`.

    Returns:
        A `tf.data.Dataset` of `(features, y, sample_weight)`: features by name, int32 (B, S); y int32 (B, S, 2), one-hot along
        S, `[..., 0]` for the answer's first token and `[..., 1]` for its last; sample_weight float32 (B, S), 1 for valid
        positions: context tokens and the position of "no answer". For `kerasft.losses.SpanCrossentropy`.

    Raises:
        DataError: If the data is invalid, or no answer fits into a window.
        KerasftError: If an argument is out of range.

    Example:

    >>> from kerasft.demo import tiny
    >>> tokenizer = tiny.tokenizer()
    >>> row = {"question": "a film?", "context": "a good film", "answers": [{"text": "good", "answer_start": 2}]}
    >>> features, y, sample_weight = next(iter(question_answering([row], tokenizer, max_length=16)))
    >>> y[0, :, 0].numpy().tolist(), sample_weight[0].numpy().astype(int).tolist()
    ([0, 0, 0, 0, 0, 0, 1, 0, 0], [1, 0, 0, 0, 0, 1, 1, 1, 0])
    """
    if windows_without_answer not in WITHOUT_ANSWER:
        received = windows_without_answer
        raise bad_argument("windows_without_answer", f"one of {WITHOUT_ANSWER}", received, "Choose one of them.")
    batching = Batching.of(batch_size)
    splitter = QuestionWindows(tokenizer, max_length=max_length, stride=stride)
    questions = read_squad(source, misaligned=misaligned)
    parts = []
    num_cut = 0
    num_lost = 0
    for start in range(0, len(questions), CHUNK):
        chunk = questions[start : start + CHUNK]
        windows = splitter([question.question for question in chunk], [question.context for question in chunk])
        marked = mark_answers(windows, chunk)
        keep = ~marked.lost[windows.owner]
        if windows_without_answer == "drop":
            answerable = np.array([bool(question.answers) for question in chunk])
            keep &= marked.holds_answer | ~answerable[windows.owner]
        parts.append(_flat(windows, marked, np.flatnonzero(keep)))
        num_cut += windows.num_cut
        num_lost += int(marked.lost.sum())
    _report(len(questions), num_cut, num_lost, splitter)
    ids, values, weights, lengths, second = (np.concatenate(columns) for columns in zip(*parts))
    if not len(lengths):
        problem = (
            f"none of the answers to the {len(questions)} questions fits into a window of {splitter.max_length} tokens"
        )
        raise bad_data("questions", problem, "Increase max_length=.", value=questions[0])
    store = TokenStore(ids, lengths, second, splitter.segments, splitter.pad_id, splitter.max_length, truncated=num_cut)
    return token_dataset(store, batching, y=TokenTargets(values, weights), shuffle=shuffle, seed=seed)


@dataclasses.dataclass(frozen=True)
class Marks:
    """Targets of W windows of N questions, as positions in the window.

    Attributes:
        start: Position of the answer's first token, or of "no answer", int32, (W,).
        end: Position of the answer's last token, or of "no answer", int32, (W,).
        holds_answer: Whether the window contains the answer, bool, (W,).
        lost: Whether a question has answers but none of them fits into a window, bool, (N,).
    """

    start: np.ndarray
    end: np.ndarray
    holds_answer: np.ndarray
    lost: np.ndarray


def mark_answers(windows: EncodedQuestions, questions: list[Question]) -> Marks:
    """Find the tokens of the answers in the windows of N questions.

    An answer's tokens are all tokens that overlap it, so it is complete even if its ends are not token boundaries.

    Example:

    >>> from kerasft.demo import tiny
    >>> tokenizer = tiny.tokenizer()
    >>> row = {"question": "a film?", "context": "a good film", "answers": [{"text": "good", "answer_start": 2}]}
    >>> windows = QuestionWindows(tokenizer, max_length=16)(["a film?"], ["a good film"])
    >>> mark_answers(windows, read_squad([row])).start.tolist()
    [6]
    """
    start, end = windows.no_answer.copy(), windows.no_answer.copy()
    holds = np.zeros(len(start), bool)
    lost = np.zeros(len(questions), bool)
    bounds = np.searchsorted(windows.owner, np.arange(len(questions) + 1))
    for number, question in enumerate(questions):
        rows = slice(*bounds[number : number + 2])
        offset, count = windows.offset[rows], windows.count[rows]
        lost[number] = bool(question.answers)
        for answer in question.answers:
            tokens = answer_tokens(windows.spans[number], answer.start, answer.end)
            if tokens is None:
                continue
            inside = (offset <= tokens[0]) & (tokens[1] < offset + count)  # (windows of the question,)
            if inside.any():
                shift = windows.first[rows] - offset
                start[rows] = np.where(inside, tokens[0] + shift, start[rows])
                end[rows] = np.where(inside, tokens[1] + shift, end[rows])
                holds[rows] = inside
                lost[number] = False
                break
    return Marks(start, end, holds, lost)


def answer_tokens(spans: np.ndarray, start: int, end: int) -> tuple[int, int] | None:
    """Return the first and the last token that overlap the characters `[start, end)`; None if there are none.

    Args:
        spans: Character offsets (start, end) of the tokens, int32, (tokens, 2).
        start: Index of the first character.
        end: Index after the last character.

    Example:

    >>> answer_tokens(np.array([[0, 1], [2, 6], [7, 11]]), 2, 11)
    (1, 2)
    """
    overlapping = np.flatnonzero((spans[:, 1] > start) & (spans[:, 0] < end))
    return (int(overlapping[0]), int(overlapping[-1])) if len(overlapping) else None


def _flat(windows: EncodedQuestions, marks: Marks, rows: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return ids, targets and weights of all tokens of these windows, and the windows' lengths and starts of segment 1."""
    lengths = np.array(windows.lengths, np.int32)[rows]
    starts = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
    ids = np.concatenate([windows.token_ids[row] for row in rows]) if len(rows) else np.zeros(0, np.int32)
    values = np.zeros((len(ids), 2), np.int32)
    values[starts[:-1] + marks.start[rows], 0] = 1
    values[starts[:-1] + marks.end[rows], 1] = 1
    position = np.arange(len(ids)) - np.repeat(starts[:-1], lengths)  # (tokens,), within the row
    first, count = np.repeat(windows.first[rows], lengths), np.repeat(windows.count[rows], lengths)
    allowed = (position >= first) & (position < first + count)
    allowed[starts[:-1] + windows.no_answer[rows]] = True
    return ids, values, allowed.astype(np.float32), lengths, windows.second[rows]


def _report(num_questions: int, num_cut: int, num_lost: int, splitter: QuestionWindows) -> None:
    splitter.warn_truncated(num_cut, num_questions)
    if num_lost:
        logger.warning(
            "%d of %d questions (%.1f %%) are skipped: none of their answers fits into a window of max_length=%d tokens.",
            *(num_lost, num_questions, 100 * num_lost / num_questions, splitter.max_length),
        )
