"""Conversion of functional models with custom heads to the form that pipelines and exports require.

They require inputs with the names of `kerasft.features`, and one float32 output: `logits`, or `embedding`. Other models are
converted: nested models are flattened, a final softmax or sigmoid is removed, and the output is renamed.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np

from kerasft.answers.tags import scheme_of
from kerasft.backbones.rebuild import inner_layers, refuse_quantized
from kerasft.errors import bad_argument
from kerasft.features import (
    EMBEDDING,
    LOGITS,
    MULTI_LABEL,
    PADDING_MASK,
    REGRESSION,
    SEGMENT_IDS,
    SINGLE_LABEL,
    TOKEN_IDS,
    Labels,
)
from kerasft.keras_internals import operation_of, run_graph

logger = logging.getLogger(__name__)


class OwnHead(NamedTuple):
    """Requirements for a custom head of a task; defined in `kerasft.tasks` for each such task.

    Example:

    >>> from kerasft.tasks import TASKS
    >>> TASKS["sentence-embedding"].own_head.shape
    '(batch, dimensions)'
    """

    task: str
    """Task name."""
    shape: str
    """Shape of the output, for messages."""
    rank: int
    """Number of dimensions of the output."""
    output: str = LOGITS
    """Name given to the output."""
    labels: str | None = None
    """Example labels for messages; None for a task without labels."""
    tags: bool = False
    """Whether the labels are tags of a scheme such as IOB2."""
    is_span: bool = False
    """Whether the outputs are start and end logits, as one output or two."""


_INPUTS = (TOKEN_IDS, PADDING_MASK, SEGMENT_IDS)
_HUGGING_FACE = {"input_ids": TOKEN_IDS, "attention_mask": PADDING_MASK, "token_type_ids": SEGMENT_IDS}


def own_model(model: keras.Model, head: OwnHead, labels: Labels | Iterable[str] | None = None) -> keras.Model:
    """Return a model with the same layers and outputs, in the form that pipelines and exports require.

    Args:
        model: A functional model with int32 inputs (B, S) named `token_ids` and, optionally, `padding_mask` and `segment_ids`,
            as in KerasHub, and with outputs as required by `head`.
        head: Requirements of the task.
        labels: Labels of the C outputs, if the task has labels.

    Returns:
        A functional model from a dictionary to `logits` or `embedding`, with `labels` and `bundle_task`. It shares the layers;
        only a last layer whose activation or name changes is a copy.

    Raises:
        KerasftError: If the model is not functional, or inputs, outputs or labels do not match the task.

    Example:

    >>> from kerasft.demo import tiny
    >>> backbone = tiny.backbone()
    >>> hidden = keras.layers.Dense(8, "relu")(backbone.output["pooled_output"])
    >>> model = keras.Model(backbone.input, keras.layers.Dense(2)(hidden))
    >>> own_model(model, OwnHead("text-classification", "(batch, labels)", 2, labels="[...]"), ["no", "yes"]).output_names
    ['logits']
    """
    labels = _checked_labels(head, labels)
    inputs = _named_inputs(model)
    refuse_quantized(model)
    _refuse_lambdas(model)
    # The same graph as an uncompiled keras.Model.
    graph = flat(keras.Model(inputs, model.output))
    named = _named_output(graph, head, labels)
    _check_shape(named.output, head, labels)
    # The name of a kerasft head would imply its layers.
    wrapped = keras.Model(named.input, named.output, name=f"own_{model.name.removeprefix('own_')}")
    wrapped.bundle_task = head.task
    if labels is not None:
        wrapped.labels = labels
    return wrapped


def fixed_length(model: keras.Model | None) -> int | None:
    """Return the fixed input length S of a model; None: dynamic.

    Example:

    >>> from kerasft.demo import tiny
    >>> model = tiny.classifier()
    >>> fixed_length(keras.Model(ids := keras.Input((16,), dtype="int32"), ids)), fixed_length(model)
    (16, None)
    """
    return None if model is None else model.inputs[0].shape[1]


def checked_fixed_length(model: keras.Model | None, length: Any, *, name: str) -> int | None:
    """Like `fixed_length`, but raise an error if a model with a fixed length is used with a different length.

    Args:
        model: The model, or None.
        length: The requested length or lengths; None: any.
        name: Argument name, for the message.

    Raises:
        KerasftError: If it is not the model's fixed length.

    Example:

    >>> checked_fixed_length(keras.Model(ids := keras.Input((16,), dtype="int32"), ids), [16], name="sequence_length")
    16
    """
    fixed = fixed_length(model)
    if fixed is not None and length not in (None, fixed, (fixed,), [fixed]):
        fix = "Omit it, or train with keras.Input((None,), ...)."
        raise bad_argument(name, f"{fixed}, the fixed length of the model's inputs", length, fix)
    return fixed


def _checked_labels(head: OwnHead, labels: Any) -> Labels | None:
    task, example = head.task, head.labels
    if example is None:
        if labels is not None:
            raise bad_argument("labels", f"omitted for {task}", labels, "Its outputs have no names.")
        return None
    if labels is None:
        fix = f"For example: labels={example}, in the order of the model's outputs."
        raise bad_argument("labels", f"one name per output, for {task}", labels, fix)
    if isinstance(labels, Mapping) or not isinstance(labels, Iterable):
        fix = f"For example: labels={example}; from a dictionary id2label, use list(id2label.values())."
        raise bad_argument("labels", "a list of names, one per output", labels, fix)
    labels = Labels.of(labels)
    if head.tags:
        if labels.problem != SINGLE_LABEL:
            raise bad_argument("labels", f"single-label names for {task}", labels, "Use labels=[...].")
        scheme_of(labels)  # raises if they are not tags
    return labels


def _named_inputs(model: keras.Model) -> dict[str, keras.KerasTensor]:
    try:
        given = model.input
    except (AttributeError, ValueError):
        given = None
    if given is None or not isinstance(model, keras.Model):
        fix = (
            "Build it with keras.Model(inputs, outputs); a subclassed model with its own call() has no graph to export."
        )
        raise bad_argument("model", "a functional keras.Model", f"{type(model).__name__} {model!r}", fix)
    if not isinstance(given, Mapping):
        given = {tensor.name: tensor for tensor in (given if isinstance(given, list | tuple) else [given])}
    unknown = [name for name in given if name not in _INPUTS]
    if unknown or TOKEN_IDS not in given:
        renamed = [f"{name} to {_HUGGING_FACE[name]}" for name in unknown if name in _HUGGING_FACE]
        fix = (
            f"Rename {', '.join(renamed)}."
            if renamed
            else 'Name them: keras.Input((None,), dtype="int32", name="token_ids").'
        )
        expected = (
            f"a model with inputs {TOKEN_IDS}, {PADDING_MASK} and {SEGMENT_IDS}, as in KerasHub, or some of these"
        )
        raise bad_argument("model", expected, f"inputs {', '.join(given)}", fix)
    shapes = {name: tuple(tensor.shape) for name, tensor in given.items()}
    if len(set(shapes.values())) > 1 or any(len(shape) != 2 or shape[0] is not None for shape in shapes.values()):
        fix = "Use the shape (None,), or a fixed length such as (128,), for every keras.Input, without a batch size."
        raise bad_argument("model", "a model whose inputs have one shape (batch, length)", shapes, fix)
    return dict(given)


def lambdas_of(model: keras.Model) -> list[str]:
    """Return the paths of a model's `Lambda` layers, whose Python code cannot be saved.

    Example:

    >>> inputs = keras.Input((3,))
    >>> lambdas_of(keras.Model(inputs, keras.layers.Lambda(lambda x: 2 * x, name="double")(inputs)))
    ['double']
    """
    return [path for path, layer in inner_layers(model) if isinstance(layer, keras.layers.Lambda)]


def _refuse_lambdas(model: keras.Model) -> None:
    if paths := lambdas_of(model):
        fix = "Use keras.ops on the tensors themselves, or a subclass of keras.layers.Layer."
        raise bad_argument("model", "a model without Lambda layers, whose Python code cannot be saved", paths[0], fix)


def flat(model: keras.Model) -> keras.Model:
    """Flatten nested models into the graph; the layers are shared.

    So KerasHub's backbone classes need not be in the list of classes that kerasft loads, and exports find every layer.

    Args:
        model: A functional model.

    Returns:
        A functional model; `model` itself if two layers would have the same name.

    Example:

    >>> from kerasft.demo import tiny
    >>> backbone = tiny.backbone()
    >>> nested = keras.Model(backbone.input, keras.layers.Dense(2)(backbone(backbone.input)["pooled_output"]))
    >>> any(isinstance(layer, keras.Model) for layer in flat(nested).layers)
    False
    """

    def call(layer: keras.Operation, *args: Any, **named: Any) -> Any:
        if type(layer) is keras.Sequential and len(args) == 1:
            states = args[0]
            for inner in layer.layers:
                states = call(inner, states)
            return states
        # A subclass with a custom call() is not equivalent to its graph.
        is_graph = isinstance(layer, keras.Model) and getattr(layer.call, "__func__", None) is type(model).call
        if is_graph and len(args) == 1 and _same_names(args[0], layer.input):
            outputs = run_graph(layer, args[0], call=call)
            return outputs[0] if isinstance(outputs, list | tuple) and len(outputs) == 1 else outputs
        return layer(*args, **named)

    try:
        return keras.models.clone_model(model, clone_function=lambda layer: layer, call_function=call)
    except ValueError:  # duplicate layer names
        return model


def _same_names(given: Any, expected: Any) -> bool:
    if isinstance(given, Mapping) or isinstance(expected, Mapping):
        return isinstance(given, Mapping) and isinstance(expected, Mapping) and set(given) == set(expected)
    return isinstance(given, list | tuple) == isinstance(expected, list | tuple)


def _named_output(graph: keras.Model, head: OwnHead, labels: Labels | None) -> keras.Model:
    """Return the graph with a single float32 output, from a layer with the required name."""
    name = head.output
    outputs = _ordered_outputs(graph, head)
    last = {operation_of(tensor).name for tensor in outputs}
    stays = len(outputs) == 1 and outputs[0].dtype == "float32"  # then the output layer itself gets the name
    copies: list[tuple[keras.layers.Layer, list]] = []

    def replace(layer: keras.Operation) -> keras.Operation:
        if layer.name in last and name == EMBEDDING and isinstance(layer, keras.layers.UnitNormalization):
            return keras.layers.UnitNormalization(
                layer.axis, dtype="float32", name=name
            )  # exports detect normalization by this layer
        activation = _removable_activation(layer, head, labels) if layer.name in last else None
        is_taken = layer.name == name and not (stays and layer.name in last)
        new_name = f"{name}_of_head" if is_taken else layer.name
        if activation is not None and not hasattr(layer, "activation"):
            return keras.layers.Activation("linear", name=new_name)
        if activation is None and not (is_taken and isinstance(layer, keras.layers.Layer)):
            return layer
        changes: dict[str, Any] = {"name": new_name} | ({} if activation is None else {"activation": "linear"})
        weights = layer.get_weights()
        if activation is not None and _is_binary(layer, labels):
            changes["units"] = 2
            weights = [np.concatenate([np.zeros_like(weight), weight], axis=-1) for weight in weights]
        copies.append((type(layer).from_config({**layer.get_config(), **changes}), weights))
        return copies[-1][0]

    def call(layer: keras.Operation, *args: Any, **named: Any) -> Any:
        if type(layer) is keras.layers.Activation:  # replaces a Softmax layer, which may also take a mask
            return layer(args[0])
        return layer(*args, **named)

    ordered = keras.Model(graph.input, outputs)
    graph = keras.models.clone_model(ordered, clone_function=replace, call_function=call)
    for copy, weights in copies:
        copy.set_weights(weights)
    output = graph.outputs[0] if len(outputs) == 1 else _stacked(graph.outputs)
    if not stays or operation_of(output).name != name:
        output = keras.layers.Activation("linear", dtype="float32", name=name)(output)
    return keras.Model(graph.input, output)


def _removable_activation(layer: keras.Operation, head: OwnHead, labels: Labels | None) -> str | None:
    """Return the final softmax or sigmoid of a last layer; None: it has none."""
    kind = getattr(getattr(layer, "activation", None), "__name__", type(layer).__name__.lower())
    problem = SINGLE_LABEL if labels is None else labels.problem
    if kind not in ("softmax", "sigmoid") or head.output == EMBEDDING or problem == REGRESSION:
        return None
    fits = kind == ("sigmoid" if problem == MULTI_LABEL else "softmax") or _is_binary(layer, labels)
    if not fits or isinstance(getattr(layer, "input", None), list) or getattr(layer, "lora_enabled", False):
        fix = "The last layer must have no activation (logits). For a sigmoid per label, use labels=kerasft.multi_label([...])."
        raise bad_argument(
            "model", f"a model that outputs logits, for {head.task} ({problem})", f"{kind} in {layer.name!r}", fix
        )
    meaning = f"; its output is the probability of {labels[1]!r}" if _is_binary(layer, labels) else ""
    logger.warning("%r ends in %s: the model is saved without it and outputs logits%s.", layer.name, kind, meaning)
    return kind


def _is_binary(layer: keras.Operation, labels: Labels | None) -> bool:
    """Whether this is Keras' usual head for two classes, `Dense(1, activation="sigmoid")`."""
    if type(layer) is not keras.layers.Dense or labels is None or labels.problem != SINGLE_LABEL or len(labels) != 2:
        return False
    return layer.units == 1 and layer.activation is keras.activations.sigmoid


