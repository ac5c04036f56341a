"""Texts with tagged words, from all supported formats."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from kerasft.answers.tags import OUTSIDE, scheme_name, scheme_of, spans_of, tags_of
from kerasft.data.readers.character_spans import EXAMPLE
from kerasft.data.readers.conll import SUFFIXES, parallel_files, read_conll, read_parallel
from kerasft.data.readers.invalid_rows import skip
from kerasft.data.readers.label_names import is_number, label_key, label_text, look_alikes, natural_key, visible_name
from kerasft.data.readers.rows import Rows
from kerasft.data.readers.sources import expand_paths, path_suffix, read_rows
from kerasft.data.readers.tag_reader import TagReader, is_list_of, parsed_list
from kerasft.data.readers.word_tables import rows_of_word_table
from kerasft.data.unseen_labels import report_unknown
from kerasft.encoding.token_store import logger
from kerasft.errors import DataError, bad_argument, bad_data
from kerasft.features import Labels

TEXT_COLUMNS = ("text", "words", "tokens", "sentence")
LABEL_COLUMNS = ("spans", "entities", "tags", "ner_tags", "tag", "label", "labels")
INTENT = "intent"
_TUPLES = ("text", "text_pair", "label")  # column names that `read_rows` gives to tuples of three


def read_tags(
    source: object,
    *,
    columns: Mapping[str, object] | None = None,
    scheme: str = "IOB2",
    invalid: str = "error",
    tag_names: Sequence[str] | None = None,
) -> Rows:
    """Read and validate texts with tagged words, or with labeled character spans.

    Args:
        source: Path, glob pattern or list of paths of CoNLL files (.conll .txt .tsv .bio, see `read_conll`), or of .jsonl,
            .csv or .parquet files with `text` and `spans` (a list of `{"start", "end", "label"}`, 0-based character offsets,
            end exclusive), with `words` and `tags`, or with one word per row (see `rows_of_word_table`); the folder or prefix
            of parallel files (see `read_parallel`); or rows: a list of dictionaries with these keys, or of `(words, tags)` or
            `(words, tags, intent)` tuples.
        columns: `{"text": ..., "label": ..., "intent": ...}`: indices for CoNLL columns, names for other formats. "text" is
            the column of texts or words, "label" the column of spans or tags.
        scheme: Tagging scheme of the source: `"IOB1"`, `"IOB2"` (BIO), `"IOBES"` (BIOES, BILOU), or `"IO"`, types without
            prefix (PER, O), where adjacent words of the same type are one span.
        invalid: How to treat tag sequences that are invalid in the scheme, such as I-PER after O: `"error"`, or `"repair"`,
            which interprets them as conlleval does and logs the number of changed tags. `"repair"` also removes whitespace
            at the ends of spans.
        tag_names: Names of the tags 0, 1, ..., in this order, if tags are numbers and the source does not name them.

    Returns:
        Rows with the columns `text` (words joined by a space), `offsets` (start and end of each word), `tags` (one per word,
        always in IOB2) and, if the source has it, `intent`. All functions of these tasks accept them as source, and so does
        `kerasft.data.split`.

    Raises:
        DataError: If the source is invalid; the message gives the file, line and value.

    Example:

    >>> rows = read_tags([{"text": "Rome, Italy", "spans": [{"start": 0, "end": 4, "label": "LOC"}]}])
    >>> rows.columns["offsets"], rows.columns["tags"]
    ([[(0, 4), (4, 5), (6, 11)]], [['B-LOC', 'O', 'O']])
    """
    reader = TagReader(scheme, invalid, tag_names)
    if isinstance(source, Rows) and "offsets" in source.columns:
        return source
    rows = _raw_rows(source, columns)
    columns = {**(rows.roles or {}), **(columns or {})}
    text, label = _find(rows, columns, "text", TEXT_COLUMNS), _find(rows, columns, "label", LABEL_COLUMNS)
    intent = columns.get(INTENT, INTENT)
    result: dict[str, list] = {"text": [], "offsets": [], "tags": []}
    result |= {INTENT: []} if intent in rows.columns else {}
    kept = []
    for row in range(len(rows)):
        try:
            tagged = _tagged(reader, rows, row, value=rows.columns[text][row], marked=rows.columns[label][row])
            if INTENT in result:
                tagged = (*tagged, _intent(rows, row, rows.columns[intent][row]))
        except DataError as error:
            if not error.can_skip:
                raise
            skip(error)
            continue
        for name, item in zip(result, tagged):
            result[name].append(item)
        kept.append(row)
    if not kept:
        raise bad_data(rows.name, f"none of {len(rows)} rows is valid", "Is this the correct file?")
    reader.check_names(rows, result["tags"])
    reader.report(rows)
    return Rows(result, rows.files, rows.file_ids[kept], rows.lines[kept])


def _tagged(reader: TagReader, rows: Rows, row: int, *, value: object, marked: object) -> tuple:
    marked = parsed_list(marked)
    if is_list_of(marked, str):
        value = value.split() if isinstance(parsed_list(value), str) else parsed_list(value)
    if isinstance(value, str):
        return reader.spans(rows, row, text=value, marked=marked)
    return reader.words(rows, row, words=value, tags=marked)


def collect_tags(
    source: object,
    *,
    columns: Mapping[str, object] | None = None,
    scheme: str = "IOB2",
    invalid: str = "error",
    trained: str = "IOB2",
) -> Labels:
    """Return the labels of a token classifier: O, then the tags that occur in a source, grouped by type.

    Tags that do not occur are not labels: untrained outputs lower accuracy (by 2 to 3 points of entity F1 on ATIS). So a type
    that has only single-word spans has only a B- label, and the model predicts only single-word spans of this type.

    Args:
        source: See `read_tags`; use the train split.
        columns: See `read_tags`.
        scheme: Tagging scheme of the source.
        invalid: See `read_tags`.
        trained: Tagging scheme of the model, `"IOB2"` or `"IOBES"`.

    Raises:
        DataError: If the source is invalid, or has no spans.

    Example:

    >>> list(collect_tags([(["Mr", "Smith"], ["O", "B-PER"])]))
    ['O', 'B-PER']
    >>> list(collect_tags([(["Ann", "Smith"], ["B-PER", "I-PER"])]))
    ['O', 'B-PER', 'I-PER']
    """
    trained = scheme_name(trained)
    if trained == "IOB1":
        raise bad_argument("trained", "'IOB2' or 'IOBES'", trained, "IOB1 files are converted when read.")
    rows = read_tags(source, columns=columns, scheme=scheme, invalid=invalid)
    tags = {tag for row in tags_in_scheme(rows, trained) for tag in row if tag != OUTSIDE}
    if not tags:
        raise bad_data(rows.name, f"none of {len(rows)} texts has a labeled span", "Is this the correct label column?")
    warn_of_look_alikes(sorted({tag[2:] for tag in tags}), rows.name, what="types")
    return Labels([OUTSIDE, *sorted(tags, key=lambda tag: (natural_key(tag[2:]), "BIES".index(tag[0])))])


def tags_in_scheme(rows: Rows, scheme: str) -> Iterator[list[str]]:
    """Yield the tags of each row in the tagging scheme of a model.

    Args:
        rows: Rows from `read_tags`.
        scheme: `"IOB1"`, `"IOB2"` or `"IOBES"`.

    Example:

    >>> list(tags_in_scheme(read_tags([(["New", "York"], ["B-LOC", "I-LOC"])]), "IOBES"))
    [['B-LOC', 'E-LOC']]
    """
    for tags in rows.columns["tags"]:
        yield tags if scheme == "IOB2" else tags_of(spans_of(tags), len(tags), scheme)


def report_unknown_tags(rows: Rows, labels: Labels) -> str | None:
    """Log once how many rows have tags that are not labels of the model; return this message, or None.

    Example:

    >>> report_unknown_tags(read_tags([(["In", "Rome"], ["O", "B-LOC"])]), Labels(["O", "B-LOC"])) is None
    True
    """
    return report_unknown(rows, tags_in_scheme(rows, scheme_of(labels)), labels, what="tags")


def _raw_rows(source: object, columns: Mapping[str, object] | None) -> Rows:
    if files := parallel_files(source):
        return read_parallel(files)
    paths = list(_conll_paths(source))
    if paths:
        return Rows.concatenate([read_conll(path, columns) for path in paths])
    rows = read_rows(source)
    if (table := rows_of_word_table(rows, columns)) is not None:
        return table
    if tuple(rows.columns) == _TUPLES and not rows.roles:  # tuples of three are (words, tags, intent) here
        return Rows.of(dict(zip(("words", "tags", INTENT), rows.columns.values())), rows.name)
    return rows


def _conll_paths(source: object) -> Iterator[Path]:
    """Yield the CoNLL files of a source."""
    items = [source] if isinstance(source, str | os.PathLike) else source
    if not isinstance(items, list | tuple) or not all(isinstance(item, str | os.PathLike) for item in items):
        return
    for item in items:
        if path_suffix(Path(item)) in SUFFIXES:
            yield from expand_paths(os.fspath(item))


def find_tag_columns(rows: Rows, columns: Mapping[str, object] | None = None) -> dict[str, object]:
    """Return the columns that `read_tags` uses of a table: those selected, and the first with a usual name for other roles.

    Raises:
        DataError: If there is no column for the text or the tags.

    Example:

    >>> find_tag_columns(Rows.of({"id": [1], "tokens": [["a"]], "ner_tags": [["O"]]}, "train.jsonl"))
    {'text': 'tokens', 'label': 'ner_tags'}
    """
    if tuple(rows.columns) == _TUPLES:
        return {"text": "text", "label": "text_pair", INTENT: "label"}
    columns = {**(rows.roles or {}), **(columns or {})}
    usual = (("text", TEXT_COLUMNS), ("label", LABEL_COLUMNS))
    roles = {role: _find(rows, columns, role, names) for role, names in usual}
    intent = columns.get(INTENT, INTENT)
    return roles | ({INTENT: intent} if intent in rows.columns else {})


def _find(rows: Rows, columns: Mapping[str, object] | None, role: str, names: Sequence[str]) -> str:
    if "lines" in rows.columns:  # CoNLL columns, where `columns` has indices
        return {"text": "words", "label": "tags"}[role]
    given = (columns or {}).get(role)
    lower = {str(name).lower(): name for name in reversed(rows.columns)}
    known = [given] if given is not None else [lower.get(name) for name in names]
    present = [name for name in known if name in rows.columns]
    if not present:
        raise bad_data(
            rows.name,
            f"no column {given if given is not None else ' or '.join(names)}",
            EXAMPLE,
            value=list(rows.columns),
        )
    return present[0]


def _intent(rows: Rows, row: int, value: object) -> str:
    name = "" if isinstance(value, list | tuple | dict | set) else visible_name(label_text(value))
    name = label_key(name) if is_number(name) else name  # 1, "1" and "1.0" are the same intent
    if not name:
        fix = "Add an intent, or delete the row."
        raise rows.error(row, "expected one intent name", fix=fix, value=value)
    return name


def warn_of_look_alikes(names: Iterable[str], source: str, *, what: str) -> None:
    """Log names that look similar, such as PER and per, but are different classes.

    Example:

    >>> warn_of_look_alikes(["LOC", "PER"], "train.conll", what="types")
    """
    groups = [" and ".join(map(repr, group)) for group in look_alikes(names)]
    if groups:
        logger.warning("%s: these %s look similar but are different classes: %s.", source, what, "; ".join(groups[:10]))
