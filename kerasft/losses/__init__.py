"""Losses for `model.compile(loss=...)` that do not depend on padding or the number of replicas.

`y_pred` is always logits (or real numbers, for regression).
"""

from kerasft.losses.base import GlobalMeanLoss
from kerasft.losses.class_weights import class_weights
from kerasft.losses.crossentropy import BinaryCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy
from kerasft.losses.focal import (
    BinaryFocalCrossentropy,
    CategoricalFocalCrossentropy,
    SparseCategoricalFocalCrossentropy,
)
from kerasft.losses.for_labels import for_labels
from kerasft.losses.similarity import CosineSimilarityLoss, MultipleNegativesRanking
from kerasft.losses.span import SpanCrossentropy
from kerasft.losses.squared_error import MeanSquaredError

__all__ = [
    "BinaryCrossentropy",
    "BinaryFocalCrossentropy",
    "CategoricalCrossentropy",
    "CategoricalFocalCrossentropy",
    "CosineSimilarityLoss",
    "GlobalMeanLoss",
    "MeanSquaredError",
    "MultipleNegativesRanking",
    "SpanCrossentropy",
    "SparseCategoricalCrossentropy",
    "SparseCategoricalFocalCrossentropy",
    "class_weights",
    "for_labels",
]
