"""Texts with spans: what is cut, where the spans are then, and what the page shows of them."""

import json
import re

import pytest

from kerasft.reports import Report
from kerasft.reports.examples import example, shown_examples, shown_types
from tests.reports.test_html import HOSTILE, Page

FILLER = "The quick brown fox jumps over the lazy dog. " * 60  # 2,700 characters


def spans(text, **labels):
    """The spans of these words: `spans("In Rome", Rome="LOC")`."""
    return [
        {"start": text.index(word), "end": text.index(word) + len(word), "label": label}
        for word, label in labels.items()
    ]


def words(shown, side):
    return [shown["text"][span["start"] : span["end"]] for span in shown[side]]


def report(examples, labels=("LOC", "PER"), problem="token-classification", rows=None):
    rows = len(examples) if rows is None else rows
    return Report("Evaluation", {}, problem, list(labels), rows, {"f1": 0.5}, examples=examples)


def test_a_short_text_is_whole():
    text = "Anna is in Rome"
    shown = example(text, spans(text, Anna="PER", Rome="LOC"), spans(text, Anna="PER"), row=4)
    assert (shown["row"], shown["text"], shown["right"], shown["num_hidden"]) == (4, text, False, 0)
    assert (words(shown, "truth"), words(shown, "predicted")) == (["Anna", "Rome"], ["Anna"])


def test_a_long_text_is_cut_around_the_spans_that_differ():
    text = f"{FILLER}Anna left. {FILLER}Rome stayed. {FILLER}Bob too."
    same = spans(text, Bob="PER")
    shown = example(text, spans(text, Anna="PER", Rome="LOC") + same, spans(text, Rome="PER") + same, row=0)
    assert words(shown, "truth") == ["Anna", "Rome"]
    assert words(shown, "predicted") == ["Rome"]
    assert shown["num_hidden"] == 2  # Bob, on both sides
    assert shown["text"].count("…") == 3
    assert len(shown["text"]) < 1000
    assert not re.search(r"… \w*(uick|ox|umps|azy)\b.{0,3}$", shown["text"])


def test_no_word_is_cut():
    text = f"{FILLER}Anna left. {FILLER}"
    shown = example(text, spans(text, Anna="PER"), [], row=0)
    assert set(re.findall(r"\w+", shown["text"])) <= set(re.findall(r"\w+", text))


@pytest.mark.parametrize("order", [1, -1])
def test_the_places_of_both_sides_are_shown_in_any_order(order):
    text = f"{FILLER}Anna left. {FILLER}Rome stayed. {FILLER}"
    first, second = (spans(text, Anna=""), spans(text, Rome=""))[::order]
    shown = example(text, first, second, row=0)
    assert words(shown, "truth") + words(shown, "predicted") == ["Anna", "Rome"][::order]
    assert shown["num_hidden"] == 0


def test_a_long_text_without_spans_or_spaces():
    shown = example("x" * 5000, [], [], row=0)
    assert shown["text"] == "x" * 320 + " …"
    shown = example("x" * 2000 + "Anna" + "x" * 2000, [{"start": 2000, "end": 2004, "label": "PER"}], [], row=0)
    assert words(shown, "truth") == ["Anna"]
    assert len(shown["text"]) < 400


def test_a_span_longer_than_what_is_shown_is_cut_and_still_there():
    text = "word " * 2000
    shown = example(text, [{"start": 0, "end": 9999, "label": "X"}], [], row=0)
    assert len(shown["text"]) < 1500
    assert shown["truth"] == [{"start": 0, "end": len(shown["text"]) - 2, "label": "X"}]


def test_many_spans_in_a_long_text_leave_the_page_short():
    text = "Rome lies far from here, as one may know. " * 500
    places = [{"start": at.start(), "end": at.end(), "label": "LOC"} for at in re.finditer("Rome", text)]
    shown = example(text, places, [], row=0)
    assert len(shown["text"]) < 1600
    assert len(shown["truth"]) + shown["num_hidden"] == 500


def test_equal_spans_in_another_order_and_twice_are_right():
    text = "Anna is in Rome"
    both = spans(text, Anna="PER", Rome="LOC")
    assert example(text, both, [*reversed(both), both[0]], row=0)["right"]


def test_empty_texts_and_empty_spans():
    assert example("", [], [], row=0)["text"] == ""
    assert example("a", [{"start": 1, "end": 1, "label": "X"}], [], row=0)["truth"] == []
    assert "(empty text)" in report([example("", [], [], right=False, row=0)]).to_html()


