"""Files of words and tags: read as they stand, and never anything but a clear error."""

import logging

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kerasft.data.readers.conll import parallel_files, read_conll, read_parallel
from kerasft.data.tagged_texts import read_tags
from kerasft.errors import DataError, KerasftError

CONLL2003 = """-DOCSTART- -X- O O

EU NNP I-NP I-ORG
rejects VBZ I-VP O

Peter NNP I-NP I-PER
"""


def write(folder, text, name="train.conll"):
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_columns_of_conll_2003(tmp_path):
    rows = read_conll(write(tmp_path, CONLL2003))
    assert rows.columns["words"] == [["EU", "rejects"], ["Peter"]]
    assert rows.columns["tags"] == [["I-ORG", "O"], ["I-PER"]]
    assert rows.columns["lines"] == [[3, 4], [6]]
    assert read_conll(write(tmp_path, CONLL2003), {"label": 1}).columns["tags"][0] == ["NNP", "VBZ"]


def test_a_file_is_read_once(tmp_path, caplog):
    table = "Sentence #\tWord\tTag\nSentence: 1\tAnna\tB-PER\n\tcame\tO\n"
    for content in (table, "Anna\tB-PER\ncame\tO\n"):
        caplog.clear()
        assert read_conll(write(tmp_path, content.encode("utf-16"), "a.tsv")).columns["words"] == [["Anna", "came"]]
        assert caplog.text.count("read as UTF-16") == 1


def test_tabs_keep_spaces_in_words_and_a_lone_tab_is_a_blank_line(tmp_path):
    rows = read_conll(write(tmp_path, "\ufeff@a b\tO\r\n\u00a0\tO\r\n\t\r\n#c\tB-PER"))
    assert rows.columns["words"] == [["@a b", "\u00a0"], ["#c"]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("EU\n", r"train\.conll, line 1: no column 0 for the word; received: 'EU'"),
        ("EU\tO\nb\t\n", r"line 2: the tag is empty; received: 'b\\t'"),
        (
            "EU O\nb\n",
            r"line 2: expected 2 columns as in most lines, got 1 column; received: 'b'\. Is a word or a tag missing",
        ),
        (
            "a O\nb O\nNew York B-X\n",
            r"line 3: expected 2 columns as in most lines, got 3 columns.*'New York B-X'\. Is there a space in a word",
        ),
        ("a\tO\nb\tO\nNew York B-X\n", r"line 3: expected 2 columns as in most lines, got 1 column"),
        (
            "EU X B-NP B-ORG\na X O O\nb X O\n",
            r"line 3: expected . columns as in most lines, got 3 columns",
        ),
        ("B-PER Ann\nO came\n", r"column 0 contains tags, but the last one does not; received: .*--text 1 --label 0"),
        ("a O\nb O\n# no tag here\n", r"line 3: expected . columns as in most lines, got 4 columns"),
        ("5 a O\n9 b O\n\n2 c O\n", "the first column contains numbers that are neither .*--text 1"),
        ("a B-PER O\nb O B-ORG\n", r"columns 1, 2 contain tags .*received: \['a', 'B-PER', 'O'\]\. Select .*--label 1"),
        ("EU\tO\n\tO\n", r"line 2: the word is empty"),
        ("-DOCSTART-\n", "the file contains no words"),
        (b"\xffEU\tO\n", "invalid UTF-8"),
        ("", "the file is empty"),
    ],
)
def test_files_that_cannot_be_read(tmp_path, text, message):
    with pytest.raises(DataError, match=message):
        read_conll(write(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "words", "tags", "note"),
    [
        ("# id 1\tx=y\na _ _ B-X\nb _ _ O\n\n# id 2\tx\nc _ _ O\n", [["a", "b"], ["c"]], [["B-X", "O"], ["O"]],
         "2 comment lines (#) were skipped"),
        ("# text = O\n#tag\tO\n#\tB-X\n", [["#tag", "#"]], [["O", "B-X"]], "1 comment line (#) was skipped"),
        ("a O\nb\tO\nc B-X\n", [["a", "b", "c"]], [["O", "O", "B-X"]], "1 of 3 lines are separated by tabs"),
        ("1 a B-X\n2 b O\n\n1 c O\n", [["a", "b"], ["c"]], [["B-X", "O"], ["O"]], "the first column contains numbers"),
        ("7\ta\tB-X\n7\tb\tO\n8\tc\tO\n", [["a", "b"], ["c"]], [["B-X", "O"], ["O"]], "split into 2 sentences by the"),
        ("0 a B-X\n1 b O\n0 c O\n", [["a", "b"], ["c"]], [["B-X", "O"], ["O"]], "split into 2 sentences by the first"),
        ("id\tToken\tTag\n1\ta\tO\n", [["a"]], [["O"]], "the first line is a header and was skipped"),
        ("a NN B-NP B-X\nb NN I-NP O\n", [["a", "b"]], [["B-X", "O"]], "tags are read from column 3 (0-based), the last of 4"),
        ("a O\r\n\u00a0\r\n\u200b O\r\n", [["a"], ["\u200b"]], [["O"], ["O"]], None),
        ("a\tO\t\t\nb\tB-X\nc\tO\n", [["a", "b", "c"]], [["O", "B-X", "O"]], None),
        ("1 O\n2 B-X\n", [["1", "2"]], [["O", "B-X"]], None),
        ("a O\rb B-X\r\rc O", [["a", "b"], ["c"]], [["O", "B-X"], ["O"]], None),
        ("a O\n" * 1001, [["a"] * 1001], [["O"] * 1001], "without blank lines, all 1001 words were read as one sentence"),
    ],
)  # fmt: skip
def test_what_is_guessed_is_logged(tmp_path, caplog, text, words, tags, note):
    with caplog.at_level(logging.WARNING, "kerasft"):
        rows = read_conll(write(tmp_path, text))
    assert (rows.columns["words"], rows.columns["tags"]) == (words, tags)
    assert (note in caplog.text) if note else not caplog.text


