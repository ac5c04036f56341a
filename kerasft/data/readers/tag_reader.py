"""Parsing and validation of word tags, or of labeled spans of a text."""

import ast
import functools
import json
import re
from collections.abc import Iterable, Sequence

from kerasft.answers.tags import (
    OUTSIDE,
    SCHEMES,
    first_invalid,
    normalize,
    repair,
    scheme_name,
    spans_of,
    tags_of,
)
from kerasft.data.readers.character_spans import EXAMPLE, tags_of_spans
from kerasft.data.readers.class_names import bad_number
from kerasft.data.readers.rows import Rows
from kerasft.encoding.token_store import logger
from kerasft.errors import DataError, bad_argument, bad_data
from kerasft.features import is_unicode

INVALID = ("error", "repair")
PLAIN = "IO"
"""Tagging scheme of types without prefixes: adjacent words of the same type are one span."""

_WITHOUT_COMMA = re.compile(r"(?<=['\"])\s+(?=['\"])")  # NumPy writes ['a' 'b'], which Python would read as ['ab']

Tagged = tuple[str, list[tuple[int, int]], list[str]]


class TagReader:
    """Parses the rows of one source, and counts repairs.

    Args:
        scheme: See `kerasft.data.read_tags`.
        invalid: `"error"` or `"repair"`; see `kerasft.data.read_tags`.
        names: Names of the tags 0, 1, ..., if tags are numbers.

    Example:

    >>> rows = Rows.of({"words": [["Rome"]], "tags": [["LOC"]]}, "train.jsonl")
    >>> TagReader("IO", "error").words(rows, 0, words=["Rome"], tags=["LOC"])
    ('Rome', [(0, 4)], ['B-LOC'])
    """

    def __init__(self, scheme: str, invalid: str, names: Sequence[str] | None = None):
        if invalid not in INVALID:
            raise bad_argument("invalid", "'error' or 'repair'", invalid, "Choose one of them.")
        self.plain = str(scheme).upper() == PLAIN
        self.scheme = (
            "IOB1" if self.plain else scheme_name(scheme)
        )  # in IOB1, spans that are not adjacent have only I- tags
        self.names = names
        self.any_named = False
        self.repairs = invalid == "repair"
        self.changed: list[int] = []
        self.trimmed = 0
        self.lower: str | None = None

    def spans(self, rows: Rows, row: int, *, text: str, marked: object) -> Tagged:
        """Return a text, and the offsets and tags of its words, from labeled character spans."""
        marked = marked.tolist() if hasattr(marked, "tolist") else marked
        fail = functools.partial(rows.error, row)
        offsets, tags, trimmed = tags_of_spans(text, marked, fail=fail, trim=self.repairs)
        self.trimmed += trimmed
        return text, offsets, tags

    def words(self, rows: Rows, row: int, *, words: Sequence[str], tags: Sequence[str]) -> Tagged:
        """Return a text of words joined by spaces, the words' offsets, and their tags in IOB2."""
        words, tags = (item.tolist() if hasattr(item, "tolist") else item for item in (words, tags))
        if is_list_of(tags, int) or (is_list_of(tags, str) and all(tag.strip().isdecimal() for tag in tags)):
            tags = self._named(rows, row, tags)
        for name, items in (("words", words), ("tags", tags)):
            if not is_list_of(items, str) or not all(items):
                raise rows.error(row, f"expected a list of strings as {name}", fix=EXAMPLE, value=items)
        if len(words) != len(tags):
            raise rows.error(
                row,
                f"expected one tag per word, got {len(words)} words and {len(tags)} tags",
                fix="Complete them.",
                value=tags,
            )
        text, offsets = join_words(words)
        if not is_unicode(text):
            fix = "Correct it."
            raise rows.error(row, "invalid Unicode in the text (lone surrogate)", fix=fix, value=text)
        read = [self._tag(tag) for tag in tags]
        if None in read:
            index = read.index(None)
            problem, fix = "the tag contains an invisible character", "Delete it."
            if tags[index].strip().isprintable():
                problem = f"invalid tag for the scheme {self.scheme}"
                fix = f"Tags of {self.scheme} are O, and prefixes with a type such as B-PER. {_fitting(rows)}"
            raise _word_error(rows, row, index, problem, fix=fix.strip(), value=tags[index])
        wrong = first_invalid(read, self.scheme)
        if wrong is not None:
            if not self.repairs:
                before = read[wrong - 1] if wrong else "the beginning"
                fix = "Correct it, choose another scheme, or repair it as conlleval does: invalid='repair'. "
                problem = f"invalid tag for the scheme {self.scheme} after {before}"
                raise _word_error(rows, row, wrong, problem, fix=(fix + _fitting(rows)).strip(), value=tags[wrong])
            self.changed.append(sum(a != b for a, b in zip(read, repair(read, self.scheme))))
        return text, offsets, tags_of(spans_of(read), len(read))

    def _named(self, rows: Rows, row: int, tags: Sequence[int | str]) -> list[str]:
        """Return the names of tags that are numbers."""
        if self.names is None:
            fix = (
                "Set their names in id order: --label-names O,B-PER,... or a file with one name per line (tag_names=[...]). "
                'The dataset provides the names (Hugging Face: dataset.features["ner_tags"].feature.names, or '
                "dataset_info.json, which is used if it is next to the file)."
            )
            problem = "the tags are numbers without names"
            raise rows.error(row, problem, fix=fix, value=tags, can_skip=False)
        self.any_named = True
        numbers = [int(tag) for tag in tags]
        for number in numbers:
            if not 0 <= number < len(self.names):
                raise bad_number(rows, row, value=number, names=self.names)
        return [self.names[number] for number in numbers]

    def check_names(self, rows: Rows, tags: Iterable[Sequence[str]]) -> None:
        """Raise an error if tag names are given, but the tags are not numbers and have other types.

        Args:
            rows: The source.
            tags: The parsed tags of its rows, in IOB2.

        Raises:
            DataError: If the names do not apply to the source.
        """
        if self.names is None or self.any_named:
            return
        known = {name.partition("-")[2] or name for name in self.names}
        other = sorted({tag[2:] for row in tags for tag in row} - {"", *known})
        if other:
            problem = f"names are given for tags 0 to {len(self.names) - 1}, but the tags are not numbers"
            fix = f"Remove the names ({', '.join(self.names)}): --label-names (tag_names=[...])."
            raise bad_data(rows.name, problem, fix, value=other[0])

    def _tag(self, tag: str) -> str | None:
        """Return a tag in the scheme's spelling; None if it is invalid."""
        tag = tag.strip()
        if not tag.isprintable():
            return None
        if self.plain and tag not in (OUTSIDE, "o") and not tag.startswith("I-"):
            return None if tag.startswith("B-") else f"I-{tag}"
        read = normalize(tag, self.scheme)
        if read is None:
            prefix, dash, label = tag.partition("-")
            read = normalize(f"{prefix.upper()}{dash}{label}", self.scheme)
            self.lower = tag if read is not None and self.lower is None else self.lower
        return read

    def report(self, rows: Rows) -> None:
        """Log repairs."""
        name = self.scheme
        if self.changed:
            logger.warning(
                "%d of %d texts of %s had tags that are invalid in %s; %d tags were repaired.",
                *(len(self.changed), len(rows), rows.name, name, sum(self.changed)),
            )
        if self.trimmed:
            logger.warning(
                "%d spans of %s had leading or trailing whitespace, which was removed.", self.trimmed, rows.name
            )
        if self.lower:
            upper = normalize(self.lower[:1].upper() + self.lower[1:], name)
            logger.warning("%s: lowercase tags were read as uppercase: %s as %s.", rows.name, self.lower, upper)


