"""KerasHub presets: KerasHub's backbone, and a Hugging Face tokenizer built from the preset's vocabulary."""

import json
import pathlib
import sys
import tempfile

import keras
import keras_hub
from transformers import PreTrainedTokenizerFast

from kerasft import security, tokenizers
from kerasft.checkpoints.report import LoadReport
from kerasft.errors import CheckpointError

_SCHEMES = ("kaggle://", "modelscope://", "gs://", "s3://")


def is_preset(name: str) -> bool:
    """Return whether `name` is a KerasHub preset: a preset name, a handle, or a local preset folder.

    Example:

    >>> is_preset("bert_tiny_en_uncased"), is_preset("bert-base-uncased")
    (True, False)
    """
    config = pathlib.Path(name) / "config.json"
    if config.is_file():
        return (pathlib.Path(name) / "metadata.json").is_file() and b'"registered_name"' in security.read_bounded(
            config
        )
    return name.startswith(_SCHEMES) or name in keras_hub.models.Backbone.presets


def load(name: str, *, dtype: str | None = None) -> tuple[keras.Model, PreTrainedTokenizerFast]:
    """Load a preset.

    Args:
        name: Such as `"bert_tiny_en_uncased"`, `"kaggle://keras/bert/keras/bert_tiny_en_uncased"`, or a folder.
        dtype: A Keras dtype policy; None: the global policy.

    Returns:
        `(backbone, tokenizer)`, with KerasHub's own backbone.

    Raises:
        CheckpointError: If the preset cannot be read, or its tokenizer is not BERT's WordPiece.
    """
    options = {} if dtype is None else {"dtype": dtype}
    # The presets published by KerasHub are trusted.
    max_parameters = security.check_preset(name) if pathlib.Path(name).is_dir() else sys.maxsize
    try:
        tokenizer = keras_hub.models.Tokenizer.from_preset(name)
        if not isinstance(tokenizer, keras_hub.models.BertTokenizer):
            raise CheckpointError(
                f"KerasHub preset {name!r}: the tokenizer must be a BertTokenizer; received: "
                f"{type(tokenizer).__name__}. "
                "Load the backbone with keras_hub.models.Backbone.from_preset and the tokenizer of the same model with "
                "kerasft.tokenizers.load."
            )
        with security.bounded_variables(max_parameters, name):
            backbone = keras_hub.models.Backbone.from_preset(name, **options)
    except CheckpointError:
        raise
    except Exception as error:  # KerasHub, kagglehub and their HTTP clients raise errors of many types
        reason = " ".join(str(error).split())[:300]
        raise CheckpointError(
            f"KerasHub preset {name!r} could not be loaded: {type(error).__name__}: {reason} "
            "Check the name and the network, or use a preset folder."
        ) from error
    backbone.checkpoint_report = LoadReport(name, loaded=tuple(weight.path for weight in backbone.weights))
    return backbone, _fast_tokenizer(tokenizer, backbone)


def _fast_tokenizer(tokenizer, backbone: keras.Model) -> PreTrainedTokenizerFast:
    settings = {
        "tokenizer_class": "BertTokenizer",
        "do_lower_case": tokenizer.lowercase,
        "strip_accents": tokenizer.strip_accents,
        "tokenize_chinese_chars": tokenizer.split_on_cjk,
        "model_max_length": getattr(backbone, "max_sequence_length", 512),
    }
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        (folder / "vocab.txt").write_text("\n".join(tokenizer.get_vocabulary()) + "\n", encoding="utf-8")
        (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
        return tokenizers.load(folder)
