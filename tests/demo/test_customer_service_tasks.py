"""The generated set in each task's form is what that task's data function reads."""

import csv
import json

import pytest

from kerasft import KerasftError
from kerasft.demo import customer_service_tasks
from kerasft.demo.customer_service import INTENTS, SPLITS


def files(folder, task):
    written = customer_service_tasks.write(folder, task, rows=400, seed=3)
    assert tuple(written) == SPLITS
    return written


def test_it_is_the_same_every_time(tmp_path):
    for task in ("question-answering", "relation-extraction"):
        first, second = files(tmp_path / "a", task), files(tmp_path / "b", task)
        assert first["dev"].read_text("utf-8") == second["dev"].read_text("utf-8")


@pytest.mark.parametrize("task", ["token-classification", "intent-and-slots"])
def test_spans_are_where_they_say(tmp_path, task):
    rows = [json.loads(line) for line in files(tmp_path, task)["train"].read_text("utf-8").splitlines()]
    spans = [(row["text"], span) for row in rows for span in row["spans"]]
    assert spans
    assert all(0 <= span["start"] < span["end"] <= len(text) for text, span in spans)
    assert task == "token-classification" or {row["intent"] for row in rows} == set(INTENTS)


def test_answers_stand_in_their_passages(tmp_path):
    content = json.loads(files(tmp_path, "question-answering")["train"].read_text("utf-8"))
    paragraphs = content["data"][0]["paragraphs"]
    questions = [(paragraph["context"], question) for paragraph in paragraphs for question in paragraph["qas"]]
    assert len(questions) > 50
    assert len({question["id"] for _, question in questions}) == len(questions)
    for context, question in questions:
        (answer,) = question["answers"]
        assert context[answer["answer_start"] :].startswith(answer["text"])


def test_both_entities_are_marked(tmp_path):
    rows = [
        json.loads(line) for line in files(tmp_path, "relation-extraction")["train"].read_text("utf-8").splitlines()
    ]
    assert len({row["label"] for row in rows}) == 5
    for row in rows:
        assert all(row["text"].count(mark) == 1 for mark in ("<e1>", "</e1>", "<e2>", "</e2>"))
        assert "{" not in row["text"]


@pytest.mark.parametrize(
    ("task", "header"), [("sequence-to-sequence", ["source", "target"]), ("sentence-embedding", ["text", "text_pair"])]
)
def test_pairs(tmp_path, task, header):
    with files(tmp_path, task)["train"].open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == header
    assert len(rows) > 100
    assert all(first and second and first != second for first, second in rows)


def test_an_unknown_task_is_refused(tmp_path):
    with pytest.raises(KerasftError, match=r"`task` must be one of .*; received: 'poetry'"):
        customer_service_tasks.write(tmp_path, "poetry")
