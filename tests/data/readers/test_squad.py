"""Reading questions: SQuAD 1.1 and 2.0, rows, and every way in which such a file can be wrong."""

import copy
import gzip
import itertools
import json
import logging
import time
import unicodedata

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kerasft.data import Answer, Question, read_squad, split_questions
from kerasft.data.readers.squad_answers import Aligner
from kerasft.errors import DataError, KerasftError

CONTEXT = "The card was sent on Monday. It costs \u20ac5, in na\u00efve \U0001f600 Paris."
SQUAD = {
    "version": "v2.0",
    "data": [
        {
            "title": "Cards",
            "paragraphs": [
                {
                    "context": CONTEXT,
                    "qas": [
                        {
                            "id": "a",
                            "question": "When was it sent?",
                            "is_impossible": False,
                            "answers": [
                                {"text": "Monday", "answer_start": CONTEXT.index("Monday")},
                                {"text": "on Monday", "answer_start": CONTEXT.index("on Monday")},
                            ],
                        },
                        {
                            "id": "b",
                            "question": "Who sent it?",
                            "is_impossible": True,
                            "answers": [],
                            "plausible_answers": [{"text": "Monday", "answer_start": CONTEXT.index("Monday")}],
                        },
                        {
                            "id": "c",
                            "question": "Where?",
                            "answers": [{"text": "Paris", "answer_start": CONTEXT.index("Paris")}],
                        },
                    ],
                },
                {"context": "", "qas": [{"id": "d", "question": "What?", "is_impossible": True, "answers": []}]},
            ],
        }
    ],
}
ROW = {"question": "Where?", "context": "In Paris.", "answers": [{"text": "Paris", "answer_start": 3}], "id": "1"}


def write(path, content):
    path.write_text(json.dumps(content, ensure_ascii=False), "utf-8")
    return str(path)


def test_squads_two_versions(tmp_path):
    questions = read_squad(write(tmp_path / "dev.json", SQUAD))
    assert [each.id for each in questions] == ["a", "b", "c", "d"]
    assert questions[0].texts == ("Monday", "on Monday")
    assert questions[1].answers == ()
    assert questions[2].context[questions[2].answers[0].start :].startswith("Paris")
    assert questions[3] == Question("d", "What?", "", (), "Cards")
    packed = tmp_path / "dev.json.gz"
    packed.write_bytes(gzip.compress(json.dumps(SQUAD).encode()))
    assert read_squad(packed) == questions
    assert read_squad(questions) == questions
    other = copy.deepcopy(SQUAD)
    for entry in other["data"][0]["paragraphs"][0]["qas"] + other["data"][0]["paragraphs"][1]["qas"]:
        entry["id"] += "2"
    assert len(read_squad([tmp_path / "dev.json", write(tmp_path / "more.json", other)])) == 8


@pytest.mark.parametrize(
    "answers",
    [
        [{"text": "Paris", "answer_start": 3}],
        {"text": ["Paris"], "answer_start": [3]},
        {"text": np.array(["Paris"], object), "answer_start": np.array([3])},
        json.dumps([{"text": "Paris", "answer_start": 3}]),
        [{"text": "Paris", "answer_start": "3"}],
        [{"text": "Paris", "answer_start": 3.0}],
        {"text": "Paris", "answer_start": 3},
        "[{'text': 'Paris', 'answer_start': 3}]",
        "{'text': array(['Paris'], dtype=object), 'answer_start': array([3], dtype=int32)}",
        "{'text': array(['Paris'],\n dtype='<U5'), 'answer_start': array([3])}",
        np.array([{"text": "Paris", "answer_start": 3}], object),
    ],
)
def test_rows_in_every_form(answers):
    assert read_squad([ROW | {"answers": answers}]) == [Question("1", "Where?", "In Paris.", (Answer("Paris", 3),))]


def test_rows_from_json_lines_and_json_lists_and_without_ids(tmp_path):
    rows = [{**ROW, "id": None}, {**ROW, "id": None, "answers": []}]
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    questions = read_squad(path)
    assert [each.id for each in questions] == ["1", "2"]
    assert questions[1].answers == ()
    assert read_squad(write(tmp_path / "rows.json", rows)) == questions
    assert read_squad(write(tmp_path / "data.json", {"data": rows})) == questions


