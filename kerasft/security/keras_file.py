"""Checks of a `.keras` file before Keras reads it: its archive, all classes and functions of its config, its weights.

Keras' safe mode is not sufficient: it calls anything in a config that belongs to Keras, and allocates any amount of memory. So
only configs with classes from an allowlist of pure computations are passed to Keras.
"""

import contextlib
import math
import os
import sys
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf

from kerasft.errors import CheckpointError
from kerasft.limits import how_to_raise, limit
from kerasft.security.files import check_regular_file, read_json, walk
from kerasft.security.hdf5 import check_hdf5
from kerasft.security.trust import is_trusted, refuse
from kerasft.serialization import CLASSES

_MEMBERS = {"metadata.json", "config.json", "model.weights.h5"}
# Allowed classes of Keras by module: only computations on tensors. No Lambda, no wrappers of other frameworks, nothing with a
# path argument.
_KERAS = {
    "keras": {"DTypePolicy", "FloatDTypePolicy", "Sequential"},
    "keras.dtype_policies": {"DTypePolicy", "FloatDTypePolicy", "QuantizedDTypePolicy", "DTypePolicyMap"},
    "keras.initializers": {
        *("Constant", "GlorotNormal", "GlorotUniform", "HeNormal", "HeUniform", "LecunNormal", "LecunUniform", "Ones"),
        *("Orthogonal", "RandomNormal", "RandomUniform", "TruncatedNormal", "VarianceScaling", "Zeros"),
    },
    "keras.layers": {
        *("Activation", "Add", "AdditiveAttention", "AlphaDropout", "Attention", "Average", "AveragePooling1D"),
        *("BatchNormalization", "Bidirectional", "Concatenate", "Conv1D", "Dense", "DepthwiseConv1D", "Dot"),
        *("Dropout", "ELU", "EinsumDense", "Embedding", "Flatten", "GRU", "GaussianDropout", "GaussianNoise"),
        *("GlobalAveragePooling1D", "GlobalMaxPooling1D", "GroupNormalization", "GroupQueryAttention", "Identity"),
        *("InputLayer", "LSTM", "LayerNormalization", "LeakyReLU", "Masking", "MaxPooling1D", "Maximum", "Minimum"),
        *("MultiHeadAttention", "Multiply", "PReLU", "Permute", "RMSNormalization", "ReLU", "Rescaling", "Reshape"),
        *("ReversibleEmbedding", "SeparableConv1D", "SimpleRNN", "Softmax", "SpatialDropout1D", "Subtract"),
        *("TimeDistributed", "UnitNormalization"),
    },
    "keras.quantizers": {"AbsMaxQuantizer", "Int4QuantizationConfig", "Int8QuantizationConfig"},
    "keras.regularizers": {"L1", "L1L2", "L2", "OrthogonalRegularizer"},
    "keras.constraints": {"MaxNorm", "MinMaxNorm", "NonNeg", "UnitNorm"},
    "keras.src.models.functional": {"Functional"},
    "keras.src.models.sequential": {"Sequential"},
    "keras.src.ops.core": {"Cast", "Unstack"},
    # Operations whose output size follows from their inputs, so that a small file cannot create a large tensor.
    "keras.src.ops.linalg": {"Norm"},
    "keras.src.ops.math": {"Erf", "Logsumexp", "Rsqrt"},
    "keras.src.ops.nn": {
        *("Elu", "Gelu", "LeakyRelu", "LogSigmoid", "LogSoftmax", "Normalize", "Relu", "Sigmoid", "Silu", "Softmax"),
        "Softplus",
    },
    "keras.src.ops.numpy": {
        *("Abs", "Absolute", "Add", "Argmax", "Clip", "Concatenate", "Divide", "Equal", "Exp", "ExpandDims"),
        *("GetItem", "Greater", "GreaterEqual", "Less", "LessEqual", "Log", "Matmul", "Max", "Maximum", "Mean"),
        *("Min", "Minimum", "Moveaxis", "Multiply", "Negative", "NotEqual", "OnesLike", "Power", "Reshape", "Split"),
        *("Sqrt", "Square", "Squeeze", "Stack", "Subtract", "Sum", "Swapaxes", "Take", "Tanh", "Transpose"),
        *("TrueDivide", "Var", "Where", "ZerosLike"),
    },
}
_KERAS_HUB = {
    *("CachedMultiHeadAttention", "MaskedLMHead", "PositionEmbedding", "ReversibleEmbedding", "RotaryEmbedding"),
    *("SinePositionEncoding", "TokenAndPositionEmbedding", "TransformerDecoder", "TransformerEncoder"),
}
# Unregistered layers of KerasHub's backbones by module; the heads support these backbones.
_MODELS = "keras_hub.src.models."
_KERAS_HUB_MODULES = {
    f"{_MODELS}bloom.bloom_decoder": {"BloomDecoder"},
    f"{_MODELS}falcon.falcon_transformer_decoder": {"FalconTransformerDecoder"},
    f"{_MODELS}gemma.gemma_decoder_block": {"GemmaDecoderBlock"},
    f"{_MODELS}gemma.rms_normalization": {"RMSNormalization"},
    f"{_MODELS}gemma3.gemma3_decoder_block": {"Gemma3DecoderBlock"},
    f"{_MODELS}gemma3.gemma3_layers": {"RMSNormalization"},
    f"{_MODELS}mistral.mistral_layer_norm": {"MistralLayerNormalization"},
    f"{_MODELS}mistral.mistral_transformer_decoder": {"MistralTransformerDecoder"},
    f"{_MODELS}phi3.phi3_decoder": {"Phi3Decoder"},
    f"{_MODELS}phi3.phi3_layernorm": {"Phi3LayerNorm"},
    f"{_MODELS}qwen.qwen_decoder": {"QwenTransformerDecoder"},
    f"{_MODELS}qwen.qwen_layernorm": {"QwenLayerNorm"},
    f"{_MODELS}xlnet.xlnet_content_and_query_embedding": {"ContentAndQueryEmbedding"},
    f"{_MODELS}xlnet.xlnet_encoder": {"XLNetAttentionMaskLayer", "XLNetEncoder", "XLNetSegmentMatrixLayer"},
}
_FUNCTIONS = {"kerasft>gelu_tanh", "keras_hub>gelu_approximate"} | {
    *("celu", "elu", "exponential", "gelu", "leaky_relu", "linear", "log_softmax", "mish", "relu", "relu6", "selu"),
    *("sigmoid", "silu", "softmax", "softplus", "softsign", "swish", "tanh"),
}
_VALUES = {"__ellipsis__", "__keras_tensor__", "__slice__", "__tensor__"}  # Keras' encoding of values that JSON lacks
_OURS = {f"kerasft>{name}" for names in CLASSES.values() for name in names.split()}
_SPARE = 1000  # values: counters and seeds, which are not all stored


