"""Sources of text, tokenised once, as `tf.data.Dataset`s of what a model takes; one function a task."""

from kerasft.data import customer_service, customer_service_tasks
from kerasft.data.batching import Batching
from kerasft.data.entity_markers import ENTITY_MARKERS, Entity, EntityPair, marker_ids
from kerasft.data.relation_extraction import entity_pairs, negative_label, relation_extraction
from kerasft.data.rows import Rows
from kerasft.data.sequence_to_sequence import each_reference, sequence_to_sequence, sources_and_references
from kerasft.data.sources import read_rows
from kerasft.data.splits import split
from kerasft.data.text_classification import collect_labels, text_classification, texts_and_labels

__all__ = [
    "ENTITY_MARKERS",
    "Batching",
    "Entity",
    "EntityPair",
    "Rows",
    "collect_labels",
    "customer_service",
    "customer_service_tasks",
    "each_reference",
    "entity_pairs",
    "marker_ids",
    "negative_label",
    "read_rows",
    "relation_extraction",
    "sequence_to_sequence",
    "sources_and_references",
    "split",
    "text_classification",
    "texts_and_labels",
]
