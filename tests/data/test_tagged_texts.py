"""Every source of tagged words becomes the same rows; what cannot be used is named by file, line and value."""

import json
import logging

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kerasft import data
from kerasft.answers.tags import spans_of
from kerasft.answers.words import split_words
from kerasft.errors import DataError, KerasftError

TEXT = "In New York-based Acme, Inc."
SPANS = [{"start": 18, "end": 27, "label": "ORG"}, {"start": 3, "end": 11, "label": "LOC"}]


def spans_in(rows, row=0):
    text, offsets, tags = (rows.columns[name][row] for name in ("text", "offsets", "tags"))
    return [(text[offsets[s.start][0] : offsets[s.end - 1][1]], s.label) for s in spans_of(tags)]


def test_character_spans_cut_words_at_their_ends():
    rows = data.read_tags([{"text": TEXT, "spans": SPANS}])
    assert spans_in(rows) == [("New York", "LOC"), ("Acme, Inc", "ORG")]
    assert data.read_tags([{"text": TEXT, "entities": [[3, 11, "LOC"]]}]).columns["tags"][0][1] == "B-LOC"


def test_json_lines_of_words_and_of_spans(tmp_path):
    path = tmp_path / "train.jsonl"
    path.write_text(json.dumps({"words": ["New", "York"], "tags": ["B-LOC", "I-LOC"]}) + "\n")
    assert data.read_tags(path).columns == {
        "text": ["New York"], "offsets": [[(0, 3), (4, 8)]], "tags": [["B-LOC", "I-LOC"]]
    }  # fmt: skip
    path.write_text(json.dumps({"body": TEXT, "marks": SPANS, "wish": "x"}) + "\n")
    rows = data.read_tags(path, columns={"text": "body", "label": "marks", "intent": "wish"})
    assert spans_in(rows) == [("New York", "LOC"), ("Acme, Inc", "ORG")]
    assert rows.columns["intent"] == ["x"]


@pytest.mark.parametrize(
    ("spans", "message"),
    [
        ([{"start": 4, "end": 11, "label": "LOC"}], r"line 2: misaligned span: it splits a word in '.*': 'ew York'"),
        ([{"start": 2, "end": 6, "label": "LOC"}], r"a span starts or ends with whitespace: ' New'; received: .*'start': 2"),
        ([{"start": 3, "end": 99, "label": "LOC"}], "span offsets out of range \\(0 to 28\\); received"),
        ([{"start": 6, "end": 6, "label": "LOC"}], "span offsets out of range"),
        ([{"start": 3, "end": 10, "label": "LOC"}], r"if your ends are inclusive, add 1 to all of them \('New York'\)"),
        ([{"start": 3, "end": 11, "label": "LOC", "text": "Acme"}], "span text 'Acme' does not match .* 'New York'"),
        ([{"start": 3.5, "end": 6, "label": "LOC"}], "a span must have start, end and label"),
        ([{"start": float("nan"), "end": 6, "label": "LOC"}], "a span must have start, end and label"),
        ([{"start": 3, "end": 6}], "a span's label must be a name with visible characters"),
        ([{"start": 3, "end": 11, "label": "LOC\u200b"}], "a span's label must be a name with visible characters"),
        ([{"start": "3", "end": 6, "label": "LOC"}], "a span must have start, end and label"),
        ([{"start": True, "end": 6, "label": "LOC"}], "a span must have start, end and label"),
        (SPANS + [{"start": 7, "end": 17, "label": "X"}], r"overlapping spans: 'New York' \[LOC\] and 'York-based' .*'X'"),
        ({"start": 3}, "expected a list of spans"),
        (None, "expected a list of spans"),
    ],
)  # fmt: skip
def test_spans_that_cannot_be_used(tmp_path, spans, message):
    path = tmp_path / "train.jsonl"
    rows = [{"text": "a", "spans": []}, {"text": TEXT, "spans": spans}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(DataError, match=message) as error:
        data.read_tags(path)
    assert "train.jsonl, line 2" in str(error.value)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ((["a", "b"], ["O"]), "got 2 words and 1 tags"),
        ((["a", ""], ["O", "O"]), r"expected a list of strings as words; received: \['a', ''\]"),
        ((["a"], [3]), r"the tags are numbers .*received: \[3\]\. Set their names in id order: .*feature\.names"),
        ((["a"], ["3"]), r"the tags are numbers .*received: \['3'\]\. Set their names in id order"),
        ((["a"], [0.5]), r"expected a list of strings as tags; received: \[0\.5\]"),
        (
            (["a"], ["B-X\u200b"]),
            r"the tag contains an invisible character \(word 1\); received: 'B-X.u200b'\. Delete it",
        ),
        (("a b c", ["O", "O"]), "got 3 words and 2 tags"),
        (([], []), "expected a list of strings as words"),
        ((["\ud800"], ["O"]), "invalid Unicode"),
        (("", []), "expected a non-empty,"),
        (
            (["a"], ["PER"]),
            r"invalid tag for the scheme IOB2 \(word 1\); received: 'PER'\. .*use scheme='IO' \(--scheme IO\)",
        ),
        (
            (["a"], ["S-PER"]),
            r"invalid tag for the scheme IOB2 .*'S-PER'\. .*All tags are valid in IOBES: use scheme='IOBES'",
        ),
        (
            (["a"], ["I-PER"]),
            r"invalid tag for the scheme IOB2.* All tags are valid in IOB1: use scheme='IOB1' \(--scheme IOB1\)",
        ),
        ((["a", "b"], ["O", "I-X"]), r"invalid tag for the scheme IOB2 after O \(word 2\); received: 'I-X'"),
    ],
)
def test_rows_that_cannot_be_used(row, message):
    with pytest.raises(DataError, match=message):
        data.read_tags([row])


