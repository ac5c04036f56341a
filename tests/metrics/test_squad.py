"""SQuAD's scores: equal to those of the field's implementation, whose numbers parity/make_squad.py wrote; and identities."""

import json
import pathlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kerasft.errors import KerasftError
from kerasft.metrics import (
    answer_exact_match,
    answer_f1,
    best_no_answer_threshold,
    normalize_answer,
    squad_scores,
)
from kerasft.metrics.squad import answer_scores

EXPECTED = json.loads((pathlib.Path(__file__).parents[1] / "parity" / "squad.json").read_text("utf-8"))


def test_each_of_2000_answers_scores_as_the_official_script_says():
    for case in EXPECTED["cases"]:
        assert answer_scores(case["predicted"], case["truths"]) == (case["exact"], case["f1"]), case


def test_the_means_are_those_of_the_official_script():
    cases = {str(number): case for number, case in enumerate(EXPECTED["cases"])}
    predicted = {name: case["predicted"] for name, case in cases.items()}
    scores = squad_scores(predicted, {name: case["truths"] for name, case in cases.items()})
    assert scores["exact_match"] == pytest.approx(np.mean([case["exact"] for case in cases.values()]), abs=1e-15)
    assert scores["f1"] == pytest.approx(np.mean([case["f1"] for case in cases.values()]), abs=1e-12)
    some = [case for case in cases.values() if any(normalize_answer(truth) for truth in case["truths"])]
    assert scores["has_answer_f1"] == pytest.approx(np.mean([case["f1"] for case in some]), abs=1e-12)
    share = len(some) / len(cases)
    whole = share * scores["has_answer_f1"] + (1 - share) * scores["no_answer_accuracy"]
    assert scores["f1"] == pytest.approx(whole, abs=1e-12)


def test_the_best_threshold_is_the_official_scripts():
    for case in EXPECTED["thresholds"]:
        best, threshold = best_no_answer_threshold(case["none"], case["scores"], case["answerable"])
        assert 100 * best == pytest.approx(case["best"], abs=1e-9)
        # Where "answer none" is best the script says 0, which is below all scores there.
        assert threshold == case["threshold"] or (case["threshold"] == 0 and threshold < min(case["none"]))


@given(st.lists(st.tuples(st.integers(-3, 3), st.floats(0, 1), st.booleans()), min_size=1, max_size=12))
@settings(max_examples=100, deadline=None)
def test_the_best_threshold_gives_the_score_that_it_states_and_no_other_gives_more(rows):
    none, scores, answerable = (np.array(column) for column in zip(*rows))

    def score_at(threshold):
        answered = none <= threshold
        return np.where(answerable, answered * scores, ~answered).mean()

    best, threshold = best_no_answer_threshold(none, scores, answerable)
    assert score_at(threshold) == pytest.approx(best, abs=1e-12)
    assert best >= max(score_at(value) for value in [none.min() - 1, *none]) - 1e-12


@given(st.text(max_size=30), st.text(max_size=30))
@settings(max_examples=200, deadline=None)
def test_f1_is_symmetric_and_1_for_what_matches(one, other):
    assert answer_f1(one, other) == pytest.approx(answer_f1(other, one), abs=1e-15)
    assert 0 <= answer_f1(one, other) <= 1
    assert answer_f1(one, one) == answer_exact_match(one, one) == 1
    if answer_exact_match(one, other):
        assert answer_f1(one, other) == 1
    assert normalize_answer(normalize_answer(one)) == normalize_answer(one) or "\u0130" in one


def test_no_answer_is_right_only_where_there_is_none():
    scores = squad_scores({"1": "", "2": "", "3": "x"}, {"1": [], "2": ["x"], "3": []})
    assert scores == {
        "exact_match": 1 / 3,
        "f1": 1 / 3,
        "has_answer_exact_match": 0.0,
        "has_answer_f1": 0.0,
        "no_answer_accuracy": 0.5,
    }
    assert squad_scores({"1": ""}, {"1": []}) == {"exact_match": 1.0, "f1": 1.0, "no_answer_accuracy": 1.0}


def test_errors_show_what_was_received():
    with pytest.raises(KerasftError, match=r"`predicted` must be answers to the 2 questions; received: \['2'\]"):
        squad_scores({"1": "x"}, {"1": ["x"], "2": ["y"]})
    with pytest.raises(KerasftError, match=r"received: \[\]"):
        squad_scores({}, {})
    with pytest.raises(KerasftError, match=r"received: \[\(2,\), \(1,\), \(2,\)\]"):
        best_no_answer_threshold([1.0, 2.0], [1.0], [True, True])