def broken(**changes):
    return [{name: value for name, value in (ROW | changes).items() if value != "absent"}]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (broken(answers=[{"text": "Paris", "answer_start": 4}]), r"line 1, question '1': .*answer_start=4 .* 'aris\.'"),
        (
            broken(answers=[{"text": "Paris", "answer_start": 4}]),
            r"The nearest occurrence is at 3: .*misaligned=\"search\"",
        ),
        (broken(answers=[{"text": "Paris", "answer_start": -6}]), r"is not at answer_start=-6"),
        (broken(answers=[{"text": "Paris", "answer_start": "-1"}]), r"is not at answer_start=-1"),
        (broken(answers=[{"text": "Rome", "answer_start": 3}]), r"'Rome' is not at .* does not occur in the context"),
        *(
            (
                broken(answers=[{"text": "Paris", "answer_start": start}]),
                r"answer_start must be an integer; received",
            )
            for start in ("three", "3.5", 3.5, "3,0", float("inf"), [3])
        ),
        *((broken(is_impossible=value), "is_impossible must be true or false") for value in ("maybe", 2, [])),
        (broken(is_impossible="True"), r"is_impossible is True, but there are 1 answers"),
        (broken(answers=[], is_impossible=0.0), r"is_impossible is False, but there are 0 answers"),
        (broken(answers=[{"text": "Paris", "answer_start": True}]), r"received: True"),
        (broken(answers=[{"text": " ", "answer_start": 2}]), r"empty answer; received: ' '"),
        (broken(answers=[3]), r"expected a dictionary as answer; received: 3"),
        (broken(answers=["Paris"]), r"the answer 'Paris' has no answer_start; .*misaligned=\"search\""),
        (broken(answers="Paris"), r"the answer 'Paris' has no answer_start; .*misaligned=\"search\""),
        (broken(answers="absent", answer="Rome"), r"'Rome' has no answer_start; .* It does not occur in the context"),
        (broken(answers="[{'text': Paris}]"), r"answers must be JSON, or .*received: "),
        (broken(answers={"text": ["Paris"], "answer_start": []}), r"must have as many texts as answer_start values"),
        (broken(answers=None), r"question '1': expected a list of answers; received: 'nothing'"),
        (broken(is_impossible=True), r"is_impossible is True, but there are 1 answers"),
        (broken(answers=[], is_impossible=False), r"is_impossible is False, but there are 0 answers"),
        (broken(question="  "), r"the question is empty; received: '  '"),
        (broken(question=7), r"expected a string as question; received: 7"),
        (broken(context="\ud800"), r"lone surrogate; received: '\\ud800'"),
        (broken(context="", answers=[{"text": "Paris", "answer_start": 0}]), r"'Paris' is not at"),
        (broken() * 2, r"line 2, question '1': duplicate id; received: '1'"),
        (broken(answers="absent"), r"there is no column 'answers'; received: \['question', 'context', 'id'\]"),
    ],
)
def test_what_is_wrong_is_named(rows, message):
    with pytest.raises(DataError, match=message):
        read_squad(rows)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"data": []}, "it contains no valid questions"),
        ({"rows": []}, r"expected a list as the list of articles \(data\); received: 'nothing'"),
        ({"data": [{"paragraphs": None}]}, "expected a list as paragraphs; received: 'nothing'"),
        ({"data": [{"paragraphs": [{"context": "x", "qas": 5}]}]}, "expected a list as qas; received: 5"),
        (
            {"data": [{"paragraphs": [{"context": None, "qas": [{"question": "q", "answers": []}]}]}]},
            "expected a string as context",
        ),
        ({"data": [{"paragraphs": [3]}]}, "expected an object as paragraph; received: 3"),
        ({"data": [{"paragraphs": [{"context": "x", "qas": [3]}]}]}, "expected an object as question; received: 3"),
        ({"data": [3]}, "expected an object as article; received: 3"),
        (7, "expected a list"),
    ],
)
def test_a_file_of_another_form_is_named(tmp_path, content, message):
    with pytest.raises(DataError, match=rf"train\.json.*{message}"):
        read_squad(write(tmp_path / "train.json", content))


