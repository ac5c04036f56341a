"""Train little of a model: LoRA on any family, freezing by depth; and smaller weights for inference.

LoRA (Hu et al. 2021, https://arxiv.org/abs/2106.09685) keeps a kernel W (I, O) as it is and learns a sum to it of low rank:

    W' = W + alpha / rank * A B,   A (I, rank),   B (rank, O), which starts as zeros

It is Keras' own `Dense.enable_lora`. A `.keras` file or bundle of such a model holds the merged kernels, so it loads as a
plain model and answers the same; `save_adapters` writes A and B alone.
"""

import json
import os
import pathlib
import re
from collections.abc import Sequence

import keras
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from kerasft.backbones.rebuild import inner_layers, rebuild, refuse_quantized
from kerasft.errors import CheckpointError, bad_argument, whole_number
from kerasft.files import file_written_aside, local_path

DEFAULT_LAYERS = ("query", "value", "query_key_value")
"""Queries and values, as in the paper; GPT-2 has one kernel for queries, keys and values."""
ALL_LINEAR = (r"transformer_(?:(?:encoder|decoder)_)?layer_\d+/.*",)
"""Every dense layer of the transformer layers, as `target_modules="all-linear"` of PEFT."""
_BLOCK = re.compile(r"transformer_(?:(?:encoder|decoder)_)?layer_(\d+)")
_EMBEDDING = re.compile(r".*embedding.*")
_FIRST_BLOCKS_BIAS = re.compile(
    r"(?:encoder|decoder)_attention_bias"
)  # T5's relative positions, in block 0 of a checkpoint
_HEAD = re.compile(r"(?:.*_)?logits|classifier_.*|masked_lm_.*")
_LANGUAGE_MODELS = ("masked_lm", "causal_lm", "sequence_to_sequence")
_FORMAT = "kerasft-lora-1"


def enable_lora(
    model: keras.Model,
    rank: int = 8,
    *,
    alpha: float | None = None,
    layers: Sequence[str] = DEFAULT_LAYERS,
    train_head: bool | None = None,
) -> keras.Model:
    """Put LoRA on a model, in place, and freeze the rest but the head. Compile the model after it.

    The model's answers stay as they are, since B starts as zeros. What trains is A and B of every matched layer, and the
    layers of a classifier's head; a language model's head is the checkpoint's own and is frozen too.

    Args:
        model: A model made by one of `kerasft.heads`, or a backbone.
        rank: Of the sum, a whole number >= 1.
        alpha: Scale of the sum, which is multiplied by alpha / rank; None: `rank`.
        layers: Regular expressions. A dense or embedding layer is taken if one of them matches the last part of its path
            (`"query"`) or the whole of it (`"transformer_layer_[3-5]/.*"`); `ALL_LINEAR` takes all of all transformer layers.
        train_head: Whether the head is trained too; None: unless it is a language model's. A new head must be: it is random.

    Returns:
        The model.

    Raises:
        KerasftError: If the rank or alpha is out of range, nothing matches, or the model has LoRA already or is quantized.

    Example:

    >>> from kerasft.demo import tiny
    >>> model = enable_lora(tiny.classifier(), rank=2)
    >>> sorted({path.split("/", 1)[1] for path in (v.path for v in model.trainable_variables) if "_0" in path})[:2]
    ['query/lora_kernel_a', 'query/lora_kernel_b']
    """
    rank = whole_number("rank", rank, "8 is usual.")
    if alpha is not None and not (isinstance(alpha, int | float) and 0 < alpha < float("inf")):
        raise bad_argument("alpha", "a number above 0", alpha, "Omit it, or use twice the rank.")
    refuse_quantized(model)
    if has_lora(model):
        raise bad_argument("model", "without LoRA", model.name, "Call kerasft.adapters.merge_lora first.")
    patterns = [_compiled(pattern) for pattern in layers]
    chosen = [layer for path, layer in inner_layers(model) if _can_adapt(layer) and _matches(path, patterns)]
    if not chosen:
        names = sorted({path.split("/")[-1] for path, layer in inner_layers(model) if _can_adapt(layer)})
        raise bad_argument("layers", f"patterns that match some of {names}", list(layers), "Correct the pattern.")
    _train_only(model, _head_variables(model, train_head))
    for layer in dict.fromkeys(chosen):
        layer.enable_lora(rank, lora_alpha=alpha)
    return model


