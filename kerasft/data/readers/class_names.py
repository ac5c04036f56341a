"""Class names for numeric labels, from the metadata of published datasets."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from kerasft.data.readers.rows import Rows
from kerasft.data.readers.text_files import read_text, say
from kerasft.errors import DataError, bad_data

_INFO_FILES = ("dataset_info.json", "dataset_infos.json")
"""Files with the class names of Hugging Face datasets, next to the data files."""


def with_class_names(rows: Rows, features: object) -> Rows:
    """Replace the indices in columns of `ClassLabel`, or of lists of it, by class names.

    Args:
        rows: The rows with class indices.
        features: Features by column name: objects of Hugging Face datasets or tensorflow_datasets, or Hugging Face's JSON.

    Raises:
        DataError: If a number has no name.

    Example:

    >>> features = {"ner_tags": {"feature": {"names": ["O", "B-PER"], "_type": "ClassLabel"}, "_type": "List"}}
    >>> with_class_names(Rows.of({"ner_tags": [[1, 0]]}, "train.parquet"), features).columns
    {'ner_tags': [['B-PER', 'O']]}
    """
    columns = dict(rows.columns)
    for column, feature in _by_column(features).items():
        names = _names_of(feature)
        if names and column in columns:
            columns[column] = [_class_name(rows, row, value, names) for row, value in enumerate(columns[column])]
    return replace(rows, columns=columns)


def with_names_beside(rows: Rows, path: Path) -> Rows:
    """Like `with_class_names`, with the features of a dataset_info.json in the same folder, if there is one.

    Example:

    >>> import pathlib
    >>> with_names_beside(Rows.of({"label": [1]}, "train.csv"), pathlib.Path("train.csv")).columns
    {'label': [1]}
    """
    for info_path in (path.parent / name for name in _INFO_FILES):
        if not info_path.is_file():
            continue
        try:
            info = json.loads(read_text(info_path))
        except (ValueError, RecursionError):  # also DataError: this file is optional, so an invalid one is ignored
            continue
        infos = [info, *info.values()] if isinstance(info, Mapping) else []
        declared = [entry["features"] for entry in infos if isinstance(entry, Mapping) and entry.get("features")]
        named = {
            column: _names_of(feature) for features in declared[:1] for column, feature in _by_column(features).items()
        }
        numbered = [column for column, names in named.items() if names and _are_numbers(rows.columns.get(column))]
        if numbered:
            say(path, f"numbers in {', '.join(map(repr, numbered))} are mapped to the names in {info_path.name}")
            return with_class_names(rows, {column: {"names": named[column]} for column in numbered})
    return rows


def parquet_features(metadata: Mapping[bytes, bytes] | None) -> object:
    """Return the features that Hugging Face datasets store as JSON in the schema of a Parquet or Arrow file.

    Example:

    >>> parquet_features({b"huggingface": b'{"info": {"features": {"label": {"names": ["no", "yes"]}}}}'})
    {'label': {'names': ['no', 'yes']}}
    """
    try:
        parsed = json.loads((metadata or {}).get(b"huggingface", b"{}"))
        return parsed["info"]["features"]
    except (ValueError, RecursionError, KeyError, TypeError):
        return {}


def _by_column(features: object) -> dict:
    if isinstance(features, list):  # format of the dataset viewer
        pairs = [(item.get("name"), item.get("type")) for item in features if isinstance(item, Mapping)]
        return {name: kind for name, kind in pairs if isinstance(name, str)}
    return dict(features.items()) if hasattr(features, "items") else {}  # a FeaturesDict is not a Mapping


def _names_of(feature: object) -> list[str]:
    """Return the names of a class label, or of a sequence of class labels; an empty list for other features."""
    if isinstance(feature, list) and feature:
        feature = feature[0]
    if isinstance(feature, Mapping):
        inner = feature.get("feature")
        names = feature.get("names") or (inner.get("names") if isinstance(inner, Mapping) else None)
    else:
        names = getattr(feature, "names", None) or getattr(getattr(feature, "feature", None), "names", None)
    names = list(names) if isinstance(names, list | tuple) else []
    return names if all(isinstance(name, str) for name in names) else []


def _are_numbers(column: list | None) -> bool:
    cells = [cell for value in column or [] for cell in (value if isinstance(value, list) else [value])]
    cells = [cell for cell in cells if cell is not None]
    return bool(cells) and all(
        (isinstance(cell, int) and not isinstance(cell, bool)) or (isinstance(cell, str) and cell.strip().isdecimal())
        for cell in cells
    )


def _class_name(rows: Rows, row: int, value: object, names: Sequence[str]) -> object:
    if isinstance(value, list | tuple):
        return [_class_name(rows, row, part, names) for part in value]
    value = int(value) if isinstance(value, str) and value.strip().isdecimal() and value not in names else value
    if value is None or isinstance(value, str):
        return value
    if value >= len(names):
        raise bad_number(rows, row, value=value, names=names)
    return names[int(value)] if value >= 0 else None  # -1 means "unlabeled" in test splits


def bad_number(rows: Rows, row: int, *, value: object, names: Sequence[str]) -> DataError:
    """Return (not raise) the error for a number without a name.

    Example:

    >>> str(bad_number(Rows.of({"label": [7]}, "a.csv"), 0, value=7, names=["no", "yes"]))
    'a.csv, line 1: no name for this number; names are given for 0 to 1: no, yes; received: 7. Provide one name per ...'
    """
    shown = ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")
    problem = f"no name for this number; names are given for 0 to {len(names) - 1}: {shown}"
    file, line = rows.place(row)
    return bad_data(file, problem, "Provide one name per number, in order.", line=line, value=value)
