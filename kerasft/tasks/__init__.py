"""Definitions of all tasks, one record per file: see `Task`. A new task is a file here and a line in `TASKS`."""

from kerasft.tasks.causal_lm import CAUSAL_LM
from kerasft.tasks.intent_and_slots import INTENT_AND_SLOTS
from kerasft.tasks.masked_lm import MASKED_LM
from kerasft.tasks.question_answering import QUESTION_ANSWERING
from kerasft.tasks.relation_extraction import RELATION_EXTRACTION
from kerasft.tasks.sentence_embedding import SENTENCE_EMBEDDING
from kerasft.tasks.sequence_to_sequence import SEQUENCE_TO_SEQUENCE
from kerasft.tasks.settled import settled
from kerasft.tasks.task import Task
from kerasft.tasks.tasks import TASKS, task_of
from kerasft.tasks.text_classification import TEXT_CLASSIFICATION
from kerasft.tasks.token_classification import TOKEN_CLASSIFICATION

__all__ = [
    "CAUSAL_LM",
    "INTENT_AND_SLOTS",
    "MASKED_LM",
    "QUESTION_ANSWERING",
    "RELATION_EXTRACTION",
    "SENTENCE_EMBEDDING",
    "SEQUENCE_TO_SEQUENCE",
    "TASKS",
    "TEXT_CLASSIFICATION",
    "TOKEN_CLASSIFICATION",
    "Task",
    "settled",
    "task_of",
]
