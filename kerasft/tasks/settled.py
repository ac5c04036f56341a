"""Assigning a source's columns once, for the task at hand: what was guessed can be printed, and kept with the model."""

from collections.abc import Mapping

from kerasft.errors import bad_argument
from kerasft.features import SINGLE_LABEL
from kerasft.tasks.task import Reading, Settled
from kerasft.tasks.tasks import DEFAULT, TASKS


def settled(
    source: object,
    columns: Mapping[str, object] | None = None,
    *,
    task: str = DEFAULT.name,
    trained: Mapping[str, object] | None = None,
    need_label: bool = False,
    classes: bool = False,
    problem: str = SINGLE_LABEL,
) -> Settled:
    """Read a source and assign its columns; within `kerasft.data.skip_invalid`, leave out the rows that the task cannot use.

    Args:
        source: What the task's data function reads.
        columns: What the user names.
        task: The task's name, a key of `kerasft.tasks.TASKS`.
        trained: The columns of the training data, the default for other files.
        need_label: Whether sentence pairs must have scores; labels of texts and relations must be there anyway.
        classes: Whether labels are names of classes, to count in the note.
        problem: What a text classifier's label is, which decides what labels are invalid.

    Raises:
        DataError: If the source cannot be read, or a column is missing or ambiguous.
        KerasftError: If there is no such task.

    Example:

    >>> print(settled([{"review": "a good film", "label": 1}], classes=True).note)
    columns of Python rows: text: review, label: label (1 classes)
    """
    if task not in TASKS:
        raise bad_argument("task", f"one of {', '.join(TASKS)}", task, "Choose one of them.")
    return TASKS[task].settle(source, columns or None, Reading(trained, need_label, classes, problem))
