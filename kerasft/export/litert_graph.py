"""An equivalent encoder graph that is faster in LiteRT: same weights and outputs, fewer operations.

Measured on MiniLM in int8, 1 thread (docs/benchmark.md): at length 128 a file takes 0.85 of the time, at length 32 0.91. What
else was tried gains nothing there: query, key and value as one product, the query's scale within its weights, the keys
transposed for the product, two axes instead of three, the tanh GELU.
"""

from collections.abc import Sequence

import keras
from keras import ops

from kerasft.backbones.attention import attend, merge_heads, split_heads
from kerasft.backbones.transformer_encoder import TransformerEncoderLayer
from kerasft.keras_internals import calls_of, operation_of


class CenteredLayerNormalization(keras.layers.Layer):
    """Layer normalization (https://arxiv.org/abs/1607.06450) in the order that touches fewest numbers:

        c = x - mean(x);  y = c / sqrt(mean(c^2) + epsilon) * gamma + beta

    Keras multiplies out to x * s + (beta - mean(x) * s), s = gamma / sqrt(...), which is two more products of x's size.

    Args:
        norm: The layer whose weights are used: over the last axis, with gamma and beta.
        **kwargs: Of `keras.layers.Layer`.

    Call arguments:
        inputs: float32 (..., H).

    Returns:
        float32 (..., H).

    Example:

    >>> norm = keras.layers.LayerNormalization()
    >>> norm.build((None, 2))
    >>> CenteredLayerNormalization(norm)(ops.array([[1.0, 3.0]])).numpy().round(2).tolist()
    [[-1.0, 1.0]]
    """

    def __init__(self, norm: keras.layers.LayerNormalization, **kwargs):
        super().__init__(**kwargs)
        self.norm = norm

    def call(self, inputs):
        """Return the normalized numbers."""
        return normalize(inputs, self.norm)

    def get_config(self) -> dict:
        """What the layer was made of: to walk the graph by, not to make it again."""
        return {**super().get_config(), "norm": keras.saving.serialize_keras_object(self.norm)}


