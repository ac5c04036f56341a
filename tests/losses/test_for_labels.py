"""The loss for a problem."""

import pytest

from kerasft import KerasftError, Labels, losses, multi_label, regression


@pytest.mark.parametrize(
    ("labels", "gamma", "name"),
    [
        (Labels(["a", "b"]), 0.0, "SparseCategoricalCrossentropy"),
        (["a", "b"], 2.0, "SparseCategoricalFocalCrossentropy"),
        (multi_label(["a"]), 0.0, "BinaryCrossentropy"),
        (multi_label(["a"]), 2.0, "BinaryFocalCrossentropy"),
        (regression(), 0.0, "MeanSquaredError"),
    ],
)
def test_the_problem_names_the_loss(labels, gamma, name):
    loss = losses.for_labels(labels, focal_gamma=gamma)
    assert type(loss) is getattr(losses, name)
    assert loss.get_config().get("gamma", 0.0) == gamma


def test_alpha_and_smoothing_are_handed_on():
    config = losses.for_labels(["a", "b"], alpha=[1, 2], label_smoothing=0.1).get_config()
    assert (config["alpha"], config["label_smoothing"]) == ([1.0, 2.0], 0.1)


@pytest.mark.parametrize(("name", "value"), [("focal_gamma", 2.0), ("alpha", [1.0]), ("label_smoothing", 0.1)])
def test_a_regression_takes_none_of_them(name, value):
    with pytest.raises(
        KerasftError,
        match=rf"`{name}` must be omitted for regression; received: \[?{value if name != 'alpha' else 1.0}",
    ):
        losses.for_labels(regression(), **{name: value})