def test_a_wrong_tag_is_named_by_its_own_line(tmp_path):
    path = tmp_path / "train.conll"
    path.write_text("a O\n\nb O\nc I-PER\n")
    with pytest.raises(DataError, match=r"train.conll, line 4: invalid tag for the scheme IOB2 after O; .*'I-PER'"):
        data.read_tags(path)
    assert data.read_tags(path, scheme="IOB1").columns["tags"][1] == ["O", "B-PER"]
    with pytest.raises(DataError, match="line 4: invalid tag for the scheme IOBES"):
        data.read_tags(path, scheme="BILOU")


def test_repairs_are_counted(caplog):
    rows = [(["a", "b"], ["O", "I-X"]), (["a"], ["B-X"]), (["a", "b"], ["I-X", "I-Y"])]
    with caplog.at_level(logging.WARNING, "kerasft"):
        repaired = data.read_tags(rows, invalid="repair")
    assert repaired.columns["tags"] == [["O", "B-X"], ["B-X"], ["B-X", "B-Y"]]
    assert "2 of 3 texts of Python rows had tags that are invalid in IOB2; 3 tags were repaired." in caplog.text


def test_the_same_spans_from_every_scheme():
    words = ["Mr", "Smith", "Jones", "of", "New", "York", "City"]
    written = {
        "IOB1": ["O", "I-PER", "B-PER", "O", "I-LOC", "I-LOC", "I-LOC"],
        "BIO": ["O", "B-PER", "B-PER", "O", "B-LOC", "I-LOC", "I-LOC"],
        "BILOU": ["O", "U-PER", "U-PER", "O", "B-LOC", "I-LOC", "L-LOC"],
    }
    read = [data.read_tags([(words, tags)], scheme=scheme).columns["tags"] for scheme, tags in written.items()]
    assert read == [[written["BIO"]]] * 3


def test_types_and_intents_that_look_alike_are_named(caplog):
    rows = [
        (["a", "b"], ["B-PER", "O"], "pay"),
        (["a"], ["B-per"], "Pay"),
        (["a"], ["O"], "pay\u200b"),
        (["a"], ["O"], 1.0),
    ]
    with caplog.at_level(logging.WARNING, "kerasft"):
        assert list(data.collect_tags(rows)) == ["O", "B-PER", "B-per"]
        assert sorted(data.collect_intents(rows)) == ["1", "Pay", "pay"]
    assert "these types look similar but are different classes: 'PER' and 'per'" in caplog.text
    assert "these intents look similar but are different classes: 'Pay' and 'pay'" in caplog.text


def test_plain_types_are_a_scheme(caplog):
    rows = [(["New", "York", "Ann", "came"], ["LOC", "LOC", "PER", "O"]), (["Ann"], ["I-PER"])]
    assert data.read_tags(rows, scheme="io").columns["tags"] == [["B-LOC", "I-LOC", "B-PER", "O"], ["B-PER"]]
    with pytest.raises(DataError, match="invalid tag"):
        data.read_tags([(["a"], ["B-PER"])], scheme="IO")


def test_lower_case_prefixes_are_read_and_said(caplog):
    with caplog.at_level(logging.WARNING, "kerasft"):
        rows = data.read_tags([(["New", "York", "x"], ["b-loc", "i-loc", "o"])])
    assert rows.columns["tags"] == [["B-loc", "I-loc", "O"]]
    assert "Python rows: lowercase tags were read as uppercase: b-loc as B-loc." in caplog.text


