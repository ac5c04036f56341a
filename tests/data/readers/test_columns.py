"""Columns: named, numbered, or found by their usual names; never guessed between two."""

import pytest

from kerasft.data.readers.columns import Roles, columns_note, find_columns, remembered, settle, without_header
from kerasft.data.readers.rows import Rows
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
    assert find_columns(rows, {"text": -3, "label": [-1, 1]}) == Roles("0", None, ("2", "1"), several=True)
    with pytest.raises(
        DataError, match=r"no column with this index; the file has 3 columns; received: -4.*or -1 to -3"
    ):
        find_columns(rows, {"text": -4, "label": 0})


def test_missing_and_ambiguous_columns_are_listed():
    with pytest.raises(DataError, match=r"a\.csv: no column .* the text; received: \['id', 'label'\]"):
        find_columns(rows_with("id", "label"))
    with pytest.raises(DataError, match=r"ambiguous text column: \['sentence', 'review'\]"):
        find_columns(rows_with("sentence", "review"))
    with pytest.raises(DataError, match=r"ambiguous label column: \['category', 'score'\]"):
        find_columns(rows_with("text", "category", "score"))
    with pytest.raises(DataError, match=r"no column detected as the label; received: \['text', 'id'\]"):
        find_columns(rows_with("text", "id"), need_label=True)
    with pytest.raises(DataError, match=r"the columns are \['text', 'label'\]; received: 'stars'"):
        find_columns(rows_with("text", "label"), {"label": "stars"})
    with pytest.raises(DataError, match=r"no column with this index; the file has 2 columns; received: 7"):
        find_columns(rows_with("0", "1", named=False), {"text": 7, "label": 1})
    with pytest.raises(DataError, match=r"its columns have names.*received: 0"):
        find_columns(rows_with("text", "label"), {"text": 0, "label": 1})


def test_columns_argument_is_checked():
    with pytest.raises(KerasftError, match=r"`columns` must be a dictionary .* received: \{'texts': 'a'\}"):
        without_header({"texts": "a"})
    with pytest.raises(KerasftError, match="either all names or all indices"):
        without_header({"text": 0, "label": "b"})
    with pytest.raises(KerasftError, match=r"names or 0-based indices; received: \{'text': 1.5\}"):
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
    with pytest.raises(DataError, match=r"reviews.csv: column assigned to two roles; received: 'a'"):
        find_columns(rows, columns)


def unnamed(*cells):
    return Rows.of({str(i): list(column) for i, column in enumerate(zip(*cells))}, "a.tsv", named=False)


@pytest.mark.parametrize(
    "first",
    [("text", "label"), ("transkript", "stern"), ("review body", "star_rating"), ("Transkript", "Klasse")],
)
@pytest.mark.parametrize("labels", [("pos", "neg"), ("1", "0"), ("0.5", "0.7")])
def test_a_header_of_unknown_names_is_not_taken_for_a_row(first, labels):
    rows = unnamed(first, *[("a good film", labels[0]), ("a bad one", labels[1])] * 2)
    with pytest.raises(DataError, match=r"a\.tsv, line 1: this row is a header; received: .*add a header line above"):
        find_columns(rows, {"text": 0, "label": 1})


@pytest.mark.parametrize(
    "cells",
    [
        [("great", "positive"), ("bad", "negative")],  # every label is in one row
        [("great", "positive"), ("bad", "negative"), ("fine", "positive")],
        [("It was a great film.", "rare"), ("bad", "negative"), ("awful", "negative")],  # a sentence is no name
        [("great", "5"), ("bad", "1"), ("awful", "1")],  # a number is no name
    ],
)
def test_first_rows_that_are_no_header(cells):
    assert find_columns(unnamed(*cells), {"text": 0, "label": 1}) == Roles("0", label=("1",))


def test_headers_of_other_numbers_and_in_the_middle():
    rows = [("a good film", "pos"), ("bad", "neg"), ("fine", "pos")]
    for first in (("2", "5"), ("1.0", "2.0")):
        with pytest.raises(DataError, match=r"a\.tsv, line 1: this row is a header"):
            find_columns(unnamed(first, *rows), {"text": 0, "label": 1})
    for row, later in enumerate([("text", "label"), ("Review", "Sentiment")], 1):
        with pytest.raises(
            DataError, match=rf"a\.tsv, line {row + 1}: this row is a header; received: .*Delete the line"
        ):
            find_columns(unnamed(*rows[:row], later, *rows[row:]), {"text": 0, "label": 1})
    for data in [("7", "pos"), *rows], [("7", "1"), ("a good film", "0"), ("bad", "2")]:
        assert find_columns(unnamed(*data), {"text": 0, "label": 1}).text == "0"


def test_a_part_of_a_file_is_not_searched_for_a_header():
    rows = settle(
        unnamed(("great", "positive"), *[("fine", "positive"), ("bad", "negative")] * 2), {"text": 0, "label": 1}
    )
    assert find_columns(rows.take([0, 2, 4])).text == "0"


def test_numbers_of_columns_that_are_their_names():
    rows = Rows.of({"1": ["a"], "2": ["b"]}, "a.csv", named=False)
    assert find_columns(rows, {"text": 1, "label": 2}) == Roles("1", label=("2",))
    with pytest.raises(
        DataError, match=r"no column with this index; the file has 2 columns; received: 0.*Valid indices are 1 to 2"
    ):
        find_columns(rows, {"text": 0, "label": 1})


def test_settled_columns_stay_and_named_ones_come_first():
    rows = settle(rows_with("review", "sentence", "stars", "rating"), {"text": "review", "label": "stars"})
    assert rows.roles == {"text": "review", "label": "stars"}
    assert find_columns(rows) == Roles("review", label=("stars",))
    assert find_columns(rows, {"text": "sentence"}) == Roles("sentence", label=("stars",))
    several = settle(rows_with("text", "a", "b"), {"label": ["a", "b"]})
    assert find_columns(several) == Roles("text", label=("a", "b"), several=True)
    assert remembered(several) == {"text": "text", "label": ["a", "b"]}
    assert remembered(settle(rows_with("0", "1", named=False))) == {"text": 0, "label": 1}


def test_the_note_says_what_was_guessed_and_what_else_fits():
    rows = Rows.of({"review": ["a", "b", "c"], "text": ["a"] * 3, "stars": [1, 1.0, "2"], "label": [3] * 3}, "a.csv")
    note = columns_note(settle(rows), classes=True).split("\n")
    assert note == [
        "columns of a.csv: text: text, label: label (1 classes)",
        "note: the text could also be review. Select a column to change this.",
    ]
    named = {"text": "review", "label": "stars"}
    assert columns_note(settle(rows, named), named) == ""
    note = columns_note(settle(rows, {"label": "stars"}), {"label": "stars"}, classes=True)
    assert note.startswith("columns of a.csv: text: text, label: stars (2 classes)\nnote: the text could")
    assert columns_note(settle(rows_with("text"))) == "", "there is no choice"
