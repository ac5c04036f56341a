"""Relation extraction: the relation between two marked entities of a text."""

from collections.abc import Mapping, Sequence
from typing import Any

from kerasft.answers.marked_texts import ENTITY_MARKERS, mark, marked_sample
from kerasft.data.readers.annotated_relations import relation_rows
from kerasft.data.readers.columns import settle
from kerasft.data.readers.sources import read_rows
from kerasft.data.relation_extraction import entity_pairs, valid_entity_pairs
from kerasft.data.trained_columns import read_as_trained
from kerasft.encoding.encoded import Batchable
from kerasft.encoding.entity_markers import encode_marked, marker_ids
from kerasft.tasks.agreement import same_labels
from kerasft.tasks.drawing import draw_stratified
from kerasft.tasks.samples import sample_texts
from kerasft.tasks.settling import checked
from kerasft.tasks.task import Exports, Reading, Settled, Task, TrainedModel, trained_columns


def _settle(source: object, columns: Mapping[str, object] | None, reading: Reading) -> Settled:
    rows = read_rows(read_as_trained(source, reading.trained, columns), columns)
    rows = settle(relation_rows(rows, columns), columns, need_label=True)
    return checked(rows, columns, reading, valid=valid_entity_pairs)


def _items(source: object, columns: Mapping[str, object] | None, bundle: TrainedModel) -> list[str]:
    source = read_as_trained(source, trained_columns(bundle.metadata), columns)
    return [mark(pair) for pair in entity_pairs(source, columns=columns)[0]]


def _sample(bundle: TrainedModel, texts: Sequence[str] | None = None) -> list[str]:
    """Return texts with entity markers: in place of the tags `<e1>` and `<e2>`, or, without tags, around each half."""
    return [marked_sample(text) for text in sample_texts(bundle, texts)]


def _encode(bundle: TrainedModel, texts: Sequence[str], max_length: int) -> Batchable:
    return encode_marked(bundle.tokenizer, texts, max_length=max_length).encoded


def _resolve(bundle: TrainedModel, _: int) -> dict[str, Any]:
    return {
        "activation": "softmax",
        "markers": dict(zip(ENTITY_MARKERS, marker_ids(bundle.tokenizer))),
        "negative_label": bundle.settings.get("negative_label"),
    }


RELATION_EXTRACTION = Task(
    name="relation-extraction",
    model_name="relation_classifier",
    defaults={},
    settle=_settle,
    items=_items,
    draw=draw_stratified,
    sample=_sample,
    encode=_encode,
    agree=same_labels,
    resolve=_resolve,
    exports=Exports(strings=True, mediapipe=False, generation=False),
    own_head=None,
    has_score=True,
)
