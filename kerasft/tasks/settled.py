"""Assign a source's columns once per task, so that detected columns can be printed and stored with the model."""

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
    """Read a source and assign its columns; within `kerasft.data.skip_invalid`, skip invalid rows.

    Args:
        source: Any source of the task's data function.
        columns: Columns selected by the user.
        task: The task's name, a key of `kerasft.tasks.TASKS`.
        trained: Columns of the training data, the default for other files.
        need_label: Whether sentence pairs must have scores; labels of texts and relations are always required.
        classes: Whether labels are class names; the note then shows their number.
        problem: Problem type of a text classifier, which decides which labels are invalid.

    Raises:
        DataError: If the source cannot be read, or a column is missing or ambiguous.
        KerasftError: If the task is unknown.

    Example:

    >>> print(settled([{"review": "a good film", "label": 1}], classes=True).note)
    columns of Python rows: text: review, label: label (1 classes)
    """
    if task not in TASKS:
        raise bad_argument("task", f"one of {', '.join(TASKS)}", task, "Choose one of them.")
    return TASKS[task].settle(source, columns or None, Reading(trained, need_label, classes, problem))
