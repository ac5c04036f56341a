"""Names in place of numbers: told in the order of the numbers, never guessed."""

import numpy as np
import pytest

from kerasft.data import collect_labels, name_labels, texts_and_labels
from kerasft.errors import DataError, KerasftError

NAMES = ["entailment", "neutral", "contradiction"]


def rows(values):
    return [{"text": "x", "label": value} for value in values]


def test_numbers_get_their_names_and_names_stay():
    named = name_labels(rows(["0", 2, 1.0, "1.0", np.int64(2), "neutral"]), NAMES)
    assert named.columns["label"] == [NAMES[0], NAMES[2], NAMES[1], NAMES[1], NAMES[2], NAMES[1]]
    labels = collect_labels(named)
    assert list(labels) == sorted(NAMES)
    assert texts_and_labels(named, labels=labels)[1].tolist() == [1, 0, 2, 2, 0, 2]


@pytest.mark.parametrize("value", ["3", -1, 7.0])
def test_a_number_without_a_name_is_refused(value):
    with pytest.raises(
        DataError,
        match=rf"Python rows, line 2: no name for this number; names are given for 0 to 2: .*'{int(float(value))}'",
    ):
        name_labels(rows(["0", value]), NAMES)


def test_several_labels_and_multi_hot_vectors():
    for cells in (
        ["0|2", "1"],
        ["[0, 2]", "[1]"],
        ["1 0 1", "0 1 0"],
        [[1, 0, 1], [0, 1, 0]],
        ["[1. 0. 1.]", "[0. 1. 0.]"],
    ):
        named = name_labels(rows(cells), NAMES, problem="multi_label")
        assert named.columns["label"] == [["entailment", "contradiction"], ["neutral"]], cells


def test_names_must_differ():
    with pytest.raises(KerasftError, match=r"unique names; received: \['a'\]"):
        name_labels(rows([0, 1]), ["a", "a"])


@pytest.mark.parametrize("labels", [["good", "bad"], ["1.5", "bad"], ["positive", "bad"]])
def test_names_for_labels_that_are_no_numbers_are_refused(labels):
    message = (
        r"label names are given for 0 to 1, but the labels are not numbers; .*Remove --label-names \(negative, pos"
    )
    with pytest.raises(DataError, match=message):
        name_labels(rows(labels), ["negative", "positive"])
    with pytest.raises(DataError, match=message):
        name_labels(rows([f"{label}|x" for label in labels]), ["negative", "positive"], problem="multi_label")


def test_labels_that_have_the_names_already_are_taken():
    assert name_labels(rows(["b", "a"]), ["a", "b", "c"]).columns["label"] == ["b", "a"]
    assert name_labels(rows(["2", "1"]), ["1", "2"]).columns["label"] == ["2", "1"]
    assert name_labels(rows(["other", 0]), ["a", "b"]).columns["label"] == ["other", "a"]
