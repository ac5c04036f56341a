"""Perplexity of a language model, over the whole split."""

import keras
import tensorflow as tf

from kerasft.losses.arguments import class_indices, element_weights


@keras.saving.register_keras_serializable(package="kerasft")
class Perplexity(keras.metrics.Metric):
    """Perplexity: exp of the mean negative log-likelihood, in nats, of the tokens with nonzero weight.

        exp( sum_i w_i (-log p_i(y_i)) / sum_i w_i )

    (Jelinek et al. 1977, "Perplexity - a measure of the difficulty of speech recognition tasks".) The sums are over the whole
    split, in float64, so the result does not depend on batches; a mean of batch perplexities would be too large.

    Args:
        name: Name of the metric.

    Call arguments:
        y_true: Token ids, (B, ...). Ids outside the vocabulary make the result NaN, unless their weight is 0.
        y_pred: Logits, (B, ..., V).
        sample_weight: (B, ...): 0 for tokens to ignore. Keras passes it to `weighted_metrics` only.

    Raises:
        KerasftError: If the shapes do not match.

    Example:

    >>> metric = Perplexity()
    >>> metric.update_state([[1, 0]], [[[0.0, 0.0, 0.0, 0.0], [5.0, 0.0, 0.0, 0.0]]], sample_weight=[[1.0, 0.0]])
    >>> round(float(metric.result()), 4)  # four equally likely tokens
    4.0
    """

    def __init__(self, *, name: str | None = "perplexity"):
        super().__init__(name=name)
        self.total = self.add_variable((), "zeros", dtype="float64", name="total")
        self.weight = self.add_variable((), "zeros", dtype="float64", name="weight")

    def update_state(self, y_true: tf.Tensor, y_pred: tf.Tensor, sample_weight: tf.Tensor | None = None) -> None:
        """Add a batch."""
        mask = getattr(y_pred, "_keras_mask", None)
        y_pred = tf.cast(tf.convert_to_tensor(y_pred), tf.float32)
        y_true = class_indices(tf.convert_to_tensor(y_true), y_pred)
        known = (y_true >= 0) & (y_true < tf.shape(y_pred)[-1])  # others, such as -100, must have weight 0
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.where(known, y_true, 0), y_pred)  # (B, ...)
        losses = tf.where(known, losses, float("nan"))
        weights = element_weights(losses, sample_weight, mask=mask)
        losses = tf.where(weights != 0.0, losses, 0.0)
        self.total.assign_add(tf.reduce_sum(tf.cast(losses * weights, tf.float64)))
        self.weight.assign_add(tf.reduce_sum(tf.cast(weights, tf.float64)))

    def result(self) -> tf.Tensor:
        """Return the perplexity over all batches, >= 1, a scalar; 1 without data."""
        return tf.exp(tf.math.divide_no_nan(tf.convert_to_tensor(self.total), tf.convert_to_tensor(self.weight)))

    def get_config(self) -> dict:
        """Return the constructor's arguments."""
        return {"name": self.name}
