"""Span loss: cross-entropy of start and end positions."""

import keras
import tensorflow as tf

from kerasft.errors import bad_argument
from kerasft.losses.arguments import element_weights
from kerasft.losses.base import GlobalMeanLoss, global_mean

_EXCLUDED = -1e30  # finite, so that the gradient of a row without allowed tokens is 0


@keras.saving.register_keras_serializable(package="kerasft")
class SpanCrossentropy(GlobalMeanLoss):
    """Mean cross-entropy of start and end positions, over allowed tokens.

        loss = sum_b w_b (-log p_b[start_b] - log q_b[end_b]) / 2 / sum_b w_b,
        p_b = softmax of the start logits of row b over its allowed tokens, q_b = of the end logits

    Devlin et al. 2019 (arXiv:1810.04805, section 4.2) use a softmax over all tokens, including padding and question; here it
    is over tokens with positive sample weight, which may be part of an answer. w_b is the largest weight in row b: rows
    without allowed tokens are ignored. The sums are over all replicas; see `GlobalMeanLoss`.

    Args:
        name: Name of the loss.

    Call arguments:
        y_true: One-hot along S: `[..., 0]` for the first token, `[..., 1]` for the last, any numeric dtype, (B, S, 2).
            Values of tokens that are not allowed are ignored.
        y_pred: Logits, (B, S, 2).
        sample_weight: (B, S), positive for allowed tokens; or (B,), if all tokens are allowed. None: equal weights.

    Raises:
        KerasftError: If the shapes do not match.

    Example:

    >>> loss = SpanCrossentropy()
    >>> y_true, logits = [[[1, 0], [0, 1], [0, 0]]], [[[2.0, 0.0], [0.0, 2.0], [99.0, 99.0]]]
    >>> round(float(loss(y_true, logits, sample_weight=[[1.0, 1.0, 0.0]])), 4)  # log(1 + exp(-2))
    0.1269
    """

    def __call__(self, y_true: tf.Tensor, y_pred: tf.Tensor, sample_weight: tf.Tensor | None = None) -> tf.Tensor:
        """Return the loss of a batch, a scalar; see `GlobalMeanLoss`."""
        mask = getattr(y_pred, "_keras_mask", None)
        with tf.name_scope(self.name):
            y_pred = tf.cast(tf.convert_to_tensor(y_pred), self.dtype)  # (B, S, 2)
            weights = element_weights(y_pred[..., 0], sample_weight, mask=mask)  # (B, S)
            rows = self.call(tf.convert_to_tensor(y_true), y_pred, allowed=weights > 0)
            row_weights = tf.reduce_max(weights, axis=-1)  # (B,)
            return global_mean(tf.reduce_sum(rows * row_weights), tf.reduce_sum(row_weights))

    def call(self, y_true: tf.Tensor, y_pred: tf.Tensor, allowed: tf.Tensor | None = None) -> tf.Tensor:
        """Return the loss of each row, (B,).

        Args:
            y_true: One-hot, (B, S, 2).
            y_pred: Logits, (B, S, 2).
            allowed: Allowed tokens, bool, (B, S); None: all.
        """
        if not y_true.shape.is_compatible_with(y_pred.shape) or y_pred.shape.rank != 3:
            fix = "See kerasft.data.question_answering."
            raise bad_argument("y_true", f"of y_pred's shape {tuple(y_pred.shape)}", tuple(y_true.shape), fix)
        allowed = tf.ones_like(y_pred[..., 0], tf.bool) if allowed is None else allowed
        log_p = tf.nn.log_softmax(tf.where(allowed[..., None], y_pred, _EXCLUDED), axis=1)  # (B, S, 2)
        chosen = allowed[..., None] & (y_true != 0)
        return -tf.reduce_sum(tf.where(chosen, log_p, 0.0) * tf.cast(y_true, log_p.dtype), axis=[1, 2]) / 2
