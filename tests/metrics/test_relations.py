"""The official score of SemEval-2010 task 8 on cases counted by hand, and against scikit-learn where no direction is involved."""

import hypothesis
import pytest
from hypothesis import strategies as st
from sklearn.metrics import precision_recall_fscore_support

from kerasft import KerasftError
from kerasft.metrics import relation_scores
from kerasft.metrics.relations import direction, undirected

A12, A21, B12, B21, OTHER = "A-B(e1,e2)", "A-B(e2,e1)", "C-D(e1,e2)", "C-D(e2,e1)", "Other"


def scores(*pairs, negative="Other"):
    return relation_scores([gold for gold, _ in pairs], [answer for _, answer in pairs], negative_label=negative)


def test_a_wrong_direction_is_wrong_in_precision_and_recall():
    # Of A-B: 4 true in both directions, 4 predicted (one of them of the wrong direction, one where the truth is Other).
    found = scores((A12, A12), (A21, A21), (A12, A21), (A12, OTHER), (OTHER, A12), (B12, B12))
    a, c = found["relations"]
    assert (a["label"], a["precision"], a["recall"], a["f1"], a["support"]) == ("A-B", 2 / 4, 2 / 4, 0.5, 4)
    assert (c["label"], c["f1"]) == ("C-D", 1.0)
    assert found["f1_macro"] == 0.75
    assert found["accuracy"] == 3 / 6
    assert found["precision_micro"] == found["recall_micro"] == 3 / 5


def test_macro_f1_is_the_mean_of_f1_and_not_f1_of_the_means():
    found = scores((A12, A12), (B12, A12), (B12, B12), (B21, OTHER))
    assert [row["f1"] for row in found["relations"]] == pytest.approx([2 / 3, 0.5])
    assert found["f1_macro"] == pytest.approx((2 / 3 + 0.5) / 2)


def test_a_relation_that_the_truth_lacks_is_listed_but_not_averaged():
    found = scores((A12, A12), (OTHER, B12))
    assert found["f1_macro"] == 1.0  # as the official scorer, which divides by the relations of the answer key
    assert [row["support"] for row in found["relations"]] == [1, 0]
    assert found["precision_micro"] == 0.5


def test_nothing_right_and_nothing_but_the_negative_label():
    assert scores((A12, OTHER))["f1_macro"] == 0.0
    empty = scores((OTHER, OTHER))
    assert (empty["f1_macro"], empty["f1_micro"], empty["accuracy"]) == (0.0, 0.0, 1.0)


PAIRS = st.lists(st.tuples(*[st.sampled_from(["r1", "r2", "r3", "none"])] * 2), min_size=1, max_size=30)


@hypothesis.settings(max_examples=1000, deadline=None)
@hypothesis.given(PAIRS, st.sampled_from(["macro", "micro"]))
def test_without_directions_it_is_scikit_learns(pairs, average):
    gold, predicted = zip(*pairs)
    labels = sorted(set(gold) - {"none"}) if average == "macro" else ["r1", "r2", "r3"]
    hypothesis.assume(labels)
    found = relation_scores(gold, predicted, negative_label="none")
    expected = precision_recall_fscore_support(gold, predicted, labels=labels, average=average, zero_division=0)
    assert [found[f"{part}_{average}"] for part in ("precision", "recall", "f1")] == pytest.approx(expected[:3])


def test_names_and_directions():
    assert [undirected(name) for name in (A12, A21, OTHER, "f(e1,e2)(x)")] == ["A-B", "A-B", "Other", "f(e1,e2)(x)"]
    assert [direction(name) for name in (A12, A21, OTHER)] == ["e1,e2", "e2,e1", None]


def test_wrong_lengths():
    with pytest.raises(KerasftError, match=r"`gold` must be as long as `predicted`.*received: '2 and 1 labels'"):
        relation_scores([A12, A12], [A12])
    with pytest.raises(KerasftError, match="received: '0 and 0 labels'"):
        relation_scores([], [])
