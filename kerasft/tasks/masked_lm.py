"""Masked language modeling."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from kerasft.data.plain_texts import read_texts, text_paths
from kerasft.data.readers.columns import settle
from kerasft.data.readers.sources import read_rows
from kerasft.data.trained_columns import read_as_trained
from kerasft.tasks.agreement import same_labels
from kerasft.tasks.drawing import draw_items
from kerasft.tasks.samples import encode_texts, sample_texts
from kerasft.tasks.settling import checked, valid_texts
from kerasft.tasks.task import Exports, Reading, Settled, Task, TrainedModel, trained_columns


def _settle(source: object, columns: Mapping[str, object] | None, reading: Reading) -> Settled:
    if text_paths(source):
        return Settled(source, columns, None, "")
    rows = read_rows(read_as_trained(source, reading.trained, columns), columns)
    columns = {**{name: part for name, part in (rows.roles or {}).items() if name == "text"}, **(columns or {})}
    rows = settle(replace(rows, roles=None), columns)
    rows = replace(rows, roles={"text": rows.roles["text"]})  # labels are not used
    return checked(rows, columns, reading, valid=valid_texts)


def _items(source: object, columns: Mapping[str, object] | None, bundle: TrainedModel) -> list[str]:
    return read_texts(read_as_trained(source, trained_columns(bundle.metadata), columns), columns=columns)


def _draw(
    source: object, columns: Mapping[str, object] | None, *, count: int, seed: int, metadata: Mapping[str, Any]
) -> tuple[object, int]:
    packed = (metadata.get("settings") or {}).get("packed", False)
    texts, total = draw_items(read_texts(source, columns=columns, documents=packed), count, seed)
    return read_rows({"text": texts}), total


def _resolve(bundle: TrainedModel, _: int) -> dict[str, Any]:
    return {"mask_token_id": bundle.tokenizer.mask_token_id}


MASKED_LM = Task(
    name="masked-lm",
    model_name="masked_lm",
    defaults={},
    settle=_settle,
    items=_items,
    draw=_draw,
    sample=sample_texts,
    encode=encode_texts,
    agree=same_labels,
    resolve=_resolve,
    exports=Exports(strings=False, mediapipe=False, generation=False),
    own_head=None,
    has_score=False,
)
