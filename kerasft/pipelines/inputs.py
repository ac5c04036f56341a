"""Conversion of a table to pipeline items: `kerasft predict` reads the task's training formats, with the same columns."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from kerasft.data.readers.columns import Roles, find_columns
from kerasft.data.readers.invalid_rows import valid_rows
from kerasft.data.readers.rows import Rows
from kerasft.data.readers.tag_reader import join_words
from kerasft.data.sequence_to_sequence import find_source
from kerasft.data.tagged_texts import TEXT_COLUMNS
from kerasft.data.text_classification import text_columns
from kerasft.errors import bad_data
from kerasft.pipelines.intent_and_slots import IntentAndSlotsPipeline
from kerasft.pipelines.pipeline import Pipeline
from kerasft.pipelines.token_classification import TokenClassificationPipeline


class Items(NamedTuple):
    """Items of a pipeline, with the data to show next to the predictions.

    Example:

    >>> Items(["a good film"], [{"id": 7}], {"text": "review"}).others[0]
    {'id': 7}
    """

    items: list[Any]
    """N items: texts, or tuples of the parts in `pipeline.fields`."""
    others: list[dict[str, Any]]
    """All other columns of each row."""
    columns: dict[str, object]
    """Source column of each field."""
    places: Sequence[tuple[str, int]] = ()
    """File and line of each item, if known."""


def items_of(pipeline: Pipeline, rows: Rows, columns: Mapping[str, object] | None = None) -> Items:
    """Convert a table to a pipeline's items.

    Args:
        pipeline: The pipeline; its `fields` define the parts of an item.
        rows: The table; `rows.roles` are the training columns, if known.
        columns: Columns that the user selects: `"text"`, and `"text_pair"` for the second part.

    Raises:
        DataError: If a column is missing, or a cell is not a string; within `kerasft.data.skip_invalid` such rows are skipped,
            and items and columns are empty if no row is left.

    Example:

    >>> from kerasft.demo import tiny
    >>> model, tokenizer = tiny.classifier(), tiny.tokenizer()
    >>> from kerasft import make_bundle, pipelines
    >>> classify = pipelines.load(make_bundle(model, tokenizer, max_length=16))
    >>> items_of(classify, Rows.of({"id": [7], "review": ["a good film"]}, "test.csv"))
    Items(items=['a good film'], others=[{'id': 7}], columns={'text': 'review'}, places=[('test.csv', 1)])
    """
    rows = valid_rows(rows, lambda one: _items_of(pipeline, one, columns), allow_none=True)
    return _items_of(pipeline, rows, columns) if len(rows) else Items([], [], {})


def _items_of(pipeline: Pipeline, rows: Rows, columns: Mapping[str, object] | None) -> Items:
    columns = {**(rows.roles or {}), **(columns or {})}
    if isinstance(pipeline, TokenClassificationPipeline | IntentAndSlotsPipeline):
        used_columns, parts = _tagged(rows, columns)
    elif pipeline.fields == ("question", "context"):
        names = [columns.get("text", "question"), columns.get("text_pair", "context")]
        used_columns, parts = _texts(rows, pipeline.fields, *(_present(rows, name) for name in names))
    elif pipeline.fields == ("source",):
        used_columns, parts = _texts(rows, pipeline.fields, find_source(rows, columns), joined=True)
    elif pipeline.fields == ("prompt",):
        named = columns.get("prompt", columns.get("text", "prompt" if "prompt" in rows.columns else None))
        name = _text_roles(rows, {}).text if named is None else _present(rows, named)
        used_columns, parts = _texts(rows, pipeline.fields, name)
    elif pipeline.fields == ("text", "head", "tail"):
        used_columns, parts = _texts(rows, ("text",), _text_roles(rows, columns).text)
        for name in pipeline.optional_fields:
            if name in rows.columns:
                used_columns[name] = name
                parts.append(rows.columns[name])
    else:
        used_columns, parts = _classified(rows, columns, pair=getattr(pipeline, "pair", False))
    used = set(map(str, used_columns.values()))
    names = [name for name in rows.columns if name not in used]
    others = [dict(zip(names, cells)) for cells in zip(*(rows.columns[name] for name in names))]
    items = parts[0] if len(parts) == 1 else list(zip(*parts))
    return Items(
        list(items), others or [{} for _ in items], used_columns, [rows.place(row) for row in range(len(rows))]
    )


def _text_roles(rows: Rows, columns: Mapping[str, object]) -> Roles:
    """Find the text columns; the label column is ignored."""
    named = {role: name for role, name in columns.items() if role in ("text", "text_pair")}
    return find_columns(replace(rows, roles=None), named)


def _present(rows: Rows, name: object) -> str:
    return _text_roles(rows, {"text": name}).text


def _texts(
    rows: Rows, fields: Sequence[str], *names: str, joined: bool = False
) -> tuple[dict[str, object], list[list]]:
    """Return the texts of columns, in the order of the fields."""
    if joined:  # a source may be a list of sentences
        cells = [" ".join(cell) if _is_texts(cell) else cell for cell in rows.columns[names[0]]]
        rows = replace(rows, columns={**rows.columns, names[0]: cells})
    parts = [text_columns(rows, Roles(name), allow_empty=True)[0] for name in names]
    return dict(zip(fields, names)), parts


def _classified(rows: Rows, columns: Mapping[str, object], *, pair: bool) -> tuple[dict[str, object], list[list]]:
    roles = _text_roles(rows, columns)
    if not pair:
        return _texts(rows, ("text",), roles.text)
    if roles.text_pair is None:
        fix = 'Select both: columns={"text": "question", "text_pair": "answer"} (--text, --text-pair).'
        raise bad_data(
            rows.name, "the model takes pairs of texts: two columns are required", fix, value=list(rows.columns)
        )
    return _texts(rows, ("text", "text_pair"), roles.text, roles.text_pair)


def _tagged(rows: Rows, columns: Mapping[str, object]) -> tuple[dict[str, object], list[list]]:
    """Return texts; lists of words are joined."""
    usual = [name for name in TEXT_COLUMNS if name in rows.columns]
    name = _present(rows, columns["text"]) if "text" in columns else usual[0] if usual else _text_roles(rows, {}).text
    texts = [join_words(cell)[0] if _is_texts(cell) else cell for cell in rows.columns[name]]
    return _texts(replace(rows, columns={**rows.columns, name: texts}), ("text",), name)


def _is_texts(cell: object) -> bool:
    return isinstance(cell, list | tuple) and bool(cell) and all(isinstance(part, str) for part in cell)
