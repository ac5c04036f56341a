"""Texts with tagged words, from any source: one form for everything that follows."""

import itertools
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from kerasft.data.conll import SUFFIXES, parallel_files, read_conll, read_parallel
from kerasft.data.label_names import natural_key
from kerasft.data.rows import Rows
from kerasft.data.sources import expand_paths, path_suffix, read_rows
from kerasft.data.token_store import logger
from kerasft.data.unknown_labels import report_unknown
from kerasft.data.words import cut_words, is_inside_letters, split_words
from kerasft.errors import DataError, bad_argument, bad_data
from kerasft.features import Labels, is_unicode
from kerasft.postprocessing.tags import (
    OUTSIDE,
    Span,
    first_invalid,
    normalize,
    repair,
    scheme_name,
    scheme_of,
    spans_of,
    tags_of,
)

TEXT_COLUMNS = ("text", "words", "tokens", "sentence")
LABEL_COLUMNS = ("spans", "entities", "tags", "ner_tags", "label", "labels")
INTENT = "intent"
_EXAMPLE = (
    'Write {"text": "In Rome", "spans": [{"start": 3, "end": 7, "label": "LOC"}]} or {"words": [...], "tags": [...]}.'
)


def read_tags(
    source: object, *, columns: Mapping[str, object] | None = None, scheme: str = "IOB2", invalid: str = "error"
) -> Rows:
    """Read texts with tagged words, or with labelled character spans, and check them.

    Args:
        source: Path, pattern or list of paths of CoNLL columns (.conll .txt .tsv .bio, see `read_conll`), or of .jsonl or
            .parquet files with `text` and `spans` (a list of `{"start", "end", "label"}`, characters from 0, end
            exclusive) or with `words` and `tags`; the folder or prefix of parallel files (see `read_parallel`); or rows: a
            list of dictionaries of these forms, or of `(words, tags)` or `(words, tags, intent)` tuples.
        columns: `{"text": ..., "label": ..., "intent": ...}`: numbers for CoNLL columns, names for the others. "text" is
            the column of text or words, "label" that of spans or tags.
        scheme: In which the tags are written: `"IOB1"`, `"IOB2"` (BIO) or `"IOBES"` (BIOES, BILOU).
        invalid: What to do about a sequence that the scheme does not allow, such as I-PER after O: `"error"`, or
            `"repair"`, which reads it as conlleval does and logs how many tags changed.

    Returns:
        Rows with the columns `text` (words are joined by a space), `offsets` (start and end of each word), `tags` (one a
        word, in IOB2 whatever was read) and, if the source has it, `intent`. Every function of these tasks takes them
        as `source`; `kerasft.data.split` cuts them.

    Raises:
        DataError: If the source cannot be used; the message names file, line and value.

    Example:

    >>> rows = read_tags([{"text": "Rome, Italy", "spans": [{"start": 0, "end": 4, "label": "LOC"}]}])
    >>> rows.columns["offsets"], rows.columns["tags"]
    ([[(0, 4), (4, 5), (6, 11)]], [['B-LOC', 'O', 'O']])
    """
    scheme = scheme_name(scheme)
    if invalid not in ("error", "repair"):
        raise bad_argument("invalid", "'error' or 'repair'", invalid, "Choose one of them.")
    if isinstance(source, Rows) and "offsets" in source.columns:
        return source
    rows = _raw_rows(source, columns)
    text, label = _find(rows, columns, "text", TEXT_COLUMNS), _find(rows, columns, "label", LABEL_COLUMNS)
    intent = (columns or {}).get(INTENT, INTENT)
    result: dict[str, list] = {"text": [], "offsets": [], "tags": []}
    changed = []
    for row in range(len(rows)):
        value, marked = rows.columns[text][row], rows.columns[label][row]
        if isinstance(value, str):
            found = _from_spans(rows, row, value, marked)
        else:
            found = _from_words(rows, row, value, marked, scheme=scheme, invalid=invalid, changed=changed)
        for name, item in zip(result, found):
            result[name].append(item)
    if changed:
        logger.warning(
            "%d of %d texts of %s had tags that %s does not allow; %d tags were repaired.",
            *(len(changed), len(rows), rows.name, scheme, sum(changed)),
        )
    if intent in rows.columns:
        result[INTENT] = [_intent(rows, row, value) for row, value in enumerate(rows.columns[intent])]
    return Rows(result, rows.files, rows.file_ids, rows.lines)


