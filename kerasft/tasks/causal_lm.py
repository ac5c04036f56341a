"""Causal language modeling: text generation."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from kerasft.data.causal_lm import COMPLETION_COLUMNS, read_documents
from kerasft.data.plain_texts import read_texts, text_paths
from kerasft.data.readers.columns import columns_note, settle
from kerasft.data.readers.invalid_rows import valid_rows
from kerasft.data.readers.rows import Rows
from kerasft.data.readers.sources import read_rows
from kerasft.data.trained_columns import read_as_trained
from kerasft.generation.cached_t5 import START_ID
from kerasft.generation.options import GenerationOptions
from kerasft.tasks.agreement import same_labels
from kerasft.tasks.drawing import draw_items
from kerasft.tasks.samples import encode_texts, sample_texts
from kerasft.tasks.task import Exports, Reading, Settled, Task, TrainedModel, trained_columns

GENERATION = {
    "generation": {field.name: field.default for field in dataclasses.fields(GenerationOptions)},
    "prefix": "",
    "start_token_id": START_ID,
}
"""The defaults of tasks that generate text."""


def _settle(source: object, columns: Mapping[str, object] | None, reading: Reading) -> Settled:
    if text_paths(source):
        return Settled(source, columns, None, "")
    rows = read_as_trained(source, reading.trained, columns)
    if not isinstance(rows, Rows) and _is_pairs(rows):
        return Settled(rows, columns, None, "")
    rows = read_rows(rows, columns and {"text": next(iter(columns.values()))})
    given = columns or rows.roles or {}
    if "completion" in given or (not given and set(COMPLETION_COLUMNS) <= set(rows.columns)):
        roles = {**dict(zip(COMPLETION_COLUMNS, COMPLETION_COLUMNS)), **given}
    else:
        roles = {"text": settle(dataclasses.replace(rows, roles=None), given).roles["text"]}
    rows = valid_rows(dataclasses.replace(rows, roles=roles), read_documents)
    return Settled(rows, None, roles, columns_note(rows, columns))


def _is_pairs(source: object) -> bool:
    return isinstance(source, list) and bool(source) and all(isinstance(item, tuple) for item in source)


def _items(source: object, columns: Mapping[str, object] | None, bundle: TrainedModel) -> list[str]:
    return read_texts(read_as_trained(source, trained_columns(bundle.metadata), columns), columns=columns)


def _draw(
    source: object, columns: Mapping[str, object] | None, *, count: int, seed: int, metadata: Mapping[str, Any]
) -> tuple[list, int]:
    documents = (metadata.get("settings") or {}).get("documents", "file")
    return draw_items(read_documents(source, documents=documents, columns=columns), count, seed)


def resolve_generation(bundle: TrainedModel, _: int) -> dict[str, Any]:
    """Return the generation settings: `options`, `prefix`, `start_token_id`, `end_token_id`, `pad_token_id`.

    Example:

    >>> from kerasft.demo import tiny
    >>> tokenizer = tiny.tokenizer()
    >>> from kerasft.bundles import Bundle
    >>> resolve_generation(Bundle(None, tokenizer, {"settings": {"prefix": "summarize: "}}), 16)["prefix"]
    'summarize: '
    """
    return {
        "options": {**GENERATION["generation"], **bundle.settings.get("generation", {})},
        "prefix": bundle.settings.get("prefix", GENERATION["prefix"]),
        "start_token_id": bundle.settings.get("start_token_id", GENERATION["start_token_id"]),
        "end_token_id": bundle.tokenizer.eos_token_id,
        "pad_token_id": bundle.tokenizer.pad_token_id,
    }


CAUSAL_LM = Task(
    name="causal-lm",
    model_name="causal_lm",
    defaults=GENERATION,
    settle=_settle,
    items=_items,
    draw=_draw,
    sample=sample_texts,
    encode=encode_texts,
    agree=same_labels,
    resolve=resolve_generation,
    exports=Exports(strings=False, mediapipe=False, generation=True),
    own_head=None,
    has_score=False,
)
