"""Load the backbone, or the complete model, and the tokenizer of a checkpoint."""

import dataclasses
import math
import os
import pathlib
import warnings

import keras
import tensorflow as tf
from transformers import PreTrainedTokenizerFast

from kerasft import security, tokenizers
from kerasft.backbones import BackboneConfig
from kerasft.checkpoints import bundle_reader, fairseq_reader, generation_files, hub, keras_hub_preset
from kerasft.checkpoints.config_file import CONFIG_FILE, ConfigFile, read_fields
from kerasft.checkpoints.fairseq_reader import MODEL_FILE as FAIRSEQ_FILE
from kerasft.checkpoints.fairseq_reader import FairseqReader
from kerasft.checkpoints.families import read_family
from kerasft.checkpoints.family import Family, Head
from kerasft.checkpoints.report import listed
from kerasft.checkpoints.sentence_files import (
    fit_tokenizer,
    is_sentence_encoder,
    read_sentence_encoder,
    transformer_folder,
)
from kerasft.checkpoints.tensors import Tensors, Unwrapped, open_tensors
from kerasft.checkpoints.tf1_reader import CONFIG_FILE as TF1_CONFIG_FILE
from kerasft.checkpoints.tf1_reader import Tf1Reader
from kerasft.checkpoints.uninitialized import Unfilled
from kerasft.checkpoints.weights import assign
from kerasft.errors import CheckpointError, KerasftError, bad_argument
from kerasft.features import SEGMENT_IDS
from kerasft.heads import SentenceEncoder, sentence_embedding
from kerasft.tokenizers.casing import casing_problem


def load_pretrained(
    name: str | os.PathLike, *, revision: str | None = None, dtype: str | None = None, allow: tuple[str, ...] = ()
) -> tuple[keras.Model, PreTrainedTokenizerFast]:
    """Load a pretrained backbone (encoder or decoder) and its tokenizer.

    Every config field that affects the outputs is either supported or an error, every weight is accounted for, and no code from
    the checkpoint is run. A task head is ignored; see `load_task_model`.

    From a sentence-transformers folder (`modules.json`), the pooling is read too: it becomes the default pooling in
    `kerasft.heads`, and `backbone.sentence_encoder` has all settings.

    Args:
        name: A local folder in Hugging Face layout (`config.json`, the tokenizer's files, and `model.safetensors`,
            `pytorch_model.bin` or `tf_model.h5`, each also in shards), or Google's BERT for TensorFlow 1
            (`bert_config.json`, `bert_model.ckpt.*`, `vocab.txt`), or Fairseq's RoBERTa (`model.pt`, `dict.txt`); or a
            hub id such as `"google-bert/bert-base-uncased"`, with or without `hf://`; or a KerasHub preset: a name such
            as `"bert_tiny_en_uncased"`, a `kaggle://` handle, or a preset folder; or a bundle of any task, whose head is
            ignored.
        revision: Branch, tag or commit of a hub id.
        dtype: A Keras dtype policy such as `"mixed_bfloat16"`; None: the global policy.
        allow: Patterns such as `"encoder.layer.11.*"` (`fnmatch`) of weights that may be missing from the file or from the
            model; any other such weight is an error.

    Returns:
        `(backbone, tokenizer)`. The backbone is a functional model. Inputs: `token_ids`, `padding_mask` and, depending on the
        family, `segment_ids`, int32 (B, S). Outputs: `sequence_output` (B, S, H) and, with a pooler, `pooled_output` (B, H).
        T5 has each with `encoder_...` and `decoder_...`, see `kerasft.backbones.t5`. `backbone.checkpoint_report` is a
        `LoadReport` of all tensors. The tokenizer is the checkpoint's own.

    Raises:
        CheckpointError: If `name` is not found, or the checkpoint is corrupted or not supported.

    Example:

    >>> load_pretrained("./no_such_folder")
    Traceback (most recent call last):
        ...
    kerasft.errors.CheckpointError: `name` must be an existing folder, a hub id or a KerasHub preset; received: ...
    """
    folder = _folder(name, revision)
    if keras_hub_preset.is_preset(folder):
        return keras_hub_preset.load(folder, dtype=dtype)
    if bundle_reader.is_bundle(folder):
        backbone, tokenizer = bundle_reader.load(folder, dtype=dtype)
        _fit_inputs(tokenizer, backbone)
        return backbone, tokenizer
    config_file, family = _open_config(pathlib.Path(folder))
    return _load(config_file, family, None, dtype=dtype, allow=allow, encoder=_sentence_encoder(folder))


