"""Class weights from arrays and datasets."""

import numpy as np
import pytest
import tensorflow as tf
from sklearn.utils.class_weight import compute_class_weight

from kerasft import KerasftError
from kerasft.losses import SparseCategoricalCrossentropy, class_weights

LABELS = np.array([0] * 6 + [1] * 3 + [2])


def dataset(labels, *weights, batch_size=4):
    x = np.zeros((len(labels), 2))
    return tf.data.Dataset.from_tensor_slices((x, labels, *weights)).batch(batch_size)


def test_balanced_is_scikit_learns():
    expected = compute_class_weight("balanced", classes=np.arange(3), y=LABELS)
    assert class_weights(LABELS, 3) == pytest.approx(expected.tolist())
    assert class_weights(dataset(LABELS), 3) == pytest.approx(expected.tolist())
    assert np.mean(np.array(class_weights(LABELS, 3))[LABELS]) == pytest.approx(1)


def test_inverse_is_proportional_to_balanced_with_mean_one():
    inverse, balanced = np.array(class_weights(LABELS, 3, scheme="inverse")), np.array(class_weights(LABELS, 3))
    assert inverse.mean() == pytest.approx(1)
    np.testing.assert_allclose(inverse / inverse[0], balanced / balanced[0])


@pytest.mark.parametrize("beta", [0.0, 0.9, 0.999])
def test_effective_is_the_papers_formula(beta):
    raw = (1 - beta) / (1 - beta ** np.array([6.0, 3.0, 1.0]))
    assert class_weights(LABELS, 3, scheme="effective", beta=beta) == pytest.approx((raw * 3 / raw.sum()).tolist())


def test_beta_near_one_is_the_inverse():
    near = class_weights(LABELS, 3, scheme="effective", beta=1 - 1e-9)
    assert near == pytest.approx(class_weights(LABELS, 3, scheme="inverse"), rel=1e-5)


def test_a_class_without_examples_gets_one_and_changes_nothing():
    for scheme in ("balanced", "inverse", "effective"):
        assert class_weights(LABELS, 4, scheme=scheme) == [*class_weights(LABELS, 3, scheme=scheme), 1.0]


def test_sample_weights_of_a_dataset_count():
    labels = np.array([[0, 1, -100], [1, 1, 0]])
    weights = np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0]])
    assert class_weights(dataset(labels, weights), 2) == class_weights(np.array([0, 1, 1, 1]), 2)
    unbatched = tf.data.Dataset.from_tensor_slices((np.zeros(3), [0, 1, 1], [1.0, 1.0, 2.0]))
    assert class_weights(unbatched, 2) == class_weights(np.array([0, 1, 1, 1]), 2)


@pytest.mark.parametrize("scheme", ["balanced", "inverse"])
def test_multi_label_gives_the_negatives_share(scheme):
    labels = np.array([[1, 0, 0], [1, 1, 0], [0, 0, 0], [1, 0, 0]], "float32")
    for source in (labels, dataset(labels)):
        assert class_weights(source, 3, scheme=scheme, multi_label=True) == pytest.approx([0.25, 0.75, 0.5])


def test_balanced_weights_make_every_class_weigh_the_same_in_the_loss():
    alpha = class_weights(LABELS, 3)
    elements = SparseCategoricalCrossentropy(alpha).call(tf.constant(LABELS), tf.zeros((len(LABELS), 3))).numpy()
    sums = [elements[k == LABELS].sum() for k in range(3)]
    assert sums == pytest.approx([sums[0]] * 3, rel=1e-5)


@pytest.mark.parametrize(
    ("labels", "arguments", "message"),
    [
        (LABELS, {"scheme": "sqrt"}, r"`scheme`.*received: 'sqrt'"),
        (LABELS, {"beta": 1.0}, r"`beta` must be in \[0, 1\); received: 1.0"),
        (np.array([0, 3]), {}, r"`labels` must be class indices in \[0, 3\); received: 3"),
        (np.array([0.5]), {}, r"`labels`.*received: 0.5"),
        (np.array([], int), {}, r"`labels` must be one or more labels; received: array"),
        (
            np.array([[0, 2, 1]]),
            {"multi_label": True},
            r"`labels` must be of 0 and 1.*received: array\(\[\[0, 2, 1\]\]\)",
        ),
        (tf.data.Dataset.range(3), {}, r"`labels` must be a dataset of \(x, y\)"),
        (dataset(LABELS).repeat(), {}, r"`labels` must be a finite dataset"),
    ],
)
def test_bad_arguments_are_errors(labels, arguments, message):
    with pytest.raises(KerasftError, match=message):
        class_weights(labels, 3, **arguments)