def has_lora(model: keras.Model) -> bool:
    """Tell whether a model has LoRA.

    Example:

    >>> from kerasft.demo import tiny
    >>> has_lora(tiny.classifier()), has_lora(enable_lora(tiny.classifier()))
    (False, True)
    """
    return bool(_lora_layers(model))


def merge_lora(model: keras.Model) -> keras.Model:
    """Return a plain model with the adapters added into the kernels: the same answers, and nothing of LoRA in it.

    Args:
        model: A model after `enable_lora`; it is not changed.

    Raises:
        KerasftError: If there is no LoRA in it.

    Example:

    >>> from kerasft.demo import tiny
    >>> merge_lora(enable_lora(tiny.classifier())).count_params() == tiny.classifier().count_params()
    True
    """
    _need_lora(model)
    return rebuild(model)


def save_adapters(model: keras.Model, file: str | os.PathLike) -> pathlib.Path:
    """Write the matrices A and B, and the weights of a head that was trained with them, as one small safetensors file.

    Args:
        model: A model after `enable_lora`.
        file: Where to write; usually named `.safetensors`.

    Returns:
        The file's path. Its metadata hold rank, alpha and the layers' paths.

    Raises:
        KerasftError: If there is no LoRA in the model, or the file cannot be written.

    Example:

    >>> from kerasft.demo import tiny
    >>> file = save_adapters(enable_lora(tiny.classifier(), rank=2), "reviews.safetensors")
    >>> file.stat().st_size < 4000
    True
    """
    layers = _need_lora(model)
    path = local_path(file)
    first = next(iter(layers.values()))
    metadata = {
        "format": _FORMAT,
        "rank": str(first.lora_rank),
        "alpha": repr(float(first.lora_alpha)),
        "layers": json.dumps(sorted(layers)),
    }
    try:
        with file_written_aside(path) as aside:
            save_file({name: _numpy(variable) for name, variable in _adapted(model).items()}, aside, metadata)
    except (OSError, SafetensorError) as error:
        raise bad_argument("file", "a writable file", str(path), f"Choose another: {error}.") from error
    return path


def load_adapters(model: keras.Model, file: str | os.PathLike) -> keras.Model:
    """Put saved adapters on the model that they were trained on, in place.

    Args:
        model: The same backbone and head as when the file was written; without LoRA, or with the same one.
        file: What `save_adapters` wrote.

    Returns:
        The model.

    Raises:
        CheckpointError: If the file is damaged, or does not fit the model: other layers, sizes, rank or alpha.

    Example:

    >>> from kerasft.demo import tiny
    >>> file = save_adapters(enable_lora(tiny.classifier(), rank=2), "reviews.safetensors")
    >>> sum("lora" in variable.path for variable in load_adapters(tiny.classifier(), file).weights)
    8
    """
    path = local_path(file)
    rank, alpha, layers, tensors = _read(path)
    here = _lora_layers(model)
    known = {name: layer for name, layer in inner_layers(model) if _can_adapt(layer)}
    _refuse(path, "layers", layers, [name for name in layers if name in known])
    if here:
        adapted = next(iter(here.values()))
        _refuse(path, "layers", layers, sorted(here))
        _refuse(path, "rank and alpha", (rank, alpha), (adapted.lora_rank, float(adapted.lora_alpha)))
    # A language model's head is in the file only if it was new.
    with_head = any(not name.endswith(("/lora_a", "/lora_b")) for name in tensors) or None
    expected = {name: tuple(variable.shape) for name, variable in _head_variables(model, with_head).items()}
    for name in layers:
        inputs, outputs = (
            known[name].embeddings.shape if hasattr(known[name], "embeddings") else known[name].kernel.shape
        )
        expected |= {f"{name}/lora_a": (inputs, rank), f"{name}/lora_b": (rank, outputs)}
    _refuse(path, "tensors", {name: tensor.shape for name, tensor in sorted(tensors.items())}, expected)
    if not here:
        enable_lora(model, rank, alpha=alpha, layers=[re.escape(name) for name in layers], train_head=with_head)
    for name, variable in _adapted(model).items():
        variable.assign(tensors[name])
    return model