def load_task_model(
    name: str | os.PathLike, *, revision: str | None = None, dtype: str | None = None, allow: tuple[str, ...] = ()
) -> tuple[keras.Model, PreTrainedTokenizerFast]:
    """Load a model with the task head of its checkpoint, such as `BertForSequenceClassification`.

    Args:
        name: As for `load_pretrained`, except KerasHub presets.
        revision: Branch, tag or commit of a hub id.
        dtype: A Keras dtype policy; None: the global policy.
        allow: As for `load_pretrained`. Missing weights are initialized randomly, so train the model before use.

    Returns:
        `(model, tokenizer)`. The model is created by the task's function of `kerasft.heads`, with the checkpoint's labels; from
        a sentence-transformers folder it is a `sentence_embedding` model with the same embeddings. The generation settings of
        a generative model become the defaults of a bundle created from it.

    Raises:
        CheckpointError: As for `load_pretrained`; if kerasft does not support the head; or if a weight of the model, including
            the pooler, is missing.

    Example:

    >>> load_task_model("./no_such_folder")
    Traceback (most recent call last):
        ...
    kerasft.errors.CheckpointError: `name` must be an existing folder, a hub id or a KerasHub preset; received: ...
    """
    folder = _folder(name, revision)
    config_file, family = _open_config(pathlib.Path(folder))
    encoder = _sentence_encoder(folder)
    if encoder is None:
        return _load(config_file, family, _head(config_file, family), dtype=dtype, allow=allow)
    backbone, tokenizer = _load(config_file, family, None, dtype=dtype, allow=allow, encoder=encoder)
    model = sentence_embedding(backbone)
    model.checkpoint_report = backbone.checkpoint_report
    if encoder.max_length is not None:
        tokenizer.model_max_length = min(tokenizer.model_max_length, encoder.max_length)
    return model, tokenizer


def has_task_head(name: str | os.PathLike, *, revision: str | None = None) -> bool:
    """Return whether `load_task_model` supports the head of a checkpoint; see `task_of`.

    Example:

    >>> from kerasft.demo import tiny
    >>> checkpoint = tiny.checkpoint("tiny_bert")
    >>> has_task_head(checkpoint)
    False
    """
    return task_of(name, revision=revision) is not None


def task_of(name: str | os.PathLike, *, revision: str | None = None) -> str | None:
    """Return the name of the model that `load_task_model` loads from a checkpoint; None if it has no supported head.

    Args:
        name: As for `load_pretrained`.
        revision: Branch, tag or commit of a hub id.

    Returns:
        Such as `"text_classifier"`; see `kerasft.tasks`. None for a preset or a bundle.

    Raises:
        CheckpointError: If `name` is not found, or its config is invalid or of an unsupported family.

    Example:

    >>> from kerasft.demo import tiny
    >>> checkpoint = tiny.checkpoint("tiny_bert")
    >>> task_of(checkpoint) is None
    True
    """
    folder = _folder(name, revision)
    if keras_hub_preset.is_preset(folder) or bundle_reader.is_bundle(folder):
        return None
    if is_sentence_encoder(pathlib.Path(folder)):
        return sentence_embedding.__name__
    config_file, family = _open_config(pathlib.Path(folder))
    head = _head_name(config_file, family)
    return None if head is None else family.heads[head].task


