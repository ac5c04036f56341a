"""Rebuilding a functional model with changed layers, and copying the weights."""

from collections.abc import Callable, Iterator

import keras
import numpy as np

from kerasft.errors import bad_argument
from kerasft.keras_internals import layers_inside, variable_below_lora


def inner_layers(layer: keras.layers.Layer, path: str = "") -> Iterator[tuple[str, keras.layers.Layer]]:
    """Yield all nested layers of a model or layer with their paths, such as `"transformer_layer_0/query"`, outer layers first.

    Example:

    >>> from kerasft.demo import tiny
    >>> backbone = tiny.backbone()
    >>> [path for path, _ in inner_layers(backbone) if path.endswith("0/query")]
    ['transformer_layer_0/query']
    """
    for inner in layers_inside(layer):
        inner_path = f"{path}/{inner.name}" if path else inner.name
        yield inner_path, inner
        yield from inner_layers(inner, inner_path)


def refuse_quantized(model: keras.Model) -> None:
    """Raise an error if a layer has quantized weights, which are meaningless without their scales.

    Raises:
        KerasftError: If a layer has quantized weights.

    Example:

    >>> from kerasft.demo import tiny
    >>> backbone = tiny.backbone()
    >>> refuse_quantized(backbone)
    """
    for path, layer in inner_layers(model):
        mode = getattr(layer, "quantization_mode", None)
        if mode is not None:
            fix = "Save, modify or train the original model instead."
            raise bad_argument("model", "a model without quantized weights", f"{mode} in {path}", fix)


def rebuild(
    model: keras.Model,
    change: Callable[[keras.layers.Layer, dict], dict] = lambda layer, config: config,
    *,
    resize: Callable[[str, np.ndarray], np.ndarray] | None = None,
) -> keras.Model:
    """Return a copy of a functional model: the same graph of new layers, with the same weights.

    LoRA matrices are not copied: they are merged into their kernels.

    Args:
        model: A backbone, or a model with a head.
        change: A function of layer and configuration that returns the configuration of the new layer.
        resize: A function of path and value of a weight that returns the new value; None: keep all values.

    Returns:
        A model of the same class and name, not compiled.

    Raises:
        KerasftError: If the weights are quantized.

    Example:

    >>> from kerasft.demo import tiny
    >>> backbone = tiny.backbone()
    >>> copy = rebuild(backbone)
    >>> copy is backbone, copy.count_params() == backbone.count_params()
    (False, True)
    """
    refuse_quantized(model)

    def clone(layer: keras.layers.Layer) -> keras.layers.Layer:
        config = {name: value for name, value in layer.get_config().items() if not name.startswith("lora_")}
        return type(layer).from_config(change(layer, config))

    cloned = keras.models.clone_model(model, clone_function=clone)
    new = type(model)(cloned.input, cloned.output, name=model.name)
    merged = {}
    for _, layer in inner_layers(model):
        if getattr(layer, "lora_enabled", False):
            # These properties add the LoRA product to the variable.
            total = layer.embeddings if isinstance(layer, keras.layers.Embedding) else layer.kernel
            merged[id(variable_below_lora(layer))] = total
    old_weights = [weight for weight in model.weights if not weight.name.startswith("lora_")]
    for weight, old in zip(new.weights, old_weights, strict=True):
        value = keras.ops.convert_to_numpy(merged.get(id(old), old))
        weight.assign(resize(weight.path, value) if resize else value)
    return new
