"""Input of `kerasft predict`: tables and text files in the training formats, or standard input line by line."""

import glob
import itertools
import json
import pathlib
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace

import kerasft
from kerasft.cli.streams import utf8_lines
from kerasft.errors import DataError, KerasftError, bad_argument, whole_number

_CHUNK = 512  # texts per chunk, so that a long stream gives early results and needs little memory


def read_chunks(
    pipeline: "kerasft.pipelines.Pipeline",
    path: str | None,
    *,
    columns: Mapping[str, object] | None = None,
    lines: str | None = None,
) -> Iterator["kerasft.pipelines.Items"]:
    """Read items in chunks; print detected columns.

    Args:
        pipeline: The pipeline that will process the items.
        path: A table, a text file, or None or "-" for standard input.
        columns: Columns that the user selects.
        lines: Format of the lines: "text", "json", "csv" or "tsv"; None: JSON if the first line is an object, a table if it is
            a header with usual column names.

    Raises:
        KerasftError: If the file cannot be read, or lacks a field that the pipeline requires.

    Example:

    >>> from kerasft.demo import tiny
    >>> model, tokenizer = tiny.classifier(), tiny.tokenizer()
    >>> classify = kerasft.pipelines.load(kerasft.make_bundle(model, tokenizer, max_length=16))
    >>> _ = pathlib.Path("texts.txt").write_text("a good film\\nbad\\n")
    >>> [chunk.items for chunk in read_chunks(classify, "texts.txt")]
    [['a good film', 'bad']]
    """
    if path in (None, "-"):
        yield from _stream(pipeline, columns, lines)
        return
    is_set = path.startswith("tfds:") or (glob.has_magic(path) and not pathlib.Path(path).exists())
    is_set = is_set or kerasft.data.readers.arrow_files.is_saved_dataset(pathlib.Path(path).expanduser())
    if not is_set and not pathlib.Path(path).expanduser().is_file():
        raise bad_argument("--file", "an existing file", path, "Check the path.")
    if not is_set and _is_text(pipeline, path):
        yield from _text_file(pipeline, pathlib.Path(path).expanduser(), columns, lines)
        return
    if lines is not None:
        raise bad_argument("--lines", "omitted for a table", lines, "The format follows from the file extension.")
    yield from _of_rows(pipeline, _table(pipeline, path, columns), columns)


def _of_rows(pipeline, rows: "kerasft.data.Rows", columns) -> Iterator["kerasft.pipelines.Items"]:
    items = kerasft.pipelines.items_of(pipeline, rows, columns)
    if items.items:
        _print_note(rows, items, columns)
    for start in range(0, len(items.items), _CHUNK):
        part = slice(start, start + _CHUNK)
        yield kerasft.pipelines.Items(items.items[part], items.others[part], items.columns, items.places[part])


class ErrorLines:
    """Output lines for the rows skipped by `--skip-invalid`, so that there is one line per row.

    Args:
        skipped: The skipped rows, as they are found.

    Example:

    >>> with kerasft.data.skip_invalid() as skipped:
    ...     _ = kerasft.data.read_rows(["good", "bad"])
    >>> list(ErrorLines(skipped).before(("test.csv", 7)))
    []
    """

    def __init__(self, skipped: "kerasft.data.Skipped"):
        self._skipped = skipped
        self._known = 0  # number of skipped rows that have been moved to `_pending`
        self._pending: list = []  # in reverse order: the next row of the current file is the last item
        self._file = None

    def before(self, place: tuple[str, int]) -> Iterator[dict[str, str]]:
        """Yield the error lines that precede the row at this file and line."""
        file, line = place
        if file != self._file:
            previous = self._file
            self._file = file
            if previous is not None:
                yield from self._lines(lambda row: row.file == previous)
            self._sort()
        yield from self._lines(lambda row: row.file == file and (row.line or 0) < line)

    def rest(self) -> Iterator[dict[str, str]]:
        """Yield all other error lines."""
        yield from self._lines(lambda row: True)

    def _sort(self) -> None:
        self._pending.sort(key=lambda row: (row.file != self._file, row.line or 0), reverse=True)

    def _lines(self, condition) -> Iterator[dict[str, str]]:
        if len(self._skipped) != self._known:
            self._pending += self._skipped.rows[self._known :]
            self._known = len(self._skipped)
            self._sort()
        while self._pending and condition(self._pending[-1]):
            yield {"error": str(self._pending.pop())}


