"""Postprocessing: from logits to predictions, with numpy only.

`kerasft export` copies this folder unchanged into mobile bundles, next to the top-level modules that it needs; therefore
imports are relative.
"""

from .out_of_scope import out_of_scope_scores, out_of_scope_threshold
from .text_classification import answers, probabilities
from .token_classification import decode, entities

__all__ = [
    "answers",
    "decode",
    "entities",
    "out_of_scope_scores",
    "out_of_scope_threshold",
    "probabilities",
]