def _load(
    config_file: ConfigFile,
    family: Family,
    head: Head | None,
    *,
    dtype: str | None,
    allow: tuple[str, ...],
    encoder: SentenceEncoder | None = None,
) -> tuple[keras.Model, PreTrainedTokenizerFast]:
    options = head.read_options(config_file) if head else {}
    config, tokenizer, tensors = _read(config_file, family)
    if encoder is not None:
        if not any(field.name == "pooling" for field in dataclasses.fields(config)):
            raise CheckpointError(
                f"{config_file.path}: a sentence encoder's backbone must be an encoder or a GPT-2; received: {config.family!r}. "
                "Choose another checkpoint."
            )
        config = dataclasses.replace(config, pooling=encoder.pooling)
    if problem := casing_problem(tokenizer):
        warnings.warn(problem, stacklevel=4)
    unfilled = Unfilled()
    _check_layers(config, tensors, config_file.path)
    try:
        with security.bounded_variables(_most_numbers(tensors), config_file.path), unfilled.scope():
            model = family.build(config, dtype=dtype)
            if head:
                model = head.build(model, **options)
    except KerasftError:
        raise
    except (
        tf.errors.OpError,
        OverflowError,
        MemoryError,
        TypeError,
        ValueError,
    ) as error:  # impossible tensor sizes
        raise CheckpointError(
            f"{config_file.path} describes a model that cannot be built ({type(error).__name__}). Use config.json and weights of "
            "the same checkpoint."
        ) from error
    weights = family.weights(model)
    with warnings.catch_warnings():
        if encoder is not None:  # does not use BERT's pooler
            warnings.filterwarnings("ignore", message=r".*initialized randomly: pooler\.")
        model.checkpoint_report = assign(
            {**weights, **head.weights(model)} if head else weights,
            tensors,
            # A model with a head requires all weights; a backbone without a pooler can still be trained.
            family=dataclasses.replace(family, optional=()) if head else family,
            unused=head.unused if head else family.head_names,
            allow=allow,
            unfilled=unfilled,
        )
    model.sentence_encoder = encoder
    if head and head.task in generation_files.TASKS:
        model.bundle_settings = generation_files.read_generation(config_file, tokenizer, head.task)
    _fit_inputs(tokenizer, model)
    return model, tokenizer


def _most_numbers(tensors: Tensors) -> int:
    """Maximum number of parameters: head and pooler may be missing from the file; beyond that, the config does not match."""
    # The file size bounds the number of parameters, even if the headers claim more.
    num_bytes = sum(path.stat().st_size for path in tensors.folder.iterdir() if path.is_file())
    return 1_000_000 + 2 * min(num_bytes, sum(math.prod(tensors.shape(name)) for name in tensors))


def _check_layers(config: BackboneConfig, tensors: Tensors, path: pathlib.Path) -> None:
    """Raise if the config has more layers than the file has tensors, before spending hours on building them."""
    layers = max(getattr(config, "num_layers", 0), getattr(config, "num_decoder_layers", 0))
    num_tensors = sum(1 for _ in tensors)
    if layers > num_tensors:
        raise CheckpointError(
            f"{path} requires {layers} layers, but the weight file contains {num_tensors} tensors. Use config.json and weights "
            "of the same checkpoint."
        )


def _sentence_encoder(folder: str) -> SentenceEncoder | None:
    return read_sentence_encoder(pathlib.Path(folder)) if is_sentence_encoder(pathlib.Path(folder)) else None


def _folder(name: str | os.PathLike, revision: str | None) -> str:
    name = os.path.expanduser(os.fspath(name).removeprefix("hf://"))
    if (name and pathlib.Path(name).is_dir()) or keras_hub_preset.is_preset(name):
        return name
    if not hub.is_hub_id(name):
        raise bad_argument(
            "name",
            "an existing folder, a hub id or a KerasHub preset",
            name,
            "Check the spelling of the path.",
            kind=CheckpointError,
        )
    return str(hub.download(name, revision))


def _open_config(folder: pathlib.Path) -> tuple[ConfigFile, Family]:
    config_file = _config_file(transformer_folder(folder))
    return config_file, read_family(config_file)


