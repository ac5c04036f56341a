"""The out-of-scope threshold: the best of all thresholds, by trying all; its scores by counting; its answers."""

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from kerasft import KerasftError, Labels
from kerasft.answers import answers, out_of_scope_scores, out_of_scope_threshold
from kerasft.answers.out_of_scope import check_out_of_scope

CHANCES = st.lists(st.sampled_from([0.0, 0.2, 0.35, 0.5, 0.7, 0.9, 1.0]), min_size=1, max_size=12)


def gain(confidence, right, confidence_out, threshold):
    scores = out_of_scope_scores(confidence, right, confidence_out, threshold=threshold)
    return scores["in_scope_accuracy"] + scores["out_of_scope_recall"]


@hypothesis.settings(max_examples=1000, deadline=None)
@hypothesis.given(CHANCES, CHANCES, st.randoms(use_true_random=False))
def test_no_other_threshold_is_better(confidence, confidence_out, random):
    confidence, confidence_out = np.array(confidence), np.array(confidence_out)
    right = np.array([random.random() < 0.7 for _ in confidence])
    threshold = out_of_scope_threshold(confidence, right, confidence_out)
    assert 0 <= threshold <= 1
    found = gain(confidence, right, confidence_out, threshold)
    others = [gain(confidence, right, confidence_out, place) for place in np.linspace(0, 1, 101)]
    assert found >= max(others) - 1e-12


def test_of_equal_thresholds_it_is_the_lowest():
    assert out_of_scope_threshold(np.array([0.9]), np.array([True]), np.array([0.95])) == 0.0
    assert out_of_scope_threshold(np.array([0.9]), np.array([True]), np.array([0.5])) == pytest.approx(0.7)


def test_scores_by_counting():
    confidence, right = np.array([0.9, 0.8, 0.7, 0.2]), np.array([True, False, True, True])
    scores = out_of_scope_scores(confidence, right, np.array([0.1, 0.6, 0.75]), threshold=0.7)
    assert scores == {"in_scope_accuracy": 2 / 4, "out_of_scope_recall": 2 / 3, "out_of_scope_precision": 2 / 3}
    assert out_of_scope_scores(confidence, right, np.empty(0), threshold=0.7) == {"in_scope_accuracy": 0.5}
    assert out_of_scope_scores(confidence, right, np.array([0.9]), threshold=0)["out_of_scope_precision"] == 0.0


def test_answers_below_the_threshold_have_the_label():
    labels, logits = Labels(["pay", "card"]), np.log([[0.9, 0.1], [0.45, 0.55]])
    found = answers(logits, labels, out_of_scope={"threshold": 0.6, "label": "oos"}, with_probabilities=True)
    assert [answer["label"] for answer in found] == ["pay", "oos"]
    assert [answer["score"] for answer in found] == pytest.approx([0.9, 0.45])
    assert found[1]["probabilities"] == pytest.approx({"pay": 0.45, "card": 0.55})
    ranked = answers(logits, labels, out_of_scope={"threshold": 0.6, "label": "oos"}, top_k=1)
    assert ranked[1][0]["label"] == "card"
    assert answers(logits, labels, out_of_scope={"threshold": 0.55, "label": "oos"})[1]["label"] == "card"


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"threshold": 2, "label": "oos"}, r'with a "threshold" from 0 to 1; received: .*2'),
        ({"label": "oos"}, r'with a "threshold" from 0 to 1; received: \{'),
        ({"threshold": 0.5, "label": "pay"}, r'with a "label" that is not one of the classes; received: .*pay'),
        ({"threshold": 0.5}, r'with a "label" that is not one of the classes; received: '),
    ],
)
def test_wrong_settings(setting, message):
    with pytest.raises(KerasftError, match=f"`out_of_scope` must be {message}"):
        check_out_of_scope(setting, ["pay", "card"])


def test_rows_of_both_kinds_are_needed():
    with pytest.raises(KerasftError, match="`confidence_out` must be non-empty; received: "):
        out_of_scope_threshold(np.array([0.9]), np.array([True]), np.empty(0))