def test_a_file_that_is_no_json_and_one_that_is_missing(tmp_path):
    (tmp_path / "train.json").write_text('{"data": [', "utf-8")
    with pytest.raises(DataError, match=r"train\.json: invalid JSON"):
        read_squad(tmp_path / "train.json")
    with pytest.raises(DataError, match=r"none\.json: the file cannot be read"):
        read_squad(tmp_path / "none.json")


def test_misaligned_answers_are_searched_when_asked(caplog):
    row = ROW | {"context": "Paris, or Paris?", "answers": [{"text": "Paris", "answer_start": 9}]}
    with caplog.at_level(logging.WARNING, "kerasft"):
        assert read_squad([row], misaligned="search")[0].answers == (Answer("Paris", 10),)
    assert "1 of 1 answers did not match their answer_start" in caplog.text
    assert "1 of 1 answers occur several times in the context" in caplog.text
    with pytest.raises(DataError, match="does not occur in the context"):
        read_squad([ROW | {"answers": [{"text": "Rome", "answer_start": 3}]}], misaligned="search")
    with pytest.raises(KerasftError, match=r"`misaligned` must be one of \('error', 'search'\); received: 'drop'"):
        read_squad([ROW], misaligned="drop")


@pytest.mark.parametrize("form", [{"answers": ["Paris"]}, {"answers": "Paris"}, {"answers": None, "answer": "Paris"}])
def test_answers_alone_are_searched_as_whole_words_when_asked(form, caplog):
    row = ROW | {"context": "Parisian cafes in Paris."} | form
    with caplog.at_level(logging.WARNING, "kerasft"):
        assert read_squad([row], misaligned="search")[0].answers == (Answer("Paris", 18),)
    assert "1 of 1 answers had no answer_start" in caplog.text
    for name in ("answer", "answer_text"):
        bare = {"question": "Where?", "context": "In Paris.", name: "Paris", "answer_start": "3"}
        assert read_squad([bare])[0].answers == (Answer("Paris", 3),)


def test_an_answer_in_another_normal_form_is_taken_as_the_context_has_it(caplog):
    row = {
        "question": "Where?",
        "context": "At Cafe\u0301 Roma.",
        "answers": [{"text": "Caf\u00e9", "answer_start": 3}],
    }
    with caplog.at_level(logging.WARNING, "kerasft"):
        assert read_squad([row])[0].answers == (Answer("Cafe\u0301", 3),)
    assert "1 of 1 answers had a different Unicode normalization" in caplog.text
    row["answers"][0]["answer_start"] = 0
    with pytest.raises(DataError, match="'Caf\u00e9' is not at answer_start=0"):
        read_squad([row])
    assert read_squad([row], misaligned="search")[0].answers == (Answer("Cafe\u0301", 3),)
    composed = {
        "question": "Where?",
        "context": "At Caf\u00e9 Roma.",
        "answers": [{"text": "Cafe\u0301", "answer_start": 3}],
    }
    assert read_squad([composed])[0].answers == (Answer("Caf\u00e9", 3),)


FORMS = st.text(st.sampled_from("ae\u00e9\u0301\u0323\u1ea1\ud55c\u1112\u1161\u11ab"), min_size=1, max_size=6)


@settings(max_examples=300, deadline=None)
@given(FORMS, FORMS, FORMS, st.sampled_from(["NFC", "NFD"]))
def test_the_same_text_in_another_form_is_found_wherever_it_is(before, text, after, form):
    def normal(part):
        return unicodedata.normalize("NFC", part)

    context = unicodedata.normalize(form, before + text + after)
    align = Aligner(search=True)
    same = [
        (context[start:end], start)
        for start, end in itertools.combinations(range(len(context) + 1), 2)
        if normal(context[start:end]) == normal(text)
        and not unicodedata.combining(context[start])
        and not unicodedata.combining(context[end : end + 1] or "x")
    ]
    if unicodedata.combining(text[0]) or text in context:
        return  # half a character is in no other form; what is there as it is comes first
    if not same:
        with pytest.raises(DataError, match="does not occur in the context"):
            align(text, None, context, "train.json")
    else:
        assert align(text, None, context, "train.json") == same[0]


