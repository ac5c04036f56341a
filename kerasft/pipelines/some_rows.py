"""Some of the rows of any task's data, for a quick measurement: drawn at random, of classes each in its share."""

import random
from collections.abc import Mapping
from typing import Any

from kerasft.data import read_documents, read_rows, read_squad, read_tags, read_texts, sample
from kerasft.errors import bad_argument
from kerasft.features import REGRESSION
from kerasft.pipelines.tagging import reading_of

_TAGGED = ("token-classification", "intent-and-slots")


def some_rows(
    source: object,
    count: int,
    *,
    metadata: Mapping[str, Any],
    columns: Mapping[str, object] | None = None,
    seed: int = 0,
) -> tuple[object, int]:
    """Draw exactly so many rows (questions, texts) of what a task's `evaluate` reads.

    Args:
        source: What it reads, with its columns settled; see `kerasft.data.settled`.
        count: How many rows, >= 1; all of them, if there are not more.
        metadata: The content of the bundle's `kerasft.json`: its task and settings.
        columns: Which column is what, where the source does not know.
        seed: The same seed draws the same rows.

    Returns:
        What `evaluate` reads in place of the source, in the source's order, and how many rows the source has.

    Raises:
        KerasftError: If `count` is out of range.
        DataError: If the data cannot be used.

    Example:

    >>> rows, total = some_rows(reviews_csv, 4, metadata={"problem": "single_label"})
    >>> sorted(rows.columns["label"]), total
    (['negative', 'negative', 'positive', 'positive'], 40)
    """
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise bad_argument("max_rows", "a whole number >= 1", count, "Give 1000, for example.")
    task, settings = metadata.get("task", "text-classification"), metadata.get("settings") or {}
    if task == "question-answering":
        return _drawn(read_squad(source), count, seed)
    if task == "causal-lm":
        documents = settings.get("documents", "file")
        return _drawn(read_documents(source, documents=documents, columns=columns), count, seed)
    if task == "masked-lm":
        texts = read_texts(source, columns=columns, documents=settings.get("packed", False))
        texts, total = _drawn(texts, count, seed)
        return read_rows({"text": texts}), total
    if task in _TAGGED:
        rows = read_tags(source, columns=columns, **reading_of(settings))
        return rows.take(_places(len(rows), count, seed)), len(rows)
    rows = read_rows(source, columns)
    if task not in ("text-classification", "relation-extraction"):
        return rows.take(_places(len(rows), count, seed)), len(rows)
    problem = metadata.get("problem") or REGRESSION
    return sample(rows, count, seed=seed, columns=columns, problem=problem), len(rows)


def _drawn(items: list, count: int, seed: int) -> tuple[list, int]:
    return [items[place] for place in _places(len(items), count, seed)], len(items)


def _places(total: int, count: int, seed: int) -> list[int]:
    return sorted(random.Random(seed).sample(range(total), min(count, total)))
