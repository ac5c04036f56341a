"""Questions with contexts, read and validated from SQuAD's JSON (1.1 and 2.0), JSON lines or Python rows."""

import dataclasses
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from kerasft.data.readers.invalid_rows import skip
from kerasft.data.readers.rows import Rows
from kerasft.data.readers.sources import read_rows
from kerasft.data.readers.squad_answers import BARE, FIX, Aligner, checked_text, read_answers
from kerasft.data.readers.text_files import read_text
from kerasft.errors import DataError, bad_argument, bad_data
from kerasft.limits import how_to_raise, limit

MISALIGNED = ("error", "search")
"""How to treat answers that do not match their answer_start."""


class Answer(NamedTuple):
    """An answer and its position in the context.

    Example:

    >>> Answer("Paris", 0).end
    5
    """

    text: str
    """The answer, as written in the context."""
    start: int
    """Start offset in the context, in characters (Unicode code points)."""

    @property
    def end(self) -> int:
        """End offset in the context, in characters, exclusive."""
        return self.start + len(self.text)


@dataclasses.dataclass(frozen=True)
class Question:
    """A question with its context and answers.

    Args:
        id: Unique id.
        question: The question.
        context: The text that may contain the answer.
        answers: Reference answers; empty: the question is unanswerable (SQuAD 2.0).
        title: Title of the context's article, or "".

    Example:

    >>> Question("q1", "Where?", "In Paris.", (Answer("Paris", 3),)).answers[0].end
    8
    """

    id: str
    question: str
    context: str
    answers: tuple[Answer, ...] = ()
    title: str = ""

    @property
    def texts(self) -> tuple[str, ...]:
        """The texts of the answers."""
        return tuple(answer.text for answer in self.answers)


def read_squad(source: object, *, misaligned: str = "error", need_answers: bool = True) -> list[Question]:
    """Read and validate questions with contexts and answers.

    Supports the formats of SQuAD 1.1 (Rajpurkar et al. 2016, arXiv:1606.05250) and 2.0 (2018, arXiv:1806.03822), where
    `answers` is empty and `is_impossible` true for unanswerable questions.

    Args:
        source: Path, or list of paths, of .json files in SQuAD's format (or a JSON list of rows) or of .jsonl, .csv or
            .parquet files; or rows: dictionaries with `question`, `context`, `answers` (a list of `{"text", "answer_start"}`,
            a dictionary of two lists as in Hugging Face datasets, or either of them as JSON text) and, optionally, `id`,
            `title` and `is_impossible`; or questions from this function. Rows without id are numbered.
        misaligned: How to treat an answer that does not match the context at `answer_start`: `"error"`, or `"search"`, which
            uses the nearest occurrence; the number of such answers is logged.
        need_answers: Whether a question without the key `answers` is an error.

    Returns:
        The questions, in the source's order.

    Raises:
        DataError: If a file or row has a different format, an answer is not in its context, a question is empty, or an id is
            a duplicate; the message gives the file and the question.
        KerasftError: If `misaligned` is invalid.

    Example:

    >>> row = {"question": "Where?", "context": "In Paris.", "answers": [{"text": "Paris", "answer_start": 3}]}
    >>> read_squad([row])[0].answers
    (Answer(text='Paris', start=3),)
    """
    if misaligned not in MISALIGNED:
        raise bad_argument("misaligned", f"one of {MISALIGNED}", misaligned, "Choose one of them.")
    if isinstance(source, (list, tuple)) and source and all(isinstance(item, Question) for item in source):
        return list(source)
    reader = _Reader(search=misaligned == "search", need_answers=need_answers)
    for path in _json_paths(source):
        _read_json(path, reader)
    if not reader.questions:
        _read_table(read_rows(source), reader)
    _check_size(reader.questions, source)
    reader.align.report(sum(len(question.answers) for question in reader.questions))
    return reader.questions


def split_questions(
    questions: Iterable[Question], *, dev: float = 0.1, seed: int = 0
) -> tuple[list[Question], list[Question]]:
    """Split questions into train and dev by article (or, without titles, by context), so that no text is in both splits.

    Args:
        questions: Questions from `read_squad`.
        dev: Minimum fraction of the questions for dev, in (0, 1).
        seed: Random seed.

    Returns:
        The questions for training and for dev, both in the given order.

    Raises:
        DataError: If all questions have the same context.

    Example:

    >>> questions = [Question(str(i), "Which?", f"Text {i // 2}.") for i in range(20)]
    >>> [len(part) for part in split_questions(questions)]
    [18, 2]
    """
    questions = list(questions)
    titles = {question.title for question in questions}
    groups = [question.title if len(titles) > 1 else question.context for question in questions]
    names = sorted(set(groups))
    if len(names) < 2:
        fix = "Use a --dev file, or questions about several contexts."
        raise bad_data(
            "questions", "all questions share one context, so none can be held out", fix, value=len(questions)
        )
    held_out: set[str] = set()
    for number in np.random.default_rng(seed).permutation(len(names))[:-1]:
        if sum(group in held_out for group in groups) >= dev * len(questions):
            break
        held_out.add(names[number])
    parts = ([], [])
    for question, group in zip(questions, groups):
        parts[group in held_out].append(question)
    return parts


