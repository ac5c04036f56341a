"""Rows of labels that training never saw are told from another file and from another way of writing the labels."""

import pytest

from kerasft.data import separate_unseen
from kerasft.errors import DataError
from kerasft.features import Labels, multi_label, regression

LABELS = Labels(["no", "yes"])


def rows(values):
    return [{"text": f"t {i}", "label": value} for i, value in enumerate(values)]


def test_they_are_named_and_counted(caplog):
    known, names = separate_unseen(rows(["yes", "maybe", "no", "maybe\u200b", "later"]), LABELS)
    assert (known.columns["text"], names) == (["t 0", "t 2"], ["later", "maybe"])
    assert (
        "3 of 5 rows of Python rows have labels that do not occur in the training rows: maybe (2), later (1); "
        "they count as errors." in caplog.text
    )
    assert separate_unseen(rows(["yes", "no"]), LABELS)[1] == []


def test_several_labels_and_targets():
    known, names = separate_unseen(rows(["a|b", "a, c", "['d']", ""]), multi_label(["a", "b"]))
    assert (len(known), names) == (2, ["a, c", "d"])
    assert separate_unseen(rows([1, 2]), regression())[1] == []


@pytest.mark.parametrize("values", [["0", "1"], ["yes", "0"], ["red", "green"]])
def test_another_file_is_refused(values):
    with pytest.raises(DataError, match=r"expected one of: no, yes; received: .* Labels in this file:"):
        separate_unseen(rows(values), LABELS)
