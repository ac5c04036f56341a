"""Model class of the heads, whose `compile` rejects losses that would interpret logits as probabilities."""

import functools
import warnings
from collections.abc import Iterator
from typing import Any

import keras

from kerasft.errors import KerasftError, bad_argument
from kerasft.features import MULTI_LABEL

# Keras losses and metrics without the argument `from_logits` that are defined on probabilities.
_OF_PROBABILITIES = {
    *("KLDivergence", "Poisson", "CategoricalGeneralizedCrossEntropy", "Dice", "Tversky"),
    *("kl_divergence", "poisson", "categorical_generalized_cross_entropy", "dice", "tversky"),
}
_CROSSENTROPIES = {
    *("binary_crossentropy", "categorical_crossentropy", "sparse_categorical_crossentropy"),
    *("binary_focal_crossentropy", "categorical_focal_crossentropy"),
}
_COUNTING = (  # metrics with a threshold, 0.5 by default
    *(keras.metrics.BinaryAccuracy, keras.metrics.Precision, keras.metrics.Recall),
    *(keras.metrics.TruePositives, keras.metrics.FalsePositives),
    *(keras.metrics.TrueNegatives, keras.metrics.FalseNegatives),
    *(keras.metrics.BinaryIoU, keras.metrics.F1Score, keras.metrics.FBetaScore),
)
_RANKING = (  # metrics over all thresholds between 0 and 1
    *(keras.metrics.PrecisionAtRecall, keras.metrics.RecallAtPrecision),
    *(keras.metrics.SensitivityAtSpecificity, keras.metrics.SpecificityAtSensitivity),
)
_OWN_LOSS = {"question_answering": "kerasft.losses.SpanCrossentropy()"}  # by the model's name


@keras.saving.register_keras_serializable(package="kerasft")
class LogitsModel(keras.Model):
    """A functional `keras.Model` that outputs logits. Only `compile` is overridden: it checks losses, then calls Keras'.

    Keras' `"sparse_categorical_crossentropy"` expects probabilities. It accepts logits silently, and the model hardly learns.

    Example:

    >>> inputs = keras.Input((4,))
    >>> model = LogitsModel(inputs, keras.layers.Dense(2, name="logits")(inputs))
    >>> model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    >>> model.compile("adam", "sparse_categorical_crossentropy")
    Traceback (most recent call last):
    ...
    kerasft.errors.KerasftError: `loss` must be a loss on logits, ...; received: 'sparse_categorical_crossentropy'. ...
    """

    def compile(self, optimizer="rmsprop", loss=None, *args, **kwargs):
        """Configure the model for training; see `keras.Model.compile`.

        Raises:
            KerasftError: If a loss expects probabilities.
        """
        labels = getattr(self, "labels", None)
        own = "kerasft.losses.SparseCategoricalCrossentropy()"
        if labels is not None:
            own = "kerasft.losses.for_labels(model.labels)"
        check_loss(loss, _OWN_LOSS.get(self.name, own))
        given = dict(zip(("loss_weights", "metrics", "weighted_metrics"), args)) | kwargs
        for name in ("metrics", "weighted_metrics"):
            warn_of_metrics(given.get(name), several=getattr(labels, "problem", None) == MULTI_LABEL)
        super().compile(optimizer, loss, *args, **kwargs)

    def compile_from_config(self, config: dict) -> None:
        """Compile with a saved configuration. Keras requires this if `compile` is overridden."""
        try:
            self.compile(**keras.saving.deserialize_keras_object(config))
        except KerasftError as error:  # saved before this check existed: the weights can still be loaded
            warnings.warn(f"The loaded model is not compiled: {error}", stacklevel=2)
            return
        if self.optimizer is not None and self.built:
            self.optimizer.build(self.trainable_variables)


