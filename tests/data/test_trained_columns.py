"""The columns of the training are the usual ones of other files, where these have them."""

import pytest

from kerasft.data import read_pairs, read_rows, read_sources, read_tags, split, texts_and_labels
from kerasft.data.causal_lm import read_documents
from kerasft.data.trained_columns import read_as_trained, tags_as_trained
from kerasft.errors import DataError
from kerasft.tasks import settled

TRAINED = {"text": "review", "label": "stars"}


def test_the_columns_of_the_training_come_before_the_usual_names(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text,label,review,stars\nx,y,good,b\nx,y,bad,a\n")
    rows = read_as_trained(path, TRAINED)
    assert texts_and_labels(rows, labels=["a", "b"])[0] == ["good", "bad"]
    rows = read_as_trained(path, TRAINED, {"text": "text"})
    texts, y = texts_and_labels(rows, labels=["a", "b"], columns={"text": "text"})
    assert (texts, y.tolist()) == (["x", "x"], [1, 0]), "the label is still that of the training"


def test_a_table_without_them_is_read_by_the_usual_names():
    for source in (
        [("good", "b")],
        [{"sentence": "good", "label": "b"}],
        [{"sentence": "good", "stars": 3, "label": "b"}],
    ):
        texts, y = texts_and_labels(read_as_trained(source, TRAINED), labels=["a", "b"])
        assert (texts, y.tolist()) == (["good"], [1])


def test_numbers_hold_for_files_without_header_only(tmp_path):
    trained = {"text": 1, "label": 0}
    (tmp_path / "a.tsv").write_text("b\tgood\na\tbad\n")
    (tmp_path / "b.tsv").write_text("text\tlabel\ngood\tb\nbad\ta\n")
    (tmp_path / "c.jsonl").write_text('{"text": "good", "label": "b"}\n{"text": "bad", "label": "a"}\n')
    (tmp_path / "d.tsv").write_text("label\ttext\nb\tgood\na\tbad\n")
    for name in ("a.tsv", "b.tsv", "c.jsonl", "d.tsv"):
        rows = read_as_trained(tmp_path / name, trained)
        assert texts_and_labels(rows, labels=["a", "b"])[0] == ["good", "bad"], name


def test_settled_rows_and_plain_texts_stay(tmp_path):
    train, _, _ = split([(f"text {i}", i % 2) for i in range(20)])
    assert read_as_trained(train, TRAINED) is train
    path = str(tmp_path / "a.txt")
    assert read_as_trained(path, TRAINED) == path
    assert read_as_trained("none.csv", None) == "none.csv"


def test_who_names_the_texts_of_pairs_names_the_scores():
    rows = [{"a": "x", "b": "y", "score": 0.5}]
    named = {"text": "a", "text_pair": "b"}
    assert read_pairs(rows, columns=named)[1] is None
    assert read_pairs(rows, columns=named | {"label": "score"})[1].tolist() == [0.5]
    assert read_pairs(rows, columns=named, scored=True)[1].tolist() == [0.5]
    assert read_pairs([("x", "y", 0.5)])[1].tolist() == [0.5]
    assert read_pairs(read_as_trained(rows, named))[1] is None, "as in the training"
    found = settled(rows, named, task="sentence-embedding")
    assert (found.columns, found.note) == (named, "")
    assert settled(rows, named, task="sentence-embedding", need_label=True).columns == named | {"label": "score"}


TABLES = {
    "sequence-to-sequence": (
        {"article": ["a"], "text": ["b"], "summary": ["c"]},
        {"text": "text", "label": "summary"},
        "the text could also be article",
    ),
    "masked-lm": ({"id": [1], "review": ["a"], "label": [0]}, {"text": "review"}, ""),
    "causal-lm": ({"prompt": ["a"], "completion": ["b"]}, {"prompt": "prompt", "completion": "completion"}, ""),
    "relation-extraction": ({"sentence": ["a"], "label": ["b"]}, {"text": "sentence", "label": "label"}, ""),
    "text-classification": (
        {"text": ["a"], "label": ["b"], "score": [1]},
        {"text": "text", "label": "label"},
        "the label could also be score",
    ),
    "token-classification": (
        {"tokens": [["a"]], "ner_tags": [["O"]], "tags": [["O"]]},
        {"text": "tokens", "label": "tags"},
        "the label could also be ner_tags",
    ),
    "intent-and-slots": (
        {"text": ["a"], "spans": [[]], "intent": ["x"]},
        {"text": "text", "label": "spans", "intent": "intent"},
        "",
    ),
}


@pytest.mark.parametrize("task", TABLES)
def test_every_task_says_which_columns_it_takes(task):
    table, columns, note = TABLES[task]
    found = settled(table, task=task)
    assert found.columns == columns
    assert found.note.startswith(
        "columns of Python rows: " + ", ".join(f"{role}: {name}" for role, name in columns.items())
    )
    assert note in found.note
    # What was settled is not guessed again, and holds for other tables of the kind.
    more = {**table, "content": table[columns.get("text", "prompt")], "sentiment": [2]}
    again = settled(more, task=task, trained=columns)
    assert again.columns == columns
    assert again.source.roles == columns


def test_settled_rows_are_read_without_naming_columns():
    rows = settled(
        {"article": ["a"], "text": ["b"], "summary": ["c"]}, {"source": "article"}, task="sequence-to-sequence"
    )
    assert read_sources(rows.source).roles == {"text": "article", "label": "summary"}
    rows = settled({"q": ["a"], "r": ["b"]}, {"prompt": "q", "completion": "r"}, task="causal-lm")
    assert read_documents(rows.source) == [("a", "b")]
    rows = settled({"words": [["a"]], "my_tags": [["B-X"]]}, {"label": "my_tags"}, task="token-classification")
    assert read_tags(rows.source, columns=rows.named).columns["tags"] == [["B-X"]]


def test_files_of_columns_have_numbers(tmp_path):
    assert tags_as_trained("a.conll", {"text": "tokens", "label": "tags"}) == ("a.conll", None)
    assert tags_as_trained("a.conll", {"text": 1, "label": 3}) == ("a.conll", {"text": 1, "label": 3})
    rows, columns = tags_as_trained([{"tokens": ["a"], "ner": ["O"]}], {"text": "tokens", "label": "ner"})
    assert (rows.roles, columns) == ({"text": "tokens", "label": "ner"}, None)
    assert settled("a.conll", {"text": 0, "label": 1}, task="token-classification").columns == {"text": 0, "label": 1}


def test_ambiguous_columns_are_an_error_and_trained_ones_decide():
    table = {"review": ["a"], "comment": ["b"], "label": ["x"]}
    with pytest.raises(DataError, match=r"several columns could be the text: \['review', 'comment'\]"):
        settled(table)
    assert settled(table, trained={"text": "comment", "label": "label"}).columns["text"] == "comment"
    assert read_rows(table).roles is None
