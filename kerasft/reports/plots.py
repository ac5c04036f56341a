"""Figures of reports and notebooks: each function returns a `matplotlib.figure.Figure`."""

from collections.abc import Mapping, Sequence

import keras
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from kerasft.callbacks.figures import (
    BLUE,
    LINE,
    MUTED,
    ORANGE,
    class_scores,
    confusion_matrix,
    scatter,
    shorten,
    style,
    to_svg,
)

__all__ = [
    "class_scores",
    "confusion_matrix",
    "reliability",
    "residuals",
    "scatter",
    "shorten",
    "to_svg",
    "training_curves",
]


def reliability(bins: Sequence[Mapping[str, float]]) -> Figure:
    """Plot a reliability diagram: the accuracy of each confidence bin (bars), and a dot at the bin's mean confidence.

    Args:
        bins: Dictionaries with `low`, `high`, `count`, `confidence` and `accuracy`, as in `report.calibration`.

    Returns:
        The figure: reliability diagram at the top, number of predictions per bin below. The dots of a calibrated model lie on
        the diagonal.

    References:
        - [Guo et al., 2017](https://arxiv.org/abs/1706.04599), figure 1

    Example:

    >>> bins = [{"low": 0.5, "high": 1.0, "count": 8, "confidence": 0.9, "accuracy": 0.75}]
    >>> len(reliability(bins).axes)
    2
    """
    low = np.array([row["low"] for row in bins])
    width = np.array([row["high"] - row["low"] for row in bins])
    filled = [row for row in bins if row["count"]]
    with style():
        figure = Figure(figsize=(4.6, 4.6), layout="constrained")
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
        upper.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
        accuracy = [row["accuracy"] if row["count"] else 0.0 for row in bins]
        upper.bar(low, accuracy, width * 0.94, align="edge", color=BLUE, alpha=0.85)
        means = [row["confidence"] for row in filled], [row["accuracy"] for row in filled]
        upper.scatter(*means, s=16, color=ORANGE, zorder=3)
        upper.set(xlim=(0, 1), ylim=(0, 1.02), ylabel="accuracy")
        lower.bar(low, [row["count"] for row in bins], width * 0.94, align="edge", color=LINE)
        lower.set(xlabel="confidence", ylabel="count")
    return figure


def residuals(gold: np.ndarray, predicted: np.ndarray, names: Sequence[str]) -> Figure:
    """Plot the residuals (prediction minus target) over the target, one panel per regression target.

    Args:
        gold: The targets, (N, K).
        predicted: The predictions, (N, K).
        names: K names.

    Example:

    >>> residuals(np.zeros((3, 1)), np.ones((3, 1)), ["score"]).axes[0].get_ylabel()
    'predicted - target'
    """
    with style():
        figure = Figure(figsize=(4.2 * len(names), 4.0), layout="constrained")
        for index, name in enumerate(names):
            axes = figure.add_subplot(1, len(names), index + 1)
            axes.axhline(0, color=MUTED, linewidth=1)
            axes.scatter(
                *(gold[:, index], predicted[:, index] - gold[:, index]), s=12, color=BLUE, alpha=0.35, linewidths=0
            )
            axes.set(xlabel="target", ylabel="predicted - target", title=shorten(name))
    return figure


def training_curves(
    history: keras.callbacks.History | Mapping[str, Sequence[float]], *, kept_epoch: int | None = None
) -> Figure:
    """Plot loss and metrics by epoch: training in blue, validation in orange.

    Args:
        history: What `model.fit` returned, or its `history` dictionary. Throughput and learning rate are not plotted.
        kept_epoch: The epoch, from 1, whose weights the model has; marked by a dashed line.

    Example:

    >>> figure = training_curves({"loss": [1.0, 0.5], "val_loss": [1.1, 0.7], "accuracy": [0.6, 0.8]})
    >>> [axes.get_title(loc="left") for axes in figure.axes]
    ['loss', 'accuracy']
    """
    values = getattr(history, "history", history)
    skipped = ("learning_rate", "examples_per_second", "tokens_per_second")
    names = list(dict.fromkeys(name.removeprefix("val_") for name in values if name not in skipped))
    columns = min(3, len(names))
    with style():
        figure = Figure(figsize=(3.6 * columns, 2.9 * -(-len(names) // columns)), layout="constrained")
        for index, name in enumerate(names):
            axes = figure.add_subplot(-(-len(names) // columns), columns, index + 1)
            for key, label, color in ((name, "training", BLUE), (f"val_{name}", "validation", ORANGE)):
                if key in values:
                    epochs = range(1, len(values[key]) + 1)
                    axes.plot(epochs, values[key], marker="o", markersize=3.5, color=color, label=label)
            if kept_epoch is not None:
                axes.axvline(kept_epoch, color=MUTED, linewidth=1, linestyle="--", label="selected", zorder=1)
            axes.set(xlabel="epoch", title=name)
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            axes.grid(axis="y", color=LINE, linewidth=0.6)
            if index == 0:
                axes.legend(fontsize=8)
    return figure
