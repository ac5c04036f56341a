"""Reading of Parquet files, and of TFRecord files of `tf.train.Example`."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

from kerasft import security
from kerasft.data.readers.class_names import parquet_features, with_class_names
from kerasft.data.readers.invalid_rows import skip
from kerasft.data.readers.python_rows import decoded, known
from kerasft.data.readers.rows import Rows
from kerasft.data.readers.text_files import most_bytes, read_bytes, too_large
from kerasft.errors import DataError, bad_data

_ROWS = 8192
"""Batch size for reading Parquet files, in rows."""
_TEXTS = ("STRING", "NONE", "JSON", "ENUM")
"""Logical types of string columns."""


def read_parquet(path: Path, header: bool = True) -> Rows:
    """Read a Parquet file; messages give row numbers as lines.

    Raises:
        DataError: If it is not a readable Parquet file, or has no rows.
    """
    import pyarrow  # imported here: it is slow to load, and few formats need it
    import pyarrow.parquet  # likewise

    try:
        content = pyarrow.py_buffer(read_bytes(path))
        file = pyarrow.parquet.ParquetFile(pyarrow.BufferReader(content))
        _check_parquet(path, file)
        # A few bytes can encode millions of equal texts: read as dictionary indices, they take little memory.
        leaves = [file.schema.column(i) for i in range(len(file.schema))]
        texts = [
            leaf.path for leaf in leaves if leaf.physical_type == "BYTE_ARRAY" and leaf.logical_type.type in _TEXTS
        ]
        file = pyarrow.parquet.ParquetFile(pyarrow.BufferReader(content), read_dictionary=texts)
        names = file.schema_arrow.names
        columns = columns_of(path, names, file.iter_batches(_ROWS, use_threads=False))
    except (pyarrow.ArrowException, OSError, ValueError, KeyError, OverflowError) as error:
        if isinstance(error, DataError):
            raise
        raise bad_data(str(path), f"this is not a readable Parquet file ({error})", "Create it again.") from error
    if not any(columns.values()):
        raise bad_data(str(path), "the file has no rows", "Add at least one row.")
    return with_class_names(Rows.of(columns, str(path)), parquet_features(file.schema_arrow.metadata))


def columns_of(path: Path, names: Sequence[str], batches: Iterable[Any]) -> dict[str, list]:
    """Convert Arrow record batches to lists by column, after checking their size.

    Args:
        path: The file, for messages.
        names: Column names.
        batches: Record batches.

    Raises:
        DataError: If there are too many values, or they are too large.
    """
    import pyarrow  # as above

    columns = [[] for _ in names]
    rows = 0
    left = most_bytes()
    for batch in batches:
        rows += batch.num_rows
        security.check_columns(names, rows, str(path))
        left -= sum(map(_unpacked_bytes, batch.columns))
        if left < 0:
            raise too_large(path)
        for values, column in zip(columns, batch.columns):
            if pyarrow.types.is_dictionary(column.type):
                column = column.dictionary_decode()
            values.extend(known(value) for value in column.to_pylist())
    return dict(zip(names, columns))


def _check_parquet(path: Path, file: Any) -> None:
    """Reject a file whose metadata declares too many columns or values."""
    facts = file.metadata
    security.check_columns(file.schema_arrow.names, facts.num_rows, str(path))
    chunks = [facts.row_group(i).column(j) for i in range(facts.num_row_groups) for j in range(facts.num_columns)]
    security.check_cells(sum(chunk.num_values for chunk in chunks), str(path))
    # A page header may contradict this, but pyarrow does not expose it: such a page takes up to 2 GB before pyarrow fails.
    if sum(chunk.total_uncompressed_size for chunk in chunks) > most_bytes():
        raise too_large(path)


def _unpacked_bytes(array: Any) -> int:
    """Return the memory size of an Arrow array after decoding dictionary-encoded texts."""
    import pyarrow  # as above
    import pyarrow.compute  # likewise

    kind = pyarrow.types
    if kind.is_dictionary(array.type) and not kind.is_primitive(array.type.value_type):
        lengths = pyarrow.compute.binary_length(array.dictionary)
        return pyarrow.compute.sum(lengths.take(array.indices)).as_py() or 0
    if kind.is_list(array.type) or kind.is_large_list(array.type):
        return _unpacked_bytes(array.flatten())
    if kind.is_struct(array.type):
        return sum(map(_unpacked_bytes, array.flatten()))
    return array.nbytes


def read_tfrecord(path: Path, header: bool = True) -> Rows:
    """Read a TFRecord file (".gz": compressed) of `tf.train.Example`s with bytes, int64 or float features.

    A feature with one value becomes this value, with several values a list, without values None. Messages give record
    numbers as lines.

    Raises:
        DataError: If the file is corrupted, or contains anything but `tf.train.Example`s.
    """
    _check_lengths(path, read_bytes(path))
    records = tf.data.TFRecordDataset(str(path), compression_type="GZIP" if path.suffix.lower() == ".gz" else None)
    items = []
    lines = []
    number = 0
    try:
        for number, record in enumerate(records.as_numpy_iterator(), 1):
            try:
                items.append(_example(path, number, record))
            except DataError as error:
                skip(error)
            else:
                lines.append(number)
    except tf.errors.OpError as error:
        raise bad_data(
            str(path), f"the file is corrupted after this record ({error.message})", "Create it again.", line=number
        ) from error
    names = sorted({name for item in items for name in item})
    security.check_columns(names, len(items), str(path))
    if not names:
        raise bad_data(str(path), "expected examples with features", "Write tf.train.Example records.")
    return Rows.of({name: [item.get(name) for item in items] for name in names}, str(path), lines=lines)


def _check_lengths(path: Path, content: bytes) -> None:
    """Reject a record that is longer than the file: TensorFlow would allocate the memory, or end the process."""
    position = 0
    number = 0
    while position + 8 <= len(content):
        position += 16 + int.from_bytes(content[position : position + 8], "little")  # length, two checksums, record
        if position > len(content):
            problem = "the file is corrupted after this record (the next one extends past the end of the file)"
            raise bad_data(str(path), problem, "Create it again.", line=number)
        number += 1


def _example(path: Path, number: int, record: bytes) -> dict:
    try:
        features = tf.train.Example.FromString(record).features.feature
    except Exception as error:  # protobuf's DecodeError, which TensorFlow does not export
        raise bad_data(
            str(path), "expected a tf.train.Example", "Write tf.train.Example records.", line=number, value=record[:40]
        ) from error
    item = {}
    for name, feature in features.items():
        kind = feature.WhichOneof("kind")
        values = list(getattr(feature, kind).value) if kind else []
        values = [decoded(value, name=str(path), number=number) for value in values]
        item[name] = (known(values[0]) if len(values) == 1 else values) if values else None
    return item
