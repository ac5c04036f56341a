"""Contents of the TensorBoard log beside losses and metrics: norms by layer, precision-recall curves, embeddings."""

import math
import os
from collections import defaultdict
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf
from tensorboard.plugins import projector
from tensorboard.plugins.pr_curve import metadata

from kerasft.callbacks.figures import shorten
from kerasft.callbacks.non_finite import find_optimizer

_THRESHOLDS = 101
_CELLS = ((True, True), (True, False), (False, False), (False, True))
"""Predicted and real: true positives, false positives, true negatives, false negatives, in the plugin's order."""
_SECOND_MOMENT = "_velocity"  # the end of the name that Keras' Adam optimizers give it


def weight_norms(model: keras.Model) -> dict[str, float]:
    """The L2 norm of the trainable weights of each layer.

    Example:

    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, kernel_initializer="ones", name="dense")])
    >>> print(f"{weight_norms(model)['dense']:.4f}")
    1.4142
    """
    return _norms(model, [float(keras.ops.sum(keras.ops.square(weight))) for weight in model.trainable_weights])


def gradient_norms(model: keras.Model) -> dict[str, float]:
    """The root mean square of each layer's gradient norm over the last updates, from Adam's second moment.

    Adam keeps `v`, the exponential moving average of the squared gradient (Kingma and Ba 2015, algorithm 1): so the norms cost
    nothing in the training step. With beta_2 = 0.999 they are an average over about 1,000 updates.

    Returns:
        The norms, by layer. Empty for an optimizer without second moments, and before its first update.

    Example:

    >>> gradient_norms(keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]))
    {}
    """
    optimizer = find_optimizer(model)
    moments = [v for v in getattr(optimizer, "variables", []) if v.name.endswith(_SECOND_MOMENT)]
    updates = int(keras.ops.convert_to_numpy(optimizer.iterations)) if moments else 0
    if not updates or len(moments) != len(model.trainable_weights):
        return {}
    correction = -math.expm1(updates * math.log(optimizer.beta_2))
    return _norms(model, [float(keras.ops.sum(moment)) / correction for moment in moments])


def _norms(model: keras.Model, squares: list[float]) -> dict[str, float]:
    """By layer, the root of the sum of one square for each trainable weight."""
    layers = {id(weight): layer.name for layer in model.layers for weight in layer.trainable_weights}
    sums = defaultdict(float)
    for weight, square in zip(model.trainable_weights, squares):
        sums[layers.get(id(weight), model.name)] += square
    return {layer: math.sqrt(total) for layer, total in sums.items()}


def write_precision_recall(scores: np.ndarray, gold: np.ndarray, names: Sequence[str], *, step: int) -> None:
    """Write each label's precision-recall curve to the default writer, for the PR CURVES tab.

    Args:
        scores: Probabilities, (N, C).
        gold: 1 where a label holds, (N, C).
        names: The labels, (C,).
        step: The epoch.

    Example:

    >>> writer = tf.summary.create_file_writer("logs")
    >>> with writer.as_default():
    ...     write_precision_recall(np.array([[0.2], [0.9]]), np.array([[0], [1]]), ["spam"], step=0)
    """
    thresholds = np.linspace(0, 1, _THRESHOLDS)
    for index, name in enumerate(names):
        chosen = scores[:, index, None] >= thresholds  # (N, thresholds)
        holds = gold[:, index, None] > 0.5
        counts = [np.sum((chosen == predicted) & (holds == real), axis=0) for predicted, real in _CELLS]
        true_positives, false_positives, _, false_negatives = counts
        precision = true_positives / np.maximum(true_positives + false_positives, 1)
        recall = true_positives / np.maximum(true_positives + false_negatives, 1)
        values = np.stack([*counts, precision, recall]).astype(np.float32)  # (6, thresholds)
        description = metadata.create_summary_metadata(
            display_name=str(name), description="", num_thresholds=_THRESHOLDS
        )
        tf.summary.write(f"precision_recall/{name}", values, step=step, metadata=description)


def write_embeddings(
    folder: str | os.PathLike, vectors: np.ndarray, *, texts: Sequence[str], labels: Sequence[str]
) -> None:
    """Write vectors with their texts and labels, for the PROJECTOR tab.

    Args:
        folder: The log folder of the run.
        vectors: (N, H).
        texts: (N,).
        labels: (N,).

    Example:

    >>> write_embeddings("logs", np.eye(2), texts=["good", "bad"], labels=["yes", "no"])
    >>> sorted(name for name in os.listdir("logs") if "embedding" in name)
    ['embeddings.tsv', 'embeddings_texts.tsv']
    """
    os.makedirs(folder, exist_ok=True)
    np.savetxt(os.path.join(folder, "embeddings.tsv"), vectors, delimiter="\t", fmt="%.6g")
    with open(os.path.join(folder, "embeddings_texts.tsv"), "w", encoding="utf-8") as file:
        file.write("text\tlabel\n")
        for text, label in zip(texts, labels):
            file.write("\t".join(" ".join(str(cell).split()) for cell in (text, label)) + "\n")
    config = projector.ProjectorConfig()
    config.embeddings.add(tensor_path="embeddings.tsv", metadata_path="embeddings_texts.tsv")
    projector.visualize_embeddings(folder, config)


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table for `tf.summary.text`; long cells are cut to 200 characters.

    Example:

    >>> print(markdown_table(["text", "label"], [["a | b", "yes"]]))
    | text | label |
    |---|---|
    | a \\| b | yes |
    """
    lines = [list(header), *([_cell(cell) for cell in row] for row in rows)]
    lines = [f"| {' | '.join(line)} |" for line in lines]
    return "\n".join([lines[0], "|---" * len(header) + "|", *lines[1:]])


def _cell(text: object) -> str:
    return shorten(text, 200).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
