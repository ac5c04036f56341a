"""Parameter-efficient fine-tuning: LoRA for every family, freezing of layers; and weight-only quantization for inference.

LoRA (Hu et al. 2021, https://arxiv.org/abs/2106.09685) freezes a kernel W (I, O) and learns a low-rank update:

    W' = W + alpha / rank * A B,   A (I, rank),   B (rank, O), initialized to zeros

It uses Keras' own `Dense.enable_lora`. A `.keras` file or bundle of such a model contains the merged kernels, so it loads as a
plain model with the same outputs; `save_adapters` saves A and B only.
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
"""Query and value projections, as in the paper; GPT-2 has one fused kernel for queries, keys and values."""
ALL_LINEAR = (r"transformer_(?:(?:encoder|decoder)_)?layer_\d+/.*",)
"""Every dense layer of the transformer layers, like `target_modules="all-linear"` in PEFT."""
_BLOCK = re.compile(r"transformer_(?:(?:encoder|decoder)_)?layer_(\d+)")
_EMBEDDING = re.compile(r".*embedding.*")
# T5's relative position bias, which checkpoints store in block 0.
_FIRST_BLOCKS_BIAS = re.compile(r"(?:encoder|decoder)_attention_bias")
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
    """Add LoRA to a model, in place, and freeze everything else except the head. Compile the model afterwards.

    The outputs are unchanged at first, since B is initialized to zeros. Trainable are A and B of every matched layer, and a
    classification head; a language model's head comes from the checkpoint and is frozen too.

    Args:
        model: A model created by `kerasft.heads`, or a backbone.
        rank: Rank of the update, a whole number >= 1.
        alpha: Scaling factor: the update is multiplied by alpha / rank; None: `rank`.
        layers: Regular expressions that match the last component of a dense or embedding layer's path (`"query"`) or the full
            path (`"transformer_layer_[3-5]/.*"`); `ALL_LINEAR` matches all dense layers of the transformer layers.
        train_head: Whether to train the head; None: unless the model is a language model. A new head is random and must be
            trained.

    Returns:
        The model.

    Raises:
        KerasftError: If rank or alpha is out of range, no layer matches, or the model already has LoRA or is quantized.

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
    """Return whether a model has LoRA.

    Example:

    >>> from kerasft.demo import tiny
    >>> has_lora(tiny.classifier()), has_lora(enable_lora(tiny.classifier()))
    (False, True)
    """
    return bool(_lora_layers(model))


def merge_lora(model: keras.Model) -> keras.Model:
    """Return a model with the adapters merged into the kernels: the same outputs, without LoRA.

    Args:
        model: A model with LoRA; it is not changed.

    Raises:
        KerasftError: If the model has no LoRA.

    Example:

    >>> from kerasft.demo import tiny
    >>> merge_lora(enable_lora(tiny.classifier())).count_params() == tiny.classifier().count_params()
    True
    """
    _required_lora_layers(model)
    return rebuild(model)


def save_adapters(model: keras.Model, file: str | os.PathLike) -> pathlib.Path:
    """Save the matrices A and B, and the weights of a trained head, as a small safetensors file.

    Args:
        model: A model with LoRA.
        file: Where to write; usually a `.safetensors` file.

    Returns:
        The file's path. Its metadata contains rank, alpha and the layers' paths.

    Raises:
        KerasftError: If the model has no LoRA, or the file cannot be written.

    Example:

    >>> from kerasft.demo import tiny
    >>> file = save_adapters(enable_lora(tiny.classifier(), rank=2), "reviews.safetensors")
    >>> file.stat().st_size < 4000
    True
    """
    layers = _required_lora_layers(model)
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
    """Load saved adapters into the model that they were trained on, in place.

    Args:
        model: The same backbone and head as in training; without LoRA, or with the same LoRA configuration.
        file: A file written by `save_adapters`.

    Returns:
        The model.

    Raises:
        CheckpointError: If the file is corrupted, or does not match the model: layers, sizes, rank or alpha.

    Example:

    >>> from kerasft.demo import tiny
    >>> file = save_adapters(enable_lora(tiny.classifier(), rank=2), "reviews.safetensors")
    >>> sum("lora" in variable.path for variable in load_adapters(tiny.classifier(), file).weights)
    8
    """
    path = local_path(file)
    rank, alpha, layers, tensors = _read(path)
    existing = _lora_layers(model)
    adaptable = {name: layer for name, layer in inner_layers(model) if _can_adapt(layer)}
    _check_equal(path, "layers", layers, [name for name in layers if name in adaptable])
    if existing:
        adapted = next(iter(existing.values()))
        _check_equal(path, "layers", layers, sorted(existing))
        _check_equal(path, "rank and alpha", (rank, alpha), (adapted.lora_rank, float(adapted.lora_alpha)))
    # A language model's head is in the file only if it was trained.
    with_head = any(not name.endswith(("/lora_a", "/lora_b")) for name in tensors) or None
    expected = {name: tuple(variable.shape) for name, variable in _head_variables(model, with_head).items()}
    for name in layers:
        inputs, outputs = (
            adaptable[name].embeddings.shape if hasattr(adaptable[name], "embeddings") else adaptable[name].kernel.shape
        )
        expected |= {f"{name}/lora_a": (inputs, rank), f"{name}/lora_b": (rank, outputs)}
    _check_equal(path, "tensors", {name: tensor.shape for name, tensor in sorted(tensors.items())}, expected)
    if not existing:
        enable_lora(model, rank, alpha=alpha, layers=[re.escape(name) for name in layers], train_head=with_head)
    for name, variable in _adapted(model).items():
        variable.assign(tensors[name])
    return model


