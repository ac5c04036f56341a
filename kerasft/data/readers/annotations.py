"""Conversion of exports of annotation tools to plain objects: doccano, Prodigy, Label Studio, spaCy."""

from collections.abc import Mapping, Sequence
from typing import Any

from kerasft.encoding.token_store import logger

_ANSWERS = {"accept", "reject", "ignore"}
_ANNOTATED = ("label", "spans", "accept", "options", "cats", "relations", "tokens")


def as_object(item: object) -> object:
    """Convert spaCy's examples, `[text, annotations]`, to dictionaries; other items are returned unchanged.

    Example:

    >>> as_object(["In Rome", {"entities": [[3, 7, "LOC"]]}])
    {'text': 'In Rome', 'spans': [[3, 7, 'LOC']]}
    """
    if not isinstance(item, list | tuple) or len(item) != 2:
        return item
    text, marked = item
    if not isinstance(text, str) or not isinstance(marked, Mapping) or not {"entities", "cats", "spans"} & set(marked):
        return item
    spans = marked.get("entities", marked.get("spans"))
    row = {"text": text} if spans is None else {"text": text, "spans": spans}
    return row | ({"cats": marked["cats"]} if "cats" in marked else {})


def plain_objects(objects: Sequence[dict], name: str) -> tuple[list[dict], list[int]]:
    """Convert exports of annotation tools to objects with the tasks' keys: `text`, `spans`, `label`, `relations`.

    Args:
        objects: Objects of a file.
        name: The file's name, for log messages.

    Returns:
        The annotated objects, and their indices in `objects`.

    Example:

    >>> plain_objects([{"text": "good", "options": [], "accept": ["POS"], "answer": "accept"}], "a.jsonl")[0][0]["label"]
    ['POS']
    """
    indices = list(range(len(objects)))
    if objects and all(_is_task(item) for item in objects):
        objects, indices = _label_studio(objects, name)
    elif objects and all(map(_is_prodigy, objects)) and any(key in item for item in objects for key in _ANNOTATED):
        objects, indices = _prodigy(objects, name)
    if any(isinstance(item.get("cats"), Mapping) for item in objects) and not any("label" in item for item in objects):
        logger.warning("%s: the labels are the categories (cats) with a score of at least 0.5.", name)
        objects = [{**item, "label": _categories(item.get("cats"))} for item in objects]
    return list(objects), indices


def _categories(cats: object) -> list[str] | None:
    if not isinstance(cats, Mapping):
        return None
    return [label for label, value in cats.items() if isinstance(value, int | float) and value >= 0.5]


def _is_prodigy(item: Mapping[str, Any]) -> bool:
    answer = item.get("answer")
    return isinstance(answer, str) and answer in _ANSWERS


def _prodigy(objects: Sequence[dict], name: str) -> tuple[list[dict], list[int]]:
    """Return accepted objects only; for binary annotations of one label, as from `textcat.teach`, reject is a class too."""
    labels = {item["label"] for item in objects if isinstance(item.get("label"), str)}
    rejected = sum(item["answer"] == "reject" for item in objects)
    is_binary = rejected and len(labels) == 1 and all("label" in item and "spans" not in item for item in objects)
    rows = []
    indices = []
    for index, item in enumerate(objects):
        if item["answer"] == "ignore" or (item["answer"] == "reject" and not is_binary):
            continue
        row = {key: value for key, value in item.items() if key not in ("answer", "options", "accept")}
        if item["answer"] == "reject":
            row["label"] = f"not {item['label']}"
        if "label" not in row and isinstance(item.get("accept"), list):
            row["label"] = [_option(choice, item.get("options")) for choice in item["accept"]]
        if "label" not in row and any("spans" in other for other in objects):
            row["spans"] = row.get("spans") or []
        rows.append(row)
        indices.append(index)
    num_skipped = len(objects) - len(rows)
    if is_binary:
        label = next(iter(labels))
        logger.warning("%s: Prodigy binary annotations: reject is read as the class %r.", name, f"not {label}")
    if num_skipped:
        logger.warning("%s: %d of %d Prodigy rows were not accepted and are skipped.", name, num_skipped, len(objects))
    return rows, indices


def _option(choice: object, options: object) -> object:
    """Return the name of a selected option: its id, or its text if ids are numbers."""
    if isinstance(choice, str) or not isinstance(options, list):
        return choice
    texts = [option.get("text") for option in options if isinstance(option, Mapping) and option.get("id") == choice]
    return texts[0] if texts and isinstance(texts[0], str) else choice


def _is_task(item: Mapping[str, Any]) -> bool:
    return isinstance(item.get("data"), Mapping) and isinstance(item.get("annotations"), list)


def _label_studio(objects: Sequence[dict], name: str) -> tuple[list[dict], list[int]]:
    """Return the data of each task, with the spans, choices and relations of its first annotation."""
    rows = []
    indices = []
    several = 0
    for index, item in enumerate(objects):
        annotations = [
            entry for entry in item["annotations"] if isinstance(entry, Mapping) and not entry.get("was_cancelled")
        ]
        if not annotations:
            continue
        several += len(annotations) > 1
        results = annotations[0].get("result")
        row = {"id": item.get("id"), **item["data"]}
        rows.append(row | _results(results if isinstance(results, list) else []))
        indices.append(index)
    for column in ("spans", "label"):  # an empty list for tasks without annotations
        if any(column in row for row in rows):
            rows = [row if column in row else {**row, column: []} for row in rows]
    notes = [f"read {len(rows)} annotated tasks of {len(objects)} from Label Studio"]
    notes += [f"used the first annotation of {several} tasks with several"] if several else []
    logger.warning("%s: %s.", name, ", ".join(notes))
    return rows, indices


def _results(results: Sequence[object]) -> dict[str, list]:
    by_kind: dict[str, list] = {}
    for result in results:
        if not isinstance(result, Mapping):
            continue
        value = result.get("value") if isinstance(result.get("value"), Mapping) else {}
        if result.get("type") == "relation":
            names = result.get("labels") or [None]
            ends = {"from_id": result.get("from_id"), "to_id": result.get("to_id"), "type": names[0]}
            by_kind.setdefault("relations", []).append(ends)
        elif isinstance(value.get("choices"), list):
            by_kind.setdefault("label", []).extend(value["choices"])
        elif isinstance(value.get("labels"), list):
            by_kind.setdefault("spans", []).append({"id": result.get("id"), **value})
    return by_kind
