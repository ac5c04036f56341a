"""Formulas of the focal loss in log space, for numerical stability without clipping."""

import tensorflow as tf


def focal_term(log_odds: tf.Tensor, gamma: float) -> tf.Tensor:
    """Compute (1 - p)^gamma (-log p) (Lin et al. 2017, arXiv:1708.02002, equation 4) from log_odds = log((1 - p) / p).

    Args:
        log_odds: Log-odds against the class, any shape.
        gamma: Focusing parameter >= 0.

    Returns:
        The terms >= 0, in the same shape.

    Example:

    >>> [round(float(focal_term(tf.constant(m), 2.0)), 4) for m in (-100.0, 0.0, 100.0)]
    [0.0, 0.1733, 100.0]
    """
    minus_log_p = tf.math.softplus(log_odds)
    return minus_log_p if gamma == 0 else minus_log_p * tf.exp(-gamma * tf.math.softplus(-log_odds))


def log_odds_against(logits: tf.Tensor) -> tf.Tensor:
    """Compute log((1 - p_k) / p_k) for every class k of p = softmax(logits), accurate even if p_k rounds to 1.

    Only the most probable class can have p > 1/2. For it, log(1 - p) = logsumexp of the other logits - logsumexp of all
    logits; for other classes, log1p(-p) is accurate.

    Args:
        logits: (..., C), C >= 2.

    Returns:
        Log-odds, (..., C).

    Example:

    >>> log_odds_against(tf.constant([100.0, -100.0])).numpy().tolist()
    [-200.0, 200.0]
    """
    num_classes = logits.shape[-1]
    is_other = tf.one_hot(tf.argmax(logits, axis=-1), num_classes, on_value=False, off_value=True, dtype=tf.bool)
    others = tf.reduce_logsumexp(tf.where(is_other, logits, -float("inf")), axis=-1, keepdims=True)  # (..., 1)
    log_p = tf.nn.log_softmax(logits)
    small_p = tf.where(is_other, tf.exp(log_p), 0.0)  # 0 if unused: the gradient of log1p(-1) is not finite
    return tf.where(is_other, tf.math.log1p(-small_p) - log_p, others - logits)
