"""What all exports share: target folder, sequence lengths, tokenizer files and metadata."""

import json
import os
import pathlib
from collections.abc import Sequence
from typing import Any

from kerasft import tokenizers
from kerasft.bundles import METADATA_FILE, MODEL_FILE, Bundle, load_bundle
from kerasft.errors import bad_argument, whole_number
from kerasft.files import file_written_aside, local_path
from kerasft.heads.own_model import checked_fixed_length

LABELS_FILE = "labels.txt"
REPORT_FILE = "report.json"
EXPORT_FILES = (
    *(*tokenizers.FILES, METADATA_FILE, LABELS_FILE, REPORT_FILE, "report.html", "README.md", "signature.json"),
    *("saved_model.pb", "variables", "assets", "fingerprint.pb", "model.tflite", "golden.jsonl"),
    *("python", "android", "ios", "web"),
)
"""All possible file names of an export in any format; another export to the same folder replaces them."""


def open_bundle(bundle: Bundle | str | os.PathLike) -> Bundle:
    """Return a bundle as it is, or load it from its folder.

    Raises:
        CheckpointError: If it is corrupted.

    Example:

    >>> bundle = Bundle(model=None, tokenizer=None, metadata={})
    >>> open_bundle(bundle) is bundle
    True
    """
    return bundle if isinstance(bundle, Bundle) else load_bundle(bundle)


def target_folder(bundle: Bundle | str | os.PathLike, folder: str | os.PathLike | None, name: str) -> pathlib.Path:
    """Return where to write: `folder`, or the bundle's folder with the suffix `.name`.

    Raises:
        KerasftError: If `folder` is missing for a bundle in memory, or contains anything other than an export.

    Example:

    >>> target_folder("saved_models/reviews/", None, "litert.int8").as_posix()
    'saved_models/reviews.litert.int8'
    """
    if folder is None and isinstance(bundle, Bundle):
        raise bad_argument("folder", "a path, for a bundle in memory", folder, "For example: folder='exports/reviews'.")
    folder = beside(bundle, name) if folder is None else local_path(folder)
    if folder.is_file():
        raise bad_argument("folder", "a new folder or an export to replace", str(folder), "It is a file.")
    filled = folder.is_dir() and any(folder.iterdir())
    if filled and ((folder / MODEL_FILE).exists() or not (folder / METADATA_FILE).is_file()):
        raise bad_argument(
            "folder", "a new folder or an export to replace", str(folder), "It contains other files; choose another."
        )
    return folder


def beside(bundle: str | os.PathLike, name: str) -> pathlib.Path:
    """The default folder of an export: next to the bundle, so that saving the bundle again does not delete it.

    Example:

    >>> beside("saved_models/reviews", "saved_model").as_posix()
    'saved_models/reviews.saved_model'
    """
    bundle = local_path(bundle)
    bundle = bundle if bundle.name not in ("", "..") else bundle.resolve()  # `.` and `..` have no name
    return bundle.with_name(f"{bundle.name}.{name}")


def write_companions(folder: pathlib.Path, bundle: Bundle, **facts: Any) -> None:
    """Write the files next to an exported model: tokenizer files, `kerasft.json`, `labels.txt` (one name per line; if any).

    Args:
        folder: Where to write.
        bundle: The exported bundle.
        **facts: Additional entries for `kerasft.json`.

    Example:

    >>> from kerasft.demo import tiny
    >>> bundle = Bundle(None, tiny.tokenizer(), {"labels": ["no", "yes"], "problem": "single_label"})
    >>> folder = pathlib.Path("companions")
    >>> write_companions(folder, bundle, format="litert")
    >>> sorted(path.name for path in folder.iterdir())[:2]
    ['kerasft.json', 'labels.txt']
    """
    tokenizers.save(bundle.tokenizer, folder)
    if bundle.labels is not None:
        (folder / LABELS_FILE).write_text("".join(f"{_one_line(name)}\n" for name in bundle.labels), "utf-8")
    write_json(folder / METADATA_FILE, {**bundle.metadata, **facts})


def write_json(path: pathlib.Path, content: dict[str, Any]) -> None:
    """Write a dictionary as indented UTF-8 JSON, atomically.

    Example:

    >>> path = pathlib.Path("a.json")
    >>> write_json(path, {"size_bytes": 3})
    >>> path.read_text().split()
    ['{', '"size_bytes":', '3', '}']
    """
    with file_written_aside(path) as aside:
        aside.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", "utf-8")


def _one_line(name: str) -> str:
    return " ".join(name.split())  # labels.txt has one label per line; kerasft.json has the unchanged name


def checked_length(bundle: Bundle, sequence_length: int | None) -> int:
    """Return the maximum input length of an export: the bundle's `max_length`, or the shorter fixed length.

    Raises:
        KerasftError: If `sequence_length` is not a whole number from 3 to the bundle's `max_length`.

    Example:

    >>> checked_length(Bundle(None, None, {"max_length": 128}), 64)
    64
    """
    if sequence_length is None:
        return bundle.max_length
    most = bundle.max_length
    expected = f"a whole number from 3 to {most} (the bundle's max_length), or None for any length"
    fix = "Train with a larger max_length for longer texts."
    return whole_number("sequence_length", sequence_length, fix, least=3, most=most, expected=expected)


def open_length(bundle: Bundle, sequence_length: int | Sequence[int] | None) -> int | Sequence[int] | None:
    """Return the requested length of an export, or the model's own if its inputs have a fixed length.

    Raises:
        KerasftError: If the requested length differs from the model's fixed length.

    Example:

    >>> open_length(Bundle(None, None, {"max_length": 128}), 64)
    64
    """
    fixed = checked_fixed_length(bundle.model, sequence_length, name="sequence_length")
    return sequence_length if fixed is None else fixed


def checked_lengths(bundle: Bundle, sequence_length: int | Sequence[int] | None) -> tuple[int, ...]:
    """Return the fixed lengths of an export in ascending order; empty for dynamic length.

    Raises:
        KerasftError: If the list is empty, or a length is invalid (see `checked_length`).

    Example:

    >>> checked_lengths(Bundle(None, None, {"max_length": 128}), (64, 32))
    (32, 64)
    """
    if sequence_length is None:
        return ()
    lengths = sequence_length if isinstance(sequence_length, list | tuple) else (sequence_length,)
    if not lengths:
        raise bad_argument("sequence_length", "at least one length", sequence_length, "Omit it for dynamic length.")
    return tuple(sorted({checked_length(bundle, length) for length in lengths}))
