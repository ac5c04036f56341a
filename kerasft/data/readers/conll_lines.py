"""Parsing of lines with CoNLL columns: separators, comments and headers, and the roles of the columns."""

import itertools
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from kerasft.data.readers.invalid_rows import skip
from kerasft.errors import DataError, bad_data

TAG = re.compile(r"[Oo]|[BIESLUbieslu]-\S+")
"""A tag of any scheme, in upper or lower case."""

_SPACES = re.compile(r"[ \t]+")
_NUMBER = re.compile(r"\d{1,9}(\.0)?")
_NO_WORD = re.compile(r"\d{1,9}(-\d{1,9}|\.[1-9]\d{0,8})")
"""Ids of CoNLL-U lines that are not words: multiword tokens (1-2) and empty nodes (1.1)."""
_CHUNKS = {
    "NP",
    "VP",
    "PP",
    "ADVP",
    "ADJP",
    "SBAR",
    "PRT",
    "CONJP",
    "INTJ",
    "LST",
    "UCP",
    "NC",
    "VC",
    "PC",
    "AC",
    "WHNP",
}
"""Chunk types of CoNLL-2000; in CoNLL-2003, they are in a different column than the entity tags."""
_HEADER = {
    "word", "words", "token", "tokens", "form", "text", "tag", "tags", "label", "labels", "ner", "ner_tag", "ner_tags",
    "ner-tag", "entity", "slot", "pos", "pos_tag", "chunk", "chunk_tag", "lemma", "id", "index", "idx", "sentence",
    "sentence #", "sentence_id", "sent_id", "#",
}  # fmt: skip
_MANY_WORDS = 1000


class Line(NamedTuple):
    """A line of a file.

    Attributes:
        number: 1-based line number.
        text: The unparsed line.
        cells: Values of its columns; empty at the end of a sentence.

    Example:

    >>> Line(1, "Rome B-LOC", ["Rome", "B-LOC"]).cells[-1]
    'B-LOC'
    """

    number: int
    text: str
    cells: list[str]


def cut_lines(text: str, name: str, *, same_number: bool = True) -> tuple[list[Line], list[str]]:
    """Split a text into lines and cells; comments, -DOCSTART- lines and a header are lines without cells.

    Args:
        text: The file's text.
        name: The file's name, for messages.
        same_number: Whether every line must have the same number of cells.

    Returns:
        The lines, and notes on detected properties.

    Raises:
        DataError: If the lines differ in their number of cells.

    Example:

    >>> lines, notes = cut_lines("# id 1\\nIn O\\nRome B-LOC\\n", "train.conll")
    >>> [line.cells for line in lines], notes
    ([[], ['In', 'O'], ['Rome', 'B-LOC'], []], ['1 comment line (#) was skipped'])
    """
    end = "\n" if "\n" in text else "\r"  # a lone CR ends lines only in old Mac files
    raw = [(number, line.strip("\r")) for number, line in enumerate(text.split(end), 1)]
    words = [line for _, line in raw if line.strip() and not line.startswith("-DOCSTART-")]
    plain = [line for line in words if not line.startswith("#")] or words
    if not plain:
        return [Line(number, line, []) for number, line in raw], []
    split, notes = _separator(plain)
    usual = Counter(len(split(line)) for line in plain).most_common(1)[0][0]
    tags = {split(line)[-1] for line in plain if len(split(line)) == usual}
    lines: list[Line] = []
    comments = 0
    headers = 0
    bad = set()
    for number, line in raw:
        cells = split(line) if line.strip() and not line.startswith("-DOCSTART-") else []
        if cells[usual:] and not any(cells[usual:]):  # separators at the end of the line
            cells = cells[:usual]
        before = not lines or not lines[-1].cells
        is_word = len(cells) == usual and (TAG.fullmatch(cells[-1].strip()) or cells[-1] in tags)
        if cells and line.startswith("#") and before and not is_word:
            comments += 1
            cells = []
        elif cells and not any(other.cells for other in lines) and {cell.strip().lower() for cell in cells} <= _HEADER:
            headers, cells = 1, []
        elif cells and same_number and len(cells) != usual and usual > 1:
            skip(_another_number(name, number, line, cells=cells, usual=usual))
            bad.add(number)
        lines.append(Line(number, line, cells))
    if comments:
        notes.append(f"{comments} comment {'line' if comments == 1 else 'lines'} (#) {_was(comments)} skipped")
    if headers:
        notes.append("the first line is a header and was skipped")
    lines, more = _words_alone(lines)
    return _without_sentences(lines, bad), notes + more


