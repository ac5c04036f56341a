"""Cells of several labels: lists in every way of writing them, and what is refused."""

import numpy as np
import pytest

from kerasft.data import collect_labels, texts_and_labels
from kerasft.errors import DataError
from kerasft.features import Labels, multi_label

WRITTEN = {
    "python": ["['kind', 'funny']", "['rude']", "[]"],
    "json": ['["kind", "funny"]', '["rude"]', "[]"],
    "numpy": ["['kind' 'funny']", "['rude']", "[]"],
    "tuple": ["('kind', 'funny')", "('rude',)", "()"],
    "set": ["{'kind', 'funny'}", "{'rude'}", "set()"],
    "bare": ["[kind, funny]", "[rude]", ""],
    "bar": ["kind|funny", "rude", ""],
    "semicolon": ["kind; funny", "rude; kind", "rude"],
    "comma": ["kind, funny", "rude,kind", "rude"],
    "array": ["array(['kind', 'funny'], dtype=object)", "np.array(['rude'])", "array([], dtype=object)"],
    "frozenset": ["frozenset({'kind', 'funny'})", "frozenset({'rude'})", "frozenset()"],
    "objects": [["kind", "funny"], ("rude",), np.array([], object)],
}


def rows(values):
    return [{"text": "x", "label": value} for value in values]


@pytest.mark.parametrize("form", WRITTEN)
def test_lists_are_read_however_they_are_written(form):
    labels = collect_labels(rows(WRITTEN[form]), problem="multi_label")
    assert labels == Labels(["funny", "kind", "rude"], "multi_label")
    y = texts_and_labels(rows(WRITTEN[form]), labels=labels)[1]
    assert y[0].tolist() == [1, 1, 0]
    assert y[1, 2] == 1


def test_a_dev_file_may_write_them_in_another_way():
    labels = Labels(["funny", "kind", "rude"], "multi_label")
    y = texts_and_labels(rows(["rude, kind", "['kind']", "kind;funny", "kind|rude"]), labels=labels)[1]
    assert y.tolist() == [[0, 1, 1], [0, 1, 0], [1, 1, 0], [0, 1, 1]]


def test_quotes_and_commas_inside_names():
    cells = ["[\"it's fine\", 'a, b']", "['say \\'x\\'']"]
    assert set(collect_labels(rows(cells), problem="multi_label")) == {"it's fine", "a, b", "say 'x'"}
    assert list(collect_labels(rows(["Food, drinks|Travel", "Travel"]), problem="multi_label")) == [
        "Food, drinks",
        "Travel",
    ]
    labels = multi_label(["Food, drinks", "Travel"])
    assert texts_and_labels(rows(["Food, drinks"]), labels=labels)[1].tolist() == [[1, 0]]
    assert "(none)" in collect_labels(rows(["(none)", "a|b"]), problem="multi_label")


def test_numbers_between_spaces():
    assert list(collect_labels(rows(["1 5", "5", "12"]), problem="multi_label")) == ["1", "5", "12"]


def test_what_a_list_left_out_is_no_label():
    for cell in ("['a', ..., 'b']", "['a' ... 'b']"):
        with pytest.raises(DataError, match="invalid list of labels"):
            collect_labels(rows([cell, "['b']"]), problem="multi_label")


def test_names_that_are_probably_several_are_named(caplog):
    collect_labels(rows(["kind/funny", "kind", "funny"]), problem="multi_label")
    assert "these labels are combinations of others, but each is one class: 'kind/funny'" in caplog.text
    collect_labels(rows(["010", "100"]), problem="multi_label")
    assert "labels such as '010' look like multi-hot vectors" in caplog.text
    caplog.clear()
    collect_labels(rows(["very good", "good", "day/night"]), problem="multi_label")
    assert not caplog.text


def test_numbers_in_lists():
    assert list(collect_labels(rows(["[0, 2]", "[1.0]", [2]]), problem="multi_label")) == ["0", "1", "2"]


@pytest.mark.parametrize(
    "values",
    [
        ["0 1 0", "1 1 0"],
        ["[0, 1, 0]", "[1, 1, 0]"],
        ["[0. 1. 0.]", "[1. 1. 0.]"],
        ["0,1,0", "1,0,0"],
        ["1.0, 0.0", "0.0, 1.0"],
        [[0, 1, 0], [1, 0, 0]],
        [np.array([0, 1]), np.array([1, 1])],
        [[False, True, True], [True, False, False]],
        ["[False, True, True]", "[True, False, False]"],
        ["tensor([0, 1])", "tensor([1, 1])"],
    ],
)
def test_multi_hot_vectors_are_refused(values):
    with pytest.raises(DataError, match=r"line 1: multi-hot vectors of \d numbers .* received: .* column"):
        collect_labels(rows(values), problem="multi_label")
    with pytest.raises(DataError, match="multi-hot vectors"):
        texts_and_labels(rows(values), labels=multi_label(["a", "b", "c"]))


def test_labels_named_0_and_1_are_no_vectors():
    labels = Labels(["0", "1", "2"], "multi_label")
    assert texts_and_labels(rows(["0|1", "1|0"]), labels=labels)[1].tolist() == [[1, 1, 0], [1, 1, 0]]


@pytest.mark.parametrize("value", ["{'a': 1}", "[['a'], ['b']]", "['a', 'b]", "['a' b]"])
def test_broken_lists_are_refused(value):
    with pytest.raises(DataError, match=r"line 2: invalid list of labels; received: .*a"):
        collect_labels(rows(["['a']", value]), problem="multi_label")


def test_a_separator_that_may_be_part_of_a_name_is_refused():
    with pytest.raises(
        DataError, match=r"line 1: ambiguous ',': part of a name, .* received: 'Food, drinks'\. Write several"
    ):
        collect_labels(rows(["Food, drinks", "Travel"]), problem="multi_label")


def test_several_separators_in_one_file(caplog):
    assert list(collect_labels(rows(["a|b", "a, c", "c", "d; b", "d"]), problem="multi_label")) == ["a", "b", "c", "d"]
    assert "labels 'a, c' are read as ['a', 'c']" in caplog.text
