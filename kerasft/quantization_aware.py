"""Quantization-aware training for full-integer files: the forward pass uses the rounded values of the file.

Quantization-aware training after Jacob et al. 2018 (https://arxiv.org/abs/1712.05877, section 3): a number x in [a, b] is
replaced by the nearest of 256 that stand for it,

    q(x) = s (clip(round(x / s) + z, 0, 255) - z),   s = (b - a) / 255,   z = round(-a / s)

and the gradient passes as if it had not been (the straight-through estimator).
"""

import contextlib
from collections.abc import Iterator

import keras
import tensorflow as tf
from keras import ops

from kerasft.backbones.rebuild import inner_layers


def fake_quantize(values: tf.Tensor, *, axis: int | None = None) -> tf.Tensor:
    """Round a tensor to what int8 can hold, and let gradients pass.

    Args:
        values: Float, of any shape.
        axis: `None`: one asymmetric range for all, as of activations, 0 within it. Or the axis whose members have a
            symmetric range each, as of a kernel's outputs.

    Returns:
        The rounded tensor, of the same shape and dtype.

    Example:

    >>> fake_quantize(ops.array([0.0, 0.3, 255.0])).numpy().tolist()
    [0.0, 0.0, 255.0]
    """
    if axis is None:
        low, high = ops.minimum(ops.min(values), 0), ops.maximum(ops.max(values), 0)
        scale = ops.maximum((high - low) / 255, keras.config.epsilon())
        zero = ops.round(-low / scale)
        rounded = (ops.clip(ops.round(values / scale) + zero, 0, 255) - zero) * scale
    else:
        others = [each for each in range(len(values.shape)) if each != axis % len(values.shape)]
        scale = ops.maximum(ops.max(ops.abs(values), axis=others, keepdims=True) / 127, keras.config.epsilon())
        rounded = ops.round(values / scale) * scale
    return values + ops.stop_gradient(rounded - values)


@contextlib.contextmanager
def quantization_aware(model: keras.Model, *, enabled: bool = True) -> Iterator[keras.Model]:
    """Within this block, every dense layer computes with int8 inputs, kernels and outputs, and learns to.

    Compile the model before or within the block, and call `fit` and `evaluate` within it: the dev numbers are then those to
    expect of the file. After the block the same model, with the weights it learned, computes in floats again.

    Args:
        model: A model made by one of `kerasft.heads`, in float32. One that is fine-tuned already learns in an epoch at a
            tenth of the rate.
        enabled: Whether anything is done.

    Yields:
        The model.

    Example:

    >>> from kerasft.demo import tiny
    >>> model = tiny.classifier()
    >>> batch = tiny.batch(["a good film"])
    >>> with quantization_aware(model):
    ...     rounded = model(batch)
    >>> 0 < float(ops.max(ops.abs(rounded - model(batch)))) < 0.1
    True
    """
    if not enabled:
        yield model
        return
    layers = [layer for _, layer in inner_layers(model) if isinstance(layer, keras.layers.Dense)]
    # On the layers themselves: the optimizer, the callbacks and the caller hold this model, and not one that is built again.
    for layer in layers:
        layer.call = _quantized_call(layer)
    _forget_graphs(model)
    try:
        yield model
    finally:
        for layer in layers:
            del layer.call  # that of its class counts again
        _forget_graphs(model)


def _quantized_call(layer: keras.layers.Dense):
    def call(inputs, training=None):
        product = ops.matmul(fake_quantize(inputs), fake_quantize(layer.kernel, axis=-1))
        if layer.bias is not None:
            product = ops.add(product, layer.bias)
        if layer.activation is None or layer.activation is keras.activations.linear:
            return fake_quantize(product)
        return layer.activation(fake_quantize(product))

    return call


def _forget_graphs(model: keras.Model) -> None:
    """What Keras traced of `fit`, `evaluate` and `predict` holds the layers' former calls."""
    model.train_function = model.test_function = model.predict_function = None