def test_spans_whose_places_are_floats_and_spans_that_are_trimmed(caplog):
    floats = [{"text": TEXT, "spans": [{"start": 3.0, "end": np.float64(11), "label": "LOC", "text": "New York"}]}]
    assert spans_in(data.read_tags(floats)) == [("New York", "LOC")]
    spaces = [{"text": TEXT, "spans": [{"start": 2, "end": 11, "label": "LOC"}]}]
    with caplog.at_level(logging.WARNING, "kerasft"):
        assert spans_in(data.read_tags(spaces, invalid="repair")) == [("New York", "LOC")]
    assert "1 spans of Python rows had leading or trailing whitespace, which was removed." in caplog.text


@pytest.mark.parametrize(
    ("text", "start", "unit"), [("\U0001f600 Anna came", 3, "UTF-16"), ("Caf\u00e9 Anna came", 6, "UTF-8")]
)
def test_spans_in_other_units_are_named(text, start, unit):
    spans = [{"start": start, "end": start + 4, "label": "PER"}]
    with pytest.raises(DataError, match=f"The offsets seem to count .*{unit}.*'Anna'"):
        data.read_tags([{"text": text, "spans": spans}])


def test_lists_that_were_written_as_text(tmp_path):
    path = tmp_path / "train.csv"
    path.write_text('Tokens,NER_tags\n"[\'New\', \'York\']","[\'B-LOC\' \'I-LOC\']"\n"[\'x\']","[""O""]"\n')
    assert data.read_tags(path).columns["tags"] == [["B-LOC", "I-LOC"], ["O"]]
    path.write_text("Sentence #,Sentence,POS,Tag\n1,New York,\"['NNP', 'NNP']\",\"['B-LOC', 'I-LOC']\"\n")
    rows = data.read_tags(path)
    assert (rows.columns["text"], rows.columns["tags"]) == (["New York"], [["B-LOC", "I-LOC"]])


def test_labels_of_a_source():
    rows = [(["a", "b"], ["B-t10", "B-t2"])]
    assert list(data.collect_tags(rows)) == ["O", "B-t2", "B-t10"]
    assert list(data.collect_tags(rows, trained="BIOES")) == ["O", "S-t2", "S-t10"]
    rows = [(["a", "b", "c", "d"], ["B-y", "I-y", "I-y", "B-x"])]
    assert list(data.collect_tags(rows)) == ["O", "B-x", "B-y", "I-y"]
    assert list(data.collect_tags(rows, trained="BIOES")) == ["O", "S-x", "B-y", "I-y", "E-y"]
    with pytest.raises(DataError, match="none of 1 texts has a labeled span"):
        data.collect_tags([(["a"], ["O"])])
    with pytest.raises(KerasftError, match="`trained` must be 'IOB2' or 'IOBES'; received: 'IOB1'"):
        data.collect_tags(rows, trained="IOB1")
    with pytest.raises(KerasftError, match="`invalid` must be 'error' or 'repair'; received: 'ignore'"):
        data.read_tags(rows, invalid="ignore")


def test_columns_that_are_not_there():
    with pytest.raises(DataError, match=r"no column text or words or tokens.*; received: \['a', 'tags'\]"):
        data.read_tags([{"a": "b", "tags": []}])
    with pytest.raises(DataError, match="no column marks; received"):
        data.read_tags([{"text": "b", "tags": []}], columns={"label": "marks"})


def test_rows_are_read_once_and_split():
    rows = data.read_tags([([f"w{i}", "b"], ["B-X", "O"], "ab"[i % 2]) for i in range(20)])
    assert data.read_tags(rows) is rows
    train, dev, _ = data.split(rows, dev=0.2, columns={"text": "text", "label": "intent"})
    assert (len(train), sorted(dev.columns["intent"])) == (16, ["a", "a", "b", "b"])
    assert data.read_tags(train).columns["tags"][0] == ["B-X", "O"]


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=30), st.data())
def test_spans_of_whole_words_come_back(text, draw):
    words = split_words(text)
    if not words:
        return
    first = draw.draw(st.integers(0, len(words) - 1))
    last = draw.draw(st.integers(first, len(words) - 1))
    start, end = words[first][0], words[last][1]
    rows = data.read_tags([{"text": text, "spans": [{"start": start, "end": end, "label": "X"}]}])
    assert spans_in(rows) == [(text[start:end], "X")]


def test_names_for_tags_that_are_not_numbers_are_refused():
    names = ["O", "B-PER", "I-PER"]
    words = [(["Mr", "Smith"], ["O", "B-PER"])]
    assert data.read_tags(words, tag_names=names).columns["tags"] == [["O", "B-PER"]]
    spans = [{"text": "Rome", "spans": [{"start": 0, "end": 4, "label": "LOC"}]}]
    for source in (spans, [*words, (["Rome"], ["B-LOC"])]):
        with pytest.raises(DataError, match=r"names are given for tags 0 to 2, but the tags are not numbers; .*'LOC'"):
            data.read_tags(source, tag_names=names)
