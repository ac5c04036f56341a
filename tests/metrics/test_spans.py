"""Span scores are seqeval's own numbers, to the last digit."""

import warnings

import pytest
import seqeval.metrics
from hypothesis import given, settings
from hypothesis import strategies as st

from kerasft.errors import KerasftError
from kerasft.metrics import span_scores, span_scores_by_type

TAGS = st.sampled_from(["O", "O", "B-PER", "I-PER", "B-LOC", "I-LOC", "E-LOC", "S-PER"])
TEXTS = st.lists(st.lists(st.tuples(TAGS, TAGS), min_size=1, max_size=8), min_size=1, max_size=4)


@settings(max_examples=1000, deadline=None)
@given(TEXTS)
def test_equal_to_seqeval(texts):
    truth, predicted = ([[pair[side] for pair in text] for text in texts] for side in (0, 1))
    scores = span_scores(truth, predicted)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of divisions by zero
        assert scores["entity_f1"] == seqeval.metrics.f1_score(truth, predicted)
        assert scores["entity_precision"] == seqeval.metrics.precision_score(truth, predicted)
        assert scores["entity_recall"] == seqeval.metrics.recall_score(truth, predicted)
        assert scores["token_accuracy"] == seqeval.metrics.accuracy_score(truth, predicted)
        if {tag for tags in (*truth, *predicted) for tag in tags} - {"O"}:
            report = seqeval.metrics.classification_report(truth, predicted, output_dict=True)
            for row in span_scores_by_type(truth, predicted):
                theirs = report[row["label"]].values()
                assert [row[name] for name in ("precision", "recall", "f1", "support")] == list(theirs)


@pytest.mark.parametrize("empty", [[], [[]], [[], []]])
def test_nothing_to_score_is_0(empty):
    assert span_scores(empty, empty, name="slot") == {
        "slot_f1": 0.0, "slot_precision": 0.0, "slot_recall": 0.0, "token_accuracy": 0.0
    }  # fmt: skip
    assert span_scores_by_type(empty, empty) == []
    with pytest.raises(KerasftError, match="one tag for each gold tag"):
        span_scores([["O"]], [])


@pytest.mark.parametrize("wrong", [["B-PER", "O"], [[1, 0]], "O"])
def test_flat_lists_and_numbers_are_no_tags_of_texts(wrong):
    with pytest.raises(KerasftError, match="`truth` must be a list of tags per text; received: "):
        span_scores(wrong, wrong)
    with pytest.raises(KerasftError, match="`predicted` must be a list of tags per text; received: "):
        span_scores_by_type([["O"]], wrong)


def test_token_f1_would_be_another_number():
    truth = [["B-LOC", "I-LOC", "I-LOC", "O"]]
    predicted = [["B-LOC", "I-LOC", "O", "O"]]
    scores = span_scores(truth, predicted, name="slot")
    assert scores["slot_f1"] == 0.0
    assert scores["token_accuracy"] == 0.75
    assert not {"f1", "token_f1"} & set(scores)


def test_without_any_span():
    assert span_scores([["O"]], [["O"]]) == {
        "entity_f1": 0.0, "entity_precision": 0.0, "entity_recall": 0.0, "token_accuracy": 1.0
    }  # fmt: skip
    assert span_scores_by_type([["O"]], [["O"]]) == []


def test_lengths_that_differ():
    with pytest.raises(KerasftError, match=r"`predicted` must be one tag for each gold tag; received: \[1\]"):
        span_scores([["O", "O"]], [["O"]])