def _words_alone(lines: list[Line]) -> tuple[list[Line], list[str]]:
    """Drop lines of CoNLL-U that are not words, if all others are numbered."""
    rows = [line for line in lines if len(line.cells) > 2]
    others = {line.number for line in rows if _NO_WORD.fullmatch(line.cells[0])}
    if not others or not all(line.number in others or _NUMBER.fullmatch(line.cells[0]) for line in rows):
        return lines, []
    note = f"{len(others)} multiword tokens and empty nodes (1-2, 1.1) {_was(len(others))} skipped"
    return [line for line in lines if line.number not in others], [note]


def _without_sentences(lines: list[Line], bad: set[int]) -> list[Line]:
    """Remove the cells of sentences with an invalid line; if no blank lines separate sentences, remove the line only."""
    if not bad:
        return lines
    blocks = _blocks(lines)
    if len(blocks) > 1:
        bad = {line.number for block in blocks if any(line.number in bad for line in block) for line in block}
        return [line._replace(cells=[]) if line.number in bad else line for line in lines]
    return [line for line in lines if line.number not in bad]


def _was(number: int) -> str:
    return "was" if number == 1 else "were"


def _by_tab(line: str) -> list[str]:
    return line.split("\t")


def _by_spaces(line: str) -> list[str]:
    return _SPACES.split(line.strip(" \t"))


def _separator(plain: Sequence[str]) -> tuple:
    """Detect the separator: tabs if lines have them, so that words may contain spaces; otherwise spaces."""
    tabs = sum("\t" in line for line in plain)
    if tabs in (0, len(plain)):
        return (_by_tab if tabs else _by_spaces), []
    if len({len(_by_spaces(line)) for line in plain}) == 1:
        return _by_spaces, [
            f"{tabs} of {len(plain)} lines are separated by tabs, the others by spaces: both were used as separators"
        ]
    return (_by_tab if 2 * tabs > len(plain) else _by_spaces), []


def _another_number(name: str, number: int, line: str, *, cells: list[str], usual: int) -> DataError:
    columns = "1 column" if len(cells) == 1 else f"{len(cells)} columns"
    fix = "Is a word or a tag missing, or a space in a word? " if len(cells) < usual else "Is there a space in a word? "
    fix += f"Each line must have {usual} columns with the same separator; a blank line ends a sentence."
    return bad_data(name, f"expected {usual} columns as in most lines, got {columns}", fix, line=number, value=line)


def find_places(lines: Sequence[Line], name: str, given: Mapping[str, int]) -> tuple[int, int, list[str]]:
    """Find the word column and the tag column.

    Args:
        lines: Lines from `cut_lines`.
        name: The file's name, for messages.
        given: Columns that the user selects: `text`, `label`, both or neither.

    Returns:
        The two columns, and notes on detected properties.

    Raises:
        DataError: If they are ambiguous.

    Example:

    >>> lines, _ = cut_lines("1 EU B-ORG\\n2 rejects O\\n", "train.conll")
    >>> find_places(lines, "train.conll", {})
    (1, 2, ['the first column contains numbers; words are read from column 1, tags from column 2'])
    """
    rows = [line.cells for line in lines if line.cells]
    count = min(map(len, rows))
    word = given.get("text", 0)
    notes = []
    if "text" not in given and count > 2 and all(_NUMBER.fullmatch(cells[0]) for cells in rows):
        if _numbering(lines) is None:
            problem = "the first column contains numbers that are neither word nor sentence ids"
            fix = 'Select the column of the words, for example --text 1 (columns={"text": 1}).'
            raise bad_data(name, problem, fix, value=rows[0])
        word = 1
        notes.append("the first column contains numbers; words are read from column 1, tags from column {}")
    tag = given.get("label", -1)
    if "label" not in given and count > 2:
        tag = count - 1 if len({len(cells) for cells in rows}) == 1 else -1
        tagged = [column for column in range(word + 1, count) if _holds_tags(rows, column)]
        others = [column for column in tagged if column != tag and not _types(rows, column) <= _CHUNKS]
        if tag not in tagged and "text" not in given and _is_conllu(rows):
            problem = "CoNLL-U has no entity column"
            fix = "For part-of-speech tags, use --label 3 --scheme IO (UPOS); otherwise select a column."
            raise bad_data(name, problem, fix, value=rows[0])
        if tag not in tagged and len(others) == 1:
            tag = others[0]
            notes += [] if notes else [f"tags are read from column {tag} (0-based, of {count}), the only one with tags"]
        if tag in tagged and others and others != [tag]:
            problem = (
                f"ambiguous: columns {', '.join(map(str, tagged))} contain tags (nested entities: one column per level)"
            )
            fix = f'Select one, for example --label {tagged[0]} (columns={{"label": {tagged[0]}}}).'
            raise bad_data(name, problem, fix, value=rows[0])
        if len(tagged) > 1 and not notes:
            notes.append(f"tags are read from column {tag} (0-based), the last of {count}")
    if not given and count > 1 and _holds_tags(rows, word) and not _holds_tags(rows, tag):
        fix = 'Select the columns, for example --text 1 --label 0 (columns={"text": 1, "label": 0}).'
        raise bad_data(name, f"column {word} contains tags, but the last one does not", fix, value=rows[0])
    if count > 1 and -count <= tag < count and word % count == tag % count:
        problem = f"column {tag % count} assigned to two roles: word and tag"
        raise bad_data(name, problem, "Select two different columns (0-based).", value=rows[0])
    return word, tag, [note.format(tag) for note in notes]


