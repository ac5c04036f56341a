"""Definition of a model family and its task heads, for loading and saving."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import NamedTuple

import keras

from kerasft.backbones import BackboneConfig
from kerasft.checkpoints.config_file import ConfigFile
from kerasft.features import Labels, check_number_of_labels


class Weight(NamedTuple):
    """A variable, and whether its stored tensor is transposed."""

    variable: keras.Variable
    transposed: bool = False

    @property
    def stored_shape(self) -> tuple[int, ...]:
        """The tensor's shape in the file."""
        return tuple(self.variable.shape)[:: -1 if self.transposed else 1]


Weights = dict[str, Weight]
"""Hugging Face tensor name -> weight."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Head:
    """A published head of a family, such as `ForTokenClassification`.

    Args:
        task: Name of the model that the head function creates, such as `"token_classifier"`.
        build: `(backbone, **options)` -> the equivalent model.
        weights: Maps the head's tensor names to the model's weights, without those of the backbone.
        read_options: `config.json` -> options of `build`.
        write_options: Model -> additional fields of `config.json`, such as `id2label`.
        misfit: Model -> why it cannot be saved as this class; None if it can.
        unused: Prefixes of tensor names that are ignored.
    """

    task: str
    build: Callable[..., keras.Model]
    weights: Callable[[keras.Model], Weights]
    read_options: Callable[[ConfigFile], dict] = lambda config: {}
    write_options: Callable[[keras.Model], dict] = lambda model: {}
    misfit: Callable[[keras.Model], str | None] = lambda model: None
    unused: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Family:
    """A model family in Hugging Face format.

    Args:
        model_type: The field of `config.json`.
        class_prefix: Prefix of the class names in `architectures`, such as `"Bert"`.
        read_config: `config.json` -> backbone configuration; raises if a field is not supported.
        write_config: Backbone configuration -> fields of `config.json`, without `architectures` and labels.
        build: `(config, dtype=...)` -> backbone.
        weights: Maps the backbone's tensor names, without `prefix`, to its weights; used for loading and saving.
        prefix: Prefix of the backbone's tensor names in a checkpoint with a task head.
        anchor: Tensor name, without `prefix`, of the token embedding, which every checkpoint of the family has.
        base_class: What follows `class_prefix` in the backbone's class name.
        refine: `(config, tensors)` -> configuration, for fields that depend on which tensors exist.
        aliases: Alternative tensor names, without `prefix` -> tensor name.
        optional: Prefixes of tensor names that may be missing.
        head_names: Prefixes of the tensor names of published heads, which a backbone ignores.
        heads: Heads by what follows `class_prefix`, such as `"ForSequenceClassification"`.
    """

    model_type: str
    class_prefix: str
    read_config: Callable[[ConfigFile], BackboneConfig]
    write_config: Callable[[BackboneConfig], dict]
    build: Callable[..., keras.Model]
    weights: Callable[[keras.Model], Weights]
    prefix: str
    anchor: str = "embeddings.word_embeddings.weight"
    base_class: str = "Model"
    refine: Callable[..., BackboneConfig] = lambda config, tensors: config
    aliases: Mapping[str, str] = dataclasses.field(default_factory=dict)
    optional: tuple[str, ...] = ()
    head_names: tuple[str, ...] = ()
    heads: Mapping[str, Head] = dataclasses.field(default_factory=dict)


def dense(name: str, layer: keras.layers.Dense) -> Weights:
    """Map the tensor names of a dense layer to its weights; PyTorch's `Linear` stores the kernel transposed.

    Example:

    >>> layer = keras.layers.Dense(3, use_bias=False)
    >>> layer.build((None, 2))
    >>> dense("lm_head", layer)["lm_head.weight"].stored_shape
    (3, 2)
    """
    weights = {f"{name}.weight": Weight(layer.kernel, transposed=True)}
    return {**weights, f"{name}.bias": Weight(layer.bias)} if layer.use_bias else weights


def norm(name: str, layer: keras.layers.LayerNormalization) -> Weights:
    """Map the tensor names of a layer norm to its weights."""
    return {f"{name}.weight": Weight(layer.gamma), f"{name}.bias": Weight(layer.beta)}


def labels_of(config: ConfigFile) -> Labels:
    """Read the labels of a classification head from `id2label`, `num_labels` and `problem_type`.

    Raises:
        CheckpointError: If `id2label` does not number the labels from 0, or `problem_type` is unknown.
    """
    number = config.size("num_labels", 2)
    check_number_of_labels(number)
    names = config.get(
        "id2label",
        {str(index): f"LABEL_{index}" for index in range(number)},
        expected='an object {"0": name, "1": name, ...}',
        accept=lambda x: isinstance(x, dict) and sorted(x, key=str) == sorted(map(str, range(len(x)))) and bool(x),
    )
    names = [str(names[str(index)]) for index in range(len(names))]
    problems = {
        "single_label_classification": "single_label",
        "multi_label_classification": "multi_label",
        "regression": "regression",
        None: "regression" if len(names) == 1 else "single_label",
    }
    problem = config.get("problem_type", None, expected=f"one of {list(problems)}", accept=lambda x: x in problems)
    return Labels(names, problems[problem])


def label_fields(labels: Labels) -> dict:
    """Return the fields `id2label`, `label2id` and `problem_type`.

    Example:

    >>> label_fields(Labels(["no", "yes"]))["label2id"]
    {'no': 0, 'yes': 1}
    """
    problem = labels.problem if labels.problem == "regression" else f"{labels.problem}_classification"
    return {
        "id2label": {str(index): name for index, name in enumerate(labels)},
        "label2id": {name: index for index, name in enumerate(labels)},
        "problem_type": problem,
    }