class LeanEncoderLayer(keras.layers.Layer):
    """A `TransformerEncoderLayer` for inference, by the weights of one that exists.

    Args:
        block: That layer.
        first_token_only: Whether only the first token's state is wanted, as of the last block below a classifier: keys and
            values are computed for all tokens, all else for one.
        **kwargs: Of `keras.layers.Layer`.

    Call arguments:
        hidden_states: float32 (B, S, H).
        attention_bias: (B, 1, 1, S), or None.

    Returns:
        float32 (B, S, H), or (B, 1, H) of the first token only.

    Example:

    >>> block = TransformerEncoderLayer(num_heads=2, intermediate_dim=16)
    >>> states = keras.random.normal((3, 5, 8), seed=0)
    >>> expected = block(states)[:, :1]
    >>> bool(ops.max(ops.abs(LeanEncoderLayer(block, first_token_only=True)(states) - expected)) < 1e-5)
    True
    """

    def __init__(self, block: TransformerEncoderLayer, *, first_token_only: bool = False, **kwargs):
        super().__init__(**kwargs)
        self.block = block
        self.first_token_only = first_token_only

    def call(self, hidden_states, attention_bias=None, training=None):
        """Return the block's output."""
        block = self.block
        asking = hidden_states[:, :1] if self.first_token_only else hidden_states  # (B, Q, H)
        query = block.query(asking) * (hidden_states.shape[-1] // block.num_heads) ** -0.5
        projected = (query, block.key(hidden_states), block.value(hidden_states))
        attended = attend(*(split_heads(each, block.num_heads) for each in projected), bias=attention_bias)
        attended = block.attention_output(merge_heads(attended))
        states = normalize(asking + attended, block.attention_layer_norm)  # (B, Q, H)
        transformed = block.feedforward_output(block.intermediate(states))
        return normalize(states + transformed, block.feedforward_layer_norm)  # (B, Q, H)

    def get_config(self) -> dict:
        """What the layer was made of: to walk the graph by, not to make it again."""
        block = keras.saving.serialize_keras_object(self.block)
        return {**super().get_config(), "block": block, "first_token_only": self.first_token_only}


def normalize(inputs, norm: keras.layers.LayerNormalization):
    """Apply a layer norm's weights as `CenteredLayerNormalization` does.

    Args:
        inputs: float32 (..., H).
        norm: A built layer norm over the last axis.

    Example:

    >>> norm = keras.layers.LayerNormalization()
    >>> norm.build((None, 2))
    >>> normalize(ops.array([[1.0, 3.0]]), norm).numpy().round(2).tolist()
    [[-1.0, 1.0]]
    """
    centered = inputs - ops.mean(inputs, axis=-1, keepdims=True)
    variance = ops.mean(centered * centered, axis=-1, keepdims=True)
    return centered * ops.rsqrt(variance + norm.epsilon) * norm.gamma + norm.beta


def for_litert(model: keras.Model) -> keras.Model:
    """The same function of the same weights in a graph that LiteRT runs faster; `model` itself is not changed.

    Encoder blocks of kerasft (BERT, RoBERTa, DistilBERT, ELECTRA) and layer norms get their lean form, and where only the
    first token of the last block is read, as by a classifier, it is all that is computed there. Other layers stay.

    Args:
        model: A functional model in float32. It is for inference only: dropout is left out.

    Returns:
        A model that shares the weights; outputs differ by rounding only (tests: < 1e-5).

    Example:

    >>> from kerasft.demo import tiny
    >>> model = tiny.classifier()
    >>> batch = tiny.batch(["a good film"])
    >>> bool(ops.max(ops.abs(for_litert(model)(batch) - model(batch))) < 1e-5)
    True
    """
    readers = _readers(model)

    def replace(layer: keras.Operation) -> keras.Operation:
        if getattr(layer, "compute_dtype", None) != "float32":  # operations such as GetItem have none
            return layer
        if type(layer) is TransformerEncoderLayer:
            first = all(map(_reads_first_token, readers[layer.name]))
            return LeanEncoderLayer(layer, first_token_only=first, name=layer.name)
        if type(layer) is keras.layers.LayerNormalization and _is_plain(layer):
            return CenteredLayerNormalization(layer, name=layer.name)
        return layer

    return keras.models.clone_model(model, clone_function=replace, call_function=_call)


def _call(layer: keras.Operation, *args, **named):
    """Call a layer; `x[..., None]` by `expand_dims`, since LiteRT has no slice with a new axis for open lengths."""
    key = _key(layer, args)
    plain = all(each is None or each is Ellipsis or (isinstance(each, slice) and each == slice(None)) for each in key)
    if not plain or not any(each is None for each in key):
        return layer(*args, **named)
    inputs = args[0]
    axis = 0
    skipped = len(inputs.shape) - sum(isinstance(each, slice) for each in key)  # by an ellipsis
    for each in key:
        if each is None:
            inputs = ops.expand_dims(inputs, axis)
        axis += skipped if each is Ellipsis else 1
    return inputs


def _is_plain(norm: keras.layers.LayerNormalization) -> bool:
    axis = norm.axis if isinstance(norm.axis, int) else tuple(norm.axis)
    last = len(norm.input_spec.shape) - 1 if norm.input_spec and norm.input_spec.shape else None
    has_both = norm.gamma is not None and norm.beta is not None
    return has_both and not norm.rms_scaling and axis in (-1, (-1,), last, (last,))


def _readers(model: keras.Model) -> dict[str, list[tuple]]:
    """What reads each layer's output: (operation, its arguments); (None, ()) is the model itself."""
    readers: dict[str, list] = {operation.name: [] for operation in model.operations}
    for operation in model.operations:
        for tensors, arguments in calls_of(operation):
            for tensor in tensors:
                readers.get(operation_of(tensor).name, []).append((operation, arguments))
    for tensor in model.outputs:
        readers[operation_of(tensor).name].append((None, ()))
    return readers


def _reads_first_token(reader: tuple) -> bool:
    """Whether it is `states[:, 0]` or `states[:, 0, :]`."""
    operation, arguments = reader
    everything = slice(None)
    return _key(operation, arguments) in ((everything, 0), (everything, 0, everything))


def _key(operation: keras.Operation | None, arguments: Sequence) -> tuple:
    """The index of `x[...]`; nothing for other operations. Keras loads a tuple as a list."""
    is_slice = type(operation).__name__ == "GetItem" and isinstance(arguments[1], tuple | list)
    return tuple(arguments[1]) if is_slice else ()
