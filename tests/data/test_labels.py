"""Labels: names and numbers in all their forms, several at once, and real-valued targets."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerasft.data import collect_labels, texts_and_labels
from kerasft.data.labels import natural_key
from kerasft.errors import DataError, KerasftError
from kerasft.features import Labels, multi_label, regression


def encode(values, labels, **columns):
    rows = [{"text": "x", "label": value} for value in values]
    return texts_and_labels(rows, labels=labels)[1]


def test_names_first_then_index_numbers():
    labels = ["negative", "positive"]
    y = encode(["positive", " negative ", "1", 0, 1.0, True, np.int64(0), b"positive"], labels)
    assert y.dtype == np.int32
    assert y.tolist() == [1, 0, 1, 0, 1, 1, 0, 1]


def test_names_that_are_numbers_are_never_indices():
    assert encode(["5", 1, 1.0], ["1", "5"]).tolist() == [1, 0, 0]
    with pytest.raises(DataError, match=r"line 1: this label is not among the known ones \(1, 5\); received: '0'"):
        encode(["0"], ["1", "5"])


@pytest.mark.parametrize("value", ["maybe", "2", -1, 7])
def test_unknown_label(value):
    with pytest.raises(DataError, match=rf"Python rows, line 2: this label is not among .* received: {value!r}"):
        encode(["no", value], ["no", "yes"])


@pytest.mark.parametrize("value", [None, "", "  ", math.nan, ["no"]])
def test_missing_label(value):
    with pytest.raises(DataError, match=r"line 2: the label is missing"):
        encode(["no", value], ["no", "yes"])


def test_multi_label_cells_and_lists():
    labels = multi_label(["a", "b", "c"])
    y = encode(["a|c", "", "b", ["c", 0], [], None, "2"], labels)
    assert y.dtype == np.float32
    assert y.tolist() == [[1, 0, 1], [0, 0, 0], [0, 1, 0], [1, 0, 1], [0, 0, 0], [0, 0, 0], [0, 0, 1]]
    with pytest.raises(DataError, match=r"line 1: this label .* received: 'd'"):
        encode(["a|d"], labels)


def test_multi_label_columns_follow_the_names():
    rows = [{"text": "x", "b": "1", "a": "0"}, {"text": "y", "b": 1.0, "a": True}]
    columns = {"label": ["b", "a"]}
    assert collect_labels(rows, columns=columns, problem="multi_label") == multi_label(["b", "a"])
    _, y = texts_and_labels(rows, labels=multi_label(["a", "b"]), columns=columns)
    assert y.tolist() == [[0, 1], [1, 1]]
    rows[0]["a"] = "2"
    with pytest.raises(DataError, match=r"line 1: a multi-label column must hold 0 or 1; received: '2'"):
        texts_and_labels(rows, labels=multi_label(["a", "b"]), columns=columns)
    with pytest.raises(DataError, match=r"the model has 3 outputs"):
        texts_and_labels(rows, labels=multi_label(["a", "b", "c"]), columns=columns)
    with pytest.raises(DataError, match=r"only some of the label columns .*\['a', 'z'\]; received: \['b', 'a'\]"):
        texts_and_labels(rows, labels=multi_label(["a", "z"]), columns=columns)
    with pytest.raises(DataError, match="one label column is expected, and 2 are given"):
        texts_and_labels(rows, labels=["a", "b"], columns=columns)


def test_regression_targets():
    y = encode(["3.5", 2, " 1e-1 ", -4.0, b"5"], regression())
    assert y.dtype == np.float32
    assert y.tolist() == [[3.5], [2.0], [pytest.approx(0.1)], [-4.0], [5.0]]
    rows = [{"text": "x", "u": 1, "v": "2"}]
    columns = {"label": ["u", "v"]}
    assert collect_labels(rows, columns=columns, problem="regression") == regression("u", "v")
    assert texts_and_labels(rows, labels=regression("v", "u"), columns=columns)[1].tolist() == [[2, 1]]


@pytest.mark.parametrize(
    "value", ["nan", math.nan, "inf", -math.inf, "high", "3,5", "1_0", "", None, "1e60", 10**400, []]
)
def test_bad_targets(value):
    with pytest.raises(DataError, match=r"line 2: the target is not a finite number"):
        encode(["1", value], regression())


def test_collected_in_natural_order():
    rows = [("x", name) for name in ["b10", "b2", "10", "9", "a", "9"]]
    assert list(collect_labels(rows)) == ["9", "10", "a", "b2", "b10"]
    assert list(collect_labels([("x", "b|a"), ("x", ""), ("x", "c")], problem="multi_label")) == ["a", "b", "c"]


def test_one_class_only():
    with pytest.raises(DataError, match=r"all 2 rows have one and the same label; received: 'spam'"):
        collect_labels([("x", "spam"), ("y", "spam")])
    with pytest.raises(DataError, match="no row has a label"):
        collect_labels([("x", ""), ("y", "")], problem="multi_label")
    with pytest.raises(KerasftError, match=r"`problem` must be .* received: 'many'"):
        collect_labels([("x", "a"), ("y", "b")], problem="many")


@given(st.lists(st.text(max_size=6)))
def test_natural_order_is_total(names):
    assert sorted(sorted(names, key=natural_key, reverse=True), key=natural_key) == sorted(names, key=natural_key)


@given(
    st.lists(
        st.text(st.characters(codec="utf-8"), min_size=1).filter(lambda s: s.strip() == s), min_size=2, unique=True
    )
)
def test_collected_labels_encode_their_own_rows(names):
    labels = collect_labels([("x", name) for name in names])
    assert isinstance(labels, Labels)
    assert [labels[i] for i in encode(names, labels)] == names
