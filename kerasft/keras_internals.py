"""What we use of Keras and TensorFlow beside their public interface, all of it, so that a new version is tried in one place.

Tried with Keras 3.9.2 to 3.15.1 and TensorFlow 2.18.1 to 2.21. `optimizers/adamw.py`, a subclass of Keras' AdamW, uses hooks of
its class too.
"""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf


def layers_inside(layer: keras.layers.Layer) -> list[keras.layers.Layer]:
    """The layers that a model or layer is directly made of.

    Keras' own traversal, as in its `quantize`; there is no public one for layers that are not models.

    Example:

    >>> [layer.name for layer in layers_inside(keras.Sequential([keras.layers.Dense(2, name="dense")]))][-1]
    'dense'
    """
    return list(layer._flatten_layers(include_self=False, recursive=False))


def operation_of(tensor: keras.KerasTensor) -> keras.Operation:
    """The layer or operation that a tensor of a functional model is an output of.

    Example:

    >>> from kerasft.demo import tiny
    >>> operation_of(tiny.classifier().outputs[0]).name
    'logits'
    """
    return tensor._keras_history.operation


def calls_of(operation: keras.Operation) -> list[tuple[list[keras.KerasTensor], tuple]]:
    """Of each call of an operation in a functional model: the tensors that it reads, and its arguments.

    Keras has no public way to ask what reads a tensor but the configuration, for which each layer must be serialisable.

    Example:

    >>> from kerasft.demo import tiny
    >>> [[tensor.shape[-1] for tensor in tensors] for tensors, _ in calls_of(tiny.classifier().get_layer("logits"))]
    [[16]]
    """
    return [(list(node.input_tensors), node.arguments.args) for node in operation._inbound_nodes]


def run_graph(model: keras.Model, inputs: Any, *, call: Callable) -> Any:
    """Call a functional model's operations one by one, by `call`, on other inputs.

    It is what `keras.models.clone_model` itself calls. `model.call` would add a conversion of each input to the graph.

    Example:

    >>> from kerasft.demo import tiny
    >>> model = tiny.classifier()
    >>> output = run_graph(model, model.input, call=lambda layer, *args, **named: layer(*args, **named))
    >>> keras.tree.flatten(output)[0].shape
    (None, 2)
    """
    return model._run_through_graph(inputs, call_fn=call)


def variable_below_lora(layer: keras.layers.Layer) -> keras.Variable:
    """The kernel or table of a layer with LoRA, without what the property of that name adds to it.

    Example:

    >>> dense = keras.layers.Dense(2)
    >>> dense.build((None, 3))
    >>> variable_below_lora(dense) is dense.weights[0]
    True
    """
    return layer._embeddings if isinstance(layer, keras.layers.Embedding) else layer._kernel


def summary_writer(callback: keras.callbacks.TensorBoard, *, validation: bool = False) -> tf.summary.SummaryWriter:
    """The writer of a TensorBoard callback, of the training or of the validation; it is opened when first asked for.

    Example:

    >>> from kerasft.demo import tiny
    >>> callback = keras.callbacks.TensorBoard("logs")
    >>> callback.set_model(tiny.classifier())
    >>> summary_writer(callback) is summary_writer(callback)
    True
    """
    return callback._val_writer if validation else callback._train_writer


def merge_replicas(function: Callable, strategy: tf.distribute.Strategy, *args: Any) -> None:
    """Call a function where all replicas meet: the only place where mirrored variables can be written.

    Example:

    >>> merge_replicas(lambda strategy, value: print(value), tf.distribute.get_strategy(), 3)
    3
    """
    tf.__internal__.distribute.interim.maybe_merge_call(function, strategy, *args)


def set_initial_epoch(model: keras.Model, epoch: int) -> None:
    """Let the running `fit` begin with another epoch, as Keras' own `BackupAndRestore` does; called in `on_train_begin`.

    Example:

    >>> from kerasft.demo import tiny
    >>> set_initial_epoch(tiny.classifier(), 2)
    """
    model._initial_epoch = epoch
