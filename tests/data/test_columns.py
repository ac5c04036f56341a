"""Columns: named, numbered, or found by their usual names; never guessed between two."""

import pytest

from kerasft.data.columns import Roles, find_columns, without_header
from kerasft.data.rows import Rows
from kerasft.errors import DataError, KerasftError


def rows_with(*names, named=True):
    return Rows.of({name: ["x"] for name in names}, "a.csv", named=named)


@pytest.mark.parametrize(
    ("names", "text", "pair", "label"),
    [
        (("sentence", "label"), "sentence", None, ("label",)),
        (("index", "sentence1", "sentence2", "label"), "sentence1", "sentence2", ("label",)),
        (("premise", "hypothesis", "gold_label"), "premise", "hypothesis", ("gold_label",)),
        (("question1", "question2", "label"), "question1", "question2", ("label",)),
        (("text", "category"), "text", None, ("category",)),
        (("Utterance", "Intent"), "Utterance", None, ("Intent",)),
        (("text", "sentence", "label", "score"), "text", None, ("label",)),
        (("question", "sentence", "label"), "question", "sentence", ("label",)),
        (("review", "id"), "review", None, ()),
        (("text", "text_pair", "target"), "text", "text_pair", ("target",)),
    ],
)
def test_found_by_name(names, text, pair, label):
    assert find_columns(rows_with(*names)) == Roles(text, pair, label)


def test_named_and_numbered():
    rows = rows_with("a", "b", "c")
    assert find_columns(rows, {"text": "b", "label": ["a", "c"]}) == Roles("b", None, ("a", "c"), several=True)
    rows = rows_with("0", "1", "2", named=False)
    assert find_columns(rows, {"text": 1, "label": 0}) == Roles("1", None, ("0",))


def test_missing_and_ambiguous_columns_are_listed():
    with pytest.raises(DataError, match=r"a\.csv: no column .* the text; received: \['id', 'label'\]"):
        find_columns(rows_with("id", "label"))
    with pytest.raises(DataError, match=r"several columns could be the text: \['sentence', 'review'\]"):
        find_columns(rows_with("sentence", "review"))
    with pytest.raises(DataError, match=r"several columns could be the label: \['category', 'score'\]"):
        find_columns(rows_with("text", "category", "score"))
    with pytest.raises(DataError, match=r"no column could be recognised as the label; received: \['text', 'id'\]"):
        find_columns(rows_with("text", "id"), need_label=True)
    with pytest.raises(DataError, match=r"it has \['text', 'label'\]; received: 'stars'"):
        find_columns(rows_with("text", "label"), {"label": "stars"})
    with pytest.raises(DataError, match=r"no column of this number; it has 2; received: 7"):
        find_columns(rows_with("0", "1", named=False), {"text": 7, "label": 1})
    with pytest.raises(DataError, match=r"its columns have names.*received: 0"):
        find_columns(rows_with("text", "label"), {"text": 0, "label": 1})


def test_columns_argument_is_checked():
    with pytest.raises(KerasftError, match=r"`columns` must be a dictionary .* received: \{'texts': 'a'\}"):
        without_header({"texts": "a"})
    with pytest.raises(KerasftError, match="either all names or all numbers"):
        without_header({"text": 0, "label": "b"})
    with pytest.raises(KerasftError, match=r"names \(text\) or 0-based numbers; received: \{'text': 1.5\}"):
        without_header({"text": 1.5})
    with pytest.raises(KerasftError, match="received: 'text'"):
        without_header("text")


def test_a_header_is_not_taken_for_a_row():
    rows = Rows.of({"0": ["Sentence", "good"], "1": ["label", "1"]}, "a.tsv", named=False)
    with pytest.raises(DataError, match=r"a\.tsv, line 1: this row is a header; received: \['sentence', 'label'\]"):
        find_columns(rows, {"text": 0, "label": 1})


@pytest.mark.parametrize("columns", [{"text": "a", "label": "a"}, {"text": "a", "text_pair": "a", "label": "b"}])
def test_a_column_has_one_role(columns):
    rows = Rows.of({"a": ["good"], "b": ["bad"]}, "reviews.csv")
    with pytest.raises(DataError, match=r"reviews.csv: one column stands for two things; received: 'a'"):
        find_columns(rows, columns)