def first_rows(chunks: Iterator["kerasft.pipelines.Items"], count: int) -> Iterator["kerasft.pipelines.Items"]:
    """Yield the first rows only, and print their number if more have been read.

    Raises:
        KerasftError: If the number is below 1.

    Example:

    >>> chunks = iter([kerasft.pipelines.Items(["a", "b"], [{}, {}], {}), kerasft.pipelines.Items(["c"], [{}], {})])
    >>> [chunk.items for chunk in first_rows(chunks, 1)]
    [['a']]
    """
    whole_number("--max-rows", count, "Omit it to use all rows.")
    left = count
    for chunk in chunks:
        yield kerasft.pipelines.Items(chunk.items[:left], chunk.others[:left], chunk.columns, chunk.places[:left])
        left -= len(chunk.items)
        if left < 0:
            print(f"Using the first {count:,} rows only (--max-rows).", file=sys.stderr)
        if left <= 0:  # do not read further, which would block at a terminal
            return


def _is_text(pipeline, path: str) -> bool:
    suffix = kerasft.data.readers.sources.path_suffix(pathlib.Path(path))
    conll = set(kerasft.data.readers.conll.SUFFIXES) - {".txt", ".tsv"}
    return suffix not in kerasft.data.readers.sources.SUFFIXES and not (_is_tagging(pipeline) and suffix in conll)


def _is_tagging(pipeline) -> bool:
    kinds = kerasft.pipelines.TokenClassificationPipeline, kerasft.pipelines.IntentAndSlotsPipeline
    return isinstance(pipeline, kinds)


def _table(pipeline, path: str, columns: Mapping[str, object] | None) -> "kerasft.data.Rows":
    suffix = kerasft.data.readers.sources.path_suffix(pathlib.Path(path))
    if suffix == ".json" and "question" in pipeline.fields:
        questions = kerasft.data.read_squad(path, need_answers=False)
        names = ("id", "title", "question", "context")
        return kerasft.data.read_rows({name: [getattr(item, name) for item in questions] for name in names})
    if _is_tagging(pipeline) and suffix in kerasft.data.readers.conll.SUFFIXES and not _has_texts(path):
        source, columns = kerasft.data.trained_columns.tags_as_trained(path, pipeline.columns, columns)
        rows = kerasft.data.read_tags(source, columns=columns, **pipeline.reading)
        return replace(rows, columns={name: cells for name, cells in rows.columns.items() if name != "offsets"})
    return kerasft.data.read_rows(pipeline.read(path, columns), columns)


def _has_texts(path: str) -> bool:
    """Whether a .tsv file is a table with a text column, not CoNLL columns."""
    try:
        names = kerasft.data.read_rows(path).columns
    except KerasftError:
        return False
    return any(name in names for name in kerasft.data.tagged_texts.TEXT_COLUMNS)


def _text_file(pipeline, path: pathlib.Path, columns, lines: str | None) -> Iterator["kerasft.pipelines.Items"]:
    if not path.stat().st_size:
        return
    content = kerasft.data.readers.text_files.split_lines(kerasft.data.readers.text_files.read_text(path))
    content = content[:-1] if not content[-1] else content
    if lines is None and kerasft.data.readers.sources.path_suffix(path) == ".txt" and not _needs_objects(pipeline):
        lines = "text"
        first = next(line for line in content if line.strip())
        if _is_object(first):
            print(f"{path}: read as texts, one per line; use --lines json to read JSON objects.", file=sys.stderr)
        elif form := _table_form(pipeline, first):
            print(f"{path}: read as texts, one per line; use --lines {form} to read a table.", file=sys.stderr)
    yield from _lines(pipeline, str(path), iter(content), columns, lines, size=_CHUNK)


def _stream(pipeline, columns, lines: str | None) -> Iterator["kerasft.pipelines.Items"]:
    is_terminal = sys.stdin.isatty()
    if is_terminal:
        print("Reading texts from the terminal, one per line; press Ctrl-D to finish.", file=sys.stderr)
    size = 1 if is_terminal else _CHUNK  # at a terminal, show the result of each line immediately
    yield from _lines(pipeline, "standard input", _decoded(sys.stdin), columns, lines, size=size)


def _decoded(stream) -> Iterator[str]:
    for number, line in enumerate(utf8_lines(stream, "standard input")):
        # PowerShell adds a byte order mark to piped text.
        yield (line.removeprefix("\ufeff") if number == 0 else line).rstrip("\r\n")