def collect_tags(
    source: object,
    *,
    columns: Mapping[str, object] | None = None,
    scheme: str = "IOB2",
    invalid: str = "error",
    trained: str = "IOB2",
) -> Labels:
    """The labels of a token classifier: O first, then the tags that occur in a source, type by type.

    A tag that no row has is no label: an output that is never trained costs accuracy (2 to 3 points of entity F1 on ATIS).
    So a type of which all spans are single words has B- alone, and the model answers single words of it.

    Args:
        source: As for `read_tags`; take the train split.
        columns: As for `read_tags`.
        scheme: In which the source is written.
        invalid: As for `read_tags`.
        trained: The scheme that the model is to answer in, `"IOB2"` or `"IOBES"`.

    Raises:
        DataError: If the source cannot be used, or has no span at all.

    Example:

    >>> list(collect_tags([(["Mr", "Smith"], ["O", "B-PER"])]))
    ['O', 'B-PER']
    >>> list(collect_tags([(["Ann", "Smith"], ["B-PER", "I-PER"])]))
    ['O', 'B-PER', 'I-PER']
    """
    trained = scheme_name(trained)
    if trained == "IOB1":
        raise bad_argument("trained", "'IOB2' or 'IOBES'", trained, "IOB1 is read, and converted.")
    rows = read_tags(source, columns=columns, scheme=scheme, invalid=invalid)
    tags = {tag for row in tags_in_scheme(rows, trained) for tag in row if tag != OUTSIDE}
    if not tags:
        raise bad_data(rows.name, f"none of {len(rows)} texts has a labelled span", "Is this the right label column?")
    return Labels([OUTSIDE, *sorted(tags, key=lambda tag: (natural_key(tag[2:]), "BIES".index(tag[0])))])


def tags_in_scheme(rows: Rows, scheme: str) -> Iterator[list[str]]:
    """The tags of each row in the scheme that a model answers in.

    Args:
        rows: As `read_tags` returns them.
        scheme: `"IOB1"`, `"IOB2"` or `"IOBES"`.

    Example:

    >>> list(tags_in_scheme(read_tags([(["New", "York"], ["B-LOC", "I-LOC"])]), "IOBES"))
    [['B-LOC', 'E-LOC']]
    """
    for tags in rows.columns["tags"]:
        yield tags if scheme == "IOB2" else tags_of(spans_of(tags), len(tags), scheme)


