"""Reading of words and tags: CoNLL columns, and parallel files of words, tags and intents (SNIPS, ATIS)."""

from collections.abc import Mapping
from pathlib import Path

from kerasft import security
from kerasft.data.readers.conll_lines import Line, cut_lines, find_places, sentences_of
from kerasft.data.readers.delimited import table_of
from kerasft.data.readers.dialects import tsv_records
from kerasft.data.readers.invalid_rows import skip
from kerasft.data.readers.rows import Rows
from kerasft.data.readers.text_files import path_suffix, read_text, split_lines
from kerasft.data.readers.word_tables import rows_of_word_table
from kerasft.encoding.token_store import logger
from kerasft.errors import DataError, bad_argument, bad_data
from kerasft.files import local_path

SUFFIXES = (".conll", ".conllu", ".txt", ".tsv", ".iob", ".iob2", ".bio")
"""Extensions of files that are read as CoNLL columns."""

WORDS_FILE, TAGS_FILE, INTENT_FILE = "seq.in", "seq.out", "label"


def read_conll(path: Path, columns: Mapping[str, object] | None = None) -> Rows:
    """Read a file with one word per line: the word, a tab (or spaces), optional other columns, the tag.

    A blank line ends a sentence. Lines that start with -DOCSTART- are skipped, and so are comments: lines before a sentence
    that start with # and are not a word with its tag. Detected properties are logged: a first column of numbers (then words
    are in the second), a header, tabs mixed with spaces, and which of several columns is the tag.

    Args:
        path: The file.
        columns: `{"text": 0, "label": -1}`: 0-based indices of the word and tag columns; negative: from the end.

    Returns:
        Rows with `words`, `tags` and `lines` (line number of each word), one list per sentence.

    Raises:
        DataError: If lines differ in their number of columns, a word or tag is empty, or several columns contain tags and
            none was selected.

    Example:

    >>> import pathlib
    >>> path = pathlib.Path("two.conll")
    >>> _ = path.write_text("Smith\\tB-PER\\ncame\\tO\\n\\nNew\\tB-LOC\\nYork\\tI-LOC\\n")
    >>> read_conll(path).columns["words"]
    [['Smith', 'came'], ['New', 'York']]
    """
    given = _given_columns(columns)
    name = str(path)
    text = read_text(path)
    if path_suffix(path) in (".tsv", ".txt") and not columns and (table := _table(path, text)) is not None:
        return table
    security.check_text_file(text, name, " \t")
    lines, notes = cut_lines(text, name, same_number=min(given.values(), default=-1) < 0 or len(given) < 2)
    if not any(line.cells for line in lines):
        raise bad_data(name, "the file contains no words", "Write one word and its tag per line.")
    word, tag, column_notes = find_places(lines, name, given)
    sentences, split = sentences_of(lines, index=0 if "text" not in given and word == 1 else None)
    if notes := [*notes, *column_notes, *split]:
        logger.warning("%s: %s.", name, "; ".join(notes))
    columns = {"words": [], "tags": [], "lines": []}
    for sentence in sentences:
        try:
            words = [_cell(name, line, word, "word") for line in sentence]
            tags = [_cell(name, line, tag, "tag").strip() for line in sentence]
        except DataError as error:
            skip(error)
            continue
        columns["words"].append(words)
        columns["tags"].append(tags)
        columns["lines"].append([line.number for line in sentence])
    if not columns["words"]:
        raise bad_data(name, "there are no valid sentences", "Is this a file of words and tags?")
    return Rows.of(columns, name, lines=[numbers[0] for numbers in columns["lines"]])


def _table(path: Path, text: str) -> Rows | None:
    """Read a tab-separated table with a header: one word per row with sentence ids, or lists; None for CoNLL columns."""
    first, *others = (line for line in split_lines(text) if line.strip())
    names = [name.strip().lower() for name in first.split("\t")]
    if len(names) < 2 or not others or len(others[0].split("\t")) != len(names):
        return None
    if any(cell.lstrip().startswith("['") for cell in others[0].split("\t")):
        rows = table_of(path, tsv_records(path, text), header=True)
        lists = [name for name in rows.columns if str(rows.columns[name][0]).lstrip().startswith("[")]
        return (
            Rows.of(dict(zip(("words", "tags"), map(rows.columns.get, lists))), str(path), lines=rows.lines)
            if len(lists) == 2
            else None
        )
    # With a sentence number in each row, it is read as CoNLL columns; a table may have it only in a sentence's first row.
    if "sentence #" not in names:
        return None
    return rows_of_word_table(table_of(path, tsv_records(path, text), header=True))


