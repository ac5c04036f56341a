"""A bundle: everything that was trained, in one folder that every command and pipeline loads.

model.keras       the functional model with its weights
tokenizer.json    and the tokenizer's other files
kerasft.json      task, labels, lengths, versions, metrics, provenance
"""

import dataclasses
import datetime
import importlib.metadata
import json
import os
import pathlib
from typing import Any

import keras
from transformers import PreTrainedTokenizerFast

import kerasft
from kerasft import backbones, tokenizers  # noqa: F401  a saved model needs the layers of `backbones` registered
from kerasft.backbones.rebuild import refuse_quantized
from kerasft.data.token_store import Encoder
from kerasft.errors import CheckpointError, bad_argument
from kerasft.features import Labels
from kerasft.files import written_aside
from kerasft.heads import LabelledModel

MODEL_FILE = "model.keras"
METADATA_FILE = "kerasft.json"
FORMAT_VERSION = 1
TEXT_CLASSIFICATION = "text-classification"
_TASKS = {"token_classifier": "token-classification"}  # by the model's name; every other one with labels is the first
_PACKAGES = ("tensorflow", "keras", "keras-hub", "transformers", "tokenizers")


@dataclasses.dataclass(frozen=True)
class Bundle:
    """What a bundle's folder holds, loaded.

    Attributes:
        model: The functional model.
        tokenizer: The checkpoint's own fast tokenizer.
        metadata: The content of `kerasft.json`.

    Example:

    >>> from kerasft.features import Labels
    >>> Bundle(model=None, tokenizer=None, metadata={"labels": ["no", "yes"], "problem": "single_label"}).labels
    Labels(['no', 'yes'], problem='single_label')
    """

    model: keras.Model
    tokenizer: PreTrainedTokenizerFast
    metadata: dict[str, Any]

    @property
    def labels(self) -> Labels:
        """What the model's outputs stand for."""
        return Labels(self.metadata["labels"], self.metadata["problem"])

    @property
    def max_length(self) -> int:
        """Longest input in tokens; longer texts are cut."""
        return self.metadata["max_length"]


def save_bundle(
    folder: str | os.PathLike,
    model: LabelledModel,
    tokenizer: PreTrainedTokenizerFast,
    *,
    max_length: int | None = None,
    pair: bool = False,
    metrics: dict[str, Any] | None = None,
    provenance: dict[str, Any] | None = None,
) -> pathlib.Path:
    """Write a model and its tokenizer as a bundle. The folder appears whole or not at all; an old bundle is replaced.

    Args:
        folder: Where to write. An existing folder is replaced only if it is a bundle or empty.
        model: A model made by one of `kerasft.heads`, with `model.labels`.
        tokenizer: The tokenizer that made the training data.
        max_length: The longest input in tokens that the model was trained on; default as for the data functions: 128, or
            the tokenizer's limit if less.
        pair: Whether the model was trained on pairs of texts.
        metrics: What was measured, such as `model.evaluate(..., return_dict=True)`.
        provenance: Where the model comes from: checkpoint, data files, settings.

    Returns:
        The folder's path.

    Raises:
        KerasftError: If the model has no labels or is quantised, `max_length` is above the tokenizer's limit, or the folder holds
            something that is not a bundle.

    Example:

    >>> folder = save_bundle("saved_models/reviews", model, tokenizer)
    >>> sorted(path.name for path in folder.iterdir())[:2]
    ['kerasft.json', 'model.keras']
    """
    if not isinstance(getattr(model, "labels", None), Labels):
        raise bad_argument("model", "a model made by kerasft.heads, with model.labels", model, "See kerasft.heads.")
    refuse_quantized(model)
    folder = pathlib.Path(folder)
    check_target(folder)
    metadata = {
        "format_version": FORMAT_VERSION,
        "task": _TASKS.get(model.name, TEXT_CLASSIFICATION),
        "problem": model.labels.problem,
        "labels": list(model.labels),
        "max_length": Encoder(tokenizer, max_length, pair).max_length,
        "pair": bool(pair),
        "inputs": list(model.input),
        "num_parameters": int(model.count_params()),
        "metrics": metrics or {},
        "provenance": provenance or {},
        "versions": {"kerasft": kerasft.__version__} | {name: _version(name) for name in _PACKAGES},
        "created": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
    }
    with written_aside(folder) as aside:
        # The same layers without the optimizer, whose state would make the file three times as large.
        type(model)(model.input, model.output, name=model.name).save(aside / MODEL_FILE)
        tokenizers.save(tokenizer, aside)
        (aside / METADATA_FILE).write_text(json.dumps(metadata, indent=2, ensure_ascii=False) + "\n", "utf-8")
    return folder


