"""Cross-entropy losses on logits: focal losses with gamma = 0, averaged over the global batch."""

import keras

from kerasft.losses.arguments import Alpha
from kerasft.losses.focal import (
    BinaryFocalCrossentropy,
    CategoricalFocalCrossentropy,
    SparseCategoricalFocalCrossentropy,
)


class _WithoutGamma:
    """Fixes gamma to 0, and removes it from the configuration."""

    def __init__(self, alpha: Alpha = None, *, label_smoothing: float = 0.0, name: str | None = None):
        super().__init__(0.0, alpha, label_smoothing=label_smoothing, name=name)

    def get_config(self) -> dict:
        """Return the constructor's arguments."""
        return {key: value for key, value in super().get_config().items() if key != "gamma"}


@keras.saving.register_keras_serializable(package="kerasft")
class SparseCategoricalCrossentropy(_WithoutGamma, SparseCategoricalFocalCrossentropy):
    """Sparse categorical cross-entropy: one class out of C, with class indices as targets.

        loss = sum_k q_k alpha_k (-log p_k),    p = softmax(logits),
        q = (1 - label_smoothing) onehot(y_true) + label_smoothing / C

    Label smoothing: Szegedy et al. 2016, arXiv:1512.00567, section 7. Element losses equal those of PyTorch's
    `CrossEntropyLoss(weight=alpha, label_smoothing=...)`; with class weights, the mean differs, because it is divided by the
    sum of *sample* weights (see `GlobalMeanLoss`), in PyTorch by the sum of the class weights.

    Args:
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

    >>> loss = SparseCategoricalCrossentropy()
    >>> round(float(loss([0, 1], [[2.0, 0.0], [2.0, 0.0]])), 4)
    1.1269
    """


@keras.saving.register_keras_serializable(package="kerasft")
class CategoricalCrossentropy(_WithoutGamma, CategoricalFocalCrossentropy):
    """Categorical cross-entropy: one class out of C, with one-hot or soft targets.

    See `SparseCategoricalCrossentropy` for formula, source and arguments; here, `y_true` replaces the one-hot vector.

    Args:
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

    >>> loss = CategoricalCrossentropy()
    >>> round(float(loss([[1.0, 0.0], [0.5, 0.5]], [[2.0, 0.0], [2.0, 0.0]])), 4)
    0.6269
    """


@keras.saving.register_keras_serializable(package="kerasft")
class BinaryCrossentropy(_WithoutGamma, BinaryFocalCrossentropy):
    """Binary cross-entropy, for binary and multi-label classification.

        loss = q alpha (-log p) + (1 - q) (1 - alpha) (-log(1 - p)),    p = sigmoid(logit),
        q = (1 - label_smoothing) y_true + label_smoothing / 2

    The mean is over the elements (B, C), weighted by sample weights; see `GlobalMeanLoss`. Label smoothing and, without
    `alpha`, the formula are those of `keras.losses.BinaryCrossentropy`; `alpha` is from Lin et al. 2017 (arXiv:1708.02002,
    equation 3).

    Args:
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

    >>> loss = BinaryCrossentropy()
    >>> round(float(loss([[1.0, 0.0]], [[2.0, 2.0]])), 4)
    1.1269
    """