def check_loss(loss: Any, own: str) -> None:
    """Reject losses that expect probabilities.

    Args:
        loss: Argument of `compile`: a name, a function, a `keras.losses.Loss`, or a dictionary or list of these.
        own: kerasft's loss for the model, for the message.

    Raises:
        KerasftError: If one of them expects probabilities.

    Example:

    >>> check_loss({"logits": keras.losses.BinaryCrossentropy()}, "kerasft.losses.for_labels(model.labels)")
    Traceback (most recent call last):
    ...
    kerasft.errors.KerasftError: `loss` must be a loss on logits, ...; received: 'BinaryCrossentropy'. ...
    """
    for each in _each(loss):
        if expects_probabilities(keras.losses.get(each)):
            shown = each if isinstance(each, str | dict) else getattr(each, "__name__", type(each).__name__)
            raise bad_argument(
                "loss",
                "a loss on logits, since this model outputs logits, not probabilities",
                shown,
                f"Use {own}, or the class of keras.losses with from_logits=True.",
            )


def expects_probabilities(function: Any) -> bool:
    """Whether a Keras loss or metric expects probabilities, if that is declared.

    Example:

    >>> expects_probabilities(keras.losses.binary_crossentropy), expects_probabilities(keras.losses.MeanSquaredError())
    (True, False)
    """
    if isinstance(function, functools.partial):
        return expects_probabilities(function.func) and not function.keywords.get("from_logits", False)
    if not isinstance(function, keras.losses.Loss | keras.metrics.Metric):
        name = getattr(function, "__name__", "")
        is_keras = getattr(keras.losses, name, getattr(keras.metrics, name, None)) is function
        return is_keras and name in _CROSSENTROPIES | _OF_PROBABILITIES
    if type(function).__module__.split(".")[0] == "keras" and type(function).__name__ in _OF_PROBABILITIES:
        return True
    try:
        config = function.get_config()
    except (RuntimeError, TypeError, AttributeError):  # a custom class that cannot be serialized
        return False
    # A class that wraps a Keras function has the arguments in its configuration.
    return config.get("from_logits", not expects_probabilities(getattr(function, "fn", None))) is False


def warn_of_metrics(metrics: Any, *, several: bool = False) -> None:
    """Warn about Keras metrics that interpret logits as probabilities: their values are wrong, but training is not affected.

    Args:
        metrics: Argument of `compile`.
        several: Whether the problem is multi-label, where Keras' `"accuracy"` compares the largest logit only.

    Example:

    >>> warn_of_metrics([keras.metrics.AUC(from_logits=True), "accuracy"])
    """
    for each in _each(metrics):
        if each in ("accuracy", "acc"):
            wrong = several  # for single-label, the largest logit is also the largest probability
        elif each in ("crossentropy", "ce"):
            wrong = True
        else:
            metric = keras.metrics.get(each)
            wrong = (
                any(0 < value < 1 for value in _thresholds(metric))
                if isinstance(metric, _COUNTING)
                else isinstance(metric, _RANKING)
                or metric is keras.metrics.binary_accuracy
                or expects_probabilities(metric)
            )
        if wrong:
            warnings.warn(
                f"metrics: {each if isinstance(each, str) else type(each).__name__} expects probabilities, but this model "
                "outputs logits, so its value is meaningless. Use kerasft.metrics.for_labels(model.labels), from_logits=True, "
                "or a threshold of 0.",
                stacklevel=3,
            )


def _thresholds(metric: keras.metrics.Metric) -> list[float]:
    config = metric.get_config()
    given = config.get("threshold", config.get("thresholds"))
    if given is None and isinstance(metric, keras.metrics.FBetaScore):
        return []  # without threshold, it uses the largest value
    return [0.5] if given is None else list(given) if isinstance(given, list | tuple) else [given]


def _each(given: Any) -> Iterator[Any]:
    """Yield all losses or metrics in nested dictionaries and lists."""
    if isinstance(given, dict) and "class_name" not in given:
        given = list(given.values())
    if isinstance(given, list | tuple):
        for part in given:
            yield from _each(part)
    elif given is not None:
        yield given
