"""Random samples of a task's data, for quick evaluation."""

import random
from collections.abc import Mapping
from typing import Any

from kerasft.data.readers.sources import read_rows
from kerasft.data.splits import sample
from kerasft.features import REGRESSION


def draw_items(items: list, count: int, seed: int) -> tuple[list, int]:
    """Sample items of a list, in order; also return the total number of items.

    Example:

    >>> draw_items(list("abcdef"), 2, 0)
    (['d', 'f'], 6)
    """
    return [items[index] for index in places(len(items), count, seed)], len(items)


def draw_rows(
    source: object, columns: Mapping[str, object] | None, *, count: int, seed: int, metadata: Mapping[str, Any]
) -> tuple[object, int]:
    """Sample rows of a table; also return the total number of rows.

    Example:

    >>> from kerasft.demo import tiny
    >>> reviews_csv = tiny.reviews("reviews.csv")
    >>> rows, total = draw_rows(reviews_csv, None, count=4, seed=0, metadata={})
    >>> len(rows), total
    (4, 40)
    """
    rows = read_rows(source, columns)
    return rows.take(places(len(rows), count, seed)), len(rows)


def draw_stratified(
    source: object, columns: Mapping[str, object] | None, *, count: int, seed: int, metadata: Mapping[str, Any]
) -> tuple[object, int]:
    """Sample rows of a table, stratified by label; also return the total number of rows.

    Example:

    >>> from kerasft.demo import tiny
    >>> reviews_csv = tiny.reviews("reviews.csv")
    >>> rows, total = draw_stratified(reviews_csv, None, count=4, seed=0, metadata={"problem": "single_label"})
    >>> sorted(rows.columns["label"])
    ['negative', 'negative', 'positive', 'positive']
    """
    rows = read_rows(source, columns)
    problem = metadata.get("problem") or REGRESSION
    return sample(rows, count, seed=seed, columns=columns, problem=problem), len(rows)


def places(total: int, count: int, seed: int) -> list[int]:
    """Sample indices below `total`, in ascending order.

    Example:

    >>> places(3, 5, 0)
    [0, 1, 2]
    """
    return sorted(random.Random(seed).sample(range(total), min(count, total)))
