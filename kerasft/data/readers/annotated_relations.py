"""Conversion of texts with entities and relations, exported by annotation tools, to rows with two entities each."""

import functools
import itertools
from collections.abc import Callable, Mapping
from typing import Any

from kerasft.data.readers.character_spans import read_span
from kerasft.data.readers.invalid_rows import skip
from kerasft.data.readers.rows import Rows
from kerasft.encoding.token_store import logger
from kerasft.errors import DataError, bad_data
from kerasft.features import is_unicode

NO_RELATION = "no_relation"
"""Label of entity pairs without an annotated relation."""

_FIX = 'Write "entities": [{"id", "start_offset", "end_offset", "label"}], "relations": [{"from_id", "to_id", "type"}].'


_Fail = Callable[..., DataError]


def relation_rows(rows: Rows, columns: Mapping[str, object] | None = None) -> Rows:
    """Make one row per relation, and per pair of entities without a relation; other tables are returned unchanged.

    Args:
        rows: doccano's `entities` and `relations`, Prodigy's or Label Studio's `spans` and `relations`.
        columns: Columns that the user selects; if the label column is selected, the table is returned unchanged.

    Raises:
        DataError: If entity offsets are out of range, an entity id is a duplicate, or a relation refers to an unknown entity.

    Example:

    >>> entities = [{"id": 1, "start_offset": 0, "end_offset": 3, "label": "PER"},
    ...             {"id": 2, "start_offset": 12, "end_offset": 16, "label": "ORG"}]
    >>> relations = [{"from_id": 1, "to_id": 2, "type": "founded"}]
    >>> table = {"text": ["Ann founded Acme"], "entities": [entities], "relations": [relations]}
    >>> relation_rows(Rows.of(table, "a.jsonl")).columns["label"]
    ['founded']
    """
    named = {**(rows.roles or {}), **(columns or {})}
    if "label" in named or named.get("text", "text") != "text":
        return rows
    name = next((name for name in ("entities", "spans") if name in rows.columns), None)
    if name is None or not {"text", "relations"} <= set(rows.columns) or "head" in rows.columns:
        return rows
    table: dict[str, list] = {"text": [], "head": [], "tail": [], "label": []}
    source_rows = []
    related = 0
    for row, (text, entities, relations) in enumerate(
        zip(rows.columns["text"], rows.columns[name], rows.columns["relations"])
    ):
        try:
            marked, triples = _annotations(text, entities, relations, functools.partial(rows.error, row))
        except DataError as error:
            skip(error)
            continue
        related += len(triples)
        for head, tail, label in [*triples, *_unrelated(marked, triples)]:
            for column, value in zip(table.values(), (text, head, tail, label)):
                column.append(value)
            source_rows.append(row)
    if not source_rows:
        raise bad_data(rows.name, "no text has two entities", _FIX)
    logger.warning(
        "%s: read %d relations; %d entity pairs without a relation are labeled %r.",
        *(rows.name, related, len(source_rows) - related, NO_RELATION),
    )
    return Rows(table, rows.files, rows.file_ids[source_rows], rows.lines[source_rows])


def _annotations(text: Any, entities: Any, relations: Any, fail: _Fail) -> tuple[dict[object, dict], list[tuple]]:
    """Return the entities of a text by id, and its relations."""
    if not isinstance(text, str) or not is_unicode(text):
        raise fail("expected a valid Unicode string", fix="Add the text of the entities.", value=text)
    marked = _entities(text, _list(entities, "entities", fail), fail)
    return marked, [_relation(text, item, marked, fail) for item in _list(relations, "relations", fail)]


def _list(items: Any, what: str, fail: _Fail) -> list | tuple:
    if items is None:
        return []
    if not isinstance(items, list | tuple) or not all(isinstance(item, Mapping) for item in items):
        raise fail(f"{what} must be a list of objects", fix=_FIX, value=items)
    return items


def _entities(text: str, entities: list | tuple, fail: _Fail) -> dict[object, dict]:
    """Return the entities of a text by id; entities without id get their index."""
    by_id = {}
    for number, item in enumerate(entities):
        key = item.get("id")
        if key is None:
            key = ("entity", number)  # no relation refers to it
        elif not isinstance(key, str | int):
            raise fail("an entity id must be a string or an integer", fix=_FIX, value=item)
        if key in by_id:
            raise fail("duplicate entity id", fix="Give each entity of a text a unique id.", value=item)
        by_id[key] = _entity(text, item, fail)
    return by_id


def _entity(text: str, item: Mapping, fail: _Fail) -> dict:
    start, end, label = read_span(text, item, fail=fail, need_label=False)
    return {"start": start, "end": end, "type": label}


def _relation(text: str, item: Mapping, entities: Mapping[object, dict], fail: _Fail) -> tuple[dict, dict, str]:
    label = item.get("type") if isinstance(item.get("type"), str) else item.get("label")
    spans = [item.get("head_span"), item.get("child_span")]  # Prodigy's
    if all(isinstance(span, Mapping) for span in spans):
        ends = [_entity(text, span, fail) for span in spans]
    else:
        keys = [item.get(key) for key in ("from_id", "to_id")]
        ends = [entities.get(key) if isinstance(key, str | int) else None for key in keys]
    if None in ends or not isinstance(label, str):
        raise fail("a relation must have a name and two entities of the text", fix=_FIX, value=item)
    return ends[0], ends[1], label


def _unrelated(entities: Mapping[object, dict], triples: list[tuple[dict, dict, str]]) -> list[tuple[dict, dict, str]]:
    """Return the pairs of entities, in text order, without an annotated relation in either direction."""
    by_offsets = {(entity["start"], entity["end"]): entity for entity in entities.values()}
    related = {frozenset((end["start"], end["end"]) for end in triple[:2]) for triple in triples}
    ordered = [by_offsets[offsets] for offsets in sorted(by_offsets)]
    pairs = itertools.combinations(ordered, 2)
    return [
        (first, second, NO_RELATION)
        for first, second in pairs
        if frozenset(((first["start"], first["end"]), (second["start"], second["end"]))) not in related
    ]