def _stacked(outputs: Sequence[keras.KerasTensor]) -> keras.KerasTensor:
    """Stack start and end logits, (B, S) or (B, S, 1) each, to (B, S, 2)."""
    columns = [keras.ops.expand_dims(each, -1) if len(each.shape) == 2 else each for each in outputs]
    if any(len(each.shape) != 3 or each.shape[-1] != 1 for each in columns):
        shapes = [tuple(each.shape) for each in outputs]
        fix = "Squeeze or slice them: logits[..., 0] and logits[..., 1]."
        raise bad_argument("model", "a model with start and end logits of shape (batch, length)", shapes, fix)
    return keras.layers.Concatenate(name="start_and_end")(columns)


def _check_shape(output: keras.KerasTensor, head: OwnHead, labels: Labels | None) -> None:
    shape = tuple(output.shape)
    if len(shape) != head.rank or shape[-1] is None:
        fix = {
            2: "Pool the tokens first: hidden_states[:, 0, :], or kerasft.heads.MaskedMean()(hidden_states, padding_mask).",
            3: "Apply the last layer to all tokens' hidden states (batch, length, hidden_dim).",
        }[head.rank]
        raise bad_argument("model", f"a model with outputs of shape {head.shape} for {head.task}", shape, fix)
    if head.is_span and shape[-1] != 2:
        fix = "Use keras.layers.Dense(2) as the last layer."
        raise bad_argument("model", f"a model with outputs of shape {head.shape} for {head.task}", shape, fix)
    if labels is not None and shape[-1] != len(labels):
        one = (
            "For two classes use Dense(2), or Dense(1, activation='sigmoid') with two names. " if shape[-1] == 1 else ""
        )
        fix = f"{one}Provide one name per output, in the order of the label ids."
        raise bad_argument(
            "labels", f"{shape[-1]}, the number of the model's outputs", f"{len(labels)}: {list(labels)}", fix
        )


def _ordered_outputs(graph: keras.Model, head: OwnHead) -> list[keras.KerasTensor]:
    given = graph.output
    if isinstance(given, Mapping):
        names = list(given)
        tensors = list(given.values())
    else:
        tensors = list(given) if isinstance(given, list | tuple) else [given]
        names = [operation_of(tensor).name for tensor in tensors]
    if len(tensors) != (2 if head.is_span and len(tensors) == 2 else 1):
        fix = "Build it with keras.Model(inputs, output)."
        raise bad_argument("model", f"a model with one output {head.shape} for {head.task}", names, fix)
    if len(tensors) == 2 and "end" in names[0] and "start" in names[1]:
        tensors = tensors[::-1]
    return tensors