def _check_size(questions: list[Question], source: object) -> None:
    """Raise an error if the contexts of all questions, whose windows are in memory, are too large in total."""
    most = limit("DATA_BYTES")
    size = sum(len(question.context) for question in questions)
    if size > most:
        name = str(source) if isinstance(source, str | os.PathLike) else "questions"
        problem = f"the contexts of {len(questions)} questions have {size} characters in total, maximum: {most}"
        fix = f"Shorten the contexts, or split the file. {how_to_raise('DATA_BYTES', size)}"
        raise bad_data(name, problem, fix)


class _Reader:
    """Validates and collects questions."""

    def __init__(self, search: bool, need_answers: bool = True):
        self.align = Aligner(search)
        self.need_answers = need_answers
        self.questions: list[Question] = []
        self.ids: set[str] = set()
        self.number = 0

    def add(self, item: Mapping[str, Any], place: str, *, context: object, title: object = "") -> None:
        """Validate and add one question, from SQuAD's JSON or a table."""
        self.number += 1
        name = item.get("id")
        name = str(self.number) if name is None else str(name)
        try:
            self._keep(item, f"{place}, question {name!r}", name=name, context=context, title=title)
        except DataError as error:
            skip(error)

    def _keep(self, item: Mapping[str, Any], place: str, *, name: str, context: object, title: object) -> None:
        if name in self.ids:
            raise bad_data(place, "duplicate id", "Give each question a unique id.", value=name)
        self.ids.add(name)
        question = checked_text(item.get("question"), "question", place)
        if not question.strip():
            raise bad_data(place, "the question is empty", "Fill it in, or delete it.", value=question)
        context = checked_text(context, "context", place)
        given = read_answers(item, place) if self.need_answers or item.get("answers") is not None else []
        answers = tuple(Answer(*self.align(*answer, context, place)) for answer in given)
        title = title if isinstance(title, str) else ""
        self.questions.append(Question(name, question, context, answers, title))


def _json_paths(source: object) -> list[Path]:
    """Return the paths of a source if all are .json files; otherwise an empty list."""
    paths = source if isinstance(source, (list, tuple)) else [source]
    if not paths or not all(isinstance(path, (str, os.PathLike)) for path in paths):
        return []
    paths = [Path(path).expanduser() for path in paths]
    return paths if all(path.name.lower().endswith((".json", ".json.gz")) for path in paths) else []


def _read_json(path: Path, reader: _Reader) -> None:
    name = str(path)
    try:
        content = json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        if isinstance(error, DataError):
            raise
        _read_table(read_rows(path), reader)  # JSON lines, which Hugging Face datasets write to .json
        return
    items = content.get("data") if isinstance(content, Mapping) else content
    before = len(reader.questions)
    for item in _list(items, "the list of articles (data)", name):
        if not isinstance(item, Mapping):
            raise bad_data(name, "expected an object as article", FIX, value=item)
        if "paragraphs" not in item:
            reader.add(item, name, context=item.get("context"), title=item.get("title"))
            continue
        for paragraph in _list(item["paragraphs"], "paragraphs", name):
            if not isinstance(paragraph, Mapping):
                raise bad_data(name, "expected an object as paragraph", FIX, value=paragraph)
            for entry in _list(paragraph.get("qas"), "qas", name):
                if not isinstance(entry, Mapping):
                    raise bad_data(name, "expected an object as question", FIX, value=entry)
                reader.add(entry, name, context=paragraph.get("context"), title=item.get("title"))
    if len(reader.questions) == before:
        raise bad_data(name, "it contains no valid questions", FIX)


def _list(value: object, what: str, name: str) -> list:
    if not isinstance(value, list):
        received = "nothing" if value is None else value
        raise bad_data(
            name, f"expected a list as {what}", "Use SQuAD's format: data > paragraphs > qas.", value=received
        )
    return value


def _read_table(rows: Rows, reader: _Reader) -> None:
    missing = [name for name in ("question", "context", "answers") if name not in rows.columns]
    if missing and (missing != ["answers"] or not set(BARE) & set(rows.columns)):
        raise bad_data(rows.name, f"there is no column {missing[0]!r}", FIX, value=list(rows.columns))
    for row in range(len(rows)):
        item = {name: column[row] for name, column in rows.columns.items()}
        file, line = rows.place(row)
        reader.add(item, f"{file}, line {line}", context=item["context"], title=item.get("title"))
    if not reader.questions:
        raise bad_data(rows.name, "it contains no valid questions", FIX)
