"""Examples drawn by class, and the pairs made of them."""

from collections import Counter

import pytest

from kerasft import KerasftError
from kerasft.data import class_pairs, draw_examples

ROWS = [(f"text {row}", "abcd"[row % 4]) for row in range(30)] + [("alone", "z")]


def test_as_many_of_each_class_as_asked_for():
    few, rest = draw_examples(ROWS, per_class=3, seed=1)
    assert Counter(few.columns["label"]) == {"a": 3, "b": 3, "c": 3, "d": 3, "z": 1}
    assert sorted(few.columns["text"] + rest.columns["text"]) == sorted(text for text, _ in ROWS)
    assert draw_examples(ROWS, per_class=3, seed=1)[0].columns == few.columns
    assert draw_examples(ROWS, per_class=3, seed=2)[0].columns != few.columns


@pytest.mark.parametrize("per_class", [0, 1.5, True])
def test_a_count_is_whole(per_class):
    with pytest.raises(KerasftError, match="`per_class` must be a whole number >= 1; received: "):
        draw_examples(ROWS, per_class=per_class)


def test_positive_pairs_are_of_one_class():
    texts, classes = [text for text, _ in ROWS], [ord(label) for _, label in ROWS]
    number = dict(zip(texts, classes))
    pairs, groups = class_pairs(texts, classes, per_text=5)
    assert len(pairs) == 5 * len(ROWS)
    assert all(number[first] == number[second] == group for (first, second), group in zip(pairs, groups))
    assert all(first != second for first, second in pairs if first != "alone")
    assert Counter(first for first, _ in pairs) == dict.fromkeys(texts, 5)
    assert pairs.count(("alone", "alone")) == 5


def test_negative_pairs_are_of_two():
    pairs, similarity = class_pairs(["a", "b", "x", "y"], [0, 0, 1, 1], per_text=3, with_negatives=True)
    for (first, second), value in zip(pairs, similarity):
        assert value == float((first in "ab") == (second in "ab"))
    assert similarity.mean() == 0.5


def test_partners_are_a_positive_number():
    with pytest.raises(KerasftError, match="`per_text` must be a whole number >= 1; received: 0"):
        class_pairs(["a"], [0], per_text=0)
