"""Parsing of answers in all file formats, and of their offsets in the context."""

import ast
import bisect
import functools
import itertools
import json
import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kerasft import security
from kerasft.answers.words import is_inside_letters
from kerasft.data.readers.text_offsets import UNITS
from kerasft.encoding.token_store import logger
from kerasft.errors import bad_data
from kerasft.features import is_unicode

FIX = (
    'Use {"question": ..., "context": ..., "answers": [{"text": ..., "answer_start": ...}], "id": ...}; "answers": [] for '
    "unanswerable questions."
)
BARE = ("answer", "answer_text")
"""Names of an answer column, whose offsets are missing or in a column `answer_start`."""

_SEARCH = 'misaligned="search" (--misaligned search)'
_ARRAY = re.compile(r"array\((\[.*?\])(?:,\s*dtype=[^()]*?)?\)", re.DOTALL)
_LARGEST = 2**53  # larger integers are not exact as floats
_MOST_REPEATS = 64
"""Occurrences that overlap by more than this fraction of the answer's length (periodic text) are not all found: this keeps the
search from taking quadratic time."""


def read_answers(item: Mapping[str, Any], place: str) -> list[tuple[str, int | None]]:
    """Parse the answers of a row in any format, each with its start or None; empty if the question is unanswerable.

    Raises:
        DataError: If the format is invalid, or contradicts `is_impossible`.

    Example:

    >>> read_answers({"answers": "{'text': array(['Paris'], dtype=object), 'answer_start': array([3])}"}, "train.csv")
    [('Paris', 3)]
    """
    received = next((item[name] for name in ("answers", *BARE) if item.get(name) is not None), None)
    impossible = _yes_or_no(item.get("is_impossible"), place)
    if isinstance(received, str):
        received = _parsed(received, place)
    if isinstance(received, Mapping):
        received = _as_dictionaries(received, place)
    received = received.tolist() if isinstance(received, np.ndarray) else received
    if isinstance(received, str):  # only the answer's text
        received = [{"text": received, "answer_start": item.get("answer_start")}]
    if received is None and impossible is True:
        return []
    if not isinstance(received, (list, tuple)):
        raise bad_data(place, "expected a list of answers", FIX, value="nothing" if received is None else received)
    if impossible is not None and impossible == bool(received):
        problem = f"is_impossible is {impossible}, but there are {len(received)} answers"
        raise bad_data(place, problem, "Correct one of the two.", value=received)
    return [_answer(answer, place) for answer in received]


def checked_text(value: object, name: str, place: str) -> str:
    """Return a value that must be a string.

    Raises:
        DataError: If it is not a valid string.

    Example:

    >>> checked_text("Where?", "question", "train.json")
    'Where?'
    """
    if not isinstance(value, str):
        raise bad_data(place, f"expected a string as {name}", FIX, value="nothing" if value is None else value)
    security.check_texts([value], f"{place}, {name}")
    if not is_unicode(value):
        raise bad_data(place, f"{name} contains a lone surrogate", "Encode it as UTF-8.", value=value)
    return value


def _yes_or_no(value: object, place: str) -> bool | None:
    """Parse `is_impossible`: true, "True", 1, 1.0; None if it is missing."""
    if value is None or value == "" or value != value:
        return None
    parsed = {"true": True, "false": False, "1": True, "0": False, "1.0": True, "0.0": False}.get(
        str(value).strip().lower()
    )
    if parsed is None:
        raise bad_data(place, "is_impossible must be true or false", "Correct the value.", value=value)
    return parsed


def _as_dictionaries(received: Mapping[str, Any], place: str) -> list[dict]:
    columns = [received.get(name) for name in ("text", "answer_start")]
    if isinstance(columns[0], str) and not hasattr(columns[1], "__len__"):
        return [dict(received)]  # a single answer, not in a list
    if any(not hasattr(column, "__len__") or isinstance(column, str) for column in columns) or (
        len(columns[0]) != len(columns[1])
    ):
        raise bad_data(place, "answers must have as many texts as answer_start values", FIX, value=dict(received))
    return [{"text": text, "answer_start": start} for text, start in zip(*columns)]


def _parsed(received: str, place: str) -> object:
    """Parse a list or dictionary that was written as text, in JSON or Python notation; other texts are returned unchanged."""
    if not received.lstrip().startswith(("[", "{")):
        return received
    for parse in (json.loads, lambda text: ast.literal_eval(_ARRAY.sub(r"\1", text.strip()))):
        try:
            parsed = parse(received)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        return parsed
    raise bad_data(place, "answers must be JSON, or a Python list or dictionary", FIX, value=received)


def _answer(answer: object, place: str) -> tuple[str, int | None]:
    if isinstance(answer, str):
        answer = {"text": answer}
    if not isinstance(answer, Mapping):
        raise bad_data(place, "expected a dictionary as answer", FIX, value=answer)
    text = checked_text(answer.get("text"), "an answer's text", place)
    if not text.strip():
        raise bad_data(place, "empty answer", 'Use "answers": [] for unanswerable questions.', value=text)
    return text, _whole(answer.get("answer_start"), place)


def _whole(value: object, place: str) -> int | None:
    """Parse an offset: 75, 75.0, "75"; None if it is missing."""
    if value is None or value == "":
        return None
    number = value
    if isinstance(value, str):
        try:
            number = float(value) if value.strip().replace(".", "", 1).lstrip("-").isdecimal() else math.nan
        except ValueError:
            number = math.nan
    if isinstance(number, bool | np.bool_) or not isinstance(number, (int, float, np.integer, np.floating)):
        number = math.nan
    if not abs(number) <= _LARGEST or number != int(number):  # NaN is not
        raise bad_data(place, "answer_start must be an integer", FIX, value=value)
    return int(number)