def _needs_objects(pipeline) -> bool:
    """Whether the pipeline requires more than one field."""
    return len([field for field in pipeline.fields if field not in pipeline.optional_fields]) > 1


def _is_object(line: str) -> bool:
    try:
        return line.lstrip().startswith("{") and isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _table_form(pipeline, line: str, columns=None) -> str | None:
    """Return "csv" or "tsv" if the first line is a header with usual names, or the user selects columns; otherwise None."""
    trained = [name for name in (pipeline.columns or {}).values() if isinstance(name, str)]
    texts = {"text", *kerasft.data.readers.columns.TEXT_NAMES, *pipeline.fields, *trained[:1]}
    others = {"label", *kerasft.data.readers.columns.LABEL_NAMES, "id", "idx", "index", *trained}
    pairs = {name for pair in kerasft.data.readers.columns.PAIR_NAMES for name in pair}
    for delimiter in "\t,;|":
        names = [name.strip().strip('"').lower() for name in line.split(delimiter)]
        known = {name for name in names if name in texts | others | pairs}
        if len(names) > 1 and (columns or (len(known) > 1 and known & texts)) and not _is_object(line):
            return "tsv" if delimiter == "\t" else "csv"
    return None


def _lines(
    pipeline, name: str, content: Iterator[str], columns, lines: str | None, *, size: int
) -> Iterator["kerasft.pipelines.Items"]:
    first_lines = []
    for line in content:
        first_lines.append(line)
        if line.strip():
            break
    if lines is None and first_lines and size > 1 and (form := _table_form(pipeline, first_lines[-1], columns)):
        print(f"{name}: read as a table ({form}); use --lines text to read each line as a text.", file=sys.stderr)
        lines = form
    if lines is None:
        lines = "json" if _needs_objects(pipeline) or (first_lines and _is_object(first_lines[-1])) else "text"
    content = itertools.chain(first_lines, content)
    if lines in ("csv", "tsv"):
        header = not kerasft.data.readers.columns.without_header(columns)
        rows = kerasft.data.readers.delimited.table_of_text(name, "\n".join(content), header, tabs=lines == "tsv")
        yield from _of_rows(pipeline, kerasft.data.read_rows(pipeline.read(rows, columns)), columns)
        return
    if lines == "text":
        yield from _texts(pipeline, content, columns, size)
        return
    objects = _objects(name, content)
    known = None
    while chunk := list(itertools.islice(objects, size)):
        names = dict.fromkeys(key for _, item in chunk for key in item)
        cells = {key: [item.get(key) for _, item in chunk] for key in names}
        rows = kerasft.data.Rows.of(cells, name, lines=[number for number, _ in chunk])
        rows = kerasft.data.read_rows(pipeline.read(rows, columns))
        items = kerasft.pipelines.items_of(pipeline, rows, columns)
        if not items.items:  # all items of this chunk are skipped
            continue
        if known is None:
            _print_note(rows, items, columns)
        elif known != items.columns:
            fix = "Use the same keys in all objects, or select the columns."
            raise rows.error(0, f"expected the columns {known} as before", fix=fix, value=items.columns, can_skip=False)
        known = items.columns
        yield items


def _objects(name: str, content: Iterator[str]) -> Iterator[tuple[int, dict]]:
    for number, line in enumerate(content, 1):
        if not line.strip():
            continue
        try:
            item = kerasft.data.readers.json_lines.parse_line(name, number, line)
        except DataError as error:
            kerasft.data.readers.invalid_rows.skip(error)
            continue
        yield number, item


def _texts(pipeline, content: Iterator[str], columns, size: int) -> Iterator["kerasft.pipelines.Items"]:
    if _needs_objects(pipeline):
        raise bad_argument(
            "--lines", "json for this task", "text", f"Items have the fields {' and '.join(pipeline.fields)}."
        )
    if columns:
        raise bad_argument("--text", "omitted for lines of text", columns, "They have no columns.")
    while chunk := list(itertools.islice(content, size)):
        yield kerasft.pipelines.Items(chunk, [{} for _ in chunk], {})


def _print_note(rows, items, columns: Mapping[str, object] | None) -> None:
    note = kerasft.data.readers.columns.columns_note(replace(rows, roles=items.columns), columns)
    if note:
        print(note, file=sys.stderr)