@pytest.mark.parametrize(
    ("text", "context", "start"),
    [
        ("a" * 100_000, "b" + "a" * 200_000, 1),
        ("a" * 100_000 + "b", "a" * 200_000, None),
        ("e\u0301" * 50_000, "x" + "\u00e9" * 100_000, 1),
        ("e\u0301" * 50_000 + "x", "\u00e9" * 100_000, None),
        ("\u00e9" * 50_000 + "x", "e\u0301" * 100_000, None),
    ],
)
def test_long_answers_that_repeat_are_searched_in_linear_time(text, context, start):
    align = Aligner(search=True)
    begun = time.perf_counter()
    if start is None:
        with pytest.raises(DataError, match="does not occur in the context"):
            align(text, 0, context, "train.json")
    else:
        assert align(text, 0, context, "train.json")[1] == start
    assert time.perf_counter() - begun < 10  # by squares it is minutes


def test_places_in_other_units_are_named_and_found_when_asked():
    context = "\U0001d474\U0001d486 saw Bonn, Rome and Bonn."
    utf16 = {"question": "Which?", "context": context, "answers": [{"text": "Rome", "answer_start": 15}]}
    with pytest.raises(DataError, match=r"The offset seems to count UTF-16 code units \(JavaScript, Java\) \(13"):
        read_squad([utf16])
    bonn = {"question": "Which?", "context": context, "answers": [{"text": "Bonn", "answer_start": 24}]}
    assert read_squad([bonn], misaligned="search")[0].answers == (Answer("Bonn", 22),)
    utf8 = {"question": "Which?", "context": "caf\u00e9 Rome", "answers": [{"text": "Rome", "answer_start": 6}]}
    with pytest.raises(DataError, match=r"The offset seems to count bytes of UTF-8 \(5"):
        read_squad([utf8])


def test_is_impossible_in_every_form():
    for said in (True, "true", "True", 1, 1.0, "1"):
        assert read_squad([ROW | {"answers": [], "is_impossible": said}])[0].answers == ()
    for said in (False, "false", 0, "0", None, "", float("nan")):
        assert len(read_squad([ROW | {"is_impossible": said}])[0].answers) == 1


def places(node, path=()):
    """All places in a JSON document."""
    yield path
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        yield from places(value, (*path, key))


VALUES = [None, 0, -1, 10**30, 0.5, True, "", "x", "\ud800", [], {}, [[]], {"text": "x"}, [None]]


@given(st.sampled_from(list(places(SQUAD))), st.sampled_from(VALUES), st.booleans())
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_mutated_file_is_read_or_refused(tmp_path, place, value, delete):
    content = [copy.deepcopy(SQUAD)]
    node = content
    path = (0, *place)
    for key in path[:-1]:
        node = node[key]
    if delete and len(path) > 1:
        del node[path[-1]]
    else:
        node[path[-1]] = value
    file = tmp_path / "mutated.json"
    file.write_text(json.dumps(content[0] if content else None), "utf-8")
    try:
        questions = read_squad(file)
    except KerasftError:
        return
    for each in questions:
        assert all(each.context[a.start : a.end] == a.text for a in each.answers)


@given(st.binary(max_size=60), st.integers(0, 10**6))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damaged_bytes_are_read_or_refused(tmp_path, noise, place):
    content = json.dumps(SQUAD).encode()
    place %= len(content)
    file = tmp_path / "damaged.json"
    file.write_bytes(content[:place] + noise + content[place + len(noise) :])
    try:
        read_squad(file)
    except KerasftError:
        return


def test_whole_articles_are_held_out():
    questions = [Question(str(i), "?", f"text {i}", title=f"title {i % 7}") for i in range(70)]
    train, dev = split_questions(questions, dev=0.2, seed=1)
    assert len(train) + len(dev) == 70
    assert 14 <= len(dev) <= 24
    assert not {each.title for each in train} & {each.title for each in dev}
    assert split_questions(questions, dev=0.2, seed=1) == (train, dev)
    train, dev = split_questions([Question("1", "?", "a"), Question("2", "?", "b")], dev=0.9)
    assert len(train) == len(dev) == 1  # never all
    with pytest.raises(DataError, match=r"all questions share one context.*received: 2"):
        split_questions([Question("1", "?", "a"), Question("2", "?", "a")])
