"""The token embedding, which stores the backbone's configuration, because it is part of every model with that backbone."""

import dataclasses
from typing import ClassVar, NamedTuple

import keras
import keras_hub

from kerasft.errors import bad_argument


class ClassifierForm(NamedTuple):
    """Structure of a text classification head, between the hidden states and the logits.

    Example:

    >>> ClassifierForm(pooling="cls", hidden_activation="tanh").hidden_dropout
    True
    """

    pooling: str | None = None
    """`"cls"`, `"pooler"`, `"mean"`, `"last"`, or None: the pooler if the model has one, otherwise `"cls"`."""
    hidden_activation: str | None = None
    """Activation of a dense layer of H units after the pooling; None: no such layer."""
    hidden_dropout: bool = True
    """Whether dropout is also applied before that dense layer."""


class BackboneConfig:
    """Base class of backbone configurations, with Keras serialization.

    A subclass is a frozen dataclass, registered with `keras.saving.register_keras_serializable`. Its `family` is Hugging Face's
    `model_type`.

    Example:

    >>> from kerasft.backbones import BertConfig
    >>> config = BertConfig(vocabulary_size=100, num_layers=2, num_heads=2, hidden_dim=8, intermediate_dim=16)
    >>> BertConfig.from_config(config.get_config()) == config
    True
    """

    family: ClassVar[str]
    classifier_form: ClassVar[ClassifierForm] = ClassifierForm()
    """Text classification head of the family's published checkpoints."""
    masked_lm_activation: ClassVar[str | None] = None
    """Activation of the masked-language-model head; None: `config.activation`."""
    pooling: ClassVar[str | None] = None
    """Pooling that the checkpoint was trained with, for families that specify it."""

    def get_config(self) -> dict:
        """Return the fields, with functions as their registered names."""
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {name: keras.activations.serialize(x) if callable(x) else x for name, x in fields.items()}

    @classmethod
    def from_config(cls, fields: dict) -> "BackboneConfig":
        """Return the configuration with these fields."""
        if "activation" in fields and not isinstance(fields["activation"], str):
            fields = {**fields, "activation": keras.activations.deserialize(fields["activation"])}
        return cls(**fields)


@keras.saving.register_keras_serializable("kerasft")
class TokenEmbedding(keras_hub.layers.ReversibleEmbedding):
    """KerasHub's `ReversibleEmbedding` with the configuration of its backbone.

    Args:
        config: The backbone's configuration, which defines vocabulary and embedding size.
        output_dim: Size of the embeddings; None: `config.hidden_dim`.
        **kwargs: Arguments of `keras_hub.layers.ReversibleEmbedding`.

    Example:

    >>> from kerasft.backbones import BertConfig
    >>> config = BertConfig(vocabulary_size=100, num_layers=2, num_heads=2, hidden_dim=8, intermediate_dim=16)
    >>> layer = TokenEmbedding(config)
    >>> tuple(layer(keras.ops.ones((3, 5), "int32")).shape), TokenEmbedding.from_config(layer.get_config()).config == config
    ((3, 5, 8), True)
    """

    def __init__(self, config: BackboneConfig, *, output_dim: int | None = None, **kwargs):
        if isinstance(config, dict):  # from a saved model
            config = keras.saving.deserialize_keras_object(config)
        width = output_dim or config.hidden_dim
        super().__init__(config.vocabulary_size, width, **kwargs)
        self.config = config

    def get_config(self) -> dict:
        """Return the layer's configuration."""
        config = {name: value for name, value in super().get_config().items() if name != "input_dim"}
        return {**config, "config": keras.saving.serialize_keras_object(self.config)}


def config_of(model: keras.Model) -> BackboneConfig:
    """Return the configuration of a kerasft backbone, or of the backbone in a model.

    Args:
        model: A backbone of `kerasft.backbones`, or a model of `kerasft.heads` with one, also after saving and loading.

    Raises:
        KerasftError: If there is no kerasft backbone in the model.

    Example:

    >>> from kerasft.demo import tiny
    >>> backbone = tiny.backbone()
    >>> config_of(backbone).family
    'bert'
    """
    config = find_config(model)
    if config is not None:
        return config
    raise bad_argument(
        "model",
        "a backbone from kerasft.load_pretrained (Hugging Face checkpoint), or a model built on one",
        model.name,
        "Save KerasHub backbones with KerasHub: backbone.save_to_preset(folder).",
    )


def find_config(model: keras.Model) -> BackboneConfig | None:
    """Like `config_of`, but return None instead of raising.

    Example:

    >>> find_config(keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])) is None
    True
    """
    return next((layer.config for layer in model.layers if isinstance(layer, TokenEmbedding)), None)
