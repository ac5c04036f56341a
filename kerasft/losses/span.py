"""Span loss: cross-entropy of start and end positions."""

import keras
import tensorflow as tf

from kerasft.errors import bad_argument
from kerasft.losses.arguments import element_weights
from kerasft.losses.base import GlobalMeanLoss, global_mean

_EXCLUDED = -1e30  # finite, so that a row without allowed tokens has gradient 0


@keras.saving.register_keras_serializable(package="kerasft")
class SpanCrossentropy(GlobalMeanLoss):
    """Mean of the cross-entropies of a span's start and end token, over the allowed tokens.

        loss = sum_b w_b (-log p_b[start_b] - log q_b[end_b]) / 2 / sum_b w_b,
        p_b = softmax of the start logits of row b over its allowed tokens, q_b = of the end logits

    Devlin et al. 2019 (arXiv:1810.04805, section 4.2), where the softmax is over all tokens, padding and question too; here
    it is over those of positive sample weight, the only ones that an answer can be made of. w_b is the largest weight in
    row b: a row without an allowed token counts nothing. The sums are over all replicas, see `GlobalMeanLoss`.

    Args:
        name: The loss' name.

    Call arguments:
        y_true: One-hot along S: `[..., 0]` marks the first token, `[..., 1]` the last, any numeric dtype, (B, S, 2). What
            stands at a token that is not allowed adds nothing.
        y_pred: Logits, (B, S, 2).
        sample_weight: (B, S), positive where a token may be chosen; or (B,), then every token may. None: all count alike.

    Raises:
        KerasftError: If the shapes do not match.

    Example:

    >>> loss = SpanCrossentropy()
    >>> y_true, logits = [[[1, 0], [0, 1], [0, 0]]], [[[2.0, 0.0], [0.0, 2.0], [99.0, 99.0]]]
    >>> round(float(loss(y_true, logits, sample_weight=[[1.0, 1.0, 0.0]])), 4)  # log(1 + exp(-2))
    0.1269
    """

    def __call__(self, y_true: tf.Tensor, y_pred: tf.Tensor, sample_weight: tf.Tensor | None = None) -> tf.Tensor:
        """The loss of a batch, a scalar; see `GlobalMeanLoss`."""
        mask = getattr(y_pred, "_keras_mask", None)
        with tf.name_scope(self.name):
            y_pred = tf.cast(tf.convert_to_tensor(y_pred), self.dtype)  # (B, S, 2)
            weights = element_weights(y_pred[..., 0], sample_weight, mask=mask)  # (B, S)
            rows = self.call(tf.convert_to_tensor(y_true), y_pred, allowed=weights > 0)
            row_weights = tf.reduce_max(weights, axis=-1)  # (B,)
            return global_mean(tf.reduce_sum(rows * row_weights), tf.reduce_sum(row_weights))

    def call(self, y_true: tf.Tensor, y_pred: tf.Tensor, allowed: tf.Tensor | None = None) -> tf.Tensor:
        """The loss of each row, (B,).

        Args:
            y_true: One-hot, (B, S, 2).
            y_pred: Logits, (B, S, 2).
            allowed: Which tokens may be chosen, bool, (B, S); None: all.
        """
        if not y_true.shape.is_compatible_with(y_pred.shape) or y_pred.shape.rank != 3:
            fix = "See kerasft.data.question_answering."
            raise bad_argument("y_true", f"of y_pred's shape {tuple(y_pred.shape)}", tuple(y_true.shape), fix)
        allowed = tf.ones_like(y_pred[..., 0], tf.bool) if allowed is None else allowed
        log_p = tf.nn.log_softmax(tf.where(allowed[..., None], y_pred, _EXCLUDED), axis=1)  # (B, S, 2)
        chosen = allowed[..., None] & (y_true != 0)
        return -tf.reduce_sum(tf.where(chosen, log_p, 0.0) * tf.cast(y_true, log_p.dtype), axis=[1, 2]) / 2