def check_keras_file(path: str | os.PathLike) -> int:
    """Check a `.keras` file without Keras: its archive, every class and function in its config, its weights.

    Args:
        path: The file.

    Returns:
        The number of values in its weights, for `bounded_variables`; within `trust` unlimited.

    Raises:
        CheckpointError: If it contains anything beyond models of `kerasft.heads` and layers that only compute.

    Example:

    >>> from kerasft.demo import tiny
    >>> model, tokenizer = tiny.classifier(), tiny.tokenizer()
    >>> import kerasft
    >>> path = kerasft.save_bundle("saved_models/reviews", model, tokenizer, overwrite=True) / "model.keras"
    >>> check_keras_file(path) >= model.count_params()
    True
    """
    check_regular_file(path)
    if is_trusted():
        return sys.maxsize
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            names = sorted(member.filename for member in members)
            if names != sorted(_MEMBERS):
                raise refuse(path, f"must contain {sorted(_MEMBERS)}; it contains {names[:8]}")
            if any(member.compress_type != zipfile.ZIP_STORED or member.flag_bits & 1 for member in members):
                raise refuse(path, "is compressed or encrypted, unlike models saved by Keras")
            if sum(member.file_size for member in members) > os.path.getsize(path):
                raise refuse(path, "declares a larger uncompressed size than it contains")
            if archive.getinfo("config.json").file_size > (most := limit("FILE_BYTES")):
                raise CheckpointError(f"{path} has a config of more than {most} bytes. {how_to_raise('FILE_BYTES')}")
            check_config(read_json(f"{path}: config.json", archive.read("config.json")), path)
            with archive.open("model.weights.h5") as file:
                return check_hdf5(file, f"{path}: model.weights.h5")
    except (zipfile.BadZipFile, EOFError, OSError) as error:
        raise CheckpointError(f"{path} is corrupted: {error}. Save or copy it again.") from error


