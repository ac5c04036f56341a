"""Labels: names and numbers in all their forms, several at once, and real-valued targets."""

import math
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerasft.data import collect_labels, texts_and_labels
from kerasft.data.readers.label_names import label_key, natural_key, visible_name
from kerasft.errors import DataError, KerasftError
from kerasft.features import Labels, multi_label, regression


class NAType:
    """Compares as `pandas.NA` does; pandas is no dependency."""

    def __ne__(self, other):
        return self

    def __eq__(self, other):
        return self

    def __bool__(self):
        raise TypeError("boolean value of NA is ambiguous")


def encode(values, labels, **columns):
    rows = [{"text": "x", "label": value} for value in values]
    return texts_and_labels(rows, labels=labels)[1]


def test_names_first_then_index_numbers():
    labels = ["negative", "positive"]  # listed here, so their numbers are known
    y = encode(["positive", " negative ", "1", 0, 1.0, True, np.int64(0), b"positive"], labels)
    assert y.dtype == np.int32
    assert y.tolist() == [1, 0, 1, 0, 1, 1, 0, 1]


def test_names_that_are_numbers_are_never_indices():
    assert encode(["5", 1, 1.0], ["1", "5"]).tolist() == [1, 0, 0]
    with pytest.raises(DataError, match=r"line 1: unknown label; expected one of: 1, 5; received: '0'"):
        encode(["0"], ["1", "5"])


@pytest.mark.parametrize("value", ["maybe", "2", -1, 7])
def test_unknown_label(value):
    with pytest.raises(
        DataError, match=rf"Python rows, line 2: unknown label; expected one of: .* received: {value!r}"
    ):
        encode(["no", value], ["no", "yes"])


@pytest.mark.parametrize("value", [None, "", "  ", math.nan, ["no"]])
def test_missing_label(value):
    with pytest.raises(DataError, match=r"line 2: expected one label"):
        encode(["no", value], ["no", "yes"])


def test_multi_label_cells_and_lists():
    labels = multi_label(["a", "b", "c"])
    y = encode(["a|c", "", "b", ["c", 0], [], None, "2"], labels)
    assert y.dtype == np.float32
    assert y.tolist() == [[1, 0, 1], [0, 0, 0], [0, 1, 0], [1, 0, 1], [0, 0, 0], [0, 0, 0], [0, 0, 1]]
    with pytest.raises(DataError, match=r"line 1: unknown label.* received: 'd'"):
        encode(["a|d"], labels)


def test_multi_label_columns_follow_the_names():
    rows = [{"text": "x", "b": "1", "a": "0"}, {"text": "y", "b": 1.0, "a": True}]
    columns = {"label": ["b", "a"]}
    assert collect_labels(rows, columns=columns, problem="multi_label") == multi_label(["b", "a"])
    _, y = texts_and_labels(rows, labels=multi_label(["a", "b"]), columns=columns)
    assert y.tolist() == [[0, 1], [1, 1]]
    words = [{"text": "x", "a": "True", "b": "false"}]
    assert texts_and_labels(words, labels=multi_label(["a", "b"]), columns=columns)[1].tolist() == [[1, 0]]
    rows[0]["a"] = "2"
    with pytest.raises(DataError, match=r"line 1: a multi-label column must contain 0 or 1; received: '2'"):
        texts_and_labels(rows, labels=multi_label(["a", "b"]), columns=columns)
    with pytest.raises(DataError, match=r"expected 3 label columns"):
        texts_and_labels(rows, labels=multi_label(["a", "b", "c"]), columns=columns)
    with pytest.raises(DataError, match=r"only some of the label columns .*\['a', 'z'\]; received: \['b', 'a'\]"):
        texts_and_labels(rows, labels=multi_label(["a", "z"]), columns=columns)
    with pytest.raises(DataError, match="expected one label column, got 2"):
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
    with pytest.raises(DataError, match=r"line 2: expected a finite number as target"):
        encode(["1", value], regression())


