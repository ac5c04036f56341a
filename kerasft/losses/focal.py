"""Focal losses on logits: cross-entropy that focuses on hard examples.

Lin et al. 2017, "Focal Loss for Dense Object Detection", arXiv:1708.02002, equations 4 and 5, where p_t is the probability
of the true class:

    FL(p_t) = -(1 - p_t)^gamma log(p_t)             FL(p_t) = -alpha_t (1 - p_t)^gamma log(p_t)

For numerical stability, losses are computed from the log-odds against a class, m = log((1 - p) / p):

    -log(p) = softplus(m)        log(1 - p) = -softplus(-m)        FL = alpha softplus(m) exp(-gamma softplus(-m))

These are finite, with finite derivatives, for all finite logits and all gamma >= 0. (Clipping probabilities, as in Keras,
makes gradients 0 for the largest errors.)
"""

import keras
import tensorflow as tf

from kerasft.errors import bad_argument
from kerasft.losses.arguments import Alpha, as_shaped, checked_alpha, class_indices
from kerasft.losses.base import GlobalMeanLoss
from kerasft.losses.formulas import focal_term, log_odds_against


class _FocalLoss(GlobalMeanLoss):
    """Base class of focal losses: their common arguments."""

    def __init__(self, gamma: float, alpha: Alpha, label_smoothing: float, *, name: str | None):
        super().__init__(name=name)
        if not 0 <= gamma < float("inf"):
            raise bad_argument("gamma", "a number >= 0", gamma, "For example: gamma=2.0, or 0 for cross-entropy.")
        if not 0 <= label_smoothing < 1:
            raise bad_argument("label_smoothing", "in [0, 1)", label_smoothing, "For example: 0.1.")
        self.gamma = float(gamma)
        self.alpha = checked_alpha(alpha)
        self.label_smoothing = float(label_smoothing)

    def get_config(self) -> dict:
        """Return the constructor's arguments."""
        arguments = {"gamma": self.gamma, "alpha": self.alpha, "label_smoothing": self.label_smoothing}
        return {**super().get_config(), **arguments}

    def _alpha_for(self, logits: tf.Tensor) -> tf.Tensor | float | None:
        """Return `alpha` as factor of the terms of all classes (..., C)."""
        num_classes = logits.shape[-1]
        if isinstance(self.alpha, dict):
            self._check_classes(max(self.alpha, default=0) < num_classes, num_classes)
            return tf.constant([self.alpha.get(index, 1.0) for index in range(num_classes)], logits.dtype)
        if isinstance(self.alpha, list):
            self._check_classes(len(self.alpha) == num_classes, num_classes)
            return tf.constant(self.alpha, logits.dtype)
        return self.alpha

    def _check_classes(self, fits: bool, num_classes: int) -> None:
        if not fits:
            expected = f"one weight per class ({num_classes})"
            raise bad_argument("alpha", expected, self.alpha, "See kerasft.losses.class_weights.")


class _CategoricalFocalLoss(_FocalLoss):
    """Focal loss against a distribution over the classes."""

    def _weighted_terms(self, logits: tf.Tensor) -> tf.Tensor:
        """Return alpha_k (1 - p_k)^gamma (-log p_k) for every class k, (..., C)."""
        if logits.shape.rank < 2 or logits.shape[-1] is None or logits.shape[-1] < 2:
            raise bad_argument(
                "y_pred", "logits (B, ..., C) with C >= 2", tuple(logits.shape), "Use a binary loss for a single logit."
            )
        if self.gamma == 0:
            terms = -tf.nn.log_softmax(logits)
        else:
            terms = focal_term(log_odds_against(logits), self.gamma)
        alpha = self._alpha_for(logits)
        return terms if alpha is None else terms * alpha


