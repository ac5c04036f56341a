"""Texts with several entities and the relations among these, as annotation tools export them, as rows of two entities each."""

import itertools
from collections.abc import Mapping
from typing import Any

from kerasft.data.readers.character_spans import span_values
from kerasft.data.readers.invalid_rows import skip
from kerasft.data.readers.rows import Rows
from kerasft.encoding.token_store import logger
from kerasft.errors import DataError, bad_data

NO_RELATION = "no_relation"
"""The label of two entities of a text between which no relation is marked."""

_FIX = 'Write "entities": [{"id", "start_offset", "end_offset", "label"}], "relations": [{"from_id", "to_id", "type"}].'


def relation_rows(rows: Rows) -> Rows:
    """Make a row of each relation, and of each two entities of a text without one; another table stays as it is.

    Args:
        rows: doccano's `entities` and `relations`, Prodigy's or Label Studio's `spans` and `relations`.

    Raises:
        DataError: If a relation is between entities that the text does not have.

    Example:

    >>> entities = [{"id": 1, "start_offset": 0, "end_offset": 3, "label": "PER"},
    ...             {"id": 2, "start_offset": 12, "end_offset": 16, "label": "ORG"}]
    >>> relations = [{"from_id": 1, "to_id": 2, "type": "founded"}]
    >>> table = {"text": ["Ann founded Acme"], "entities": [entities], "relations": [relations]}
    >>> relation_rows(Rows.of(table, "a.jsonl")).columns["label"]
    ['founded']
    """
    name = next((name for name in ("entities", "spans") if name in rows.columns), None)
    if name is None or not {"text", "relations"} <= set(rows.columns) or "head" in rows.columns:
        return rows
    found: dict[str, list] = {"text": [], "head": [], "tail": [], "label": []}
    places, related = [], 0
    for row, (text, entities, relations) in enumerate(
        zip(rows.columns["text"], rows.columns[name], rows.columns["relations"])
    ):
        try:
            marked = _entities(rows, row, entities)
            triples = [_relation(rows, row, item, marked) for item in relations or []]
        except DataError as error:
            skip(error)
            continue
        related += len(triples)
        for head, tail, label in [*triples, *_unrelated(marked, triples)]:
            for column, value in zip(found.values(), (text, head, tail, label)):
                column.append(value)
            places.append(row)
    if not places:
        raise bad_data(rows.name, "no text has two entities", _FIX)
    logger.warning(
        "%s: %d relations were read; %d pairs of entities without one are rows labelled %r.",
        *(rows.name, related, len(places) - related, NO_RELATION),
    )
    return Rows(found, rows.files, rows.file_ids[places], rows.lines[places])


def _entities(rows: Rows, row: int, entities: Any) -> dict[object, dict]:
    """The entities of a text by their ids; those without one are not told apart but by their place."""
    found = {}
    for number, item in enumerate(entities or []):
        if not isinstance(item, Mapping):
            raise rows.error(row, "an entity is not an object", fix=_FIX, value=item)
        start, end, label = span_values(item)
        found[item.get("id", ("entity", number))] = {"start": start, "end": end, "type": label}
    return found


def _relation(rows: Rows, row: int, item: Any, entities: Mapping[object, dict]) -> tuple[dict, dict, str]:
    if not isinstance(item, Mapping):
        raise rows.error(row, "a relation is not an object", fix=_FIX, value=item)
    label = item.get("type") if isinstance(item.get("type"), str) else item.get("label")
    spans = [item.get("head_span"), item.get("child_span")]  # Prodigy's
    if all(isinstance(span, Mapping) for span in spans):
        ends = [dict(zip(("start", "end", "type"), span_values(span))) for span in spans]
    else:
        ends = [entities.get(item.get(key)) for key in ("from_id", "to_id")]
    if None in ends or not isinstance(label, str):
        raise rows.error(row, "a relation has no name, or not two entities of the text", fix=_FIX, value=item)
    return ends[0], ends[1], label


def _unrelated(entities: Mapping[object, dict], triples: list[tuple[dict, dict, str]]) -> list[tuple[dict, dict, str]]:
    """The pairs of entities, in the order of the text, between which no relation is marked, either way."""
    places = {(entity["start"], entity["end"]): entity for entity in entities.values()}
    taken = {frozenset((end["start"], end["end"]) for end in triple[:2]) for triple in triples}
    ordered = [places[place] for place in sorted(places, key=str if None in itertools.chain(*places) else None)]
    pairs = itertools.combinations(ordered, 2)
    return [
        (first, second, NO_RELATION)
        for first, second in pairs
        if frozenset(((first["start"], first["end"]), (second["start"], second["end"]))) not in taken
    ]