def test_collected_in_natural_order():
    rows = [("x", name) for name in ["b10", "b2", "10", "9", "a", "9"]]
    assert list(collect_labels(rows)) == ["9", "10", "a", "b2", "b10"]
    assert list(collect_labels([("x", "b|a"), ("x", ""), ("x", "c")], problem="multi_label")) == ["a", "b", "c"]


def test_one_class_only():
    with pytest.raises(DataError, match=r"all 2 rows have the same label; received: 'spam'"):
        collect_labels([("x", "spam"), ("y", "spam")])
    with pytest.raises(DataError, match="has no labels"):
        collect_labels([("x", ""), ("y", "")], problem="multi_label")
    with pytest.raises(KerasftError, match=r"`problem` must be .* received: 'many'"):
        collect_labels([("x", "a"), ("y", "b")], problem="many")


@given(st.lists(st.text(max_size=6)))
def test_natural_order_is_total(names):
    assert sorted(sorted(names, key=natural_key, reverse=True), key=natural_key) == sorted(names, key=natural_key)


@given(
    st.lists(st.text(st.characters(codec="utf-8"), min_size=1).filter(visible_name), min_size=2, unique_by=label_key)
)
def test_collected_labels_encode_their_own_rows(names):
    labels = collect_labels([("x", name) for name in names])
    assert isinstance(labels, Labels)
    assert [label_key(labels[i]) for i in encode(names, labels)] == [label_key(name) for name in names]


def test_an_index_is_a_label_only_where_the_order_was_given():
    rows = [("x", "neutral"), ("y", "entailment"), ("z", "contradiction")]
    collected = collect_labels(rows)
    assert not collected.numbered
    for number in ("0", 0, 0.0, "0.0", True):
        message = (
            r"line 1: unknown label; expected one of: contradiction, entailment, neutral; received: .* "
            r"Labels in this file: [\d.]+, neutral\. Numbers are not used as label indices.* --label-names NAME,NAME"
        )
        with pytest.raises(DataError, match=message):
            encode([number, "neutral"], collected)
    with pytest.raises(DataError, match="unknown label; expected one of"):
        encode([["a", 1]], Labels(["a", "b"], "multi_label"))
    assert encode([0, "2"], list(collected)).tolist() == [0, 2]
    assert encode([0, "1"], Labels(["no", "yes"], numbered=True)).tolist() == [0, 1]
    assert encode([0, "1"], Labels(["LABEL_0", "LABEL_1"])).tolist() == [0, 1], "named by Hugging Face after the index"
    with pytest.raises(DataError, match="unknown label"):
        encode([0], Labels(["LABEL_1", "LABEL_0"]))


def test_numbers_in_train_and_names_in_dev():
    with pytest.raises(DataError, match=r"expected one of: 0, 1; received: 'no'\. Labels in this file: no, yes\."):
        encode(["no", "yes"], collect_labels([("x", 0), ("y", 1)]))


@pytest.mark.parametrize(
    "values",
    [
        ["1", "1.0", 1.0, 1, np.float32(1), np.int8(1), Decimal("1.00"), True, b"1", "+1", " 1.000 "],
        ["2.5", 2.5, "2.50", Decimal("2.50"), np.float16(2.5)],
        ["-1", "-1.0", -1, -1.0],
        ["0", "-0", -0.0, False, "0.0"],
    ],
)
def test_equal_numbers_are_one_label(values, caplog):
    rows = [("x", value) for value in values] + [("y", "7")]
    labels = collect_labels(rows)
    assert len(labels) == 2
    one = encode(values, labels)
    assert set(one.tolist()) == {labels.index(str(float(labels[one[0]])).removesuffix(".0"))}
    assert "labels are merged by value" in caplog.text


def test_ids_that_look_like_numbers_stay_as_they_are(caplog):
    labels = collect_labels([("x", name) for name in ("007", "1e3", "1.9", "1.10", "2.0", "08")])
    assert sorted(labels) == ["007", "08", "1.10", "1.9", "1e3", "2.0"]
    assert caplog.text == ""
    assert [labels[i] for i in encode(["1.1", "2", "007"], labels)] == ["1.10", "2.0", "007"]
    with pytest.raises(DataError, match=r"received: '7'\. .* Did you mean '007'\?"):
        encode(["7"], labels)


