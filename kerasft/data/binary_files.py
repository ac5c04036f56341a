"""Parquet files, and TFRecord files of `tf.train.Example`."""

from pathlib import Path

import tensorflow as tf

from kerasft.data.class_names import parquet_features, with_class_names
from kerasft.data.invalid_rows import skip
from kerasft.data.python_rows import decoded, known
from kerasft.data.rows import Rows
from kerasft.data.text_files import read_bytes
from kerasft.errors import DataError, bad_data


def read_parquet(path: Path, header: bool = True) -> Rows:
    """Read a Parquet file; its row number stands for the line in messages.

    Raises:
        DataError: If it is not a readable Parquet file, or has no rows.
    """
    import pyarrow  # here and not above: it takes long to load, and no other format needs it
    import pyarrow.parquet  # likewise

    try:
        table = pyarrow.parquet.read_table(pyarrow.BufferReader(read_bytes(path)))
        columns = {
            name: [known(value) for value in table.column(i).to_pylist()] for i, name in enumerate(table.column_names)
        }
    except (pyarrow.ArrowException, OSError, ValueError, KeyError) as error:
        raise bad_data(str(path), f"this is not a readable Parquet file ({error})", "Write it again.") from error
    if not table.num_rows or not columns:
        raise bad_data(str(path), "the file has no row", "Give a file with at least one row.")
    return with_class_names(Rows.of(columns, str(path)), parquet_features(table.schema.metadata))


def read_tfrecord(path: Path, header: bool = True) -> Rows:
    """Read a TFRecord file (".gz": compressed) of `tf.train.Example`s with bytes, int64 or float features.

    A feature of one value is a cell, of several a list, of none (or absent) None. The record's number stands for the
    line in messages.

    Raises:
        DataError: If the file is damaged or holds anything but examples.
    """
    read_bytes(path)  # says clearly when the file is empty or not readable
    records = tf.data.TFRecordDataset(str(path), compression_type="GZIP" if path.suffix.lower() == ".gz" else None)
    items, lines, number = [], [], 0
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
            str(path), f"the file is damaged after this record ({error.message})", "Write it again.", line=number
        ) from error
    names = sorted({name for item in items for name in item})
    if not names:
        raise bad_data(str(path), "there is no example with features", "Write tf.train.Example records.")
    return Rows.of({name: [item.get(name) for item in items] for name in names}, str(path), lines=lines)


def _example(path: Path, number: int, record: bytes) -> dict:
    try:
        features = tf.train.Example.FromString(record).features.feature
    except Exception as error:  # protobuf's DecodeError: its module is not a public part of TensorFlow
        raise bad_data(
            str(path), "this record is not a tf.train.Example", "Write such records.", line=number, value=record[:40]
        ) from error
    item = {}
    for name, feature in features.items():
        kind = feature.WhichOneof("kind")
        values = list(getattr(feature, kind).value) if kind else []
        values = [decoded(value, name=str(path), number=number) for value in values]
        item[name] = (known(values[0]) if len(values) == 1 else values) if values else None
    return item
