"""A bundle: a trained model with its tokenizer and metadata, in one folder that every command and pipeline loads.

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
from collections.abc import Iterable
from typing import Any

import keras
from transformers import PreTrainedTokenizerFast

import kerasft
from kerasft import backbones, heads, security, tokenizers
from kerasft.backbones.rebuild import refuse_quantized
from kerasft.encoding.token_store import Encoder
from kerasft.errors import CheckpointError, bad_argument
from kerasft.features import EMBEDDING, Labels
from kerasft.files import local_path, written_aside
from kerasft.heads.own_model import OwnHead, checked_fixed_length, own_model
from kerasft.heads.trial import check_answers, save_checked, trial_inputs
from kerasft.tasks.question_answering import QUESTION_ANSWERING
from kerasft.tasks.tasks import DEFAULT, MODEL_NAMES, TASKS, task_name
from kerasft.tokenizers.thread_safe import thread_safe

MODEL_FILE = "model.keras"
METADATA_FILE = "kerasft.json"
FORMAT_VERSION = 1
MAX_LENGTH = 1_000_000
"""Maximum `max_length` of a bundle, in tokens."""
_OF_THE_MODEL = ("prompts", "default_prompt_name", "generation", "generation_config")
# Settings of the original checkpoint, preserved so that a conversion can write them again.
_PACKAGES = ("tensorflow", "keras", "keras-hub", "transformers", "tokenizers")


@dataclasses.dataclass(frozen=True)
class Bundle:
    """A loaded bundle.

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
    def labels(self) -> Labels | None:
        """Names of the model's outputs; None for a task without labels, such as language modeling."""
        if self.metadata.get("labels") is None:
            return None
        return Labels(self.metadata["labels"], self.metadata["problem"])

    @property
    def task(self) -> str:
        """The task's name, as on the command line: a key of `kerasft.tasks.TASKS`."""
        return task_name(self.metadata)

    @property
    def settings(self) -> dict[str, Any]:
        """Postprocessing settings of the task, such as the tagging scheme or a threshold."""
        return self.metadata.get("settings", {})

    @property
    def warnings(self) -> list[str]:
        """Warnings about the metrics, such as that the model is no better than the constant baseline."""
        return list((self.metadata.get("metrics") or {}).get("warnings", ()))

    @property
    def max_length(self) -> int:
        """Maximum input length in tokens; longer texts are truncated."""
        return self.metadata["max_length"]


def save_bundle(
    folder: str | os.PathLike,
    model: keras.Model,
    tokenizer: PreTrainedTokenizerFast,
    *,
    task: str | None = None,
    labels: Labels | Iterable[str] | None = None,
    max_length: int | None = None,
    pair: bool = False,
    settings: dict[str, Any] | None = None,
    metrics: dict[str, Any] | None = None,
    provenance: dict[str, Any] | None = None,
    overwrite: bool = False,
) -> pathlib.Path:
    """Save a model and its tokenizer as a bundle. The folder is written atomically.

    Args:
        folder: Where to write: a new or empty folder, or with `overwrite` a bundle.
        model: A model created by `kerasft.heads`, whose name determines the task; or with `task` a functional model with a
            custom head, see docs/own_head.md.
        tokenizer: The tokenizer used in training.
        task: The task of a custom head: `"text-classification"`, `"token-classification"`, `"question-answering"` or
            `"sentence-embedding"`.
        labels: For a custom head the C names of its outputs, as for `kerasft.heads`.
        max_length: Maximum input length in training, in tokens; default as for the data functions: 128, or the tokenizer's
            limit if less.
        pair: Whether the model was trained on pairs of texts.
        settings: Postprocessing settings for the task's pipeline (tagging scheme, stride of windows, thresholds, ...), as
            JSON-serializable values.
        metrics: Evaluation results, such as `model.evaluate(..., return_dict=True)`.
        provenance: Where the model comes from: checkpoint, data files, settings.
        overwrite: Whether to replace an existing bundle. Other files in the folder, such as exports, are kept.

    Returns:
        The folder's path.

    Raises:
        KerasftError: If the model's task is unknown, the model is quantized, `max_length` is above the tokenizer's limit, or the
            folder contains a bundle (without `overwrite`) or other files. For a custom head also if inputs, outputs or labels
            do not match the task, or the outputs differ after saving and loading.

    Example:

    >>> from kerasft.demo import tiny
    >>> model, tokenizer = tiny.classifier(), tiny.tokenizer()
    >>> folder = save_bundle("saved_models/reviews", model, tokenizer, overwrite=True)
    >>> sorted(path.name for path in folder.iterdir())[:2]
    ['kerasft.json', 'model.keras']
    """
    folder = local_path(folder)
    check_target(folder, overwrite=overwrite)
    bundle = make_bundle(
        model, tokenizer, task=task, labels=labels, max_length=max_length, pair=pair, settings=settings
    )
    model = bundle.model
    metadata = bundle.metadata | {"metrics": metrics or {}, "provenance": provenance or {}}
    with written_aside(folder, own=tokenizers.FILES) as aside:
        # The same layers without the optimizer, whose state would triple the file size.
        plain = type(model)(model.input, model.output, name=model.name)
        if hasattr(model, "bundle_task"):
            features = trial_inputs(model, tokenizer, max_length=bundle.max_length, pair=metadata["pair"])
            save_checked(plain, aside / MODEL_FILE, features)
        else:
            plain.save(aside / MODEL_FILE)
        tokenizers.save(tokenizer, aside)
        # `default` converts paths, which may occur in provenance.
        text = json.dumps(metadata, indent=2, ensure_ascii=False, default=os.fspath)
        (aside / METADATA_FILE).write_text(text + "\n", "utf-8")
    return folder


