"""Python objects as rows: dictionaries, tuples, texts, and tables with columns such as a pandas DataFrame."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from kerasft import security
from kerasft.data.label_names import is_missing
from kerasft.data.rows import Rows
from kerasft.errors import bad_argument, bad_data

NAME = "Python rows"
_TUPLE_NAMES = {1: ("text",), 2: ("text", "label"), 3: ("text", "text_pair", "label")}


def known(value: object) -> object:
    """A value, or None where it is a missing one: NaN, NaT, or pandas' NA, which are told without importing pandas.

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
    """A value with bytes read as UTF-8 text; other values as they are.

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
    """Make rows of Python objects.

    Args:
        source: An iterable of dictionaries, of `(text, label)` or `(text, text_pair, label)` tuples, or of texts; or a
            dictionary of columns; or a table with `columns` (pandas, polars) or `column_names` (Hugging Face datasets).
        numbered: Whether the tuples' fields are named by number ("0", "1", ...) instead.

    Raises:
        DataError: If it is empty, or its rows differ in form.

    Example:

    >>> rows_from_python([("good", 1), ("bad", 0)]).columns
    {'text': ['good', 'bad'], 'label': [1, 0]}
    """
    names = getattr(source, "column_names", None) or getattr(source, "columns", None)
    if names is not None and hasattr(source, "__getitem__"):
        rows = _checked({str(name): list(source[name]) for name in names})
        features = getattr(source, "features", None)
        return with_class_names(rows, features) if hasattr(features, "items") else rows
    if isinstance(source, Mapping):
        return _checked({str(name): list(values) for name, values in source.items()})
    if not isinstance(source, Iterable):
        raise bad_argument(
            "source", "a path, a dataset or rows", source, "Give a file, or a list of dictionaries or tuples."
        )
    items = list(source)
    if not items:
        raise bad_data(NAME, "there is no row", "Give at least one row.")
    if isinstance(items[0], Mapping):
        return _from_dictionaries(items)
    return _from_tuples(items, numbered)


def with_class_names(rows: Rows, features: Mapping) -> Rows:
    """Replace the numbers of columns that are a `ClassLabel`, as tensorflow_datasets and Hugging Face datasets have them.

    Args:
        rows: The rows with numbers.
        features: The columns' features by name; those with `names` are classes, or sequences of them.
    """
    columns, features = dict(rows.columns), dict(features.items())  # a FeaturesDict has no `get`
    for column, values in columns.items():
        feature = features.get(column)
        if isinstance(feature, list) and feature:
            feature = feature[0]
        # A sequence of class labels, as multi-label sets have it, holds them as its `feature`.
        names = getattr(feature, "names", None) or getattr(getattr(feature, "feature", None), "names", None)
        if names:
            columns[column] = [_class_name(value, names) for value in values]
    return replace(rows, columns=columns)


def _class_name(value: object, names: Sequence[str]) -> object:
    if isinstance(value, list):
        return [_class_name(part, names) for part in value]
    if value is None or isinstance(value, str):
        return value
    return names[int(value)] if value >= 0 else None  # -1 stands for "not given" in test splits


def _from_dictionaries(items: list) -> Rows:
    names = {}
    for number, item in enumerate(items, 1):
        if not isinstance(item, Mapping):
            raise bad_data(NAME, "a row is not a dictionary as the first is", "Use one form.", line=number, value=item)
        names.update(dict.fromkeys(item))
    security.check_columns(names, len(items), NAME)
    return _checked({str(name): [item.get(name) for item in items] for name in names})


def _from_tuples(items: list, numbered: bool) -> Rows:
    items = [(item,) if isinstance(item, (str, bytes)) else item for item in items]
    width = len(items[0]) if isinstance(items[0], (tuple, list)) else 0
    for number, item in enumerate(items, 1):
        if not isinstance(item, (tuple, list)) or len(item) != width or not width:
            raise bad_data(
                NAME,
                "a row must be a text, a tuple or a dictionary, and of the same form as the first row",
                "Use one form.",
                line=number,
                value=item,
            )
    if numbered or width not in _TUPLE_NAMES:
        return _checked({str(i): [item[i] for item in items] for i in range(width)}, named=False)
    return _checked({name: [item[i] for item in items] for i, name in enumerate(_TUPLE_NAMES[width])})


def _checked(columns: dict[str, list], named: bool = True) -> Rows:
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) != 1 or 0 in lengths.values():
        raise bad_data(NAME, "the columns are empty or differ in length", "Give complete rows.", value=lengths)
    return Rows.of({name: [known(value) for value in values] for name, values in columns.items()}, NAME, named=named)
