"""The default metrics for a head's labels."""

import keras

from kerasft.features import MULTI_LABEL, REGRESSION, Labels
from kerasft.metrics.class_counts import F1Score, MatthewsCorrelation
from kerasft.metrics.correlation import PearsonCorrelation, SpearmanCorrelation


def for_labels(labels: Labels) -> list[keras.metrics.Metric]:
    """Create metrics for the problem type of `labels`, on logits (B, C).

    Single label: `accuracy`, `f1_macro`, `matthews`. Multi-label: `f1_micro`, `f1_macro`, and `accuracy` of the binary
    decisions. Regression: `mse`, `pearson`, `spearman`, means over the targets.

    Args:
        labels: The model's labels.

    Returns:
        Metrics for `model.compile`; under a strategy, create them in its scope.

    Example:

    >>> [metric.name for metric in for_labels(Labels(["negative", "positive"]))]
    ['accuracy', 'f1_macro', 'matthews']
    """
    labels = Labels.of(labels)
    size = len(labels)
    if labels.problem == REGRESSION:
        return [keras.metrics.MeanSquaredError(name="mse"), PearsonCorrelation(size), SpearmanCorrelation(size)]
    if labels.problem == MULTI_LABEL:
        return [
            F1Score(size, "micro", multi_label=True),
            F1Score(size, "macro", multi_label=True),
            keras.metrics.BinaryAccuracy(name="accuracy", threshold=0.0),  # on logits: probability 1/2
        ]
    return [keras.metrics.SparseCategoricalAccuracy(name="accuracy"), F1Score(size), MatthewsCorrelation(size)]
