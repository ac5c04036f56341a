"""Files of words and tags: CoNLL columns, and the parallel files of words, tags and intents as SNIPS and ATIS have them."""

import re
from collections.abc import Mapping
from pathlib import Path

from kerasft.data.rows import Rows
from kerasft.data.text_files import read_text
from kerasft.errors import bad_argument, bad_data

SUFFIXES = (".conll", ".txt", ".tsv", ".iob", ".iob2", ".bio")
"""Endings of files that are read as CoNLL columns."""

WORDS_FILE, TAGS_FILE, INTENT_FILE = "seq.in", "seq.out", "label"


def read_conll(path: Path, columns: Mapping[str, object] | None = None) -> Rows:
    """Read a file with one word a line: the word, a TAB (or spaces), more columns if there are, the tag.

    A blank line ends a sentence, a line that begins with -DOCSTART- is none. Where one line has a TAB, all are read as
    separated by TABs, so that words may hold spaces.

    Args:
        path: The file.
        columns: `{"text": 0, "label": -1}`: which column is the word and which the tag, from 0; negative: from the end.

    Returns:
        Rows with `words`, `tags` and `lines` (of each word), a list each.

    Raises:
        DataError: If a line has too few columns or an empty word or tag.

    Example:

    >>> path = scratch / "two.conll"
    >>> _ = path.write_text("Smith\\tB-PER\\ncame\\tO\\n\\nNew\\tB-LOC\\nYork\\tI-LOC\\n")
    >>> read_conll(path).columns["words"]
    [['Smith', 'came'], ['New', 'York']]
    """
    places = _places(columns)
    text = read_text(path)
    tabs = any("\t" in line and not line.isspace() for line in text.split("\n"))
    sentences: list[list[tuple[str, str, int]]] = [[]]
    for number, line in enumerate(text.split("\n"), 1):
        line = line.strip("\r")
        if not line.strip(" \t") or line.startswith("-DOCSTART-"):
            sentences.append([])
            continue
        cells = line.split("\t") if tabs else re.split(r"[ \t]+", line.strip(" \t"))
        sentences[-1].append((*_word_and_tag(path, number, cells, places), number))
    sentences = [sentence for sentence in sentences if sentence]
    if not sentences:
        raise bad_data(str(path), "the file holds no word", "Write one word and its tag a line.")
    words, tags, lines = ([list(column) for column in zip(*(zip(*s) for s in sentences))][i] for i in range(3))
    columns = {"words": [*map(list, words)], "tags": [*map(list, tags)], "lines": [*map(list, lines)]}
    return Rows.of(columns, str(path), lines=[line[0] for line in lines])


def _places(columns: Mapping[str, object] | None) -> tuple[int, int]:
    given = {"text": 0, "label": -1, **(columns or {})}
    if set(given) != {"text", "label"} or any(isinstance(p, bool) or not isinstance(p, int) for p in given.values()):
        raise bad_argument(
            "columns", "numbers of the columns of word and tag", columns, 'Give {"text": 0, "label": 3}, for example.'
        )
    return given["text"], given["label"]


def _word_and_tag(path: Path, number: int, cells: list[str], places: tuple[int, int]) -> list[str]:
    found = []
    for what, place in zip(("word", "tag"), places):
        if len(cells) < 2 or not -len(cells) <= place < len(cells):
            raise bad_data(
                str(path),
                f"there is no column {place} for the {what}",
                "Each line must hold a word, a TAB (or spaces throughout) and a tag; a blank line ends a sentence.",
                line=number,
                value="\t".join(cells),
            )
        cell = cells[place] if what == "word" else cells[place].strip()
        if not cell:
            raise bad_data(str(path), f"the {what} is empty", "Fill it in.", line=number, value="\t".join(cells))
        found.append(cell)
    return found


def parallel_files(source: object) -> dict[str, Path] | None:
    """The files of a source that is a folder with seq.in, seq.out and label, or a prefix such as "snips/train".

    Returns:
        Paths by name; None if the source is something else.

    Example:

    >>> parallel_files("train.conll") is None
    True
    """
    if not isinstance(source, str | Path):
        return None
    for join in (lambda name: Path(source) / name, lambda name: Path(f"{source}.{name}")):
        if join(WORDS_FILE).is_file():
            return {name: join(name) for name in (WORDS_FILE, TAGS_FILE, INTENT_FILE)}
    return None


def read_parallel(files: Mapping[str, Path]) -> Rows:
    """Read a file of words, one of tags and, if it is there, one of intents: one text a line, in the same order.

    Returns:
        Rows with `words`, `tags` and `intent`.

    Raises:
        DataError: If the files differ in lines, or a line in words and tags.

    Example:

    >>> for name, line in (("seq.in", "play jazz"), ("seq.out", "O B-genre"), ("label", "PlayMusic")):
    ...     _ = (scratch / f"demo.{name}").write_text(line)
    >>> read_parallel(parallel_files(scratch / "demo")).columns["intent"]
    ['PlayMusic']
    """
    lines = {name: _lines(path) for name, path in files.items() if name != INTENT_FILE or path.is_file()}
    source = files[WORDS_FILE]
    counts = {files[name].name: len(found) for name, found in lines.items()}
    if len(set(counts.values())) != 1:
        raise bad_data(str(source), "the parallel files differ in lines", "Each line is one text.", value=counts)
    words, tags = ([line.split() for line in lines[name]] for name in (WORDS_FILE, TAGS_FILE))
    for number, (some, others) in enumerate(zip(words, tags), 1):
        if len(some) != len(others) or not some:
            raise bad_data(
                str(source),
                f"{len(some)} words have {len(others)} tags in {files[TAGS_FILE].name}",
                "Give each word one tag.",
                line=number,
                value=" ".join(some),
            )
    columns = {"words": words, "tags": tags}
    if INTENT_FILE in lines:
        columns["intent"] = [line.strip() for line in lines[INTENT_FILE]]
    return Rows.of(columns, str(source))


def _lines(path: Path) -> list[str]:
    lines = read_text(path).split("\n")
    return lines[:-1] if not lines[-1].strip() else lines