def make_bundle(
    model: keras.Model,
    tokenizer: PreTrainedTokenizerFast,
    *,
    task: str | None = None,
    labels: Labels | Iterable[str] | None = None,
    max_length: int | None = None,
    pair: bool = False,
    settings: dict[str, Any] | None = None,
) -> Bundle:
    """Create a bundle in memory, for pipelines and exports, as `load_bundle` would return it.

    Args:
        model: As for `save_bundle`, like the other arguments.
        tokenizer: The tokenizer used in training.
        task: The task of a custom head.
        labels: The labels of a custom head.
        max_length: Maximum input length in tokens.
        pair: Whether the model was trained on pairs of texts.
        settings: Postprocessing settings.

    Raises:
        KerasftError: If the model's task is unknown, the model is quantized, or `max_length` is above the tokenizer's limit.

    Example:

    >>> from kerasft.demo import tiny
    >>> model, tokenizer = tiny.classifier(), tiny.tokenizer()
    >>> make_bundle(model, tokenizer, max_length=16).task
    'text-classification'
    """
    if task is not None or labels is not None:
        model = _of_task(model, task, labels)
        pair = pair or task == QUESTION_ANSWERING.name
    labels = getattr(model, "labels", None)
    if not isinstance(labels, Labels) and model.name not in MODEL_NAMES and not hasattr(model, "bundle_task"):
        fix = 'For a custom head, pass task= (such as "text-classification") and labels=[...]; see docs/own_head.md.'
        raise bad_argument("model", "a model built by kerasft.heads, or any model with task=", model, fix)
    refuse_quantized(model)
    metadata = {
        "format_version": FORMAT_VERSION,
        "task": getattr(model, "bundle_task", MODEL_NAMES.get(model.name, DEFAULT).name),
        "problem": None if labels is None else labels.problem,
        "labels": None if labels is None else list(labels),
        "settings": {**getattr(model, "bundle_settings", {}), **(settings or {})},
        "max_length": _max_length(model, tokenizer, max_length, pair),
        "pair": bool(pair),
        "inputs": list(model.input),
        "num_parameters": int(model.count_params()),
        "versions": {"kerasft": kerasft.__version__} | {name: _version(name) for name in _PACKAGES},
        "created": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
    }
    if task is not None:
        check_answers(model, tokenizer, max_length=metadata["max_length"], pair=metadata["pair"])
    return Bundle(model, thread_safe(tokenizer), metadata)