def check_target(folder: str | os.PathLike, *, name: str = "folder") -> None:
    """Raise unless a bundle can be written to `folder`: worth knowing before a training and not after it.

    Args:
        folder: What `save_bundle` will be given. Nothing is made or changed.
        name: What the user calls it, for the message.

    Raises:
        KerasftError: If it is a file, holds other files than a bundle's, or may not be written.

    Example:

    >>> check_target("saved_models/new")
    """
    folder = pathlib.Path(folder)
    expected = "a new folder or a bundle to replace"
    if folder.is_dir() and any(folder.iterdir()) and not (folder / METADATA_FILE).is_file():
        raise bad_argument(name, expected, str(folder), "It holds other files; choose another folder.")
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not existing.is_dir():
        raise bad_argument(name, expected, str(folder), f"{existing} is a file; choose another folder.")
    place = folder.absolute().parent if existing == folder else existing
    if not os.access(place, os.W_OK | os.X_OK):
        raise bad_argument(name, expected, str(folder), f"You have no permission to write in {place}.")


def load_bundle(folder: str | os.PathLike) -> Bundle:
    """Load a bundle written by `save_bundle`. Nothing in the folder is executed (`.keras` in safe mode).

    Raises:
        CheckpointError: If the folder is not a bundle, or a file of it is missing or damaged.

    Example:

    >>> folder = save_bundle("saved_models/reviews", model, tokenizer)
    >>> load_bundle(folder).labels.problem
    'single_label'
    """
    folder = pathlib.Path(folder)
    metadata = read_metadata(folder)
    if not (folder / MODEL_FILE).is_file():
        raise CheckpointError(f"{folder}: {MODEL_FILE} is missing. The bundle is incomplete: save or copy it again.")
    try:
        model = keras.models.load_model(folder / MODEL_FILE, compile=False, safe_mode=True)
    except Exception as error:  # Keras, zipfile and h5py each raise their own kinds for a damaged file
        raise CheckpointError(
            f"{folder / MODEL_FILE} cannot be loaded: {str(error).splitlines()[0]}. Save or copy the bundle again; it was "
            f"written with keras {metadata.get('versions', {}).get('keras', 'unknown')}, here is {keras.__version__}."
        ) from error
    return Bundle(model, tokenizers.load(folder), metadata)


def read_metadata(folder: str | os.PathLike) -> dict[str, Any]:
    """Read and check `kerasft.json` of a bundle or of an exported folder.

    Raises:
        CheckpointError: If the file is missing or not one of ours; the message says what the folder holds.

    Example:

    >>> read_metadata("no/such/folder")
    Traceback (most recent call last):
    ...
    kerasft.errors.CheckpointError: no/such/folder is not a bundle: there is no such folder. ...
    """
    folder = pathlib.Path(folder)
    path = folder / METADATA_FILE
    if not path.is_file():
        found = ", ".join(sorted(item.name for item in folder.iterdir())[:8]) if folder.is_dir() else ""
        content = f"it holds {found or 'nothing'}" if folder.is_dir() else "there is no such folder"
        raise CheckpointError(
            f"{folder} is not a bundle: {content}. Expected a folder with {METADATA_FILE}, as kerasft.save_bundle or "
            "`kerasft train` writes it."
        )
    try:
        metadata = json.loads(path.read_text("utf-8"))
        if not isinstance(metadata, dict):
            raise TypeError(f"a JSON object was expected, not {type(metadata).__name__}")
        Labels(metadata["labels"], metadata["problem"])
        metadata["max_length"] = int(metadata["max_length"])
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path} is damaged: {error!r}. Save or copy the bundle again.") from error
    if metadata.get("format_version", 0) > FORMAT_VERSION:
        raise CheckpointError(
            f"{path}: format_version is {metadata['format_version']}, this kerasft {kerasft.__version__} reads up to "
            f"{FORMAT_VERSION}. Install a newer kerasft."
        )
    return metadata


def check_task(metadata: dict[str, Any], folder: object) -> None:
    """Raise unless a bundle is of the one task that pipelines and exports have so far.

    Args:
        metadata: What `read_metadata` returned.
        folder: Where it is from, for the message.

    Raises:
        CheckpointError: If it is of another task.

    Example:

    >>> check_task({"task": "text-classification"}, "saved_models/reviews")
    """
    task = metadata.get("task", TEXT_CLASSIFICATION)
    if task != TEXT_CLASSIFICATION:
        raise CheckpointError(
            f"{folder}: the task must be {TEXT_CLASSIFICATION!r} for pipelines and exports; received: {task!r}. "
            "Call the model of kerasft.load_bundle(...) itself, or write it with `kerasft convert`."
        )


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