def _config_file(folder: pathlib.Path) -> ConfigFile:
    if not (folder / CONFIG_FILE).is_file() and (folder / TF1_CONFIG_FILE).is_file():
        return ConfigFile(folder / TF1_CONFIG_FILE, {"model_type": "bert", **read_fields(folder / TF1_CONFIG_FILE)})
    if not (folder / CONFIG_FILE).is_file() and FairseqReader.fits(folder):
        return ConfigFile(folder / FAIRSEQ_FILE, FairseqReader(folder).config_fields())
    if not (folder / CONFIG_FILE).is_file() and Tf1Reader.fits(folder):
        others = ", ".join(sorted(path.name for path in folder.glob("*.json"))) or "none"
        raise CheckpointError(
            f"{folder}: no {TF1_CONFIG_FILE} found, the config of a TensorFlow 1 BERT; other .json files: {others}. "
            "Copy it here, or rename the checkpoint's config file to this name."
        )
    return ConfigFile(folder / CONFIG_FILE)


def _read(config_file: ConfigFile, family: Family) -> tuple[BackboneConfig, PreTrainedTokenizerFast, Tensors]:
    folder = config_file.path.parent
    config = family.read_config(config_file)
    config_file.finish()
    # T5 has no maximum length: its positions are relative.
    max_length = getattr(config, "max_sequence_length", None)
    tokenizer = _fitting_tokenizer(folder, config.vocabulary_size, max_length)
    fit_tokenizer(folder, tokenizer)
    # Opened before the graph is built, so that a corrupted file fails fast.
    tensors = Unwrapped(open_tensors(folder), prefix=family.prefix, anchor=family.anchor)
    if tensors.renamed:
        warnings.warn(
            f"{folder}: prefixes of wrapper modules were removed from {len(tensors.renamed)} tensor names: "
            f"{listed(tensors.renamed, limit=2)}.",
            stacklevel=5,
        )
    return family.refine(config, tensors), tokenizer, tensors


def _head(config_file: ConfigFile, family: Family) -> Head:
    name = _head_name(config_file, family)
    if name is None:
        received = config_file.get("architectures", None, expected="", accept=lambda x: True)
        classes = ", ".join(family.class_prefix + suffix for suffix in family.heads)
        raise CheckpointError(
            f"{config_file.path}: field 'architectures' must be a list with one of {classes}; received: {received!r}. Use "
            "load_pretrained for the backbone only; or, if the weights include one of these heads, set its class there."
        )
    return family.heads[name]


def _head_name(config_file: ConfigFile, family: Family) -> str | None:
    """Return the key in `family.heads` of the config's class; None if it is not there."""
    architectures = config_file.get("architectures", None, expected="", accept=lambda x: True)
    if not isinstance(architectures, list) or len(architectures) != 1:
        return None
    name = str(architectures[0]).removeprefix("TF").removeprefix(family.class_prefix)
    accepted = (family.class_prefix + name, f"TF{family.class_prefix}{name}")
    return name if name in family.heads and architectures[0] in accepted else None


def _fitting_tokenizer(folder: pathlib.Path, vocabulary_size: int, max_length: int | None) -> PreTrainedTokenizerFast:
    of_fairseq = FairseqReader.fits(folder) and not (folder / "tokenizer.json").is_file()
    tokenizer = fairseq_reader.load_tokenizer(folder) if of_fairseq else tokenizers.load(folder)
    largest = max(tokenizer.get_vocab().values(), default=-1)
    if largest >= vocabulary_size:
        raise CheckpointError(
            f"{folder}: the tokenizer's largest id must be below the config's vocab_size ({vocabulary_size}); "
            f"received: {largest}. Use the tokenizer and weights of the same checkpoint."
        )
    if max_length is not None:
        tokenizer.model_max_length = min(tokenizer.model_max_length, max_length)
    return tokenizer


def _fit_inputs(tokenizer: PreTrainedTokenizerFast, model: keras.Model) -> None:
    # A tokenizer may return segment ids although the model has no such input (BERT's tokenizer with DistilBERT), or the other
    # way round. The data functions follow the tokenizer, see features.model_inputs.
    names = [name for name in tokenizer.model_input_names if name != "token_type_ids"]
    tokenizer.model_input_names = [*names, "token_type_ids"] if SEGMENT_IDS in model.input else names
