"""Write a model as a Hugging Face folder, which PyTorch's `transformers` opens by its `AutoModel...` classes."""

import json
import os
import pathlib

import keras
import numpy as np
from safetensors.numpy import save_file
from transformers import PreTrainedTokenizerFast

from kerasft import tokenizers
from kerasft.backbones import config_of
from kerasft.checkpoints.config_file import CONFIG_FILE
from kerasft.checkpoints.families import family_of
from kerasft.checkpoints.family import Family, Weights
from kerasft.checkpoints.safetensors_reader import SINGLE_FILE
from kerasft.errors import bad_argument


def save_huggingface(folder: str | os.PathLike, model: keras.Model, tokenizer: PreTrainedTokenizerFast) -> pathlib.Path:
    """Write a backbone, or a model with a head, in Hugging Face layout.

    Args:
        folder: Where to write.
        model: Made by `load_pretrained`, or of such a backbone by one of `kerasft.heads`.
        tokenizer: Its tokenizer.

    Returns:
        The folder, with `config.json`, `model.safetensors` (float32) and the tokenizer's files.

    Raises:
        KerasftError: If the model has no kerasft backbone, or a head that no Hugging Face class has.

    Example:

    >>> folder = save_huggingface(scratch / "exchange", backbone, tokenizer)
    >>> sorted(path.name for path in folder.iterdir())[:2]
    ['config.json', 'model.safetensors']
    """
    folder = pathlib.Path(folder)
    config = config_of(model)
    family = family_of(config)
    class_name, weights, more = _head_parts(model, family)
    fields = {
        "architectures": [class_name],
        "model_type": family.model_type,
        **family.write_config(config),
        **more,
    }
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: stored(weight) for name, weight in weights.items()}, folder / SINGLE_FILE, {"format": "pt"})
    (folder / CONFIG_FILE).write_text(json.dumps(fields, indent=2) + "\n", "utf-8")
    tokenizers.save(tokenizer, folder)
    return folder


def _head_parts(model: keras.Model, family: Family) -> tuple[str, Weights, dict]:
    weights = family.weights(model)
    for suffix, head in family.heads.items():
        if head.task == model.name:
            misfit = head.misfit(model)
            if misfit:
                raise bad_argument("model", "of a form that Hugging Face has too", model.name, misfit + ".")
            prefixed = {family.prefix + name: weight for name, weight in weights.items()}
            return family.class_prefix + suffix, {**prefixed, **head.weights(model)}, head.write_options(model)
    if hasattr(model, "labels"):
        raise bad_argument(
            "model",
            f"a backbone or one of {', '.join(head.task for head in family.heads.values())}",
            model.name,
            "Its head has no counterpart there.",
        )
    return family.class_prefix + family.base_class, weights, {}


def stored(weight) -> np.ndarray:
    """Return a weight as its file has it."""
    value = keras.ops.convert_to_numpy(weight.variable.value)
    return np.ascontiguousarray(value.T if weight.transposed else value)
