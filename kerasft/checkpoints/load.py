"""`load_pretrained`: a checkpoint's name in, its backbone and tokenizer out."""

import os
import pathlib

import keras
from transformers import PreTrainedTokenizerFast

from kerasft import tokenizers
from kerasft.backbones.bert import bert
from kerasft.checkpoints import bert as bert_folder
from kerasft.checkpoints import hub, keras_hub_preset
from kerasft.checkpoints.config_file import CONFIG_FILE, ConfigFile
from kerasft.checkpoints.safetensors_reader import Tensors
from kerasft.checkpoints.weights import Names, assign
from kerasft.errors import CheckpointError, bad_argument


def load_pretrained(
    name: str | os.PathLike, *, revision: str | None = None, dtype: str | None = None
) -> tuple[keras.Model, PreTrainedTokenizerFast]:
    """Load a pretrained encoder and its tokenizer.

    Every field of the checkpoint's config that changes the result is honoured or refused, every weight is accounted
    for, and no code from the checkpoint is run. A task head in it is left out.

    Args:
        name: A local folder in Hugging Face layout (`config.json`, `model.safetensors` or shards with an index, and the
            tokenizer's files); or a hub id such as `"google-bert/bert-base-uncased"`, with or without `hf://`; or a
            KerasHub preset: a name such as `"bert_tiny_en_uncased"`, a `kaggle://` handle, or a preset folder.
        revision: Branch, tag or commit of a hub id.
        dtype: A Keras dtype policy such as `"mixed_bfloat16"`; None: the global policy.

    Returns:
        `(backbone, tokenizer)`. The backbone is a functional model: `token_ids`, `padding_mask`, `segment_ids`, int32
        (B, S), in; `sequence_output` (B, S, H) and `pooled_output` (B, H) out. The tokenizer is the checkpoint's own.

    Raises:
        CheckpointError: If nothing is found under `name`, or it is damaged, or asks for what kerasft cannot compute.

    Example:

    >>> load_pretrained("./no_such_folder")
    Traceback (most recent call last):
        ...
    kerasft.errors.CheckpointError: `name` must be an existing folder, a hub id or a KerasHub preset; received: ...
    """
    name = os.fspath(name).removeprefix("hf://")
    if not (name and pathlib.Path(name).is_dir()) and not keras_hub_preset.is_preset(name):
        if not hub.is_hub_id(name):
            raise bad_argument(
                "name",
                "an existing folder, a hub id or a KerasHub preset",
                name,
                "Check the spelling of the path.",
                kind=CheckpointError,
            )
        name = str(hub.download(name, revision))
    if keras_hub_preset.is_preset(name):
        return keras_hub_preset.load(name, dtype=dtype)
    return _load_folder(pathlib.Path(name), dtype)


def _load_folder(folder: pathlib.Path, dtype: str | None) -> tuple[keras.Model, PreTrainedTokenizerFast]:
    config = ConfigFile(folder / CONFIG_FILE)
    config.choice("model_type", None, choices={"bert": "bert"})
    bert_config = bert_folder.read_config(config)
    config.finish()
    tokenizer = _fitting_tokenizer(folder, bert_config.vocabulary_size, bert_config.max_sequence_length)
    tensors = Tensors(folder)  # Opened before the graph is built: a damaged file fails fast.
    backbone = bert(bert_config, dtype=dtype)
    names = Names(
        variables=bert_folder.weight_names(backbone),
        prefix="bert.",
        optional=bert_folder.OPTIONAL_PREFIXES,
        heads=bert_folder.HEAD_PREFIXES,
    )
    assign(names, tensors)
    return backbone, tokenizer


def _fitting_tokenizer(folder: pathlib.Path, vocabulary_size: int, max_length: int) -> PreTrainedTokenizerFast:
    tokenizer = tokenizers.load(folder)
    largest = max(tokenizer.get_vocab().values(), default=-1)
    if largest >= vocabulary_size:
        raise CheckpointError(
            f"{folder}: the tokenizer's largest id must be below the config's vocab_size ({vocabulary_size}); "
            f"received: {largest}. Use the tokenizer and weights of one and the same checkpoint."
        )
    tokenizer.model_max_length = min(tokenizer.model_max_length, max_length)
    return tokenizer
