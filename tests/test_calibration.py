"""The temperature against a grid and a known truth, thresholds by trying all."""

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from scipy.special import expit, softmax
from sklearn.metrics import log_loss

from kerasft import KerasftError, Labels, multi_label, regression
from kerasft.answers import probabilities
from kerasft.calibration import best_temperature, best_thresholds

CLASSES = Labels(["no", "maybe", "yes"])


@pytest.fixture(scope="module", name="rows")
def _rows():
    """Logits three times as sure as the truth that was drawn from them."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (4000, 3))
    gold = np.array([rng.choice(3, p=chances) for chances in softmax(logits, -1)])
    return 3 * logits, gold


def test_it_finds_how_much_too_sure_the_logits_are(rows):
    logits, gold = rows
    found = best_temperature(logits, gold, CLASSES)
    assert found == pytest.approx(3, rel=0.05)
    losses = {
        temperature: log_loss(gold, probabilities(logits, CLASSES, temperature=temperature))
        for temperature in [found, *np.geomspace(0.05, 20, 200)]
    }
    assert min(losses, key=losses.get) == found
    assert best_temperature(logits / 30, gold, CLASSES) == pytest.approx(found / 30, rel=1e-4)  # not sure enough: < 1


def test_several_labels_have_one_temperature():
    rng = np.random.default_rng(1)
    logits = rng.normal(0, 2, (4000, 3))
    gold = rng.random(logits.shape) < expit(logits)
    assert best_temperature((2 * logits).astype("float32"), gold, multi_label(CLASSES)) == pytest.approx(2, rel=0.05)


@pytest.mark.parametrize(
    ("gold", "scale", "why"),
    [
        ([0, 1, 2], 40, "all predictions are correct"),
        ([0, 1, 2], 0.1, "all predictions are correct"),
        ([1, 2, 0], 4, "accuracy is at chance level"),
        ([1, 2, 0], 0, "accuracy is at chance level"),
    ],
)
def test_where_none_is_best_it_stays_one(gold, scale, why):
    with pytest.warns(
        UserWarning, match=rf"No optimal temperature between 0.05 and 20 for these 3 rows \({why}\); it stays 1"
    ):
        assert best_temperature(np.eye(3) * scale, np.array(gold), CLASSES) == 1.0


CHANCES = st.lists(st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.6, 0.9, 1.0]), min_size=1, max_size=12)


@hypothesis.settings(max_examples=200, deadline=None)
@hypothesis.given(CHANCES, st.randoms(use_true_random=False))
def test_no_other_threshold_is_better(chances, random):
    chances, gold = np.array(chances)[:, None], np.array([[random.random() < 0.4] for _ in chances])

    def f1(threshold):
        held = chances >= threshold
        return 2 * (held & gold).sum() / max(held.sum() + gold.sum(), 1)

    (found,) = best_thresholds(chances, gold)
    assert 0 <= found <= 1
    tried = np.linspace(0, 1, 101)
    scores = np.array([f1(threshold) for threshold in tried])
    assert f1(found) >= scores.max() - 1e-12
    if f1(0.5) >= scores.max() - 1e-12 or not gold.any():
        assert found == 0.5


def test_of_equal_thresholds_it_is_the_nearest_to_a_half():
    chances, gold = np.array([[0.1], [0.2], [0.3]]), np.array([[0], [1], [0]])
    assert best_thresholds(chances, gold) == [pytest.approx(0.15)]
    chances, gold = np.array([[0.7], [0.9], [0.8]]), np.array([[0], [1], [1]])
    assert best_thresholds(chances, gold) == [pytest.approx(0.75)]
    assert best_thresholds(np.array([[0.2]]), np.array([[1]])) == [0.1]


def test_no_rows_and_no_classes_are_refused():
    with pytest.raises(KerasftError, match="`labels` must be classes; received: Labels"):
        best_temperature(np.zeros((1, 1)), np.zeros((1, 1)), regression("x"))
    with pytest.raises(KerasftError, match="`logits` must be non-empty; received: "):
        best_temperature(np.zeros((0, 3)), np.zeros(0), CLASSES)
    with pytest.raises(KerasftError, match="`probabilities` must be non-empty; received: "):
        best_thresholds(np.zeros((0, 3)), np.zeros((0, 3)))
