"""One straight-line script a task: copy it, change it, run it. `kerasft train TASK` runs the same code."""

from kerasft.recipes import (
    intent_and_slots,
    question_answering,
    relation_extraction,
    text_classification,
    token_classification,
)

__all__ = [
    "intent_and_slots",
    "question_answering",
    "relation_extraction",
    "text_classification",
    "token_classification",
]