@keras.saving.register_keras_serializable(package="kerasft")
class SparseCategoricalFocalCrossentropy(_CategoricalFocalLoss):
    """Sparse categorical focal loss: one class out of C, with class indices as targets.

        loss = sum_k q_k alpha_k (1 - p_k)^gamma (-log p_k),    p = softmax(logits),
        q = (1 - label_smoothing) onehot(y_true) + label_smoothing / C

    Without label smoothing, this is Lin et al. 2017 (arXiv:1708.02002), equation 5. Label smoothing is not in the paper: the
    focal term of each class is weighted by its smoothed target, so that gamma = 0 is cross-entropy with label smoothing
    (Szegedy et al. 2016, arXiv:1512.00567) and class weights as in PyTorch. With gamma > 0, the minimum is not at p = q, but
    at less confident predictions. The mean is divided by the sum of *sample* weights, see `GlobalMeanLoss`; PyTorch's
    `CrossEntropyLoss(weight=...)` divides by the sum of the class weights.

    Args:
        gamma: Focusing parameter >= 0; 0 is cross-entropy, 2 is best in the paper.
        alpha: Class weights >= 0: a list of C numbers (for example from `class_weights`), a dictionary from index to weight
            (default 1), or one number for all classes. None: no weights.
        label_smoothing: Label smoothing factor in [0, 1).
        name: Name of the loss.

    Call arguments:
        y_true: Class indices, any numeric dtype, (B, ...) or (B, ..., 1). An index outside [0, C) makes the loss NaN,
            unless its weight is 0.
        y_pred: Logits, (B, ..., C), C >= 2.
        sample_weight: (B,) or (B, ...).

    Raises:
        KerasftError: If an argument is out of range, or the shapes or the length of `alpha` do not match.

    Example:

    >>> loss = SparseCategoricalFocalCrossentropy(gamma=2.0)
    >>> round(float(loss([0, 1], [[2.0, 0.0], [2.0, 0.0]])), 4)  # dominated by the second example, a wrong prediction
    0.8259
    """

    def __init__(
        self, gamma: float = 2.0, alpha: Alpha = None, *, label_smoothing: float = 0.0, name: str | None = None
    ):
        super().__init__(gamma, alpha, label_smoothing, name=name)

    def call(self, y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
        """Return the loss of every element, (B, ...)."""
        terms = self._weighted_terms(y_pred)  # (B, ..., C)
        labels = class_indices(y_true, y_pred)  # (B, ...)
        num_classes = y_pred.shape[-1]
        valid = (labels >= 0) & (labels < num_classes)
        index = tf.where(valid, labels, 0)
        values = tf.reduce_sum(terms * tf.one_hot(index, num_classes, dtype=terms.dtype), axis=-1)
        if self.label_smoothing:
            values = (1 - self.label_smoothing) * values + self.label_smoothing * tf.reduce_mean(terms, axis=-1)
        return tf.where(valid, values, float("nan"))  # not 0, so that invalid class indices are noticed


@keras.saving.register_keras_serializable(package="kerasft")
class CategoricalFocalCrossentropy(_CategoricalFocalLoss):
    """Categorical focal loss: one class out of C, with one-hot or soft targets.

    See `SparseCategoricalFocalCrossentropy` for formula, source and arguments; here, `y_true` replaces the one-hot vector.

    Args:
        gamma: Focusing parameter >= 0; 0 is cross-entropy.
        alpha: Class weights >= 0: a list of C numbers, a dictionary from index to weight, or one number.
        label_smoothing: Label smoothing factor in [0, 1).
        name: Name of the loss.

    Call arguments:
        y_true: Probabilities of the classes, (B, ..., C).
        y_pred: Logits, (B, ..., C), C >= 2.
        sample_weight: (B,) or (B, ...).

    Raises:
        KerasftError: If an argument is out of range, or the shapes or the length of `alpha` do not match.

    Example:

    >>> loss = CategoricalFocalCrossentropy(gamma=2.0)
    >>> round(float(loss([[1.0, 0.0], [0.0, 1.0]], [[2.0, 0.0], [2.0, 0.0]])), 4)
    0.8259
    """

    def __init__(
        self, gamma: float = 2.0, alpha: Alpha = None, *, label_smoothing: float = 0.0, name: str | None = None
    ):
        super().__init__(gamma, alpha, label_smoothing, name=name)

    def call(self, y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
        """Return the loss of every element, (B, ...)."""
        terms = self._weighted_terms(y_pred)  # (B, ..., C)
        targets = tf.cast(as_shaped(y_true, y_pred), terms.dtype)  # (B, ..., C)
        if self.label_smoothing:
            targets = (1 - self.label_smoothing) * targets + self.label_smoothing / y_pred.shape[-1]
        return tf.reduce_sum(targets * terms, axis=-1)


@keras.saving.register_keras_serializable(package="kerasft")
class BinaryFocalCrossentropy(_FocalLoss):
    """Binary focal loss, for binary and multi-label classification.

        loss = q alpha (1 - p)^gamma (-log p) + (1 - q) (1 - alpha) p^gamma (-log(1 - p)),    p = sigmoid(logit),
        q = (1 - label_smoothing) y_true + label_smoothing / 2

    Lin et al. 2017 (arXiv:1708.02002), equation 5, where alpha_t is alpha for y = 1 and 1 - alpha for y = 0. Without
    `alpha` (equation 4), both factors are 1. Label smoothing is not in the paper; it is that of Keras' `BinaryCrossentropy`.
    The mean is over the elements (B, C), weighted by sample weights; see `GlobalMeanLoss`.

    Args:
        gamma: Focusing parameter >= 0; 0 is cross-entropy, 2 (with alpha = 0.25) is best in the paper.
        alpha: Weight of positives in [0, 1]; negatives have the weight 1 - alpha. One number, a list of C numbers (for example
            from `class_weights(..., multi_label=True)`) or a dictionary from index to weight (default 0.5). None: no weights.
        label_smoothing: Label smoothing factor in [0, 1), towards 1/2.
        name: Name of the loss.

    Call arguments:
        y_true: 0 or 1, or a probability, (B, ..., C); (B,) with logits (B, 1).
        y_pred: Logits, (B, ..., C).
        sample_weight: (B,), (B, ...) or (B, ..., C).

    Raises:
        KerasftError: If an argument is out of range, or the shapes or the length of `alpha` do not match.

    Example:

    >>> loss = BinaryFocalCrossentropy(gamma=2.0)
    >>> round(float(loss([[1.0, 0.0]], [[2.0, 2.0]])), 4)  # two labels; the second is wrong
    0.8259
    """

    def __init__(
        self, gamma: float = 2.0, alpha: Alpha = None, *, label_smoothing: float = 0.0, name: str | None = None
    ):
        super().__init__(gamma, alpha, label_smoothing, name=name)
        numbers = self.alpha.values() if isinstance(self.alpha, dict) else self.alpha
        for number in [numbers] if isinstance(numbers, float) else numbers or ():
            if number > 1:
                raise bad_argument(
                    "alpha",
                    "in [0, 1] (weight of the positives)",
                    alpha,
                    "For example: 0.75 for a ratio of 3 to 1.",
                )

    def call(self, y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
        """Return the loss of every element, (B, ..., C)."""
        targets = tf.cast(as_shaped(y_true, y_pred), y_pred.dtype)  # (B, ..., C)
        if self.label_smoothing:
            targets = (1 - self.label_smoothing) * targets + self.label_smoothing / 2
        alpha = self._alpha_for(y_pred)
        positive, negative = (1.0, 1.0) if alpha is None else (alpha, 1.0 - alpha)
        return targets * positive * focal_term(-y_pred, self.gamma) + (1 - targets) * negative * focal_term(
            y_pred, self.gamma
        )
