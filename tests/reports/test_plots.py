import keras
import numpy as np
import pytest

from kerasft.reports import plots, scores


def test_reliability_bars_are_the_bins():
    rng = np.random.default_rng(0)
    bins = scores.calibration(rng.random(200), rng.random(200) < 0.5)
    upper, lower = plots.reliability(bins).axes
    assert [bar.get_height() for bar in upper.patches] == pytest.approx([row["accuracy"] for row in bins])
    assert sum(bar.get_height() for bar in lower.patches) == 200


def test_training_curves_of_a_history_pair_training_with_validation():
    history = keras.callbacks.History()
    history.history = {
        "loss": [2, 1],
        "val_loss": [2, 1.5],
        "f1": [0, 1],
        "learning_rate": [1, 1],
        "tokens_per_second": [9, 9],
    }
    figure = plots.training_curves(history)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["loss", "f1"]
    assert [len(axes.lines) for axes in figure.axes] == [2, 1]
    assert list(figure.axes[0].lines[1].get_ydata()) == [2, 1.5]


def test_residuals_are_prediction_minus_truth():
    figure = plots.residuals(np.array([[1.0], [2.0]]), np.array([[1.5], [1.0]]), ["score"])
    offsets = figure.axes[0].collections[0].get_offsets()
    np.testing.assert_allclose(offsets, [[1.0, 0.5], [2.0, -1.0]])


def test_the_kept_epoch_is_marked_in_every_curve():
    figure = plots.training_curves({"loss": [3, 2, 1], "f1": [0, 1, 0.5]}, kept_epoch=2)
    for axes in figure.axes:
        (mark,) = [line for line in axes.lines if line.get_label() == "selected"]
        assert list(mark.get_xdata()) == [2, 2]
