"""Conversion of tables with one word per row, such as Kaggle's "Sentence #, Word, POS, Tag", to one sentence per row."""

from collections.abc import Mapping

from kerasft.data.readers.invalid_rows import skip
from kerasft.data.readers.rows import Rows
from kerasft.encoding.token_store import logger
from kerasft.errors import bad_data

_WORDS = ("word", "token")
_TAGS = ("tag", "ner_tag", "ner", "label", "entity", "slot")
_SENTENCES = ("sentence #", "sentence#", "sentence_id", "sentence id", "sentence_idx", "sent_id", "sentence", "sent")


def rows_of_word_table(rows: Rows, columns: Mapping[str, object] | None = None) -> Rows | None:
    """Group the rows of a table with one word per row into sentences.

    Args:
        rows: A table with columns `word` (or `token`), `tag` (or `ner_tag`, `label`) and a sentence id (`Sentence #`,
            `sentence_id`), case-insensitive. The id may be empty in all but the first row of a sentence.
        columns: `{"text": ..., "label": ...}`, if the user selects columns.

    Returns:
        Rows with `words`, `tags` and `lines`, as from `read_conll`; None if the table is not of this kind.

    Raises:
        DataError: If there is no column with sentence ids, or a word or a tag is missing.

    Example:

    >>> table = {"Sentence #": ["Sentence: 1", "", "Sentence: 2"], "Word": ["In", "Rome", "Yes"], "Tag": ["O", "B-geo", "O"]}
    >>> rows_of_word_table(Rows.of(table, "ner.csv")).columns["words"]
    [['In', 'Rome'], ['Yes']]
    """
    word, tag, sentence = _columns(rows, columns)
    if word is None or tag is None or not all(isinstance(value, str) for value in rows.columns[tag]):
        return None
    if any(not isinstance(value, str) and not _is_empty(value) for value in rows.columns[word]):
        return None
    if sentence is None:
        fix = 'Add a column "sentence_id", or use CoNLL columns (.conll), where a blank line ends a sentence.'
        raise bad_data(rows.name, "one word per row, but no column with sentence ids", fix,
                       value=list(rows.columns))  # fmt: skip
    logger.warning("%s: words from column %r, tags from %r, sentences from %r.", rows.name, word, tag, sentence)
    grouped: dict[str, list] = {"words": [], "tags": [], "lines": []}
    first: list[int] = []
    bad: set[int] = set()
    before = None
    for row, number in enumerate(rows.columns[sentence]):
        current = (rows.file_ids[row], before[1] if before is not None and _is_empty(number) else str(number))
        if current != before:
            first.append(row)
            for column in grouped.values():
                column.append([])
            before = current
        for name, what in ((word, "word"), (tag, "tag")):
            value = rows.columns[name][row]
            if _is_empty(value):
                skip(rows.error(row, f"the {what} is missing", fix="Fill it in, or delete the sentence.", value=value))
                bad.add(len(first) - 1)  # skip the whole sentence
                continue
            grouped[f"{what}s"][-1].append(value.strip() or value)
        grouped["lines"][-1].append(int(rows.lines[row]))
    sentences = Rows(grouped, rows.files, rows.file_ids[first], rows.lines[first])
    if len(bad) == len(first):
        raise bad_data(rows.name, "there are no valid sentences", "Fill in the words and tags.")
    return sentences.take([number for number in range(len(first)) if number not in bad]) if bad else sentences


def _columns(rows: Rows, columns: Mapping[str, object] | None) -> tuple:
    """Return the columns of words, tags and sentence ids; None for missing columns."""
    given = columns or {}
    names = {str(name).strip().lower(): name for name in rows.columns}
    chosen = [
        next((names[name] for name in known if name in names), None) if given.get(role) is None else given[role]
        for role, known in (("text", _WORDS), ("label", _TAGS), (None, _SENTENCES))
    ]
    if chosen[2] in chosen[:2] or chosen[0] not in rows.columns or chosen[1] not in rows.columns:
        return None, None, None
    return tuple(chosen)


def _is_empty(value: object) -> bool:
    return value is None or value != value or (isinstance(value, str) and not value.strip())
