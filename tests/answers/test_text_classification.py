"""Logits to answers: closed forms, extremes, every kind of problem, bad arguments."""

import numpy as np
import pytest

from kerasft import KerasftError, Labels, multi_label, regression
from kerasft.answers import answers, probabilities

CLASSES = Labels(["no", "maybe", "yes"])


def test_softmax_has_its_closed_form_and_no_shift():
    logits = np.log([[1.0, 2.0, 5.0]])
    np.testing.assert_allclose(probabilities(logits, CLASSES), [[0.125, 0.25, 0.625]], rtol=1e-12)
    np.testing.assert_allclose(probabilities(logits + 1e4, CLASSES), [[0.125, 0.25, 0.625]], rtol=1e-9)


def test_extreme_logits_stay_finite():
    logits = np.array([[1e4, -1e4, 0.0], [-1e4, -1e4, -1e4]], "float32")
    np.testing.assert_allclose(probabilities(logits, CLASSES), [[1, 0, 0], [1 / 3] * 3])
    np.testing.assert_allclose(probabilities(logits, multi_label(CLASSES)), [[1, 0, 0.5], [0, 0, 0]])


def test_sigmoid_has_its_closed_form():
    logits = np.linspace(-20, 20, 41)[:, None]
    np.testing.assert_allclose(probabilities(logits, multi_label(["a"])), 1 / (1 + np.exp(-logits)), rtol=1e-6)


def test_one_label():
    answer = answers(np.log([[1.0, 2.0, 5.0]]), CLASSES)[0]
    assert answer["label"] == "yes"
    assert answer["score"] == pytest.approx(0.625)


def test_top_k_is_ranked_and_ties_keep_the_labels_order():
    assert [item["label"] for item in answers(np.array([[0.0, 1.0, 1.0]]), CLASSES, top_k=3)[0]] == [
        "maybe",
        "yes",
        "no",
    ]
    assert len(answers(np.zeros((2, 3)), CLASSES, top_k=1)[1]) == 1


def test_several_labels_by_threshold():
    logits = np.array([[3.0, -3.0, 5.0], [-1.0, -1.0, -1.0]])
    first, second = answers(logits, multi_label(CLASSES))
    assert [item["label"] for item in first["labels"]] == ["yes", "no"]
    assert second == {"labels": []}
    assert len(answers(logits, multi_label(CLASSES), threshold=0.01)[0]["labels"]) == 3


def test_several_labels_each_by_its_own_threshold():
    logits = np.log([[0.3 / 0.7, 0.6 / 0.4, 0.9 / 0.1]])
    for thresholds in ([0.25, 0.65, 0.95], (0.25, 0.65, 0.95), np.array([0.25, 0.65, 0.95])):
        answer = answers(logits, multi_label(CLASSES), threshold=thresholds)[0]
        assert [item["label"] for item in answer["labels"]] == ["no"]
    none, all_three = (
        answers(np.array([[-800.0, 0, 30]]), multi_label(CLASSES), threshold=[t] * 3) for t in (1.0, 0.0)
    )
    assert [item["label"] for item in none[0]["labels"]] == []
    assert len(all_three[0]["labels"]) == 3


def test_a_temperature_divides_the_logits_and_keeps_the_ranks():
    logits = np.log([[1.0, 2.0, 5.0]])
    scaled = np.array([1, 4, 25]) / 30
    np.testing.assert_allclose(probabilities(logits, CLASSES, temperature=0.5), [scaled], rtol=1e-12)
    ranked = answers(logits, CLASSES, temperature=0.5, top_k=3)[0]
    assert [item["label"] for item in ranked] == ["yes", "maybe", "no"]
    assert ranked[0]["score"] == pytest.approx(25 / 30)
    several = answers(np.log([[9.0, 1 / 9, 16.0]]), multi_label(CLASSES), temperature=2, threshold=0.8)[0]
    assert [(item["label"], round(item["score"], 6)) for item in several["labels"]] == [("yes", 0.8)]
    oos = answers(logits, CLASSES, temperature=0.5, out_of_scope={"threshold": 0.8, "label": "oos"})[0]
    assert oos["label"] == "yes"  # 0.625 without the temperature, which is below the threshold


def test_probabilities_of_every_label():
    answer = answers(np.log([[1.0, 2.0, 5.0]]), CLASSES, with_probabilities=True)[0]
    assert answer["probabilities"] == pytest.approx({"no": 0.125, "maybe": 0.25, "yes": 0.625})
    answer = answers(np.log([[1.0, 2.0, 5.0]]), CLASSES, with_probabilities=True, top_k=2)[0]
    assert [item["label"] for item in answer["labels"]] == ["yes", "maybe"]


def test_regression_values_stay_as_they_are():
    assert answers(np.array([[2.5, -1e6]]), regression("joy", "fear")) == [{"joy": 2.5, "fear": -1e6}]


@pytest.mark.parametrize(
    ("labels", "arguments", "message"),
    [
        (CLASSES, {"top_k": 0}, r"`top_k` must be a whole number from 1 to 3; received: 0"),
        (CLASSES, {"top_k": 4}, r"`top_k` must be .* from 1 to 3; received: 4"),
        (multi_label(CLASSES), {"threshold": 1.5}, r"`threshold` must be .* 0 to 1; received: 1.5"),
        (multi_label(CLASSES), {"threshold": [0.5, 0.5]}, r"`threshold` must be 3 prob.* 1; received: \[0.5, 0.5\]"),
        (multi_label(CLASSES), {"threshold": [0.5, 2, 0]}, r"`threshold` must be 3 prob.* 1; received: \[0.5, 2, 0\]"),
        (multi_label(CLASSES), {"threshold": [0.5, "x", 0]}, r"`threshold` must be 3 prob.* 1; received: \[0.5, 'x'"),
        (multi_label(CLASSES), {"threshold": "0.5"}, r"`threshold` must be a probability .*; received: '0.5'"),
        (
            CLASSES,
            {"threshold": [0.5] * 3},
            r"`threshold` must be omitted, or one number, for single_label; received: \[",
        ),
        (CLASSES, {"temperature": 0}, r"`temperature` must be a number above 0; received: 0"),
        (CLASSES, {"temperature": float("nan")}, r"`temperature` must be a number above 0; received: nan"),
        (CLASSES, {"temperature": "2"}, r"`temperature` must be a number above 0; received: '2'"),
        (CLASSES, {"temperature": True}, r"`temperature` must be a number above 0; received: True"),
        (
            regression("a", "b", "c"),
            {"temperature": 2},
            r"`temperature` must be omitted for regression; received: 2",
        ),
        (regression("a", "b", "c"), {"top_k": 1}, r"`top_k` must be omitted for regression; received: {'top_k': 1"),
    ],
)
def test_bad_arguments(labels, arguments, message):
    with pytest.raises(KerasftError, match=message):
        answers(np.zeros((1, 3)), labels, **arguments)


def test_bad_logits():
    with pytest.raises(KerasftError, match=r"`logits` must be an array of shape \(N, 3\); received: \(1, 2\)"):
        probabilities(np.zeros((1, 2)), CLASSES)
