"""Sources of text, tokenised once, as `tf.data.Dataset`s of what a model takes; one function a task."""

from kerasft.data import customer_service
from kerasft.data.batching import Batching
from kerasft.data.rows import Rows
from kerasft.data.sequence_to_sequence import each_reference, sequence_to_sequence, sources_and_references
from kerasft.data.sources import read_rows
from kerasft.data.splits import split
from kerasft.data.text_classification import collect_labels, text_classification, texts_and_labels

__all__ = [
    "Batching",
    "Rows",
    "collect_labels",
    "customer_service",
    "each_reference",
    "read_rows",
    "sequence_to_sequence",
    "sources_and_references",
    "split",
    "text_classification",
    "texts_and_labels",
]
