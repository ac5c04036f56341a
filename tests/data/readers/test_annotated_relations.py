"""Exports with several entities and relations a text: rows of two entities each, or an error that names the row."""

import pytest

from kerasft import data
from kerasft.data.readers.annotated_relations import relation_rows
from kerasft.errors import DataError
from kerasft.tasks import settled

ENTITIES = [{"id": 1, "start": 0, "end": 3, "label": "PER"}, {"id": 2, "start": 12, "end": 16, "label": "ORG"}]
FOUNDED = {"from_id": 1, "to_id": 2, "type": "founded"}
GOOD = {"text": "Ann founded Acme", "entities": ENTITIES, "relations": [FOUNDED]}


def changed(index=0, **values):
    entities = [dict(item) for item in ENTITIES]
    entities[index].update(values)
    return {**GOOD, "entities": entities}


def rows(*items):
    return data.Rows.of({name: [item[name] for item in items] for name in GOOD}, "a.jsonl")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (changed(end=99), r"span offsets out of range \(0 to 16\); received: \{'id': 1"),
        (changed(start=-1), "span offsets out of range"),
        (changed(start=None), "a span must have start, end and label"),
        (changed(start="0"), "a span must have start, end and label"),
        (changed(end=2.5), "a span must have start, end and label"),
        (changed(text="Bob"), "span text 'Bob' does not match the text at its offsets, 'Ann'"),
        (changed(label=7), "a span's label must be a name"),
        (changed(id=2), "duplicate entity id"),
        (changed(id=None), "a relation must have a name and two entities of the text"),
        (changed(id=[1]), "an entity id must be a string or an integer"),
        ({**GOOD, "entities": ["Ann"]}, r"entities must be a list of objects; received: \['Ann'\]"),
        ({**GOOD, "entities": 7}, "entities must be a list of objects"),
        ({**GOOD, "relations": {"from_id": 1}}, "relations must be a list of objects"),
        ({**GOOD, "relations": "none"}, "relations must be a list of objects"),
        ({**GOOD, "relations": [{**FOUNDED, "to_id": None}]}, "a relation must have a name and two entities"),
        ({**GOOD, "relations": [{**FOUNDED, "to_id": [2]}]}, "a relation must have a name and two entities"),
        ({**GOOD, "relations": [{**FOUNDED, "type": None}]}, "a relation must have a name and two entities"),
        (
            {**GOOD, "relations": [{"head_span": ENTITIES[0], "child_span": {"start": 0}, "label": "x"}]},
            "a span must have start, end and label",
        ),
        ({**GOOD, "text": None}, "expected a valid Unicode string"),
    ],
)
def test_what_is_wrong_is_named_and_can_be_skipped(row, message):
    with pytest.raises(DataError, match=rf"a.jsonl, line 2: {message}.*--skip-invalid"):
        relation_rows(rows(GOOD, row))
    with data.skip_invalid() as skipped:
        assert relation_rows(rows(GOOD, row)).columns["label"] == ["founded"]
    assert [one.line for one in skipped.rows] == [2]


def test_entities_without_ids_are_told_apart_by_their_places():
    entities = [{**item, "id": None} for item in ENTITIES]
    found = relation_rows(rows({**GOOD, "entities": entities, "relations": None}, GOOD))
    assert found.columns["label"] == ["no_relation", "founded"]
    assert found.columns["tail"][0] == {"start": 12, "end": 16, "type": "ORG"}


def test_an_entity_needs_no_label():
    found = relation_rows(rows(changed(label=None)))
    assert found.columns["head"] == [{"start": 0, "end": 3, "type": None}]


def test_a_table_with_a_named_label_stays_as_it_is():
    table = rows(GOOD)
    assert relation_rows(table, {"label": "relations"}) is table
    assert relation_rows(table, {"text": "body"}) is table


def test_the_data_functions_read_an_export(tmp_path):
    export = [GOOD, changed()]
    pairs, y = data.entity_pairs(export, labels=["founded", "no_relation"])
    assert [pair.tail.start for pair in pairs] == [12, 12]
    assert y.tolist() == [0, 0]
    assert data.entity_pairs(settled(export, task="relation-extraction").source)[0] == pairs
