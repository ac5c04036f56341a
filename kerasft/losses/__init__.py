"""Losses whose value does not change with padding or with the number of replicas.

`y_pred` is always logits (or a regression's real numbers). Give one to `model.compile(loss=...)`.
"""

from kerasft.losses.base import GlobalMeanLoss
from kerasft.losses.focal import (
    BinaryFocalCrossentropy,
    CategoricalFocalCrossentropy,
    SparseCategoricalFocalCrossentropy,
)

__all__ = [
    "BinaryFocalCrossentropy",
    "CategoricalFocalCrossentropy",
    "GlobalMeanLoss",
    "SparseCategoricalFocalCrossentropy",
]