def test_whole_numbers_with_a_point_are_named_without(caplog):
    assert list(collect_labels([("x", "1.0"), ("y", "2.0")])) == ["1", "2"]
    assert "'1.0' as '1'" in caplog.text


@pytest.mark.parametrize(
    "twin", ["pos\u200b", "\ufeffpos", "pos\u00a0", "pos ", "po\u00ads", "pos\ufe0f", "\u200epos", "pos\x00"]
)
def test_invisible_twins_are_one_label(twin, caplog):
    labels = collect_labels([("a", "pos"), ("b", twin), ("c", "neg")])
    assert list(labels) == ["neg", "pos"]
    assert encode([twin, "pos"], labels).tolist() == [1, 1]
    if twin.strip() != "pos":
        assert ascii(twin.strip()) in caplog.text
    if twin != "pos\ufe0f":  # a variation selector is part of the name where nothing differs
        assert list(collect_labels([("b", twin), ("c", "neg")])) == ["neg", "pos"]


def test_normal_forms_and_spaces_are_one_label_and_joiners_stay():
    assert list(collect_labels([("a", "cafe\u0301"), ("b", "caf\u00e9"), ("c", "x")])) == ["caf\u00e9", "x"]
    assert list(collect_labels([("a", "very  good"), ("b", "very\u00a0good"), ("c", "x")])) == ["very good", "x"]
    family = "\U0001f468\u200d\U0001f469"
    assert list(collect_labels([("a", family), ("c", "x")])) == ["x", family]


@pytest.mark.parametrize(
    "pair",
    [("Pos", "pos"), ("very-good", "very good"), ("p\u043es", "pos"), ("\uff41", "a"), ("1e3", "1000"), ("7", "007")],
)
def test_look_alikes_are_named(pair, caplog):
    labels = collect_labels([("a", pair[0]), ("b", pair[1]), ("c", "other")])
    assert len(labels) == 3
    assert "look similar but are different classes" in caplog.text
    assert repr(pair[0]) in caplog.text
    with pytest.raises(DataError, match="Did you mean"):
        encode([pair[0]], Labels([pair[1], "other"]))


def test_truth_values_and_their_words():
    assert encode([True, "False", "1", 0], Labels(["False", "True"])).tolist() == [1, 0, 1, 0]
    assert encode(["True", "false", True], Labels(["0", "1"])).tolist() == [1, 0, 1]


@pytest.mark.parametrize("value", [NAType(), None, math.nan, "\u200b", " "])
def test_missing_labels_of_every_kind(value):
    with pytest.raises(DataError, match="line 2: expected one label"):
        encode(["no", value], ["no", "yes"])
    assert encode([["no"], value], multi_label(["no", "yes"])).tolist() == [[1, 0], [0, 0]]
    with pytest.raises(DataError, match="line 2: expected a finite number as target"):
        encode([1, value], regression())


def test_lists_under_single_label_are_warned_of(caplog):
    collect_labels([("a", "['x', 'y']"), ("b", "['x']")])
    assert "look like lists" in caplog.text


def test_truth_values_are_one_label_however_they_are_written():
    labels = collect_labels([{"text": "x", "label": value} for value in ("True", "TRUE", "false", "False", "true")])
    assert sorted(label_key(name) for name in labels) == ["false", "true"]
    y = encode(["true", "FALSE", "True", True, 0], labels)
    assert [label_key(labels[number]) for number in y] == ["true", "false", "true", "true", "false"]
    assert encode(["true", "FALSE", "True"], Labels(["0", "1"])).tolist() == [1, 0, 1]


@pytest.mark.parametrize("name", ["nan", "None", "<NA>", "-"])
def test_a_missing_label_that_became_a_text_is_named(name, caplog):
    assert name in collect_labels([("a", "pos"), ("b", "neg"), ("c", name)])
    assert f"these labels look like missing values but are used as classes: {name!r}" in caplog.text
