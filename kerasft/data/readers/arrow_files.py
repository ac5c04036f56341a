"""Reading of Arrow files, and of folders from `save_to_disk` of Hugging Face datasets, with pyarrow only."""

import json
from pathlib import Path

from kerasft.data.readers.class_names import parquet_features, with_class_names
from kerasft.data.readers.parquet_tfrecord import columns_of
from kerasft.data.readers.rows import Rows
from kerasft.data.readers.text_files import read_bytes, read_text
from kerasft.errors import DataError, bad_data

_STATE, _SPLITS = "state.json", "dataset_dict.json"


def read_arrow(path: Path, header: bool = True) -> Rows:
    """Read an Arrow file, in stream or file format; indices of a `ClassLabel` are replaced by its names.

    Raises:
        DataError: If it is not a readable Arrow file, or has no rows.
    """
    import pyarrow  # imported here: it is slow to load, and few formats need it
    import pyarrow.ipc  # likewise

    content = pyarrow.BufferReader(read_bytes(path))
    is_file = bytes(content.read(6)) == b"ARROW1"
    content.seek(0)
    try:
        reader = pyarrow.ipc.open_file(content) if is_file else pyarrow.ipc.open_stream(content)
        batches = map(reader.get_batch, range(reader.num_record_batches)) if is_file else reader
        columns = columns_of(path, reader.schema.names, batches)
    except (pyarrow.ArrowException, OSError, ValueError, KeyError, OverflowError) as error:
        if isinstance(error, DataError):
            raise
        raise bad_data(str(path), f"this is not a readable Arrow file ({error})", "Create it again.") from error
    if not any(columns.values()):
        raise bad_data(str(path), "the file has no rows", "Add at least one row.")
    return with_class_names(Rows.of(columns, str(path)), parquet_features(reader.schema.metadata))


def is_saved_dataset(path: Path) -> bool:
    """Whether a folder was written by `save_to_disk`.

    Example:

    >>> import pathlib
    >>> is_saved_dataset(pathlib.Path("."))
    False
    """
    return any((path / name).is_file() for name in (_STATE, _SPLITS))


def read_saved_dataset(path: Path) -> Rows:
    """Read a folder written by `Dataset.save_to_disk`.

    Raises:
        DataError: If it contains several splits, each in its own folder, or a file is missing.
    """
    if not (path / _STATE).is_file():
        splits = _json(path / _SPLITS).get("splits")
        splits = [name for name in splits if isinstance(name, str)] if isinstance(splits, list) else []
        fix = f"Use a single split, such as {path / splits[0]}." if splits else "Save it again."
        raise bad_data(str(path), "expected a single split, got a saved DatasetDict", fix, value=splits)
    files = _json(path / _STATE).get("_data_files")
    names = [item.get("filename") for item in files if isinstance(item, dict)] if isinstance(files, list) else []
    if not names or any(not isinstance(name, str) or Path(name).name != name for name in names):
        raise bad_data(str(path), f"{_STATE} lists no data files in this folder", "Save it again.", value=names)
    for name in names:
        if not (path / name).is_file():
            raise bad_data(str(path), f"the file {name} is missing", "Save it again.")
    return Rows.concatenate([read_arrow(path / name) for name in names])


def _json(path: Path) -> dict:
    try:
        content = json.loads(read_text(path))
    except DataError:
        raise
    except (ValueError, RecursionError) as error:
        raise bad_data(str(path), f"invalid JSON ({error})", "Save the dataset again.") from error
    return content if isinstance(content, dict) else {}
