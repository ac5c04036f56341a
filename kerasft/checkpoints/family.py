"""Definition of a model family and its task heads, for loading and saving."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import NamedTuple

import keras

from kerasft.backbones import BackboneConfig
from kerasft.checkpoints.config_file import ConfigFile
from kerasft.features import Labels, check_number_of_labels


class Weight(NamedTuple):
    """One of our variables and how the stored tensor's axes stand to it."""

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
    """A published head of a family, the `ForTokenClassification` of its class names.

    Args:
        task: Name of the model that our head function makes, such as `"token_classifier"`.
        build: `(backbone, **options)` -> our model of the same form.
        weights: Names the head's weights (those that are not the backbone's) in our model.
        read_options: From `config.json` to the options of `build`.
        write_options: From our model to the fields of `config.json` that it adds, such as `id2label`.
        misfit: Tells why a model of this task cannot be written as this class; None if it can.
        unused: Beginnings of names in such a checkpoint that our model has no place for.
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
    """One family in a Hugging Face folder.

    Args:
        model_type: As `config.json` has it.
        class_prefix: Of the class names in `architectures`, such as `"Bert"`.
        read_config: From `config.json` to our configuration; raises where a field cannot be honored.
        write_config: The other way; `architectures`, labels and such are added by the writer.
        build: `(config, dtype=...)` -> backbone.
        weights: Names every weight of the backbone, without `prefix`. One table serves reading and writing.
        prefix: What stands before the backbone's names where the checkpoint has a task head.
        anchor: The name, without `prefix`, of a weight that every checkpoint of the family has: its token embedding.
        base_class: What follows `class_prefix` in the class of the bare backbone.
        refine: From our configuration and the checkpoint's tensors to our configuration, where a field depends on which
            tensors there are.
        aliases: Other names under which a checkpoint may hold a weight, without `prefix` -> the weight's name.
        optional: Beginnings of names that a checkpoint may lack.
        head_names: Beginnings of the names of published heads' weights, which a backbone has no place for.
        heads: By what follows `class_prefix`, such as `"ForSequenceClassification"`.
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
    """Name the weights of a dense layer, which PyTorch's `Linear` stores transposed.

    Example:

    >>> layer = keras.layers.Dense(3, use_bias=False)
    >>> layer.build((None, 2))
    >>> dense("lm_head", layer)["lm_head.weight"].stored_shape
    (3, 2)
    """
    weights = {f"{name}.weight": Weight(layer.kernel, transposed=True)}
    return {**weights, f"{name}.bias": Weight(layer.bias)} if layer.use_bias else weights


def norm(name: str, layer: keras.layers.LayerNormalization) -> Weights:
    """Name the weights of a layer norm."""
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
    """Write `id2label`, `label2id` and `problem_type`.

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
