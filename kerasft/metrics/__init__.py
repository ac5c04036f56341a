"""Keras metrics that are exact over the whole split: computed from counts, sums or all values, not averaged over batches."""

from kerasft.metrics.class_counts import F1Score, MatthewsCorrelation
from kerasft.metrics.correlation import PearsonCorrelation, SpearmanCorrelation
from kerasft.metrics.for_labels import for_labels
from kerasft.metrics.perplexity import Perplexity
from kerasft.metrics.relations import relation_scores
from kerasft.metrics.spans import span_scores, span_scores_by_type
from kerasft.metrics.squad import (
    answer_exact_match,
    answer_f1,
    best_no_answer_threshold,
    normalize_answer,
    squad_scores,
)
from kerasft.metrics.summarization import summarization_scores
from kerasft.metrics.translation import translation_scores

__all__ = [
    "F1Score",
    "MatthewsCorrelation",
    "PearsonCorrelation",
    "Perplexity",
    "SpearmanCorrelation",
    "answer_exact_match",
    "answer_f1",
    "best_no_answer_threshold",
    "for_labels",
    "normalize_answer",
    "relation_scores",
    "span_scores",
    "span_scores_by_type",
    "squad_scores",
    "summarization_scores",
    "translation_scores",
]