def _is_conllu(rows: Sequence[list[str]]) -> bool:
    return all(len(cells) == 10 and cells[6].isdigit() and _NUMBER.fullmatch(cells[0]) for cells in rows)


def _holds_tags(rows: Sequence[list[str]], column: int) -> bool:
    return all(TAG.fullmatch(cells[column].strip()) for cells in rows)


def _types(rows: Sequence[list[str]], column: int) -> set[str]:
    return {cells[column].strip()[2:] for cells in rows} - {""}


def _blocks(lines: Sequence[Line]) -> list[list[Line]]:
    """Return the blocks of lines, separated by lines without cells."""
    blocks: list[list[Line]] = [[]]
    for line in lines:
        if line.cells:
            blocks[-1].append(line)
        elif blocks[-1]:
            blocks.append([])
    return [block for block in blocks if block]


def _numbering(lines: Sequence[Line]) -> str | None:
    """Return whether the first column has indices of `"words"` in a sentence or of `"sentences"`; None: neither."""
    numbers = [[int(line.cells[0].partition(".")[0]) for line in block] for block in _blocks(lines)]
    steps = [b - a for block in numbers for a, b in itertools.pairwise(block)]
    if all(step == 1 for step in steps):
        return "words"
    if all(step == 0 for step in steps):
        return "sentences"
    if len(numbers) > 1:
        return None
    if all(step in (0, 1) for step in steps):
        return "sentences"
    first = numbers[0][0]
    restarts = sum(number == first for number in numbers[0]) - 1
    goes_up = all(step == 1 or step < 0 for step in steps)
    return "words" if goes_up and restarts == sum(step < 0 for step in steps) else None


def sentences_of(lines: Sequence[Line], *, index: int | None = None) -> tuple[list[list[Line]], list[str]]:
    """Group lines into sentences.

    Args:
        lines: Lines from `cut_lines`.
        index: A column of word or sentence indices, used to split sentences if there are no blank lines.

    Returns:
        The lines of each sentence, and notes on detected properties.

    Example:

    >>> lines, _ = cut_lines("1 In O\\n2 Rome B-LOC\\n1 Yes O\\n", "train.conll")
    >>> [len(sentence) for sentence in sentences_of(lines, index=0)[0]]
    [2, 1]
    """
    blocks = _blocks(lines)
    if len(blocks) > 1:
        return blocks, []
    if index is not None:
        sentences: list[list[Line]] = []
        sentence_numbers = _numbering(lines) == "sentences"
        for before, line in zip([None, *blocks[0]], blocks[0]):
            step = 0 if before is None else int(float(line.cells[index])) - int(float(before.cells[index]))
            if before is None or (step != 0 if sentence_numbers else step < 0):
                sentences.append([])
            sentences[-1].append(line)
        if len(sentences) > 1:
            return sentences, [
                f"without blank lines, the text was split into {len(sentences)} sentences by the first column"
            ]
    if len(blocks[0]) > _MANY_WORDS:
        return blocks, [f"without blank lines, all {len(blocks[0])} words were read as one sentence"]
    return blocks, []