def freeze(model: keras.Model, *, below: int) -> keras.Model:
    """Freeze the embeddings and the first blocks, in place. Compile the model afterwards. Not stored in a `.keras` file.

    Args:
        model: A backbone, or a model with a head.
        below: n >= 0: freeze blocks 0 to n - 1 (for T5 of both encoder and decoder); 0: only the embeddings. The other
            blocks and the head are not changed.

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
    num_blocks = max(blocks.values()) + 1
    whole_number("below", below, "0 freezes the embeddings only.", least=0, most=num_blocks)
    for layer in model.layers:
        shared = below and _FIRST_BLOCKS_BIAS.fullmatch(layer.name)
        if shared or blocks.get(layer.name, num_blocks) < below or _EMBEDDING.fullmatch(layer.name):
            layer.trainable = False
    return model


def freeze_backbone(model: keras.Model) -> keras.Model:
    """Freeze everything except the head, in place (linear probing). Compile the model afterwards.

    Args:
        model: A model whose head has weights. Sentence encoders and language models with tied output have none.

    Returns:
        The model.

    Raises:
        KerasftError: If the head has no weights.

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
    """Return a copy for inference with weight-only quantization of kernels and token embeddings, by Keras' own `quantize`.

    No calibration data is needed: "int8" has a scale per output of a kernel and per row of an embedding, "int4" a scale per group
    of 128 values. Weights are dequantized at run time, so this saves memory, not time. A classifier's output layer stays
    float32. The copy cannot be trained, and a `.keras` file of it cannot be loaded: save the original model and quantize after
    loading. For mobile devices see `kerasft.export.litert(..., quantize=...)`.

    Args:
        model: A backbone, or a model with a head.
        mode: `"int8"` (a quarter of the memory) or `"int4"` (an eighth, less accurate).

    Returns:
        The copy, with LoRA merged.

    Raises:
        KerasftError: If the mode is invalid, or the model is already quantized.

    Example:

    >>> from kerasft.demo import tiny
    >>> small = quantize(tiny.classifier())
    >>> small.get_layer("token_embedding").embeddings.dtype
    'int8'
    """
    if mode not in ("int8", "int4"):
        raise bad_argument("mode", "'int8' or 'int4'", mode, "Choose one of the two.")
    copy = rebuild(model)
    # Keras' default for int8 quantizes activations too: on SST-2 that changed 5 times as many predictions, in 4 times the time.
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


def _required_lora_layers(model: keras.Model) -> dict[str, keras.layers.Layer]:
    layers = _lora_layers(model)
    if not layers:
        raise bad_argument("model", "one with LoRA", model.name, "Call kerasft.adapters.enable_lora(model) first.")
    return layers


def _head_variables(model: keras.Model, train_head: bool | None = None) -> dict[str, keras.Variable]:
    """Return the weights of a trained head; a language model's head comes from the checkpoint, unless it is trained."""
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
    """Return the content of an adapter file: name -> variable."""
    variables = _head_variables(model)
    for name, layer in _lora_layers(model).items():
        kind = "embeddings" if hasattr(layer, "lora_embeddings_a") else "kernel"
        for letter in ("a", "b"):
            variables[f"{name}/lora_{letter}"] = getattr(layer, f"lora_{kind}_{letter}")
    return variables


def _numpy(variable: keras.Variable) -> np.ndarray:
    return np.ascontiguousarray(keras.ops.convert_to_numpy(variable))


def _read(path: pathlib.Path) -> tuple[int, float, list[str], dict[str, np.ndarray]]:
    try:
        with safe_open(path, framework="np") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") != _FORMAT:
                raise ValueError(f"its format is {metadata.get('format')!r}, not {_FORMAT!r}")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  not a dictionary
        return int(metadata["rank"]), float(metadata["alpha"]), list(json.loads(metadata["layers"])), tensors
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"{path}: not a readable adapter file ({error}). Use a file written by kerasft.adapters.save_adapters."
        ) from error


def _check_equal(path: pathlib.Path, what: str, received: object, expected: object) -> None:
    if received != expected:
        raise CheckpointError(
            f"{path}: the adapters' {what} must match the model: {_shown(expected)}; received: {_shown(received)}. "
            "Load the checkpoint and head that the adapters were trained with."
        )


def _shown(value: object) -> str:
    text = str(value)
    return text if len(text) <= 300 else f"{text[:300]}..."
