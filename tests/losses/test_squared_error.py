"""Mean squared error."""

import keras
import numpy as np
import pytest

from kerasft import KerasftError
from kerasft.losses import MeanSquaredError
from tests.checks import check_loss


def example():
    rng = np.random.default_rng(0)
    return rng.normal(size=(5, 2)).astype("float32"), rng.normal(size=(5, 2)).astype("float32")


def test_common_checks():
    check_loss(MeanSquaredError(), *example())


def test_equals_keras_without_weights():
    y_true, y_pred = example()
    assert float(MeanSquaredError()(y_true, y_pred)) == pytest.approx(
        float(keras.losses.MeanSquaredError()(y_true, y_pred))
    )


def test_a_target_may_have_its_own_weight():
    y_true, y_pred = example()
    weights = np.array([[1.0, 0.0]] * 5)
    expected = np.mean((y_true - y_pred)[:, 0] ** 2)
    assert float(MeanSquaredError()(y_true, y_pred, weights)) == pytest.approx(expected, rel=1e-6)


def test_other_shapes_are_errors():
    with pytest.raises(KerasftError, match=r"`y_true` must be of y_pred's shape \(5, 2\); received: \(5,\)"):
        MeanSquaredError()(np.zeros(5), np.zeros((5, 2)))