def check_preset(folder: str | os.PathLike) -> int:
    """Check a KerasHub preset folder: backbone and tokenizer are classes of KerasHub, and refer to no other files.

    Args:
        folder: Contains `config.json`, `tokenizer.json` and `model.weights.h5`.

    Returns:
        As for `check_keras_file`.

    Raises:
        CheckpointError: If a config names another class, or a file, or the weights are not plain numeric data.

    Example:

    >>> check_preset("no/such/folder")
    Traceback (most recent call last):
    ...
    kerasft.errors.CheckpointError: no/such/folder/config.json cannot be read: No such file or directory. ...
    """
    if is_trusted():
        return sys.maxsize
    for file, kind in (("config.json", "Backbone"), ("tokenizer.json", "Tokenizer")):
        path = os.path.join(folder, file)
        content = read_json(path)
        name = content.get("class_name") if isinstance(content, dict) else None
        # KerasNLP is KerasHub's former name, used in older presets.
        registered = content.get("registered_name") in (f"keras_hub>{name}", f"keras_nlp>{name}") if name else False
        own_module = str(content.get("module")).startswith(("keras_hub.", "keras_nlp.")) if name else False
        if not (registered and own_module and str(name).endswith(kind)):
            raise refuse(path, f"names {str(name)[:200]!r}, which is not a KerasHub {kind.lower()}")
        fields = content.get("config")
        _check_names(fields, path)
        for field in ("vocabulary", "merges", "proto"):
            if isinstance(fields, dict) and isinstance(fields.get(field), str):
                raise refuse(path, f"loads its {field} from another file ({fields[field][:200]!r})")
    path = os.path.join(folder, "model.weights.h5")
    check_regular_file(path)
    return check_hdf5(path, path)


def check_config(config: Any, path: str | os.PathLike) -> None:
    """Check that a model's config names only allowed classes and functions.

    Args:
        config: The content of `config.json` of a `.keras` file.
        path: The file's name in messages.

    Raises:
        CheckpointError: If a class or function is not allowed, or there are more layers than `KERASFT_MAX_LAYERS`.

    Example:

    >>> check_config({"module": "keras.layers", "class_name": "Lambda", "config": {}, "registered_name": None}, "m.keras")
    Traceback (most recent call last):
    ...
    kerasft.errors.CheckpointError: m.keras names keras.layers.Lambda, which is not one of the classes that kerasft loads. ...
    """
    if not isinstance(config, dict) or "class_name" not in config:
        raise refuse(path, "has a config that is not of a model")
    config = {**config, "compile_config": None}  # ignored by Keras too, with compile=False
    num_objects = _check_names(config, path)
    max_layers = limit("LAYERS")  # a BERT with 24 layers has about 60
    if num_objects > max_layers * 10 or len(_layers(config)) > max_layers:
        raise CheckpointError(f"{path} has more than {max_layers} layers. {how_to_raise('LAYERS')}")


