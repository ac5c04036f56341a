"""One straight-line script per task: copy it, change it, run it. `kerasft train TASK` runs the same code."""

from kerasft.recipes import (
    causal_lm,
    few_shot,
    intent_and_slots,
    masked_lm,
    question_answering,
    relation_extraction,
    sentence_embedding,
    sequence_to_sequence,
    text_classification,
    token_classification,
)

__all__ = [
    "causal_lm",
    "few_shot",
    "intent_and_slots",
    "masked_lm",
    "question_answering",
    "relation_extraction",
    "sentence_embedding",
    "sequence_to_sequence",
    "text_classification",
    "token_classification",
]
