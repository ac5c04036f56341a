"""Sources of text, tokenised once, as `tf.data.Dataset`s of what a model takes; one function a task."""

from kerasft.data.batching import Batching
from kerasft.data.rows import Rows
from kerasft.data.text_classification import collect_labels, text_classification

__all__ = ["Batching", "Rows", "collect_labels", "text_classification"]
