"""From token scores to answers: all spans are compared, places are exact, no-answer and its threshold."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kerasft.answers.question_answering import Found, ScoredSpan, answer, best_spans, merge_windows


@given(st.integers(0, 12), st.integers(1, 8), st.integers(1, 6), st.integers(0, 2**31))
@settings(max_examples=150, deadline=None)
def test_the_best_spans_are_those_of_an_exhaustive_search(length, n_best, longest, seed):
    logits = np.random.default_rng(seed).normal(size=(length, 2))
    every = [(logits[i, 0] + logits[j, 1], i, j) for i in range(length) for j in range(i, min(length, i + longest))]
    expected = [(i, j) for _, i, j in sorted(every, reverse=True)[:n_best]]
    found = best_spans(logits, n_best=n_best, max_answer_length=longest)
    assert [(i, j) for i, j, _ in found] == expected
    assert all(score == logits[i, 0] + logits[j, 1] for i, j, score in found)


def test_places_are_in_the_context_without_white_space():
    context = "to \U0001f600 na\u00efve  Paris ."
    places = np.array([[0, 2], [2, 4], [4, 10], [10, 11], [11, 17], [17, 19]])  # byte-level: a token has its space
    spans = [(i, j, float(10 - i - j)) for i in range(6) for j in range(i, 6)]
    found = merge_windows(context, [(spans, places, 0.0)], n_best=50)
    for span in found.spans:
        assert context[span.start : span.end].strip() == context[span.start : span.end] != ""
    assert [span.score for span in found.spans] == sorted((span.score for span in found.spans), reverse=True)
    assert len({(span.start, span.end) for span in found.spans}) == len(found.spans)
    # Token 4, and tokens 3 and 4, are both this word: the better score counts.
    assert ScoredSpan(context.index("Paris"), context.index("Paris") + 5, 3.0) in found.spans


def test_of_equal_places_the_best_score_counts_and_the_lowest_no_answer():
    first = ([(1, 1, 1.0)], np.array([[0, 2], [3, 8]]), 5.0)
    second = ([(0, 0, 4.0)], np.array([[3, 8], [9, 10]]), 2.0)
    assert merge_windows("in Paris x", [first, second]) == Found([ScoredSpan(3, 8, 4.0)], 2.0)
    assert merge_windows("", [([], np.zeros((0, 2), int), 1.0)]) == Found([], 1.0)


def test_answers_their_probabilities_and_the_threshold():
    context = "in Paris"
    found = Found([ScoredSpan(3, 8, 2.0), ScoredSpan(0, 8, 1.0)], 1.5)
    assert found.no_answer_score == -0.5
    always = answer(found, context, top_k=3)
    assert [each["answer"] for each in always["answers"]] == ["Paris", "in Paris"]
    assert always["score"] == pytest.approx(1 / (1 + np.exp(-1)))
    assert sum(each["score"] for each in always["answers"]) == pytest.approx(1)
    said = answer(found, context, top_k=3, no_answer=0.0)
    assert (said["answer"], said["start"], said["end"]) == ("Paris", 3, 8)
    assert [each["answer"] for each in said["answers"]] == ["Paris", "", "in Paris"]
    assert sum(each["score"] for each in said["answers"]) == pytest.approx(1)
    assert said["no_answer_score"] == -0.5
    none = answer(found, context, no_answer=-1.0)
    assert (none["answer"], none["start"], none["end"]) == ("", None, None)
    assert none["score"] == pytest.approx(np.exp(-0.5) / (1 + np.exp(-0.5) + np.exp(-1)))
    assert answer(found, context, no_answer=-0.5)["answer"] == "Paris"  # at the threshold it is answered


def test_a_context_without_words_has_no_answer():
    empty = Found([], -1e9)
    for threshold in (None, -5.0, 0.0, 5.0, float("inf")):
        said = answer(empty, "", top_k=5, no_answer=threshold)
        assert (said["answer"], said["start"], said["score"]) == ("", None, 1.0)


def test_scores_that_are_far_apart_overflow_nothing():
    said = answer(Found([ScoredSpan(0, 1, 1e5), ScoredSpan(0, 2, -1e5)], -1e5), "ab", no_answer=0.0)
    assert said["score"] == 1.0