def join_words(words: Sequence[str]) -> tuple[str, list[tuple[int, int]]]:
    """Join words by spaces; return the text, and the start and end of each word.

    Example:

    >>> join_words(["New", "York"])
    ('New York', [(0, 3), (4, 8)])
    """
    offsets = []
    start = 0
    for word in words:
        offsets.append((start, start + len(word)))
        start += len(word) + 1
    return " ".join(words), offsets


def is_list_of(items: object, kind: type) -> bool:
    """Whether this is a non-empty list or tuple of items of a type.

    Example:

    >>> is_list_of(["a"], str), is_list_of([], str), is_list_of("a", str)
    (True, False, False)
    """
    items = items.tolist() if hasattr(items, "tolist") else items
    return isinstance(items, list | tuple) and bool(items) and all(isinstance(item, kind) for item in items)


def parsed_list(value: object) -> object:
    """Parse a list that was written as text, as pandas does in CSV files; other values are returned unchanged.

    Example:

    >>> parsed_list("['B-PER', 'O']"), parsed_list("['B-PER' 'O']"), parsed_list("[sic] In Rome")
    (['B-PER', 'O'], ['B-PER', 'O'], '[sic] In Rome')
    """
    if not isinstance(value, str) or not (value.lstrip().startswith("[") and value.rstrip().endswith("]")):
        return value
    for parse in (json.loads, lambda text: ast.literal_eval(_WITHOUT_COMMA.sub(", ", text.strip()))):
        try:
            parsed = parse(value)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        return parsed if isinstance(parsed, list) else value
    return value


def _fitting(rows: Rows) -> str:
    """Return a hint on the tagging scheme in which all tags of these rows are valid, if there is one."""
    column = next((rows.columns[name] for name in ("tags", "ner_tags", "label", "labels") if name in rows.columns), ())
    tags = [row for row in map(parsed_list, column) if is_list_of(row, str)]
    if not tags:
        return ""
    for scheme in SCHEMES:
        read = [[normalize(tag, scheme) for tag in row] for row in tags]
        if all(None not in row and first_invalid(row, scheme) is None for row in read):
            return f"All tags are valid in {scheme}: use scheme={scheme!r} (--scheme {scheme})."
    if any("-" in tag[:2] for row in tags for tag in row):
        return ""
    fix = (
        f"The tags have no prefixes: use scheme={PLAIN!r} (--scheme {PLAIN}); adjacent words of the same type are one "
    )
    return f"{fix}span."


def _word_error(rows: Rows, row: int, index: int, problem: str, *, fix: str, value: object) -> DataError:
    """Return the error for a word, with the word's line if each word has one."""
    if "lines" not in rows.columns:
        return rows.error(row, f"{problem} (word {index + 1})", fix=fix, value=value)
    error = bad_data(rows.place(row)[0], problem, fix, line=rows.columns["lines"][row][index], value=value)
    return error.with_hint()
