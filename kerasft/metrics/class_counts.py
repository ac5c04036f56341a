"""F1 and the Matthews correlation coefficient, from counts over the whole split."""

import math

import keras
import tensorflow as tf

from kerasft.errors import bad_argument
from kerasft.losses.arguments import as_shaped, class_indices, element_weights

AVERAGES = ("macro", "micro", "weighted", "binary", None)


class _ClassCounts(keras.metrics.Metric):
    """Counts per class: true positives, predictions, and occurrences; independent of the batches."""

    def __init__(self, num_classes: int, *, name: str | None):
        super().__init__(name=name)
        self.num_classes = num_classes
        self.counts = self.add_variable((3, num_classes), "zeros", dtype="float64", name="counts")

    def _add_single_label(self, y_true: tf.Tensor, y_pred: tf.Tensor, sample_weight: tf.Tensor | None) -> None:
        mask = getattr(y_pred, "_keras_mask", None)
        y_pred = tf.convert_to_tensor(y_pred)  # (B, ..., C)
        self._check_classes(y_pred)
        actual = class_indices(tf.convert_to_tensor(y_true), y_pred)  # (B, ...)
        predicted = tf.argmax(y_pred, axis=-1, output_type=tf.int32)  # (B, ...)
        weights = element_weights(tf.cast(actual, tf.float64), sample_weight, mask=mask)
        hits = tf.where(predicted == actual, weights, 0.0)
        actual = tf.where(weights > 0, actual, -1)  # -1 is not a class: elements with weight 0 may have any label
        groups = ((hits, actual), (weights, predicted), (weights, actual))
        counts = [
            tf.math.unsorted_segment_sum(tf.reshape(amount, [-1]), tf.reshape(index, [-1]), self.num_classes)
            for amount, index in groups
        ]
        self.counts.assign_add(tf.stack(counts))

    def _add_multi_label(
        self, y_true: tf.Tensor, y_pred: tf.Tensor, sample_weight: tf.Tensor | None, least_logit: float
    ) -> None:
        mask = getattr(y_pred, "_keras_mask", None)
        y_pred = tf.convert_to_tensor(y_pred)  # (B, ..., C)
        self._check_classes(y_pred)
        actual = as_shaped(tf.convert_to_tensor(y_true), y_pred) > 0
        predicted = y_pred > least_logit
        weights = element_weights(tf.cast(y_pred, tf.float64), sample_weight, mask=mask)
        counts = [
            tf.reduce_sum(tf.reshape(tf.where(chosen, weights, 0.0), [-1, self.num_classes]), axis=0)
            for chosen in (predicted & actual, predicted, actual)
        ]
        self.counts.assign_add(tf.stack(counts))

    def _check_classes(self, y_pred: tf.Tensor) -> None:
        if y_pred.shape[-1] != self.num_classes:
            raise bad_argument(
                "num_classes", f"the model's number of logits, {y_pred.shape[-1]}", self.num_classes, "Make them equal."
            )

    def get_config(self) -> dict:
        """Return the constructor's arguments."""
        return {"name": self.name, "num_classes": self.num_classes}