def _check_names(config: Any, path: str | os.PathLike) -> int:
    """Check every class and function in a config; return their number."""
    named = [value for value, _ in walk(config) if isinstance(value, dict) and "class_name" in value]
    for value in named:
        if not _is_known(value):
            raise refuse(path, f"names {_shown(value)}, which is not one of the classes that kerasft loads")
    return len(named)


def _shown(value: dict) -> str:
    name = ".".join(str(value.get(key)) for key in ("module", "class_name") if value.get(key))
    return (f"the function {value.get('config')!r}" if value["class_name"] == "function" else name)[:200]


def unlisted_names(path: str | os.PathLike) -> dict[str, bool]:
    """Return the classes and functions of a `.keras` file that `check_keras_file` does not allow.

    Args:
        path: A file created by the user.

    Returns:
        Name -> whether it is registered with Keras, so that another program finds it.

    Example:

    >>> import pathlib
    >>> from kerasft.demo import tiny
    >>> model = tiny.classifier()
    >>> model.save("listed.keras")
    >>> unlisted_names(pathlib.Path("listed.keras"))
    {}
    """
    with zipfile.ZipFile(path) as archive:
        config = read_json(f"{path}: config.json", archive.read("config.json"))
    named = [value for value, _ in walk(config) if isinstance(value, dict) and "class_name" in value]
    names = {}
    for value in named:
        if not _is_known(value):
            registered = str(value.get("config") if value["class_name"] == "function" else value.get("registered_name"))
            names[_shown(value)] = ">" in registered or str(value.get("module")).startswith(("keras.", "keras_hub."))
    return names


def _layers(config: dict) -> list:
    inner = config.get("config")
    layers = inner.get("layers") if isinstance(inner, dict) else None
    return layers if isinstance(layers, list) else []


def _is_known(value: dict) -> bool:
    name, module, registered = (value.get(key) for key in ("class_name", "module", "registered_name"))
    if "config" not in value or not isinstance(name, str):
        return False
    if not all(each is None or isinstance(each, str) for each in (module, registered)):
        return False
    if name in _VALUES:
        return module is None and registered is None
    if name == "function":  # the config is the function's name
        return module == "builtins" and registered == name and str(value["config"]) in _FUNCTIONS
    if registered in _OURS:
        return registered == f"kerasft>{name}"
    if isinstance(registered, str) and registered.startswith("keras_hub>"):
        return registered == f"keras_hub>{name}" and name in _KERAS_HUB and str(module).startswith("keras_hub.")
    if not isinstance(module, str) or registered not in (None, name):
        return False
    return name in _KERAS.get(module, ()) or name in _KERAS_HUB_MODULES.get(module, ())


@contextlib.contextmanager
def bounded_variables(numbers: int, path: str | os.PathLike) -> Iterator[None]:
    """Within this block, limit the total size of new variables to the size of a file's weights.

    A config of a few bytes can define layers of any size, whose memory is allocated before the weights are read.

    Args:
        numbers: The result of `check_keras_file`.
        path: The file's name in the message.

    Example:

    >>> import keras
    >>> with bounded_variables(10, "m.keras"):
    ...     keras.layers.Dense(100).build((None, 100))
    Traceback (most recent call last):
    ...
    kerasft.errors.CheckpointError: m.keras has a config that requires more weights than the file contains (10 values). ...
    """
    remaining = [numbers]

    def create(next_creator: Callable, **options) -> tf.Variable:
        value = options.get("initial_value")
        with tf.Graph().as_default():  # infers the shape without computing values
            shape = tf.convert_to_tensor(value()).shape if callable(value) else getattr(value, "shape", ())
        remaining[0] -= math.prod(shape)
        if remaining[0] < -_SPARE and not is_trusted():
            raise refuse(path, f"has a config that requires more weights than the file contains ({numbers} values)")
        return next_creator(**options)

    with tf.variable_creator_scope(create):
        yield
