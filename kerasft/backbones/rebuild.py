"""Build a functional model again with some of its layers changed, and fill it with the old weights."""

from collections.abc import Callable, Iterator

import keras
import numpy as np

from kerasft.errors import bad_argument


def inner_layers(layer: keras.layers.Layer, path: str = "") -> Iterator[tuple[str, keras.layers.Layer]]:
    """Yield every layer inside a model or layer with its path, such as `"transformer_layer_0/query"`, outer ones first.

    Example:

    >>> from kerasft.demo import tiny
    >>> backbone = tiny.backbone()
    >>> [path for path, _ in inner_layers(backbone) if path.endswith("0/query")]
    ['transformer_layer_0/query']
    """
    # Keras' own walk, as its `quantize` uses it; there is no public one into layers that are no models.
    for inner in layer._flatten_layers(include_self=False, recursive=False):
        inner_path = f"{path}/{inner.name}" if path else inner.name
        yield inner_path, inner
        yield from inner_layers(inner, inner_path)


def refuse_quantized(model: keras.Model) -> None:
    """Raise if a layer of a model holds quantised weights: without their scales the numbers mean nothing elsewhere.

    Raises:
        KerasftError: If there is such a layer.

    Example:

    >>> from kerasft.demo import tiny
    >>> backbone = tiny.backbone()
    >>> refuse_quantized(backbone)
    """
    for path, layer in inner_layers(model):
        mode = getattr(layer, "quantization_mode", None)
        if mode is not None:
            fix = "Save, change or train the model that it was made of."
            raise bad_argument("model", "one whose weights are not quantised", f"{mode} in {path}", fix)


def rebuild(
    model: keras.Model,
    change: Callable[[keras.layers.Layer, dict], dict] = lambda layer, config: config,
    *,
    resize: Callable[[str, np.ndarray], np.ndarray] | None = None,
) -> keras.Model:
    """Return a copy of a functional model: the same graph of new layers, with the same weights.

    LoRA's matrices do not come along: they are added into the kernels that they belong to.

    Args:
        model: A backbone, or a model with a head.
        change: `(layer, config)` -> the configuration that the new layer is made of.
        resize: `(path, old value)` -> the new value of a weight, asked of each; None: the old value.

    Returns:
        A model of the same class and name, not compiled.

    Raises:
        KerasftError: If the weights are quantised.

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
            is_table = isinstance(layer, keras.layers.Embedding)
            # The plain variable, and the property that adds A B to it.
            base, total = (layer._embeddings, layer.embeddings) if is_table else (layer._kernel, layer.kernel)
            merged[id(base)] = total
    old_weights = [weight for weight in model.weights if not weight.name.startswith("lora_")]
    for weight, old in zip(new.weights, old_weights, strict=True):
        value = keras.ops.convert_to_numpy(merged.get(id(old), old))
        weight.assign(resize(weight.path, value) if resize else value)
    return new