@keras.saving.register_keras_serializable(package="kerasft")
class F1Score(_ClassCounts):
    """F1, the harmonic mean of precision and recall, from counts over the whole split.

        F1_k = 2 TP_k / (predicted_k + actual_k),    0 for a class that is neither predicted nor present

    macro: the mean of F1_k over classes that are predicted or present (single-label) or all classes (multi-label);
    micro: F1 of the summed counts (equal to accuracy for single-label); weighted: the mean of F1_k, weighted by actual_k;
    binary: F1 of class 1 of two; None: every F1_k. Equals `sklearn.metrics.f1_score` with its defaults and
    `zero_division=0`; `keras.metrics.F1Score` counts absent classes as 0 in "macro", and expects probabilities.

    Source: van Rijsbergen 1979, Information Retrieval, chapter 7 (F1 = 1 - E at equal weight).

    Args:
        num_classes: The number of classes C.
        average: `"macro"`, `"micro"`, `"weighted"`, `"binary"` (single-label, C = 2) or None.
        multi_label: Whether the problem is multi-label: then classes with sigmoid(logit) > `threshold` are predicted,
            otherwise the class with the largest logit.
        threshold: Probability in (0, 1), for `multi_label`.
        name: Name of the metric. Default: `"f1_macro"` and so on, `"f1"` for None.

    Call arguments:
        y_true: Class indices (B, ...), or multi-hot (B, ..., C) if `multi_label`.
        y_pred: Logits, (B, ..., C).
        sample_weight: (B,) or (B, ...). Keras passes it to `weighted_metrics` only.

    Raises:
        KerasftError: If an argument is out of range, or the shapes do not match.

    Example:

    >>> metric = F1Score(3, average="macro")
    >>> metric.update_state([0, 1], [[2.0, 0.0, 0.0], [2.0, 0.0, 0.0]])
    >>> metric.update_state([1], [[0.0, 2.0, 0.0]])
    >>> round(float(metric.result()), 4)
    0.6667
    """

    def __init__(
        self,
        num_classes: int,
        average: str | None = "macro",
        *,
        multi_label: bool = False,
        threshold: float = 0.5,
        name: str | None = None,
    ):
        if average not in AVERAGES:
            raise bad_argument("average", f"one of {AVERAGES}", average, "Choose one of them.")
        if average == "binary" and (num_classes != 2 or multi_label):
            raise bad_argument("num_classes", "2, single label, for average='binary'", num_classes, "Use 'macro'.")
        if not 0 < threshold < 1:
            raise bad_argument("threshold", "in (0, 1)", threshold, "For example: 0.5.")
        super().__init__(num_classes, name=name or (f"f1_{average}" if average else "f1"))
        self.average = average
        self.multi_label = multi_label
        self.threshold = threshold

    def update_state(self, y_true: tf.Tensor, y_pred: tf.Tensor, sample_weight: tf.Tensor | None = None) -> None:
        """Add a batch."""
        if self.multi_label:
            least_logit = math.log(self.threshold / (1 - self.threshold))
            self._add_multi_label(y_true, y_pred, sample_weight, least_logit)
        else:
            self._add_single_label(y_true, y_pred, sample_weight)

    def result(self) -> tf.Tensor:
        """Return the F1 over all batches, in [0, 1], a scalar; (C,) for `average=None`. 0 without data."""
        hits, predicted, actual = tf.unstack(tf.convert_to_tensor(self.counts))  # (C,) each
        if self.average == "micro":
            hits, predicted, actual = (tf.reduce_sum(count) for count in (hits, predicted, actual))
        scores = tf.math.divide_no_nan(2 * hits, predicted + actual)
        if self.average == "macro":
            seen = tf.cast((predicted + actual > 0) | self.multi_label, scores.dtype)
            return tf.math.divide_no_nan(tf.reduce_sum(scores), tf.reduce_sum(seen))
        if self.average == "weighted":
            return tf.math.divide_no_nan(tf.reduce_sum(scores * actual), tf.reduce_sum(actual))
        return scores[1] if self.average == "binary" else scores

    def get_config(self) -> dict:
        """Return the constructor's arguments."""
        arguments = {"average": self.average, "multi_label": self.multi_label, "threshold": self.threshold}
        return {**super().get_config(), **arguments}


@keras.saving.register_keras_serializable(package="kerasft")
class MatthewsCorrelation(_ClassCounts):
    """Matthews correlation coefficient of two or more classes, from counts over the whole split.

        MCC = (c s - p . t) / sqrt((s^2 - p . p) (s^2 - t . t))

    with s elements, c of them correct, and p_k, t_k the numbers of predictions and labels of class k: Gorodkin 2004,
    "Comparing two K-category assignments by a K-category correlation coefficient"; for two classes Matthews 1975. Equals
    `sklearn.metrics.matthews_corrcoef`: 0 if all predictions, or all labels, are of one class.

    Args:
        num_classes: The number of classes C.
        name: Name of the metric.

    Call arguments:
        y_true: Class indices (B, ...).
        y_pred: Logits, (B, ..., C).
        sample_weight: (B,) or (B, ...). Keras passes it to `weighted_metrics` only.

    Raises:
        KerasftError: If the shapes do not match.

    Example:

    >>> metric = MatthewsCorrelation(2)
    >>> metric.update_state([0, 1, 1], [[2.0, 0.0], [0.0, 2.0], [2.0, 0.0]])
    >>> float(metric.result())
    0.5
    """

    def __init__(self, num_classes: int, *, name: str | None = "matthews"):
        super().__init__(num_classes, name=name)

    def update_state(self, y_true: tf.Tensor, y_pred: tf.Tensor, sample_weight: tf.Tensor | None = None) -> None:
        """Add a batch."""
        self._add_single_label(y_true, y_pred, sample_weight)

    def result(self) -> tf.Tensor:
        """Return the coefficient over all batches, in [-1, 1], a scalar. 0 without data."""
        hits, predicted, actual = tf.unstack(tf.convert_to_tensor(self.counts))  # (C,) each
        total = tf.reduce_sum(actual)
        covariance = tf.reduce_sum(hits) * total - tf.tensordot(predicted, actual, 1)
        variances = (total**2 - tf.tensordot(predicted, predicted, 1)) * (total**2 - tf.tensordot(actual, actual, 1))
        return tf.math.divide_no_nan(covariance, tf.sqrt(variances))
