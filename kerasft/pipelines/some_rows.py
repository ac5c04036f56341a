"""Stratified random samples of any task's data, for quick evaluation."""

from collections.abc import Mapping
from typing import Any

from kerasft.errors import whole_number
from kerasft.tasks.tasks import task_of


def some_rows(
    source: object,
    count: int,
    *,
    metadata: Mapping[str, Any],
    columns: Mapping[str, object] | None = None,
    seed: int = 0,
) -> tuple[object, int]:
    """Sample exactly `count` rows (questions, texts) of a task's evaluation data.

    Args:
        source: The data, with assigned columns; see `kerasft.tasks.settled`.
        count: Number of rows, >= 1; all rows if there are fewer.
        metadata: The content of the bundle's `kerasft.json`: its task and settings.
        columns: Column assignment, if it is not part of the source.
        seed: Random seed.

    Returns:
        The sample, in the source's order, to pass to `evaluate`; and the number of rows of the source.

    Raises:
        KerasftError: If `count` is out of range.
        DataError: If the data is invalid.

    Example:

    >>> from kerasft.demo import tiny
    >>> reviews_csv = tiny.reviews("reviews.csv")
    >>> rows, total = some_rows(reviews_csv, 4, metadata={"problem": "single_label"})
    >>> sorted(rows.columns["label"]), total
    (['negative', 'negative', 'positive', 'positive'], 40)
    """
    whole_number("max_rows", count, "For example: 1000.")
    return task_of(metadata).draw(source, columns, count=count, seed=seed, metadata=metadata)
