"""Assignment of the columns of a source, common to most tasks."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from kerasft.data.readers.columns import Roles, columns_note, find_columns
from kerasft.data.readers.invalid_rows import valid_rows
from kerasft.data.readers.rows import Rows
from kerasft.data.readers.sources import read_rows
from kerasft.data.readers.word_tables import rows_of_word_table
from kerasft.data.tagged_texts import INTENT, LABEL_COLUMNS, TEXT_COLUMNS, find_tag_columns, read_tags
from kerasft.data.text_classification import text_columns
from kerasft.data.trained_columns import is_conll, read_as_trained, tags_as_trained
from kerasft.tasks.drawing import places
from kerasft.tasks.task import Reading, Settled, TrainedModel, trained_columns


def checked(
    rows: Rows, columns: Mapping[str, object] | None, reading: Reading, *, valid: Callable[[Rows, Roles], Rows]
) -> Settled:
    """Check rows with assigned columns, or skip invalid ones within `kerasft.data.skip_invalid`.

    Example:

    >>> from kerasft.data.readers.columns import settle
    >>> rows = settle(read_rows([{"review": "a good film", "label": 1}]))
    >>> checked(rows, None, Reading(), valid=lambda rows, roles: rows).columns
    {'text': 'review', 'label': 'label'}
    """
    rows = valid(rows, find_columns(rows))
    return Settled(rows, None, dict(rows.roles), columns_note(rows, columns, classes=reading.classes))


def valid_texts(rows: Rows, roles: Roles) -> Rows:
    """Check the texts but no labels.

    Example:

    >>> from kerasft.data.readers.columns import settle
    >>> rows = settle(read_rows([{"text": "a good film"}]))
    >>> len(valid_texts(rows, find_columns(rows)))
    1
    """
    return valid_rows(rows, lambda one: text_columns(one, roles))


def settle_tags(source: object, columns: Mapping[str, object] | None, reading: Reading) -> Settled:
    """Assign the columns of tagged texts.

    Example:

    >>> settle_tags([{"tokens": ["Paris"], "tags": ["B-LOC"]}], None, Reading()).columns
    {'text': 'tokens', 'label': 'tags'}
    """
    if is_conll(source):
        source, columns = tags_as_trained(source, reading.trained, columns)
        return Settled(source, columns, dict(columns) if columns else None, "")
    if "offsets" in getattr(source, "columns", ()):
        return Settled(source, None, None, "")
    rows = read_rows(read_as_trained(source, reading.trained, columns))
    if (table := rows_of_word_table(rows, columns)) is not None:  # its columns are fixed: no note
        return Settled(table, None, dict(columns) if columns else None, "")
    roles = find_tag_columns(rows, columns)
    rows = replace(rows, roles=roles)
    return Settled(rows, None, roles, first_name_note(rows, columns, (TEXT_COLUMNS, LABEL_COLUMNS)))


def tagged_items(source: object, columns: Mapping[str, object] | None, bundle: TrainedModel) -> list[str]:
    """Return the texts of tagged data.

    Example:

    >>> from kerasft.bundles import Bundle
    >>> tagged_items([{"tokens": ["in", "Paris"], "tags": ["O", "B-LOC"]}], None, Bundle(None, None, {}))
    ['in Paris']
    """
    source, columns = tags_as_trained(source, trained_columns(bundle.metadata), columns)
    return read_tags(source, columns=columns, **reading_of(bundle.settings)).columns["text"]


def draw_tagged(
    source: object, columns: Mapping[str, object] | None, *, count: int, seed: int, metadata: Mapping[str, object]
) -> tuple[object, int]:
    """Sample tagged texts; also return the total number of texts.

    Example:

    >>> rows, total = draw_tagged([{"tokens": ["Paris"], "tags": ["B-LOC"]}] * 3, None, count=2, seed=0, metadata={})
    >>> len(rows), total
    (2, 3)
    """
    rows = read_tags(source, columns=columns, **reading_of(metadata.get("settings") or {}))
    return rows.take(places(len(rows), count, seed)), len(rows)


def reading_of(settings: Mapping[str, object]) -> dict[str, object]:
    """Return a bundle's settings for reading tags.

    Example:

    >>> reading_of({"scheme": "iob2", "stride": 8})
    {'scheme': 'iob2'}
    """
    return {name: settings[name] for name in ("scheme", "invalid") if name in settings}


def first_name_note(rows: Rows, columns: Mapping[str, object] | None, usual: tuple) -> str:
    """Return `columns_note` for roles that take the first known column name.

    Example:

    >>> rows = replace(read_rows([{"tokens": ["Paris"], "tags": ["B-LOC"]}]), roles={"text": "tokens", "label": "tags"})
    >>> first_name_note(rows, None, (TEXT_COLUMNS, LABEL_COLUMNS))
    'columns of Python rows: text: tokens, label: tags'
    """
    lines = columns_note(rows, columns).split("\n")[:1]
    assigned = set(map(str, rows.roles.values()))
    for role, names in zip(("text", "label"), usual):
        alternatives = [name for name in rows.columns if name.strip().lower() in names and name not in assigned]
        if lines[0] and alternatives and role not in (columns or {}) and rows.named and role != INTENT:
            lines.append(f"note: the {role} could also be {' or '.join(alternatives)}. Select a column to change this.")
    return "\n".join(lines)
