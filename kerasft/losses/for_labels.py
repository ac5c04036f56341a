"""The default loss for a head's labels."""

import keras

from kerasft.errors import bad_argument
from kerasft.features import MULTI_LABEL, REGRESSION, Labels
from kerasft.losses.arguments import Alpha
from kerasft.losses.crossentropy import BinaryCrossentropy, SparseCategoricalCrossentropy
from kerasft.losses.focal import BinaryFocalCrossentropy, SparseCategoricalFocalCrossentropy
from kerasft.losses.squared_error import MeanSquaredError


def for_labels(
    labels: Labels, *, focal_gamma: float = 0.0, alpha: Alpha = None, label_smoothing: float = 0.0
) -> keras.losses.Loss:
    """Return the loss for the problem type of `labels`, on logits (B, C).

    Single label: sparse categorical cross-entropy. Multi-label: binary cross-entropy. Regression: mean squared error.

    Args:
        labels: The model's labels.
        focal_gamma: Focusing parameter >= 0; if above 0, the loss is a focal loss.
        alpha: Class weights, see `SparseCategoricalFocalCrossentropy` and `BinaryFocalCrossentropy`.
        label_smoothing: Label smoothing factor in [0, 1).

    Returns:
        A loss for `model.compile`.

    Raises:
        KerasftError: If an argument is out of range, or not applicable to regression.

    Example:

    >>> for_labels(Labels(["negative", "positive"]), focal_gamma=2.0).get_config()["gamma"]
    2.0
    """
    labels = Labels.of(labels)
    if labels.problem == REGRESSION:
        for name, value in (("focal_gamma", focal_gamma), ("alpha", alpha), ("label_smoothing", label_smoothing)):
            if value:
                raise bad_argument(name, "omitted for regression", value, "It requires classes.")
        return MeanSquaredError()
    multi_label = labels.problem == MULTI_LABEL
    if focal_gamma:
        focal = BinaryFocalCrossentropy if multi_label else SparseCategoricalFocalCrossentropy
        return focal(focal_gamma, alpha, label_smoothing=label_smoothing)
    return (BinaryCrossentropy if multi_label else SparseCategoricalCrossentropy)(
        alpha, label_smoothing=label_smoothing
    )
