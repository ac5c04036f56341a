"""Save a model in Hugging Face format, for the `AutoModel...` classes of `transformers` with PyTorch."""

import json
import math
import os
import pathlib
import re
import tempfile

import keras
import ml_dtypes
import numpy as np
from safetensors.numpy import save_file
from transformers import PreTrainedTokenizerFast

import kerasft
from kerasft import tokenizers
from kerasft.backbones import config_of
from kerasft.backbones.rebuild import refuse_quantized
from kerasft.checkpoints import generation_files, hub
from kerasft.checkpoints.config_file import CONFIG_FILE, read_fields
from kerasft.checkpoints.families import family_of
from kerasft.checkpoints.family import Family, Weights
from kerasft.checkpoints.hub import SMALL_FILES
from kerasft.checkpoints.model_card import model_card
from kerasft.checkpoints.report import listed
from kerasft.checkpoints.safetensors_reader import SINGLE_FILE
from kerasft.checkpoints.sentence_files import write_sentence_files
from kerasft.errors import bad_argument
from kerasft.files import local_path, written_aside
from kerasft.heads import sentence_embedding, sentence_encoder_of

CARD_FILE = "README.md"


DTYPES = ("float32", "float16", "bfloat16")
MODULE_FOLDER = re.compile(r"[1-9]_(Pooling|Dense|Normalize)")
_OURS = "kerasft_version"  # the field of config.json that marks a folder written by kerasft


def save_huggingface(
    folder: str | os.PathLike,
    model: keras.Model,
    tokenizer: PreTrainedTokenizerFast,
    *,
    dtype: str = "float32",
) -> pathlib.Path:
    """Save a backbone, or a model with a head, in Hugging Face layout. The folder is written atomically.

    Args:
        folder: Where to write. An existing folder is replaced only if it is empty, or contains only a checkpoint written by
            kerasft.
        model: A backbone of `load_pretrained`, or a model created from it by `kerasft.heads`.
        tokenizer: The model's tokenizer.
        dtype: The dtype in the file: `"float32"`, `"float16"` or `"bfloat16"`.

    Returns:
        The folder, with `config.json`, `model.safetensors`, the tokenizer's files and a model card, `README.md`; for a sentence
        encoder also the files of sentence-transformers, which then computes the same embeddings.

    Raises:
        KerasftError: If the model has no kerasft backbone, or Hugging Face has no class for its head; if the folder contains
            other files; if the weights are quantized; or if a weight is too large for float16.

    Example:

    >>> from kerasft.demo import tiny
    >>> tokenizer, backbone = tiny.tokenizer(), tiny.backbone()
    >>> folder = save_huggingface("exchange", backbone, tokenizer)
    >>> sorted(path.name for path in folder.iterdir())[:3]
    ['README.md', 'config.json', 'model.safetensors']
    """
    folder = local_path(folder)
    if dtype not in DTYPES:
        raise bad_argument("dtype", f"one of {DTYPES}", dtype, "Omit it for float32.")
    check_target(folder)
    refuse_quantized(model)
    config = config_of(model)
    family = family_of(config)
    class_name, weights, head_fields = _class_and_weights(model, family)
    fields = {
        "architectures": [class_name],
        "model_type": family.model_type,
        "dtype": dtype,
        **_special_ids(tokenizer),
        **family.write_config(config),
        **head_fields,
        _OURS: kerasft.__version__,
    }
    with written_aside(folder, own=SMALL_FILES) as aside:
        tokenizers.save(tokenizer, aside)
        save_file(
            {name: _cast(stored(weight), name, dtype) for name, weight in weights.items()},
            aside / SINGLE_FILE,
            {"format": "pt"},
        )
        (aside / CONFIG_FILE).write_text(json.dumps(fields, indent=2) + "\n", "utf-8")
        card = model_card(
            fields,
            kind=class_name.removeprefix(family.class_prefix),
            num_parameters=sum(math.prod(weight.stored_shape) for weight in weights.values()),
            kerasft_loader="load_pretrained"
            if class_name == family.class_prefix + family.base_class
            else "load_task_model",
        )
        (aside / CARD_FILE).write_text(card, "utf-8")
        if model.name in generation_files.TASKS:
            settings = getattr(model, "bundle_settings", {})
            generation_files.write_generation(aside, settings, ids=_special_ids(tokenizer), task=model.name)
        if model.name == sentence_embedding.__name__:
            encoder = sentence_encoder_of(model)
            longest = encoder.max_length or min(tokenizer.model_max_length, config.max_sequence_length)
            write_sentence_files(aside, encoder, hidden_dim=config.hidden_dim, max_length=longest)
    return folder