class Aligner:
    """Finds the offsets of answers in their contexts, and counts incorrect offsets in the data.

    Args:
        search: Whether to use the nearest occurrence if an offset is incorrect, rather than raise an error.

    Example:

    >>> Aligner(search=True)("Paris", 0, "In Paris.", "train.json")
    ('Paris', 3)
    """

    def __init__(self, search: bool):
        self.search = search
        self.moved = 0
        self.placed = 0
        self.several = 0
        self.other_form = 0

    def __call__(self, text: str, start: int | None, context: str, place: str) -> tuple[str, int]:
        """Return the answer, as written in the context, and its start.

        Raises:
            DataError: If the answer is not at `start`, or not in the context at all.
        """
        if start is not None and start >= 0:
            if context.startswith(text, start):
                return text, start
            if same := _other_form(text, context, start):
                self.other_form += 1
                return same, start
        if self.search and (nearest := self._nearest(text, start, context)):
            return nearest
        raise _not_there(text, start, context, place)

    def _nearest(self, text: str, start: int | None, context: str) -> tuple[str, int] | None:
        starts = _occurrences(text, context)
        if not starts:
            starts = _in_other_form(text, context)
            self.other_form += bool(starts)
        if not starts:
            return None
        self.placed += start is None
        self.moved += start is not None
        self.several += len(starts) > 1
        converted = (
            {convert(context, start) for convert in UNITS.values()} & set(starts) if start is not None else set()
        )
        best = min(converted or starts, key=lambda at: abs(at - (start or 0)))
        return _other_form(text, context, best) or text, best

    def report(self, total: int) -> None:
        """Log the corrections among `total` answers."""
        counts = {
            "did not match their answer_start; the nearest occurrence was used": self.moved,
            "had no answer_start; the first occurrence was used": self.placed,
            "occur several times in the context, so the occurrence used is a guess": self.several,
            "had a different Unicode normalization (NFC, NFD) than the context, which was used": self.other_form,
        }
        for what, count in counts.items():
            if count:
                logger.warning("%d of %d answers %s.", count, total, what)


def _occurrences(text: str, context: str) -> list[int]:
    """Return the start offsets of a text in the context: as whole words, or anywhere if there are none."""
    starts = _starts(text, context)
    whole = [at for at in starts if not any(is_inside_letters(context, end) for end in (at, at + len(text)))]
    return whole or starts


def _starts(text: str, context: str) -> list[int]:
    """Return the start offsets of a text in the context, in linear time."""
    step = 1 + len(text) // _MOST_REPEATS
    starts = []
    start = context.find(text)
    while start >= 0:
        starts.append(start)
        start = context.find(text, start + step)
    return starts


def _other_form(text: str, context: str, start: int) -> str | None:
    """Return the characters of the context from `start` that equal the text in another Unicode normalization, or None."""
    if (text.isascii() and context.isascii()) or not 0 <= start < len(context):
        return None
    wanted = unicodedata.normalize("NFD", text)
    decomposed, begins = _decomposed(context)
    if unicodedata.combining(decomposed[begins[start]]) or not decomposed.startswith(wanted, begins[start]):
        return None
    end = bisect.bisect_left(begins, begins[start] + len(wanted))
    inside = begins[end] != begins[start] + len(wanted) or unicodedata.combining(
        decomposed[begins[end] : begins[end] + 1] or "x"
    )
    return None if inside else context[start:end]


def _in_other_form(text: str, context: str) -> list[int]:
    """Return the start offsets of the text in another Unicode normalization."""
    if text.isascii() and context.isascii():
        return []
    decomposed, begins = _decomposed(context)
    decomposed_starts = _starts(unicodedata.normalize("NFD", text), decomposed)
    starts = [bisect.bisect_left(begins, start) for start in decomposed_starts]
    pairs = zip(starts, decomposed_starts)
    return [at for at, start in pairs if begins[at] == start and _other_form(text, context, at)]


@functools.lru_cache(maxsize=1)  # consecutive questions share a context
def _decomposed(context: str) -> tuple[str, Sequence[int]]:
    """Return a text in NFD, and the offset in it of each character of the text and of its end."""
    decomposed = unicodedata.normalize("NFD", context)
    if decomposed == context:
        return context, range(len(context) + 1)
    # NFD reorders consecutive combining marks, but no mark passes a base character.
    sizes = (len(unicodedata.normalize("NFD", character)) for character in context)
    return decomposed, list(itertools.accumulate(sizes, initial=0))


def _not_there(text: str, start: int | None, context: str, place: str) -> Exception:
    starts = _occurrences(text, context)
    if start is None:
        fix = f"Add answer_start, or use {_SEARCH} to take its first occurrence."
        if not starts:
            fix = "It does not occur in the context: copy the answer exactly, or delete it."
        return bad_data(place, f"the answer {text!r} has no answer_start", fix, value=text)
    if starts:
        nearest = min(starts, key=lambda at: abs(at - start))
        fix = f'The nearest occurrence is at {nearest}: correct it (characters, not bytes), or use misaligned="search".'
        for name, convert in UNITS.items():
            if (at := convert(context, start)) in starts and at != start:
                fix = f'The offset seems to count {name} ({at}): convert all offsets, or use misaligned="search".'
    else:
        fix = "It does not occur in the context: copy the answer exactly, or delete it."
    problem = f"the answer {text!r} is not at answer_start={start} of the context"
    return bad_data(place, problem, fix, value=context[max(start, 0) :][: len(text)])
