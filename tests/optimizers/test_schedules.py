import keras
import numpy as np
import pytest

from kerasft.errors import KerasftError
from kerasft.optimizers import WarmupCosineDecay, WarmupLinearDecay, WarmupPolynomialDecay

SCHEDULES = [WarmupLinearDecay, WarmupCosineDecay, WarmupPolynomialDecay]


def rates(schedule, last: int) -> np.ndarray:
    return np.array([float(schedule(step)) for step in range(last + 1)])


@pytest.mark.parametrize("schedule_class", SCHEDULES)
@pytest.mark.parametrize("warmup", [0, 1, 7, 0.0, 0.1, 0.99])
def test_rises_to_the_rate_then_falls_to_the_end(schedule_class, warmup):
    schedule = schedule_class(0.5, 20, warmup=warmup, end_learning_rate=0.1)
    values, peak = rates(schedule, 25), schedule.warmup_steps
    assert values[0] > 0
    assert (np.diff(values[: peak + 1]) > 0).all()
    assert (np.diff(values[peak:21]) < 0).all()
    np.testing.assert_allclose(values[peak], 0.5, rtol=1e-6)
    np.testing.assert_allclose(values[20:], 0.1, rtol=1e-6)


def test_linear_is_the_reference_formula_after_warmup():
    total, warmup = 30, 6  # transformers.get_linear_schedule_with_warmup(optimizer, 6, 30)
    expected = [2e-5 * max(0.0, (total - step) / (total - warmup)) for step in range(warmup, total + 3)]
    values = rates(WarmupLinearDecay(2e-5, total, warmup=warmup), total + 2)[warmup:]
    np.testing.assert_allclose(values, expected, rtol=1e-5, atol=1e-12)


def test_shapes_of_the_decay():
    np.testing.assert_allclose(
        rates(WarmupPolynomialDecay(1.0, 10, power=1.0), 10), rates(WarmupLinearDecay(1.0, 10), 10), rtol=1e-6
    )
    np.testing.assert_allclose(rates(WarmupPolynomialDecay(1.0, 10, power=3.0, warmup=0), 10)[5], 0.125, rtol=1e-6)
    np.testing.assert_allclose(
        rates(WarmupCosineDecay(1.0, 10, warmup=0), 10), (1 + np.cos(np.pi * np.arange(11) / 10)) / 2, atol=1e-6
    )


def test_fraction_and_numpy_numbers():
    assert WarmupLinearDecay(1e-3, 100, warmup=0.25).warmup_steps == 25
    assert WarmupLinearDecay(1e-3, 3, warmup=0.9).warmup_steps == 2  # one step is left to decay in
    schedule = WarmupLinearDecay(np.float32(1e-3), np.int64(100), warmup=np.int32(5))
    assert (schedule.warmup_steps, schedule.total_steps) == (5, 100)
    assert float(schedule(np.int64(3))) > 0


@pytest.mark.parametrize("schedule_class", SCHEDULES)
def test_comes_back_from_its_config(schedule_class):
    schedule = schedule_class(1e-3, np.int64(9), warmup=np.float64(0.3), end_learning_rate=1e-4)
    restored = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(schedule))
    assert type(restored) is schedule_class
    assert restored.get_config() == schedule.get_config()
    np.testing.assert_array_equal(rates(restored, 9), rates(schedule, 9))


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        ({"learning_rate": 0.0}, "`learning_rate` must be a number > 0; received: 0.0"),
        ({"learning_rate": float("nan")}, "received: nan"),
        ({"learning_rate": "2e-5"}, "received: '2e-5'"),
        ({"total_steps": 0}, "`total_steps` must be a whole number >= 1; received: 0"),
        ({"total_steps": 2.5}, "received: 2.5"),
        ({"total_steps": True}, "received: True"),
        ({"warmup": 10}, r"`warmup` must be .* in \[0, total_steps=10\); received: 10"),
        ({"warmup": 1.0}, "received: 1.0"),
        ({"warmup": -1}, "received: -1"),
        ({"warmup": False}, "received: False"),
        ({"end_learning_rate": 2.0}, r"`end_learning_rate` must be .*; received: 2.0"),
        ({"end_learning_rate": -0.1}, "received: -0.1"),
    ],
)
def test_bad_arguments(arguments, shown):
    with pytest.raises(KerasftError, match=shown):
        WarmupLinearDecay(**{"learning_rate": 1.0, "total_steps": 10, **arguments})


def test_bad_power():
    with pytest.raises(KerasftError, match="`power` must be a number > 0; received: 0"):
        WarmupPolynomialDecay(1.0, 10, power=0)
