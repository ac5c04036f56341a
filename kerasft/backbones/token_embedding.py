"""The token embedding, which also carries the backbone's configuration: it stands in every graph made of that backbone."""

import dataclasses
from typing import ClassVar, NamedTuple

import keras
import keras_hub

from kerasft.errors import bad_argument


class ClassifierForm(NamedTuple):
    """The form of a text classification head, between the hidden states and the logits.

    Example:

    >>> ClassifierForm(pooling="cls", hidden_activation="tanh").hidden_dropout
    True
    """

    pooling: str | None = None
    """`"cls"`, `"pooler"`, `"mean"`, `"last"`, or None for the pooler where there is one, else `"cls"`."""
    hidden_activation: str | None = None
    """Of a dense layer of H units after the pooling; None: there is no such layer."""
    hidden_dropout: bool = True
    """Whether there is a dropout before that dense layer too."""


class BackboneConfig:
    """Base of the configurations: what Keras needs to store one in a `.keras` file.

    A subclass is a frozen dataclass, registered by `keras.saving.register_keras_serializable`, with the name of its
    family: the `model_type` of Hugging Face.

    Example:

    >>> from kerasft.backbones import BertConfig
    >>> config = BertConfig(vocabulary_size=100, num_layers=2, num_heads=2, hidden_dim=8, intermediate_dim=16)
    >>> BertConfig.from_config(config.get_config()) == config
    True
    """

    family: ClassVar[str]
    classifier_form: ClassVar[ClassifierForm] = ClassifierForm()
    """The text classification head that the family was published with."""
    masked_lm_activation: ClassVar[str | None] = None
    """Of the masked-language-model head; None: that of the blocks, `config.activation`."""
    pooling: ClassVar[str | None] = None
    """How the checkpoint was trained to make one vector of a text; a field of the families that do."""

    def get_config(self) -> dict:
        """Return the fields; functions by their registered names."""
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {name: keras.activations.serialize(x) if callable(x) else x for name, x in fields.items()}

    @classmethod
    def from_config(cls, fields: dict) -> "BackboneConfig":
        """Return the configuration of these fields."""
        if "activation" in fields and not isinstance(fields["activation"], str):
            fields = {**fields, "activation": keras.activations.deserialize(fields["activation"])}
        return cls(**fields)


@keras.saving.register_keras_serializable("kerasft")
class TokenEmbedding(keras_hub.layers.ReversibleEmbedding):
    """KerasHub's `ReversibleEmbedding` that remembers which backbone it belongs to.

    Args:
        config: The backbone's configuration; `vocabulary_size` and the width are taken from it.
        output_dim: Width of the embeddings; None: `config.hidden_dim`.
        **kwargs: Of `keras_hub.layers.ReversibleEmbedding`.

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
        """Return the arguments that make this layer again."""
        config = {name: value for name, value in super().get_config().items() if name != "input_dim"}
        return {**config, "config": keras.saving.serialize_keras_object(self.config)}


def config_of(model: keras.Model) -> BackboneConfig:
    """Return the configuration of the kerasft backbone that a model is, or was made of.

    Args:
        model: A backbone of `kerasft.backbones`, or a model that `kerasft.heads` made of one, also after it was saved and
            loaded.

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
        "a backbone that kerasft.load_pretrained built from a Hugging Face checkpoint, or a model made of one",
        model.name,
        "KerasHub's own backbones are saved by KerasHub: backbone.save_to_preset(folder).",
    )


def find_config(model: keras.Model) -> BackboneConfig | None:
    """Return what `config_of` returns, or None where that raises.

    Example:

    >>> find_config(keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])) is None
    True
    """
    return next((layer.config for layer in model.layers if isinstance(layer, TokenEmbedding)), None)