def _of_task(model: keras.Model, task: str | None, labels: Labels | Iterable[str] | None) -> keras.Model:
    """Return a model of `kerasft.heads` unchanged, and any other model wrapped."""
    is_ours = isinstance(model, heads.LogitsModel) or getattr(model, "output_names", None) == [EMBEDDING]
    if not is_ours or model.name not in MODEL_NAMES:
        return own_model(model, _own_head(task), labels)
    for name, given, expected in (
        ("task", task, MODEL_NAMES[model.name].name),
        ("labels", labels, getattr(model, "labels", None)),
    ):
        if given is not None and given != expected:
            fix = "Models of kerasft.heads set it themselves."
            raise bad_argument(name, f"omitted, or {expected!r}, for {model.name}", given, fix)
    return model


def _own_head(task: str | None) -> OwnHead:
    heads_by_task = {name: one.own_head for name, one in TASKS.items() if one.own_head is not None}
    if task not in heads_by_task:
        fix = "Choose one of them; for other tasks see kerasft.heads."
        raise bad_argument("task", f"one of {', '.join(heads_by_task)}", task, fix)
    return heads_by_task[task]


def _max_length(model: keras.Model, tokenizer: PreTrainedTokenizerFast, max_length: int | None, pair: bool) -> int:
    fixed = checked_fixed_length(model, max_length, name="max_length")
    return Encoder(tokenizer, max_length or fixed or getattr(model, "bundle_max_length", None), pair).max_length


def check_target(folder: str | os.PathLike, *, name: str = "folder", overwrite: bool = False) -> None:
    """Raise unless a bundle can be written to `folder`; call it before training. Nothing is created or changed.

    Args:
        folder: The target of `save_bundle`.
        name: The argument's name in the message.
        overwrite: Whether an existing bundle may be replaced.

    Raises:
        KerasftError: If it is a file, contains a bundle that may not be replaced or other files, or is not writable.

    Example:

    >>> check_target("saved_models/new")
    """
    folder = local_path(folder)
    expected = "a new folder or a bundle to replace"
    if (folder / METADATA_FILE).is_file() and (folder / MODEL_FILE).is_file() and not overwrite:
        fix = "overwrite=True" if name == "folder" else "--overwrite (in Python: overwrite=True)"
        raise bad_argument(name, "a new folder", str(folder), f"It contains a bundle; add {fix} to replace it.")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / METADATA_FILE).is_file():
        raise bad_argument(name, expected, str(folder), "It contains other files; choose another folder.")
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not existing.is_dir():
        raise bad_argument(name, expected, str(folder), f"{existing} is a file; choose another folder.")
    parent = folder.absolute().parent if existing == folder else existing
    if not os.access(parent, os.W_OK | os.X_OK):
        raise bad_argument(name, expected, str(folder), f"You have no permission to write in {parent}.")


def load_bundle(folder: str | os.PathLike, *, trust: bool = False) -> Bundle:
    """Load a bundle written by `save_bundle`. It may come from an untrusted source: `kerasft.security` checks the files first.

    Args:
        folder: The bundle.
        trust: Whether to disable the checks, for a model from a trusted source with layers that they do not allow.

    Raises:
        CheckpointError: If the folder is not a bundle, or a file is missing, corrupted or could be harmful.

    Example:

    >>> from kerasft.demo import tiny
    >>> model, tokenizer = tiny.classifier(), tiny.tokenizer()
    >>> folder = save_bundle("saved_models/reviews", model, tokenizer, overwrite=True)
    >>> load_bundle(folder).labels.problem
    'single_label'
    """
    folder = local_path(folder)
    metadata = read_metadata(folder)
    if not (folder / MODEL_FILE).is_file():
        if "format" in metadata:
            raise CheckpointError(
                f"{folder} is an export ({metadata['format']}), which cannot be trained or exported again. Use the bundle "
                "it was exported from; `kerasft predict` accepts exports too."
            )
        raise CheckpointError(f"{folder}: {MODEL_FILE} is missing. The bundle is incomplete: save or copy it again.")
    with security.trust(trust):
        model = _load_model(folder / MODEL_FILE, metadata)
        tokenizer = tokenizers.load(folder)
    _check_ids(tokenizer, model, folder)
    if not hasattr(type(model), "bundle_settings"):
        settings = metadata["settings"]
        model.bundle_settings = {name: settings[name] for name in _OF_THE_MODEL if name in settings}
        model.bundle_max_length = metadata["max_length"]
    if model.name not in MODEL_NAMES and not hasattr(type(model), "labels"):  # a custom head, see own_model
        model.bundle_task = task_name(metadata)
        if metadata["labels"] is not None:
            model.labels = Labels(metadata["labels"], metadata["problem"])
    return Bundle(model, tokenizer, metadata)


