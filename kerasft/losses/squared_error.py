"""Mean squared error as a global mean."""

import keras
import tensorflow as tf

from kerasft.losses.arguments import as_shaped
from kerasft.losses.base import GlobalMeanLoss


@keras.saving.register_keras_serializable(package="kerasft")
class MeanSquaredError(GlobalMeanLoss):
    """Mean of (y_true - y_pred)^2 over all elements, weighted by sample weights (see `GlobalMeanLoss`).

    Args:
        name: Name of the loss.

    Call arguments:
        y_true: Real numbers, (B, ..., K); (B,) with predictions (B, 1).
        y_pred: Real numbers, (B, ..., K).
        sample_weight: (B,), (B, ...) or (B, ..., K).

    Raises:
        KerasftError: If the shapes do not match.

    Example:

    >>> float(MeanSquaredError()([1.0, 2.0], [[1.0], [4.0]]))
    2.0
    """

    def call(self, y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
        """Return the loss of every element, (B, ..., K)."""
        return tf.square(tf.cast(as_shaped(y_true, y_pred), y_pred.dtype) - y_pred)