def freeze(model: keras.Model, *, below: int) -> keras.Model:
    """Freeze the embeddings and the first blocks, in place. Compile the model after it, and freeze again after loading a file.

    Args:
        model: A backbone, or a model with a head.
        below: n >= 0: blocks 0 to n - 1 are frozen, of an encoder and decoder (T5) in both; 0: the embeddings alone.
            The blocks from n on and the head stay as they are.

    Returns:
        The model.

    Raises:
        KerasftError: If `below` is negative or larger than the number of blocks, or the model has no numbered blocks.

    Example:

    >>> from kerasft.demo import tiny
    >>> model = freeze(tiny.classifier(), below=1)
    >>> sorted({variable.path.split("/")[0] for variable in model.trainable_variables})
    ['logits', 'pooled_dense', 'transformer_layer_1']
    """
    blocks = {layer.name: int(match[1]) for layer in model.layers if (match := _BLOCK.fullmatch(layer.name))}
    if not blocks:
        raise bad_argument("model", "with layers transformer_layer_0, ...", model.name, "Give a model of kerasft.")
    most = max(blocks.values()) + 1
    whole_number("below", below, "0 freezes the embeddings only.", least=0, most=most)
    for layer in model.layers:
        shared = below and _FIRST_BLOCKS_BIAS.fullmatch(layer.name)
        if shared or blocks.get(layer.name, most) < below or _EMBEDDING.fullmatch(layer.name):
            layer.trainable = False
    return model


def freeze_backbone(model: keras.Model) -> keras.Model:
    """Freeze all but the head, in place (linear probing). Compile the model after it.

    Args:
        model: A model with a head that has weights of its own. A sentence embedder, and a language model whose output is the
            token embedding, has none.

    Returns:
        The model.

    Raises:
        KerasftError: If the head has no weights of its own.

    Example:

    >>> from kerasft.demo import tiny
    >>> [variable.path for variable in freeze_backbone(tiny.classifier()).trainable_variables]
    ['logits/kernel', 'logits/bias']
    """
    head = _head_variables(model, True)
    if not head:
        fix = "Call freeze(model, below=n), which keeps the transformer layers from n on trainable."
        raise bad_argument("model", "one whose head has weights", model.name, fix)
    _train_only(model, head)
    return model


def quantize(model: keras.Model, mode: str = "int8") -> keras.Model:
    """Return a copy for inference whose kernels and token embeddings are stored in few bits, by Keras' own `quantize`.

    Only weights are rounded, so no data is needed: in "int8" a kernel has a scale for each output and a token embedding
    for each row; in "int4" a scale for each group of 128 numbers. They are made float again where they are used, so this
    saves memory, not time. The logits of a classifier stay float32. The copy is for this process: it cannot be trained,
    and a `.keras` file of it does not load. Save the model itself and quantize after loading; for phones there is
    `kerasft.export.litert(..., quantize=...)`.

    Args:
        model: A backbone, or a model with a head.
        mode: `"int8"` (a quarter of the memory) or `"int4"` (an eighth, and less exact).

    Returns:
        The copy; LoRA's matrices are added into its kernels.

    Raises:
        KerasftError: If the mode is another one, or the model is quantized already.

    Example:

    >>> from kerasft.demo import tiny
    >>> small = quantize(tiny.classifier())
    >>> small.get_layer("token_embedding").embeddings.dtype
    'int8'
    """
    if mode not in ("int8", "int4"):
        raise bad_argument("mode", "'int8' or 'int4'", mode, "Choose one of the two.")
    copy = rebuild(model)
    # Keras' default for int8 rounds the activations too: on SST-2 that changed 5 times as many answers and took 4 times as long.
    config = keras.quantizers.Int8QuantizationConfig(activation_quantizer=None) if mode == "int8" else None
    copy.quantize(mode if config is None else None, config=config, type_check=False, filters=_can_quantize)
    return copy