def _check_ids(tokenizer: PreTrainedTokenizerFast, model: keras.Model, folder: pathlib.Path) -> None:
    sizes = [layer.input_dim for layer in model.layers if isinstance(layer, backbones.TokenEmbedding)]
    largest = max(tokenizer.get_vocab().values(), default=0)
    if sizes and largest >= max(sizes):
        raise CheckpointError(
            f"{folder}: the tokenizer's largest id must be below the model's {max(sizes)} tokens; received: {largest}. Save or "
            "copy the bundle again."
        )


def _load_model(path: pathlib.Path, metadata: dict[str, Any]) -> keras.Model:
    num_values = security.check_keras_file(path)
    try:
        with security.bounded_variables(num_values, path):
            return keras.models.load_model(path, compile=False, safe_mode=not security.is_trusted())
    except CheckpointError:
        raise
    except Exception as error:  # Keras, zipfile and h5py each raise their own types for a corrupted file
        raise CheckpointError(
            f"{path} cannot be loaded: {(str(error).splitlines() or [type(error).__name__])[0]}. Save or copy the bundle again; "
            f"it was written with keras {metadata['versions'].get('keras', 'unknown')}, installed is {keras.__version__}."
        ) from error


def read_metadata(folder: str | os.PathLike) -> dict[str, Any]:
    """Read and validate the `kerasft.json` of a bundle or an export.

    Raises:
        CheckpointError: If the file is missing or invalid; the message lists what the folder contains.

    Example:

    >>> read_metadata("no/such/folder")
    Traceback (most recent call last):
    ...
    kerasft.errors.CheckpointError: no/such/folder is not a bundle: the folder does not exist. ...
    """
    folder = local_path(folder)
    path = folder / METADATA_FILE
    if not path.is_file():
        content = "it is a file" if folder.is_file() else "the folder does not exist"
        if folder.is_dir():
            content = f"it contains {', '.join(sorted(item.name for item in folder.iterdir())[:8]) or 'nothing'}"
        raise CheckpointError(
            f"{folder} is not a bundle: {content}. Expected a folder with {METADATA_FILE}, written by kerasft.save_bundle or "
            "`kerasft train`."
        )
    metadata = security.read_json(path)
    try:
        if not isinstance(metadata, dict):
            raise TypeError(f"expected a JSON object, got {type(metadata).__name__}")
        for name in ("settings", "metrics", "versions", "provenance"):
            if not isinstance(metadata.setdefault(name, {}), dict):
                raise TypeError(f"{name!r} must be an object, not {type(metadata[name]).__name__}")
        if metadata["labels"] is not None:
            Labels(metadata["labels"], metadata["problem"])
        metadata["max_length"] = int(metadata["max_length"])
        if not isinstance(metadata.get("format_version", 0), int) or not isinstance(metadata.get("task", ""), str):
            raise TypeError("'format_version' must be a number and 'task' a string")
        if not 1 <= metadata["max_length"] <= MAX_LENGTH:
            raise ValueError(f"'max_length' must be from 1 to {MAX_LENGTH}")
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise CheckpointError(f"{path} is corrupted: {error!r}. Save or copy the bundle again.") from error
    if metadata.get("format_version", 0) > FORMAT_VERSION:
        raise CheckpointError(
            f"{path}: format_version is {metadata['format_version']}, this kerasft {kerasft.__version__} reads up to "
            f"{FORMAT_VERSION}. Install a newer kerasft."
        )
    return metadata


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
