"""Our losses against PyTorch's, whose numbers `make_losses.py` wrote."""

import json
import pathlib

import numpy as np
import pytest
import tensorflow as tf

from kerasft import losses

EXPECTED = json.loads((pathlib.Path(__file__).parent / "losses.json").read_text())
LOGITS = np.float32(EXPECTED["logits"])


def value_and_gradient(loss, y_true):
    logits = tf.constant(LOGITS)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        value = loss(y_true, logits)
    return loss.call(tf.constant(y_true), logits).numpy(), tape.gradient(value, logits).numpy()


def ours(case):
    """Every loss of ours that the case is one of, with its target."""
    arguments = dict(case["arguments"])
    one_hot = np.eye(4, dtype="float32")[EXPECTED["labels"]]
    names = {
        "categorical": [("SparseCategorical", EXPECTED["labels"]), ("Categorical", one_hot)],
        "binary": [("Binary", np.float32(EXPECTED["multi_hot"]))],
    }[case["name"]]
    for name, target in names:
        yield getattr(losses, f"{name}FocalCrossentropy")(**arguments), target
        if arguments["gamma"] == 0:
            without = {key: value for key, value in arguments.items() if key != "gamma"}
            yield getattr(losses, f"{name}Crossentropy")(**without), target


@pytest.mark.parametrize("case", EXPECTED["cases"], ids=lambda case: f"{case['name']}-{case['arguments']}")
def test_values_and_gradients_equal_pytorchs(case):
    for loss, target in ours(case):
        values, gradient = value_and_gradient(loss, target)
        np.testing.assert_allclose(values, case["values"], rtol=2e-6, atol=1e-6)
        np.testing.assert_allclose(gradient, case["gradient"], rtol=2e-5, atol=1e-7)


def test_pytorchs_mean_with_class_weights_divides_by_their_sum_and_ours_by_the_number_of_examples():
    [case] = [
        case
        for case in EXPECTED["cases"]
        if case["name"] == "categorical" and case["arguments"]["alpha"] and not case["arguments"]["gamma"]
        if not case["arguments"]["label_smoothing"]
    ]
    alpha = np.array(case["arguments"]["alpha"])[EXPECTED["labels"]]
    received = float(losses.SparseCategoricalCrossentropy(case["arguments"]["alpha"])(EXPECTED["labels"], LOGITS))
    assert received == pytest.approx(np.mean(case["values"]), rel=1e-6)
    assert received * len(alpha) / alpha.sum() == pytest.approx(EXPECTED["weighted_mean"], rel=1e-6)