def _can_quantize(layer: keras.layers.Layer) -> bool:
    return _can_adapt(layer) and layer.name != "logits"


def _can_adapt(layer: keras.layers.Layer) -> bool:
    return isinstance(layer, keras.layers.Dense | keras.layers.Embedding)


def _compiled(pattern: str) -> re.Pattern:
    try:
        return re.compile(pattern)
    except (re.error, TypeError) as error:
        raise bad_argument("layers", "regular expressions", pattern, f"It is invalid: {error}.") from error


def _matches(path: str, patterns: list[re.Pattern]) -> bool:
    return any(pattern.fullmatch(path) or pattern.fullmatch(path.split("/")[-1]) for pattern in patterns)


def _lora_layers(model: keras.Model) -> dict[str, keras.layers.Layer]:
    return {path: layer for path, layer in inner_layers(model) if getattr(layer, "lora_enabled", False)}


def _need_lora(model: keras.Model) -> dict[str, keras.layers.Layer]:
    layers = _lora_layers(model)
    if not layers:
        raise bad_argument("model", "one with LoRA", model.name, "Call kerasft.adapters.enable_lora(model) first.")
    return layers


def _head_variables(model: keras.Model, train_head: bool | None = None) -> dict[str, keras.Variable]:
    """Return the weights that a fresh head has: those of a language model are the checkpoint's own, unless they are trained."""
    layers = [layer for layer in model.layers if _HEAD.fullmatch(layer.name)]
    if train_head is None:
        trained = any(variable.trainable for layer in layers for variable in layer.weights)
        train_head = model.name not in _LANGUAGE_MODELS or (has_lora(model) and trained)
    return {
        f"{layer.name}/{variable.name}": variable
        for layer in (layers if train_head else ())
        for variable in layer.weights
        if not variable.name.startswith("lora_")
    }


def _train_only(model: keras.Model, variables: dict[str, keras.Variable]) -> None:
    chosen = {id(variable) for variable in variables.values()}
    for variable in model.weights:
        variable.trainable = id(variable) in chosen


def _adapted(model: keras.Model) -> dict[str, keras.Variable]:
    """Return what an adapter file holds: name -> variable."""
    variables = _head_variables(model)
    for name, layer in _lora_layers(model).items():
        kind = "embeddings" if hasattr(layer, "lora_embeddings_a") else "kernel"
        for part in ("a", "b"):
            variables[f"{name}/lora_{part}"] = getattr(layer, f"lora_{kind}_{part}")
    return variables


def _numpy(variable: keras.Variable) -> np.ndarray:
    return np.ascontiguousarray(keras.ops.convert_to_numpy(variable))


def _read(path: pathlib.Path) -> tuple[int, float, list[str], dict[str, np.ndarray]]:
    try:
        with safe_open(path, framework="np") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") != _FORMAT:
                raise ValueError(f"its format is {metadata.get('format')!r}, not {_FORMAT!r}")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  it is not a dictionary
        return int(metadata["rank"]), float(metadata["alpha"]), list(json.loads(metadata["layers"])), tensors
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"{path}: not a readable adapter file ({error}). Use a file written by kerasft.adapters.save_adapters."
        ) from error


def _refuse(path: pathlib.Path, what: str, received: object, expected: object) -> None:
    if received != expected:
        raise CheckpointError(
            f"{path}: the adapters' {what} must match the model: {_shown(expected)}; received: {_shown(received)}. "
            "Load the checkpoint and head that the adapters were trained with."
        )


def _shown(value: object) -> str:
    text = str(value)
    return text if len(text) <= 300 else f"{text[:300]}..."
