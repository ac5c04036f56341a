"""Predictions of a model on a labeled dataset, with the labels."""

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf
from scipy.special import expit

from kerasft.answers.text_classification import softmax
from kerasft.errors import bad_argument
from kerasft.features import MULTI_LABEL, REGRESSION, SINGLE_LABEL, Labels


def labels_of(model: keras.Model, labels: Labels | list[str] | None = None) -> Labels:
    """Return `labels` as `Labels`, or those of the model.

    Raises:
        KerasftError: If neither exists.

    Example:

    >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(2)])
    >>> list(labels_of(model, ["no", "yes"]))
    ['no', 'yes']
    """
    labels = getattr(model, "labels", None) if labels is None else labels
    if labels is None:
        raise bad_argument(
            "labels", "output names, for a model without `model.labels`", None, "Give labels=['no', 'yes']."
        )
    return Labels.of(labels)


def predict(model: keras.Model, dataset: tf.data.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Run `model.predict` and collect the labels in the same order.

    Args:
        model: A model with one output, `logits` (B, C).
        dataset: Batches of `(features, y)` or `(features, y, sample_weight)`, in the same order in every pass. Sample
            weights are not used, as in Keras' `metrics=`.

    Returns:
        Logits, float32 (N, C), and the labels: (N,) for class indices, (N, C) otherwise.

    Raises:
        KerasftError: If the dataset has no labels, is empty, or is reshuffled in each pass.

    Example:

    >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, kernel_initializer="ones")])
    >>> logits, gold = predict(model, tf.data.Dataset.from_tensor_slices(([[2.0], [3.0]], [2.5, 3.5])).batch(2))
    >>> logits.tolist(), gold.tolist()
    ([[2.0], [3.0]], [2.5, 3.5])
    """
    gold = _collect(dataset)
    logits = np.asarray(model.predict(dataset, verbose=0), "float32")
    if len(logits) != len(gold) or not np.array_equal(gold, _collect(dataset)):
        raise bad_argument("dataset", "in a fixed order", "a shuffled dataset", "Create it with shuffle=False.")
    return logits, gold


def _collect(dataset: tf.data.Dataset) -> np.ndarray:
    spec = dataset.element_spec
    if not isinstance(spec, tuple) or len(spec) < 2:
        raise bad_argument("dataset", "batches of (features, y)", spec, "Create it with labels=model.labels.")
    only_truth = dataset.map(lambda features, y, *weights: y, num_parallel_calls=1, deterministic=True)
    batches = list(only_truth.as_numpy_iterator())
    if not batches:
        raise bad_argument("dataset", "at least one batch", "an empty dataset", "Give another split.")
    return np.concatenate(batches)


def probabilities(logits: np.ndarray, problem: str) -> np.ndarray:
    """Turn logits (N, C) into probabilities: softmax over classes, or one sigmoid per class.

    Example:

    >>> probabilities(np.zeros((1, 2)), "single_label").tolist()
    [[0.5, 0.5]]
    """
    return expit(logits) if problem == MULTI_LABEL else softmax(logits)


def held(logits: np.ndarray, thresholds: Sequence[float] | None = None) -> np.ndarray:
    """Multi-label decisions: probability of at least the label's threshold, or 0.5.

    Args:
        logits: (N, C).
        thresholds: From 0 to 1, (C,).

    Returns:
        Booleans, (N, C).

    Example:

    >>> held(np.array([[1.0, -1.0]]), thresholds=[0.8, 0.2]).tolist()
    [[False, True]]
    """
    return expit(np.asarray(logits, "float64")) >= np.asarray(0.5 if thresholds is None else thresholds)


def describe(logits: np.ndarray, labels: Labels, *, with_chance: bool = True) -> list[str]:
    """Describe the prediction of each row of logits (N, C); single-label with its probability, if `with_chance`.

    Example:

    >>> describe(np.array([[0.0, 2.0]]), Labels(["no", "yes"]))
    ['yes (88 %)']
    """
    if labels.problem == REGRESSION:
        if len(labels) == 1:
            return [f"{value:.3f}" for value in logits.ravel()]
        return [", ".join(f"{name} {value:.3f}" for name, value in zip(labels, row)) for row in np.atleast_2d(logits)]
    values = probabilities(logits, labels.problem)
    if labels.problem == SINGLE_LABEL:
        names = [labels[index] for index in values.argmax(-1)]
        return [f"{name} ({100 * row.max():.0f} %)" for name, row in zip(names, values)] if with_chance else names
    return [
        ", ".join(name for name, probability in zip(labels, row) if probability > 0.5) or "(none)" for row in values
    ]


def describe_gold(gold: np.ndarray, labels: Labels) -> list[str]:
    """Describe the label of each row.

    Example:

    >>> describe_gold(np.array([1, 0]), Labels(["no", "yes"]))
    ['yes', 'no']
    """
    if labels.problem == SINGLE_LABEL:
        return [labels[int(row)] for row in gold]
    if labels.problem == REGRESSION:
        return describe(gold.reshape(len(gold), -1), labels)
    return [", ".join(name for name, holds in zip(labels, row) if holds > 0.5) or "(none)" for row in gold]
