"""The backbone of a bundle of any task, for fine-tuning on another task."""

import dataclasses
import logging
import pathlib

import keras
from transformers import PreTrainedTokenizerFast

from kerasft.backbones import config_of
from kerasft.backbones.rebuild import rebuild
from kerasft.bundles import METADATA_FILE, load_bundle
from kerasft.checkpoints.families import family_of
from kerasft.checkpoints.generation_files import FIELDS, OPTIONS
from kerasft.checkpoints.report import LoadReport, listed
from kerasft.features import Labels
from kerasft.files import local_path
from kerasft.heads import sentence_embedding, sentence_encoder_of, text_classifier
from kerasft.heads.pooling import pooling_of

logger = logging.getLogger(__name__)


def is_bundle(folder: str | pathlib.Path) -> bool:
    """Return whether a folder was written by `kerasft.save_bundle`.

    Example:

    >>> is_bundle("no/such/folder")
    False
    """
    return (local_path(folder) / METADATA_FILE).is_file()


def load(folder: str | pathlib.Path, *, dtype: str | None = None) -> tuple[keras.Model, PreTrainedTokenizerFast]:
    """Load a bundle's backbone, without the head, and its tokenizer.

    Args:
        folder: The bundle.
        dtype: A Keras dtype policy; None: the global policy.

    Raises:
        CheckpointError: If the bundle is corrupted.
        KerasftError: If the backbone is KerasHub's own.

    Example:

    >>> from kerasft.demo import tiny
    >>> model, tokenizer = tiny.classifier(), tiny.tokenizer()
    >>> import kerasft
    >>> folder = kerasft.save_bundle("reviews_bundle", model, tokenizer)
    >>> load(folder)[0].checkpoint_report.missing
    ()
    """
    bundle = load_bundle(folder)
    backbone = backbone_of(bundle.model, dtype=dtype, source=str(folder))
    backbone.bundle_settings = {name: bundle.settings[name] for name in (OPTIONS, FIELDS) if name in bundle.settings}
    is_embedder = bundle.model.name == sentence_embedding.__name__
    backbone.sentence_encoder = sentence_encoder_of(bundle.model) if is_embedder else None
    return backbone, bundle.tokenizer


def backbone_of(model: keras.Model, *, dtype: str | None = None, source: str = "model") -> keras.Model:
    """Extract a model's backbone, with the model's weights; LoRA weights are merged.

    If the head does not use BERT's pooler, the pooler is initialized randomly, as with a checkpoint of a masked language model;
    `checkpoint_report.missing` lists its weights. The pooling of the model becomes the backbone's.

    Args:
        model: A backbone, or a model created by `kerasft.heads`.
        dtype: A Keras dtype policy; None: the global policy.
        source: The model's name in the report.

    Returns:
        A backbone, as returned by `kerasft.load_pretrained`.

    Raises:
        KerasftError: If the model has no kerasft backbone, or the weights are quantized.

    Example:

    >>> from kerasft.demo import tiny
    >>> model = tiny.classifier()
    >>> backbone_of(model).output["sequence_output"].shape[-1] == config_of(model).hidden_dim
    True
    """
    config = config_of(model)
    layers = {layer.name: layer for layer in rebuild(model).layers}
    if getattr(config, "pooler", False) and "pooled_dense" not in layers:
        config = dataclasses.replace(config, pooler=False)
    if (pooling := _own_pooling(model)) is not None:
        config = dataclasses.replace(config, pooling=pooling)
    backbone = family_of(config).build(config, dtype=dtype)
    loaded, missing = [], []
    for layer in backbone.layers:
        restored = layer.name in layers
        if layer.weights and restored:
            layer.set_weights(layers[layer.name].get_weights())
        (loaded if restored else missing).extend(weight.path for weight in layer.weights)
    if missing:
        logger.warning("%s has no weights for %s, which is initialized randomly.", source, listed(missing))
    backbone.checkpoint_report = LoadReport(source, loaded=tuple(loaded), missing=tuple(missing))
    return backbone


def _own_pooling(model: keras.Model) -> str | None:
    """The pooling that a model was trained with, if it differs from the family's published form."""
    if model.name == sentence_embedding.__name__:
        return pooling_of(model)
    published = config_of(model).classifier_form.pooling
    return pooling_of(model) if model.name == text_classifier.__name__ and pooling_of(model) != published else None


def restore_head(model: keras.Model, name: str | pathlib.Path) -> bool:
    """Load all weights of a bundle, including the head, if the model has the same architecture and labels.

    Training from an existing bundle thus continues with its head. For tasks without labels, such as language modeling, only the
    architecture is compared.

    Args:
        model: A model created by `kerasft.heads`.
        name: The name passed to `load_pretrained`: the folder of a bundle, or any other.

    Returns:
        Whether the weights were loaded. If not, the model is unchanged.

    Raises:
        CheckpointError: If the bundle is corrupted.

    Example:

    >>> from kerasft.demo import tiny
    >>> model, tokenizer = tiny.classifier(), tiny.tokenizer()
    >>> import kerasft
    >>> folder = kerasft.save_bundle("reviews_head", model, tokenizer)
    >>> restore_head(model, folder), restore_head(model, "bert-base-uncased")
    (True, False)
    """
    if not is_bundle(name):
        return False
    bundle = load_bundle(name)
    if bundle.model.name != model.name or _labels(bundle.model) != _labels(model):
        return False
    layers = {layer.name: layer for layer in rebuild(bundle.model).layers}
    weighted = [layer for layer in model.layers if layer.weights]
    if _kinds(model) != _kinds(bundle.model) or not all(layer.name in layers for layer in weighted):
        return False
    if any(_shapes(layer) != _shapes(layers[layer.name]) for layer in weighted):
        return False
    for layer in weighted:
        layer.set_weights(layers[layer.name].get_weights())
    return True


def _labels(model: keras.Model) -> list[Labels | None]:
    return [getattr(model, name, None) for name in ("labels", "intents")]


def _kinds(model: keras.Model) -> list[str]:
    """The layer types, with pooling: mean and CLS pooling cannot be told apart by the weights."""
    layers = [layer for layer in model.layers if not isinstance(layer, keras.layers.Dropout)]
    return sorted(f"{type(layer).__name__} {getattr(layer, 'pooling', '')}" for layer in layers)


def _shapes(layer: keras.layers.Layer) -> list[tuple[int, ...]]:
    return [tuple(weight.shape) for weight in layer.weights]
