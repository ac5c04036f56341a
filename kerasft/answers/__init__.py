"""From logits to answers, with numpy only.

`kerasft export` copies this folder as it is into a mobile bundle, beside the modules of the root that it needs: hence the
relative imports.
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