def report_unknown_tags(rows: Rows, labels: Labels) -> str | None:
    """Log once how many rows have tags that are not among a model's labels, and return that sentence, or None.

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
    if tuple(rows.columns) == ("text", "text_pair", "label"):  # tuples of three are (words, tags, intent) here
        return Rows.of(dict(zip(("words", "tags", INTENT), rows.columns.values())), rows.name)
    return rows


def _conll_paths(source: object) -> Iterator[Path]:
    """The files of `source` that are CoNLL columns; all of a list must be, or none."""
    items = [source] if isinstance(source, str | os.PathLike) else source
    if not isinstance(items, list | tuple) or not all(isinstance(item, str | os.PathLike) for item in items):
        return
    for item in items:
        if path_suffix(Path(item)) in SUFFIXES:
            yield from expand_paths(os.fspath(item))


def _find(rows: Rows, columns: Mapping[str, object] | None, role: str, names: Sequence[str]) -> str:
    if "lines" in rows.columns:  # CoNLL columns, where `columns` gave numbers
        return {"text": "words", "label": "tags"}[role]
    given = (columns or {}).get(role)
    found = [name for name in ([given] if given is not None else names) if name in rows.columns]
    if not found:
        raise bad_data(
            rows.name,
            f"there is no column {given if given is not None else ' or '.join(names)}",
            _EXAMPLE,
            value=list(rows.columns),
        )
    return found[0]


def _from_words(rows: Rows, row: int, words, tags, *, scheme: str, invalid: str, changed: list) -> tuple:
    words, tags = (item.tolist() if hasattr(item, "tolist") else item for item in (words, tags))
    for name, items in (("words", words), ("tags", tags)):
        if not isinstance(items, list | tuple) or not items or not all(isinstance(i, str) and i for i in items):
            raise rows.error(row, f"the {name} are not a list of texts", fix=_EXAMPLE, value=items)
    if len(words) != len(tags):
        raise rows.error(row, f"{len(words)} words have {len(tags)} tags", fix="Give each word one.", value=tags)
    text, offsets = join_words(words)
    if not is_unicode(text):
        raise rows.error(row, "the text is not valid Unicode (half of a surrogate pair)", fix="Correct it.", value=text)
    read = [normalize(tag, scheme) for tag in tags]
    if None in read:
        index = read.index(None)
        fix = f"Tags of {scheme} are O, and prefixes with a type such as B-PER. Is scheme={scheme!r} right?"
        raise _word_error(rows, row, index, "this is no tag of the scheme", fix=fix, value=tags[index])
    wrong = first_invalid(read, scheme)
    if wrong is not None:
        if invalid == "error":
            before = read[wrong - 1] if wrong else "the beginning"
            fix = "Correct it, name the right scheme, or repair it as conlleval reads it: invalid='repair'."
            problem = f"{scheme} does not allow this tag here, after {before}"
            raise _word_error(rows, row, wrong, problem, fix=fix, value=tags[wrong])
        changed.append(sum(a != b for a, b in zip(read, repair(read, scheme))))
    return text, offsets, tags_of(spans_of(read), len(read))


def join_words(words: Sequence[str]) -> tuple[str, list[tuple[int, int]]]:
    """The words joined by spaces, and each one's start and end.

    Example:

    >>> join_words(["New", "York"])
    ('New York', [(0, 3), (4, 8)])
    """
    offsets, place = [], 0
    for word in words:
        offsets.append((place, place + len(word)))
        place += len(word) + 1
    return " ".join(words), offsets


def _from_spans(rows: Rows, row: int, text: str, marked) -> tuple:
    if not text.strip() or not is_unicode(text):
        raise rows.error(row, "the text is empty or not valid Unicode", fix="Correct or delete it.", value=text)
    marked = marked.tolist() if hasattr(marked, "tolist") else marked
    if not isinstance(marked, list | tuple):
        raise rows.error(row, "the spans are not a list", fix=_EXAMPLE, value=marked)
    spans = sorted(_checked_span(rows, row, text, item) for item in marked)
    for first, second in itertools.pairwise(spans):
        if second.start < first.end:
            fix = "Keep one of them: a word has one tag."
            raise rows.error(row, "two spans overlap", fix=fix, value=[tuple(first), tuple(second)])
    offsets = cut_words(split_words(text), (place for span in spans for place in span[:2]))
    begins, ends = {start: i for i, (start, _) in enumerate(offsets)}, {end: i for i, (_, end) in enumerate(offsets)}
    in_words = [Span(begins[span.start], ends[span.end] + 1, span.label) for span in spans]
    return text, offsets, tags_of(in_words, len(offsets))


def _checked_span(rows: Rows, row: int, text: str, item) -> Span:
    values = [item.get(name) for name in ("start", "end", "label")] if isinstance(item, Mapping) else item
    if not isinstance(values, list | tuple) or len(values) != 3 or any(type(v) is not int for v in values[:2]):
        fix = 'Write {"start": 3, "end": 7, "label": "LOC"}: characters from 0, the end exclusive.'
        raise rows.error(row, "a span needs start, end and label", fix=fix, value=item)
    start, end, label = values
    if not isinstance(label, str) or not label.strip():
        raise rows.error(row, "a span's label is not a name", fix="Fill it in.", value=item)
    if not 0 <= start < end <= len(text):
        fix = "Characters are counted from 0 in Unicode code points, the end is exclusive."
        raise rows.error(row, f"a span lies outside the text of {len(text)} characters", fix=fix, value=item)
    shown = text[start:end]
    if shown != shown.strip():
        raise rows.error(row, f"a span begins or ends with white space, {shown!r}", fix="Trim it.", value=item)
    if is_inside_letters(text, start) or is_inside_letters(text, end):
        around = text[max(0, start - 10) : end + 10]
        fix = "Move its boundary to the word's. Are the offsets counted in bytes, or in another version of the text?"
        raise rows.error(row, f"a span is misaligned: it cuts a word in {around!r}, {shown!r}", fix=fix, value=item)
    return Span(start, end, label)


def _word_error(rows: Rows, row: int, index: int, problem: str, *, fix: str, value: object) -> DataError:
    """The error that names the word's own line, where words have lines."""
    if "lines" not in rows.columns:
        return rows.error(row, f"{problem} (word {index + 1})", fix=fix, value=value)
    return bad_data(rows.place(row)[0], problem, fix, line=rows.columns["lines"][row][index], value=value)


def _intent(rows: Rows, row: int, value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise rows.error(row, "the intent is missing", fix="Fill it in, or delete the row.", value=value)
    return value.strip()
