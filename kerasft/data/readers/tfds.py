"""Conversion of TensorFlow datasets to rows: a `tf.data.Dataset`, or datasets of `tensorflow_datasets`."""

import re
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import tensorflow as tf

from kerasft.data.readers.class_names import with_class_names
from kerasft.data.readers.python_rows import decoded, rows_from_python
from kerasft.data.readers.rows import Rows
from kerasft.errors import bad_argument, bad_data

PREFIX = "tfds:"
_NAME = re.compile(r"tfds:(?P<name>.+?(?::\d+\.\d+\.\d+)?)(?::(?P<split>[A-Za-z_][^/\\]*))?$")


def is_builder(source: object) -> bool:
    """Whether this is a `tfds.core.DatasetBuilder`, without importing tensorflow_datasets."""
    return hasattr(source, "as_dataset") and hasattr(source, "info")


def rows_from_dataset(dataset: tf.data.Dataset, *, name: str = "tf.data.Dataset", numbered: bool = False) -> Rows:
    """Read all elements of an unbatched, finite dataset of dictionaries, tuples or texts.

    Raises:
        DataError: If it is batched, infinite, or a text is not UTF-8.

    Example:

    >>> dataset = tf.data.Dataset.from_tensor_slices((["good", "bad"], [1, 0]))
    >>> rows_from_dataset(dataset).columns
    {'text': ['good', 'bad'], 'label': [1, 0]}
    """
    if dataset.cardinality() == tf.data.INFINITE_CARDINALITY:
        raise bad_data(name, "the dataset is infinite", "Remove .repeat(): `fit` repeats the data.")
    specs = tf.nest.flatten(dataset.element_spec)
    if any(spec.dtype == tf.string and spec.shape.rank for spec in specs):
        raise bad_data(
            name,
            "expected single elements, got batches",
            "Unbatch it: dataset.unbatch().",
            value=dataset.element_spec,
        )
    items = []
    for number, item in enumerate(dataset.as_numpy_iterator(), 1):
        if isinstance(item, tuple) and len(item) == 2 and isinstance(item[0], Mapping):
            item = {**item[0], "label": item[1]}  # as_supervised with a dictionary of inputs
        items.append(tf.nest.map_structure(lambda value, number=number: _plain(value, name, number), item))
    return replace(rows_from_python(items, numbered), files=(name,))


def rows_from_tfds(source: object, split: str | None = None) -> Rows:
    """Read a split of a tensorflow_datasets dataset; indices of a `ClassLabel` are replaced by its names.

    Args:
        source: "tfds:NAME", "tfds:NAME:SPLIT" (the name may be a folder of a prepared dataset), or a builder.
        split: The split of a builder; default "train".

    Raises:
        DataError: If the dataset or split does not exist.
    """
    if isinstance(source, str):
        match = _NAME.match(source)
        if not match:
            raise bad_argument(
                "source", "'tfds:NAME' or 'tfds:NAME:SPLIT'", source, "For example: tfds:imdb_reviews:train."
            )
        builder = _builder(match["name"])
        split = match["split"] or split
    else:
        builder = source
    name, split = f"{PREFIX}{builder.info.full_name}", split or "train"
    try:
        dataset = builder.as_dataset(split=split, shuffle_files=False)
    except (ValueError, KeyError, AssertionError, OSError) as error:
        raise bad_data(
            name,
            f"this split cannot be read ({_first_line(error)})",
            f"Available splits: {sorted(builder.info.splits)}.",
            value=split,
        ) from error
    return with_class_names(rows_from_dataset(dataset, name=f"{name}:{split}"), builder.info.features)


def _builder(name: str):
    # Imported here: tensorflow_datasets takes seconds to load, and few sources need it.
    import tensorflow_datasets as tfds

    try:
        if tf.io.gfile.isdir(name):
            return tfds.builder_from_directory(name)
        builder = tfds.builder(name)
        builder.download_and_prepare()
    except Exception as error:  # downloads may raise any exception; the cause is kept
        raise bad_data(
            PREFIX + name,
            f"tensorflow_datasets cannot prepare it ({type(error).__name__}: {_first_line(error)})",
            "Check the name and the network, or use the folder of a prepared dataset.",
        ) from error
    return builder


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [""])[0]


def _plain(value: object, name: str, number: int) -> object:
    if isinstance(value, np.ndarray):
        return [decoded(part, name=name, number=number) for part in value.tolist()]
    return decoded(value.item() if isinstance(value, np.generic) else value, name=name, number=number)
