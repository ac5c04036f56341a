"""Conversion of Python objects to rows: dictionaries, tuples, texts, and tables such as a pandas DataFrame."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from kerasft import security
from kerasft.data.readers.annotations import as_object, plain_objects
from kerasft.data.readers.class_names import with_class_names
from kerasft.data.readers.label_names import is_missing
from kerasft.data.readers.rows import Rows
from kerasft.errors import bad_argument, bad_data

NAME = "Python rows"
_TUPLE_NAMES = {1: ("text",), 2: ("text", "label"), 3: ("text", "text_pair", "label")}


def known(value: object) -> object:
    """Return None for missing values (NaN, NaT, or pandas' NA, without importing pandas), and other values unchanged.

    Example:

    >>> known(float("nan")), known("nan"), known(0.0)
    (None, 'nan', 0.0)
    """
    if isinstance(value, str | int):
        return value
    if isinstance(value, np.datetime64 | np.timedelta64):
        return None if np.isnat(value) else value
    return None if is_missing(value) else value


def decoded(value: object, *, name: str, number: int) -> object:
    """Decode bytes as UTF-8; other values are returned unchanged.

    Raises:
        DataError: If the bytes are not UTF-8.
    """
    if not isinstance(value, bytes):
        return value
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError as error:
        raise bad_data(
            name, f"the text is not UTF-8 ({error.reason})", "Write it as UTF-8.", line=number, value=value
        ) from error


def rows_from_python(source: object, numbered: bool = False) -> Rows:
    """Convert Python objects to rows.

    Args:
        source: An iterable of dictionaries, of `(text, label)` or `(text, text_pair, label)` tuples, or of texts; or a
            dictionary of columns; or a table with `columns` (pandas, polars) or `column_names` (Hugging Face datasets).
        numbered: Whether to name the tuples' fields by index ("0", "1", ...).

    Raises:
        DataError: If it is empty, or its rows have different types or lengths.

    Example:

    >>> rows_from_python([("good", 1), ("bad", 0)]).columns
    {'text': ['good', 'bad'], 'label': [1, 0]}
    """
    features = getattr(source, "features", None)
    names = getattr(source, "column_names", None) or getattr(source, "columns", None)
    if isinstance(source, Mapping) and source and all(map(_is_dataset, source.values())):
        return _only_split(source)
    if names is not None and hasattr(source, "__getitem__"):
        return with_class_names(_checked({str(name): list(source[name]) for name in names}), features)
    if isinstance(source, Mapping):
        return _checked({str(name): list(values) for name, values in source.items()})
    if not isinstance(source, Iterable):
        raise bad_argument(
            "source", "a path, a dataset or rows", source, "Use a file, or a list of dictionaries or tuples."
        )
    items = list(source)
    if not items:
        raise bad_data(NAME, "there are no rows", "Provide at least one row.")
    items = [as_object(item) for item in items]
    if isinstance(items[0], Mapping):
        return with_class_names(_from_dictionaries(items), features)  # features of an `IterableDataset`
    return _from_tuples(items, numbered)


def _from_dictionaries(items: list) -> Rows:
    for number, item in enumerate(items, 1):
        if not isinstance(item, Mapping):
            raise bad_data(
                NAME,
                "expected a dictionary like the first row",
                "Use the same form for all rows.",
                line=number,
                value=item,
            )
    objects, indices = plain_objects(items, NAME)
    names = dict.fromkeys(key for item in objects for key in item)
    security.check_columns(names, len(objects), NAME)
    rows = _checked({str(name): [item.get(name) for item in objects] for name in names})
    return replace(rows, lines=np.asarray(indices, np.int64) + 1)


def _is_dataset(value: object) -> bool:
    """Whether this is a split of Hugging Face datasets, without importing the library."""
    return hasattr(value, "column_names") and hasattr(value, "features")


def _only_split(splits: Mapping) -> Rows:
    if len(splits) > 1:
        fix = f'Pass a single split, such as dataset["{next(iter(splits))}"], for each of train, dev and test.'
        raise bad_data(NAME, "expected a single split, got a DatasetDict", fix, value=list(splits))
    return rows_from_python(next(iter(splits.values())))


def _from_tuples(items: list, numbered: bool) -> Rows:
    items = [(item,) if isinstance(item, (str, bytes)) else item for item in items]
    width = len(items[0]) if isinstance(items[0], (tuple, list)) else 0
    for number, item in enumerate(items, 1):
        if not isinstance(item, (tuple, list)) or len(item) != width or not width:
            raise bad_data(
                NAME,
                "a row must be a text, a tuple or a dictionary, in the same form as the first row",
                "Use the same form for all rows.",
                line=number,
                value=item,
            )
    if numbered or width not in _TUPLE_NAMES:
        return _checked({str(i): [item[i] for item in items] for i in range(width)}, named=False)
    return _checked({name: [item[i] for item in items] for i, name in enumerate(_TUPLE_NAMES[width])})


def _checked(columns: dict[str, list], named: bool = True) -> Rows:
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) != 1 or 0 in lengths.values():
        raise bad_data(NAME, "columns must be non-empty and of equal length", "Complete the rows.", value=lengths)
    return Rows.of({name: [known(value) for value in values] for name, values in columns.items()}, NAME, named=named)