def test_a_column_that_is_named_is_not_guessed(tmp_path, caplog):
    path = write(tmp_path, "1\ta\tB-X\tB-Y\n2\tb\tO\tO\n3\tc\n")
    with pytest.raises(DataError, match=r"line 3: expected . columns as in most lines, got 2 columns"):
        read_conll(path, {"label": 2})
    path = write(tmp_path, "1\ta\tB-X\tB-Y\n2\tb\tO\tO\n")
    assert read_conll(path, {"label": 2}).columns["tags"] == [["B-X", "O"]]
    assert read_conll(path, {"text": 0, "label": 3}).columns["words"] == [["1", "2"]]
    with pytest.raises(DataError, match="column 3 assigned to two roles: word and tag"):
        read_conll(path, {"text": 3})


def test_columns_must_be_numbers(tmp_path):
    path = write(tmp_path, CONLL2003)
    with pytest.raises(KerasftError, match="`columns` must be column indices of word and tag; received"):
        read_conll(path, {"label": "ner"})
    with pytest.raises(DataError, match=r"line 1: no column 7 for the tag|line 3: no column 7"):
        read_conll(path, {"label": 7})


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_mutated_files_never_raise_anything_else(tmp_path, data):
    content = bytearray(CONLL2003.replace(" ", data.draw(st.sampled_from([" ", "\t"]))).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content)))
        new = data.draw(
            st.sampled_from([b"", b"\n", b"\t", b" ", b"\x00", b"\xff", b"B-", b"\r", b"\xe2\x80\xa8", b"I-X"])
        )
        content[place : place + data.draw(st.integers(0, 3))] = new
    path = write(tmp_path, bytes(content))
    messages = []
    for scheme in ("IOB1", "IOB2", "IOBES"):
        for invalid in ("error", "repair"):
            try:
                rows = read_tags(path, scheme=scheme, invalid=invalid)
            except KerasftError as error:
                messages.append(str(error))
            else:
                for text, offsets, tags in zip(*rows.columns.values(), strict=True):
                    assert len(offsets) == len(tags)
                    assert all(text[start:end] for start, end in offsets)
    assert all("train.conll" in message for message in messages)


def write_parallel(folder, words="play jazz \nstop\n", tags="O B-genre \nO\n", intents="Play\nStop\n"):
    for name, text in (("seq.in", words), ("seq.out", tags), ("label", intents)):
        if text is not None:
            (folder / f"train.{name}").write_text(text)
    return folder / "train"


def test_parallel_files(tmp_path):
    prefix = write_parallel(tmp_path)
    rows = read_parallel(parallel_files(str(prefix)))
    assert rows.columns == {
        "words": [["play", "jazz"], ["stop"]],
        "tags": [["O", "B-genre"], ["O"]],
        "intent": ["Play", "Stop"],
    }
    for name in ("seq.in", "seq.out", "label"):
        (tmp_path / f"train.{name}").rename(tmp_path / name)
    assert read_tags(tmp_path).columns["intent"] == ["Play", "Stop"]
    (tmp_path / "label").unlink()
    assert "intent" not in read_tags(str(tmp_path)).columns


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            {"tags": "O\nO\n"},
            r"train\.seq\.in, line 1: expected 2 tags in train\.seq\.out, one per word, got 1; received: 'play jazz'",
        ),
        ({"intents": "Play\n"}, r"parallel files must have the same number of lines; received: .*'train\.label': 1"),
        ({"tags": None}, r"train\.seq\.out: the file cannot be read"),
        ({"intents": "Play\n \n"}, r"train\.seq\.in, line 2: expected one intent name; received: ''"),
    ],
)
def test_parallel_files_that_do_not_fit(tmp_path, files, message):
    with pytest.raises(DataError, match=message):
        read_tags(write_parallel(tmp_path, **files))