def test_what_one_side_only_has_is_named_in_words():
    text = "Anna is in Rome"
    page = Page(report([example(text, spans(text, Anna="PER"), spans(text, Rome="LOC"), row=0)]).to_html())
    assert "AnnaPER, missed" in page.text
    assert "RomeLOC, wrong" in page.text
    assert "✗ wrong" in page.text
    page = Page(report([example(text, spans(text, Anna="PER"), spans(text, Anna="PER"), row=0)]).to_html())
    assert "✓ correct" in page.text
    assert page.text.count("AnnaPER") == 1  # both sides in one line
    assert ", missed" not in page.text.split("Texts and spans")[1].split("row 0")[1]


def test_types_have_a_colour_each_and_the_legend_names_those_that_are_there():
    text = "Anna is in Rome"
    shown = [example(text, spans(text, Anna="PER", Rome="LOC"), [], row=0)]
    assert [entry["label"] for entry in shown_types(shown, ["LOC", "MISC", "PER"])] == ["LOC", "PER"]
    hues = {
        piece["label"]: piece["hue"] for piece in shown_examples(shown, ["LOC", "MISC", "PER"])[0]["lines"][0]["pieces"]
    }
    assert (hues["LOC"], hues["PER"]) == (0, 2)
    page = report(shown, labels=["LOC", "MISC", "PER"]).to_html()
    assert "mark.h7" in page
    assert "prefers-color-scheme: dark" in page


def test_hundreds_of_types():
    types = [f"TYPE_{number:03d}" for number in range(300)]
    text = "word " * 300
    places = [{"start": 5 * number, "end": 5 * number + 4, "label": name} for number, name in enumerate(types)]
    made = [example(text[:1000], places[:200], [], row=0), example(text[:1000], places[100:200], places[:100], row=1)]
    page = report(made, labels=types).to_html()
    assert "more types than colors" in page
    assert "TYPE_199" in page
    assert "TYPE_299" not in page.split("Texts and spans")[1]


def test_types_that_are_no_labels_of_the_report_are_shown():
    text = "Anna"
    page = Page(report([example(text, spans(text, Anna="NEW"), [], row=0)], labels=[]).to_html())
    assert "AnnaNEW, missed" in page.text


def test_right_to_left_texts_and_their_labels_keep_their_direction():
    text = "ولد محمد صلاح في مصر"
    page = report([example(text, spans(text, مصر="LOC"), [], row=0)]).to_html()
    assert '<div class="words" dir="auto">' in page
    assert '<mark class="h0 missed">مصر<bdi>LOC, missed</bdi></mark>' in page


@pytest.mark.parametrize("problem", ["token-classification", "question-answering"])
def test_hostile_texts_do_nothing(problem):
    labels = [] if problem == "question-answering" else HOSTILE
    made = [
        example(text, [{"start": 0, "end": 3, "label": text if labels else ""}], [], row=row)
        | {"right": False, "answer": {"name": text, "truth": text, "predicted": text[::-1], "question": text}}
        for row, text in enumerate(HOSTILE)
    ]
    page = Page(report(made, labels=labels, problem=problem).to_html())
    assert not {"script", "img", "iframe", "object", "link"} & set(page.tags)
    assert not [entry for entry in page.attributes if entry[1].startswith("on") or entry[1] in ("src", "href")]
    assert "alert(1)" in page.text


def test_control_characters_are_shown_as_pictures():
    page = report([example("a\x00b\x07c\td\ne", [], [], right=False, row=0)]).to_html()
    assert "a␀b␇c\td\ne" in page


def test_answers_are_marked_in_one_text_where_they_overlap_too():
    text = "It has 7,000,000 square kilometres."
    truth = spans(text, **{"7,000,000 square kilometres": ""})
    given = spans(text, **{"has 7,000,000": ""})
    shown = example(text, truth, given, row=0)
    pieces = shown_examples([shown])[0]["lines"][0]["pieces"]
    assert "".join(piece["text"] for piece in pieces) == text
    marked = [(piece["text"], piece["kind"]) for piece in pieces if piece["kind"]]
    assert marked == [("has", "predicted"), ("7,000,000", "both"), ("square kilometres", "expected")]


def test_several_true_answers_and_none():
    text = "In Paris, France."
    pieces = shown_examples([example(text, spans(text, Paris="", France=""), [], row=0)])[0]["lines"][0]["pieces"]
    assert [piece["text"] for piece in pieces if piece["kind"] == "expected"] == ["Paris", "France"]
    assert shown_examples([example(text, [], [], row=0)])[0]["lines"][0]["pieces"][0]["kind"] is None


def test_examples_are_in_the_json_and_replace_the_table_of_errors(tmp_path):
    text = "Anna is in Rome"
    made = report([example(text, spans(text, Anna="PER"), [], row=0)])
    path = made.write(tmp_path)
    stored = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert stored["examples"][0]["truth"] == [{"start": 0, "end": 4, "label": "PER"}]
    assert "<h2>Errors</h2>" not in path.read_text("utf-8")
    assert "<h2>Errors</h2>" in report([]).to_html()
