"""One training step and ten, against the reference implementation and PyTorch's AdamW (`make_encoders.py`).

Dropout is off, as no two libraries draw alike.
"""

import json

import numpy as np
import pytest
import tensorflow as tf

import kerasft
from kerasft.checkpoints.families import family_of
from tests.parity.encoder_cases import FOLDERS, features, load

CASES = [name for name, folder in FOLDERS.items() if (folder / "training.npz").is_file()]
TOLERANCE = 1e-4
LOSS = kerasft.losses.SparseCategoricalCrossentropy()


def batch(arrays, step):
    """Features, labels and their weights: PyTorch's label -100 is our weight 0."""
    labels = arrays[f"labels_{step}"].astype("int32")
    return features(arrays, suffix=f"_{step}"), np.maximum(labels, 0), (labels >= 0).astype("float32")


def train_step(model, arrays, step):
    """Return the loss and the gradient of every weight."""
    inputs, labels, weights = batch(arrays, step)
    with tf.GradientTape() as tape:
        loss = LOSS(labels, model(inputs), weights)
    gradients = tape.gradient(loss, [variable.value for variable in model.trainable_variables])
    return float(loss), gradients


def named_weights(model):
    """The weights under the names that the reference has."""
    family = family_of(kerasft.backbones.config_of(model))
    [head] = [head for head in family.heads.values() if head.task == model.name]
    return {**{family.prefix + name: weight for name, weight in family.weights(model).items()}, **head.weights(model)}


def gradient_difference(model, arrays):
    """The largest absolute difference of a gradient at the first step, after all are matched by name."""
    _, gradients = train_step(model, arrays, 0)
    of_variable = {
        id(variable): tf.convert_to_tensor(gradient).numpy()
        for variable, gradient in zip(model.trainable_variables, gradients, strict=True)
    }
    expected = {name.partition(":")[2]: arrays[name] for name in arrays if name.startswith("gradient:")}
    weights = named_weights(model)
    assert weights.keys() == expected.keys()
    worst = 0.0
    for name, weight in weights.items():
        received = of_variable[id(weight.variable)]
        received = received.T if weight.transposed else received
        worst = max(worst, float(np.max(np.abs(received - expected[name]))))
    return worst


def losses(model, arrays):
    """The losses of ten steps by our optimizer."""
    optimizer = kerasft.optimizers.AdamW(**json.loads(str(arrays["options"])))
    received = []
    for step in range(len(arrays["losses"])):
        loss, gradients = train_step(model, arrays, step)
        optimizer.apply(gradients, model.trainable_variables)
        received.append(loss)
    return np.array(received)


def test_every_family_is_trained():
    assert {name.partition("/")[0] for name in CASES} == {"bert", "distilbert", "electra", "roberta"}


@pytest.mark.parametrize("name", CASES)
def test_loss_and_gradients_of_one_step_equal_the_references(name):
    model, _ = load(FOLDERS[name])
    arrays = np.load(FOLDERS[name] / "training.npz")
    loss, _ = train_step(model, arrays, 0)
    assert abs(loss - arrays["losses"][0]) < TOLERANCE
    assert gradient_difference(model, arrays) < TOLERANCE


@pytest.mark.parametrize("name", CASES)
def test_ten_steps_follow_the_references_losses(name):
    model, _ = load(FOLDERS[name])
    arrays = np.load(FOLDERS[name] / "training.npz")
    expected = arrays["losses"]
    assert np.ptp(expected) > 0.1  # it moves
    np.testing.assert_allclose(losses(model, arrays), expected, atol=TOLERANCE, rtol=0)