def check_target(folder: str | os.PathLike, *, name: str = "folder") -> None:
    """Raise unless a checkpoint can be written to `folder`. Nothing is created or changed.

    Args:
        folder: The target of `save_huggingface`.
        name: The argument's name in the message.

    Raises:
        KerasftError: If it is a file, or contains anything but a checkpoint written by kerasft.

    Example:

    >>> check_target("exchange/new")
    """
    folder = local_path(folder)
    expected = "a new folder, or one that contains only a checkpoint written by kerasft"
    if folder.exists() and not folder.is_dir():
        raise bad_argument(name, expected, str(folder), "It is a file; choose another name.")
    present = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    known = (CARD_FILE, SINGLE_FILE, *SMALL_FILES)
    others = [file for file in present if file not in known and not MODULE_FOLDER.fullmatch(file)]
    ours = (folder / CONFIG_FILE).is_file() and _OURS in read_fields(folder / CONFIG_FILE)
    if present and (others or not ours):
        fix = (
            f"It also contains {listed(others)}; choose another."
            if ours
            else "kerasft did not write it; choose another."
        )
        raise bad_argument(name, expected, str(folder), fix)


def push_to_hub(
    model: keras.Model,
    tokenizer: PreTrainedTokenizerFast,
    repo_id: str,
    *,
    dtype: str = "float32",
    private: bool | None = None,
    revision: str | None = None,
    commit_message: str = "Upload a model written by kerasft",
    token: str | None = None,
) -> str:
    """Save a model by `save_huggingface`, and upload it to the Hugging Face hub. kerasft itself never calls this.

    Args:
        model: As for `save_huggingface`.
        tokenizer: The model's tokenizer.
        repo_id: Such as `"your-name/reviews"`; created if it does not exist.
        dtype: As for `save_huggingface`.
        private: Whether a new repository is private; None: the account's default.
        revision: Branch to upload to; None: the main branch.
        commit_message: The commit message.
        token: Access token of the hub; None: the one stored by `hf auth login`.

    Returns:
        The URL of the commit.

    Raises:
        CheckpointError: If the hub cannot be reached or rejects the upload.

    Example:

    >>> from kerasft.demo import tiny
    >>> model, tokenizer = tiny.classifier(), tiny.tokenizer()
    >>> push_to_hub(model, tokenizer, "not a name")
    Traceback (most recent call last):
        ...
    kerasft.errors.KerasftError: `repo_id` must be a name of the form 'owner/name'; received: 'not a name'. ...
    """
    if not hub.is_hub_id(repo_id):
        raise bad_argument(
            "repo_id", "a name of the form 'owner/name'", repo_id, "Use letters, digits, '-', '_' and '.'."
        )
    with tempfile.TemporaryDirectory() as temporary:
        folder = save_huggingface(pathlib.Path(temporary) / "checkpoint", model, tokenizer, dtype=dtype)
        return hub.upload(
            folder, repo_id, private=private, revision=revision, commit_message=commit_message, token=token
        )


def _class_and_weights(model: keras.Model, family: Family) -> tuple[str, Weights, dict]:
    """The class name, the weights by tensor name, and the head's fields of `config.json`."""
    weights = family.weights(model)
    for suffix, head in family.heads.items():
        if head.task == model.name:
            misfit = head.misfit(model)
            if misfit:
                raise bad_argument("model", "supported by Hugging Face's classes", model.name, misfit + ".")
            prefixed = {family.prefix + name: weight for name, weight in weights.items()}
            return family.class_prefix + suffix, {**prefixed, **head.weights(model)}, head.write_options(model)
    if (
        not isinstance(model.output, dict) and model.name != sentence_embedding.__name__
    ):  # a backbone's output is a dict
        raise bad_argument(
            "model",
            f"a backbone or one of {', '.join(head.task for head in family.heads.values())}",
            model.name,
            "Hugging Face has no class for its head.",
        )
    return family.class_prefix + family.base_class, weights, {}


def stored(weight) -> np.ndarray:
    """Return a weight as stored in the file; for a layer with LoRA, the merged kernel."""
    value = keras.ops.convert_to_numpy(weight.variable)
    return np.ascontiguousarray(value.T if weight.transposed else value)


def _special_ids(tokenizer: PreTrainedTokenizerFast) -> dict[str, int]:
    # GPT2ForSequenceClassification needs them to find the last token, text generation to stop.
    ids = {f"{name}_token_id": getattr(tokenizer, f"{name}_token_id") for name in ("pad", "bos", "eos")}
    return {name: number for name, number in ids.items() if number is not None}


def _cast(value: np.ndarray, name: str, dtype: str) -> np.ndarray:
    with np.errstate(over="ignore"):
        cast = value.astype(ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype, copy=False)
    if np.isfinite(value).all() and not np.isfinite(cast).all():
        largest = float(np.abs(value).max())
        raise bad_argument(
            "dtype", f"able to represent {name}, whose largest value is {largest:.4g}", dtype, "Use 'bfloat16'."
        )
    return cast
