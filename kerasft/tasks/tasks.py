"""All tasks by name, and the task of a trained model."""

from collections.abc import Mapping
from typing import Any

from kerasft.errors import CheckpointError
from kerasft.tasks.causal_lm import CAUSAL_LM
from kerasft.tasks.intent_and_slots import INTENT_AND_SLOTS
from kerasft.tasks.masked_lm import MASKED_LM
from kerasft.tasks.question_answering import QUESTION_ANSWERING
from kerasft.tasks.relation_extraction import RELATION_EXTRACTION
from kerasft.tasks.sentence_embedding import SENTENCE_EMBEDDING
from kerasft.tasks.sequence_to_sequence import SEQUENCE_TO_SEQUENCE
from kerasft.tasks.task import Task
from kerasft.tasks.text_classification import TEXT_CLASSIFICATION
from kerasft.tasks.token_classification import TOKEN_CLASSIFICATION

TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        TEXT_CLASSIFICATION,
        TOKEN_CLASSIFICATION,
        INTENT_AND_SLOTS,
        QUESTION_ANSWERING,
        RELATION_EXTRACTION,
        MASKED_LM,
        CAUSAL_LM,
        SEQUENCE_TO_SEQUENCE,
        SENTENCE_EMBEDDING,
    )
}
"""Tasks by name."""
MODEL_NAMES: dict[str, Task] = {task.model_name: task for task in TASKS.values()}
"""Tasks by the model name of their head."""
DEFAULT = TEXT_CLASSIFICATION
"""Task of a bundle without a task entry."""


def task_name(metadata: Mapping[str, Any]) -> str:
    """Return the task name of a trained model, from the content of `kerasft.json`.

    Example:

    >>> task_name({"task": "masked-lm"}), task_name({})
    ('masked-lm', 'text-classification')
    """
    return metadata.get("task", DEFAULT.name)


def task_of(metadata: Mapping[str, Any], folder: object = "kerasft.json") -> Task:
    """Return the task of a trained model.

    Args:
        metadata: The content of `kerasft.json`.
        folder: Its folder, for the error message.

    Raises:
        CheckpointError: If this version of kerasft does not support the task.

    Example:

    >>> task_of({"task": "masked-lm"}).has_score
    False
    """
    name = task_name(metadata)
    if name not in TASKS:
        raise CheckpointError(
            f"{folder}: the task must be one of {', '.join(sorted(TASKS))}; received: {name!r}. "
            "Call the model of kerasft.load_bundle(...) directly, or install the kerasft version that wrote the folder."
        )
    return TASKS[name]
