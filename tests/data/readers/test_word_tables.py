"""Tables with one word a row are sentences, or refused with the reason."""

import logging

import pytest

from kerasft import data
from kerasft.errors import DataError


def write(folder, text):
    path = folder / "ner.csv"
    path.write_text(text, "utf-8")
    return path


@pytest.mark.parametrize(
    "text",
    [
        "Sentence #,Word,POS,Tag\r\nSentence: 1,London,NNP,B-geo\r\n,calls,VBZ,O\r\nSentence: 2,Ann,NNP,B-per\r\n",
        "sentence_id,word,ner_tag\n1,London,B-geo\n1,calls,O\n2,Ann,B-per\n",
        "token,label,sent_id\nLondon,B-geo,a\ncalls,O,a\nAnn,B-per,b\n",
    ],
)
def test_words_are_joined_to_sentences(tmp_path, caplog, text):
    with caplog.at_level(logging.WARNING, "kerasft"):
        rows = data.read_tags(write(tmp_path, text))
    assert rows.columns["text"] == ["London calls", "Ann"]
    assert rows.columns["tags"] == [["B-geo", "O"], ["B-per"]]
    assert rows.place(1)[1] == 4
    assert "words from column" in caplog.text


def test_columns_that_are_named(tmp_path):
    path = write(tmp_path, "sentence_id,word,form,tag,ner\n1,x,London,NNP,B-geo\n")
    rows = data.read_tags(path, columns={"text": "form", "label": "ner"})
    assert (rows.columns["text"], rows.columns["tags"]) == (["London"], [["B-geo"]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Word,Tag\na,O\n", r"no column with sentence ids; received: \['Word', 'Tag'\]\. Add a column"),
        ("sentence_id,word,tag\n1,a,O\n1,b,\n", r"ner\.csv, line 3: the tag is missing; received: ''"),
        ("sentence_id,word,tag\n1,,O\n", r"line 2: the word is missing"),
        (
            "sentence_id,word,tag\n1,a,O\n1,b,PER\n",
            r"ner\.csv, line 3: invalid tag for the scheme IOB2; received: 'PER'",
        ),
    ],
)
def test_tables_that_cannot_be_used(tmp_path, text, message):
    with pytest.raises(DataError, match=message):
        data.read_tags(write(tmp_path, text))
