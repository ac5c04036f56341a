"""The losses of sentence embeddings against NumPy's formulas; groups, directions, odd rows."""

import numpy as np
import pytest
import tensorflow as tf

from kerasft import KerasftError
from kerasft.losses import CosineSimilarityLoss, MultipleNegativesRanking
from tests.checks import check_loss


def vectors(pairs=4, width=3, seed=0):
    return np.random.default_rng(seed).normal(size=(2 * pairs, width)).astype("float32")


def cosines(rows):
    rows = rows.astype("float64")
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows[0::2] @ rows[1::2].T


def minus_log_diagonal(logits):
    return np.log(np.exp(logits).sum(1)) - np.diag(logits)


NUMBERS = np.repeat(np.arange(4), 2)


@pytest.mark.parametrize(
    "loss", [MultipleNegativesRanking(), MultipleNegativesRanking(5.0, symmetric=True), CosineSimilarityLoss()]
)
def test_common_checks(loss):
    y = np.repeat([0.1, 0.9, -0.5, 1.0], 2).astype("float32") if isinstance(loss, CosineSimilarityLoss) else NUMBERS
    check_loss(loss, y, vectors())


@pytest.mark.parametrize("seed", range(5))
def test_ranking_is_the_cross_entropy_over_the_batch(seed):
    rows = vectors(seed=seed)
    logits = 20 * cosines(rows)
    forward, backward = minus_log_diagonal(logits).mean(), minus_log_diagonal(logits.T).mean()
    assert float(MultipleNegativesRanking()(NUMBERS, rows)) == pytest.approx(forward, rel=1e-5)
    symmetric = MultipleNegativesRanking(symmetric=True)(NUMBERS, rows)
    assert float(symmetric) == pytest.approx((forward + backward) / 2, rel=1e-5)


def test_pairs_of_one_group_are_no_negatives_of_each_other():
    rows = vectors()
    logits = 20 * cosines(rows)
    logits[0, 1] = logits[1, 0] = -np.inf
    expected = minus_log_diagonal(logits).mean()
    assert float(MultipleNegativesRanking()([0, 0, 0, 0, 1, 1, 2, 2], rows)) == pytest.approx(expected, rel=1e-5)


def test_a_batch_of_one_group_has_no_loss_and_finite_gradients():
    rows = tf.constant(vectors())
    with tf.GradientTape() as tape:
        tape.watch(rows)
        loss = MultipleNegativesRanking()(np.zeros(8, int), rows)
    assert float(loss) == 0.0
    np.testing.assert_array_equal(tape.gradient(loss, rows), 0.0)


def test_lengths_do_not_matter():
    rows = vectors()
    scaled = rows * np.arange(1, 9, dtype="float32")[:, None]
    for loss, y in ((MultipleNegativesRanking(), NUMBERS), (CosineSimilarityLoss(), np.zeros(8, "float32"))):
        assert float(loss(y, scaled)) == pytest.approx(float(loss(y, rows)), rel=1e-5)


def test_cosine_is_the_squared_difference():
    rows, scores = vectors(), np.array([0.1, 0.9, -0.5, 1.0])
    expected = ((np.diag(cosines(rows)) - scores) ** 2).mean()
    assert float(CosineSimilarityLoss()(np.repeat(scores, 2), rows)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("loss", [MultipleNegativesRanking(), CosineSimilarityLoss()])
def test_an_odd_number_of_rows_is_an_error(loss):
    with pytest.raises(KerasftError, match="`y_pred` must be an even number of rows, two per pair; received: 3"):
        loss(np.zeros(3), vectors()[:3])
    traced = tf.function(loss, input_signature=[tf.TensorSpec([None]), tf.TensorSpec([None, 3])])
    with pytest.raises(tf.errors.InvalidArgumentError, match="the last pair has no second row"):
        traced(np.zeros(3, "float32"), vectors()[:3])


@pytest.mark.parametrize("scale", [0, -1.0, float("inf"), float("nan")])
def test_a_scale_is_positive(scale):
    with pytest.raises(KerasftError, match="`scale` must be a number > 0; received: "):
        MultipleNegativesRanking(scale)
