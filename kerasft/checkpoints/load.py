"""`load_pretrained`: a checkpoint's name in, its backbone and tokenizer out."""

import json
import os
import pathlib

import keras
from transformers import PreTrainedTokenizerFast

from kerasft import tokenizers
from kerasft.backbones.bert import bert
from kerasft.checkpoints import bert as bert_checkpoint
from kerasft.checkpoints.safetensors_reader import Tensors


def load_pretrained(
    name: str | os.PathLike, *, revision: str | None = None, dtype: str | None = None
) -> tuple[keras.Model, PreTrainedTokenizerFast]:
    """Load a pretrained encoder and its tokenizer.

    Args:
        name: A local Hugging Face folder.
        revision: Branch, tag or commit of a hub id.
        dtype: A Keras dtype policy such as `"mixed_bfloat16"`; None: the global policy. Weights are kept in float32.

    Returns:
        `(backbone, tokenizer)`.
    """
    folder = pathlib.Path(name)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    backbone = bert(bert_checkpoint.read_config(config), dtype=dtype)
    tensors = Tensors(folder)
    prefix = "bert." if "bert.embeddings.word_embeddings.weight" in tensors else ""
    for tensor_name, variable in bert_checkpoint.weight_names(backbone).items():
        value = tensors.read(prefix + tensor_name)
        variable.assign(value.T if variable.name == "kernel" else value)
    return backbone, tokenizers.load(folder)
