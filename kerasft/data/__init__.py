"""Datasets (`tf.data.Dataset`) of tokenized texts; one function per task."""

import importlib
import warnings

from kerasft.answers.marked_texts import ENTITY_MARKERS, Entity, EntityPair
from kerasft.data.batches.batching import Batching
from kerasft.data.causal_lm import causal_lm, hold_out, read_documents
from kerasft.data.few_shot import class_pairs, draw_examples
from kerasft.data.intent_and_slots import collect_intents, intent_and_slots
from kerasft.data.masked_lm import Masking, masked_lm
from kerasft.data.numbered_labels import name_labels
from kerasft.data.plain_texts import read_text_rows, read_texts
from kerasft.data.question_answering import question_answering
from kerasft.data.readers.columns import remembered
from kerasft.data.readers.invalid_rows import Skipped, skip_invalid
from kerasft.data.readers.rows import Rows
from kerasft.data.readers.sources import read_rows
from kerasft.data.readers.squad import Answer, Question, read_squad, split_questions
from kerasft.data.relation_extraction import entity_pairs, negative_label, relation_extraction
from kerasft.data.sentence_pairs import pair_dataset, read_pairs, sentence_pairs
from kerasft.data.sequence_to_sequence import (
    each_reference,
    read_sources,
    sequence_to_sequence,
    sources_and_references,
)
from kerasft.data.splits import sample, separate_label, split
from kerasft.data.tagged_splits import split_tagged_rows
from kerasft.data.tagged_texts import collect_tags, read_tags
from kerasft.data.text_classification import collect_labels, text_classification, texts_and_labels
from kerasft.data.token_classification import token_classification
from kerasft.data.unseen_labels import separate_unseen
from kerasft.encoding.entity_markers import marker_ids

_MOVED = {
    "customer_service": "kerasft.demo",
    "customer_service_tasks": "kerasft.demo",
    "settled": "kerasft.tasks",
}

__all__ = [
    "ENTITY_MARKERS",
    "Answer",
    "Batching",
    "Entity",
    "EntityPair",
    "Masking",
    "Question",
    "Rows",
    "Skipped",
    "causal_lm",
    "class_pairs",
    "collect_intents",
    "collect_labels",
    "collect_tags",
    "draw_examples",
    "each_reference",
    "entity_pairs",
    "hold_out",
    "intent_and_slots",
    "marker_ids",
    "masked_lm",
    "name_labels",
    "negative_label",
    "pair_dataset",
    "question_answering",
    "read_documents",
    "read_pairs",
    "read_rows",
    "read_sources",
    "read_squad",
    "read_tags",
    "read_text_rows",
    "read_texts",
    "relation_extraction",
    "remembered",
    "sample",
    "sentence_pairs",
    "separate_label",
    "separate_unseen",
    "sequence_to_sequence",
    "skip_invalid",
    "sources_and_references",
    "split",
    "split_questions",
    "split_tagged_rows",
    "text_classification",
    "texts_and_labels",
    "token_classification",
]


def __getattr__(name: str) -> object:
    if name in _MOVED:
        module = _MOVED[name]
        warnings.warn(f"kerasft.data.{name} is now {module}.{name}.", DeprecationWarning, stacklevel=2)
        return getattr(importlib.import_module(module), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