def _given_columns(columns: Mapping[str, object] | None) -> dict[str, int]:
    given = dict(columns or {})
    if not set(given) <= {"text", "label"} or any(
        isinstance(p, bool) or not isinstance(p, int) for p in given.values()
    ):
        raise bad_argument(
            "columns", "column indices of word and tag", columns, 'For example: {"text": 0, "label": 3}.'
        )
    return given


def _cell(name: str, line: Line, column: int, what: str) -> str:
    if len(line.cells) < 2 or not -len(line.cells) <= column < len(line.cells):
        raise bad_data(
            name,
            f"no column {column} for the {what}",
            "Each line must contain a word, a tab (or spaces) and a tag; a blank line ends a sentence.",
            line=line.number,
            value=line.text,
        )
    cell = line.cells[column]
    # A tag of whitespace counts as empty; a word may be a no-break space.
    if not (cell if what == "word" else cell.strip()):
        raise bad_data(name, f"the {what} is empty", "Fill it in.", line=line.number, value=line.text)
    return cell


def parallel_files(source: object) -> dict[str, Path] | None:
    """Return the files of a source that is a folder with seq.in, seq.out and label, or a prefix such as "snips/train".

    Returns:
        Paths by name; None if the source is something else.

    Example:

    >>> parallel_files("train.conll") is None
    True
    """
    if not isinstance(source, str | Path):
        return None
    for join in (lambda name: local_path(source) / name, lambda name: local_path(f"{source}.{name}")):
        if join(WORDS_FILE).is_file():
            return {name: join(name) for name in (WORDS_FILE, TAGS_FILE, INTENT_FILE)}
    return None


def read_parallel(files: Mapping[str, Path]) -> Rows:
    """Read parallel files of words, tags and, optionally, intents, with one text per line.

    Returns:
        Rows with `words`, `tags` and `intent`.

    Raises:
        DataError: If the files differ in their number of lines, or a line in its number of words and tags.

    Example:

    >>> import pathlib
    >>> for name, line in (("seq.in", "play jazz"), ("seq.out", "O B-genre"), ("label", "PlayMusic")):
    ...     _ = pathlib.Path(f"demo.{name}").write_text(line)
    >>> read_parallel(parallel_files(pathlib.Path("demo"))).columns["intent"]
    ['PlayMusic']
    """
    lines = {name: _lines(path) for name, path in files.items() if name != INTENT_FILE or path.is_file()}
    source = files[WORDS_FILE]
    counts = {files[name].name: len(content) for name, content in lines.items()}
    if len(set(counts.values())) != 1:
        raise bad_data(
            str(source), "parallel files must have the same number of lines", "Each line is one text.", value=counts
        )
    words, tags = ([line.split() for line in lines[name]] for name in (WORDS_FILE, TAGS_FILE))
    kept = []
    for row, (line_words, line_tags) in enumerate(zip(words, tags)):
        if len(line_words) == len(line_tags) and line_words:
            kept.append(row)
            continue
        problem = f"expected {len(line_words)} tags in {files[TAGS_FILE].name}, one per word, got {len(line_tags)}"
        skip(bad_data(str(source), problem, "Write one tag per word.", line=row + 1, value=" ".join(line_words)))
    if not kept:
        raise bad_data(str(source), "there are no valid lines", "Write one tag per word.")
    columns = {"words": words, "tags": tags}
    if INTENT_FILE in lines:
        columns["intent"] = [line.strip() for line in lines[INTENT_FILE]]
    return Rows.of(columns, str(source)).take(kept)


def _lines(path: Path) -> list[str]:
    lines = read_text(path).split("\n")
    return lines[:-1] if not lines[-1].strip() else lines
