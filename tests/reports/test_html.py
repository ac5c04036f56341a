import dataclasses
import html.parser
import os

import numpy as np
import pytest

from kerasft.features import multi_label, regression
from kerasft.reports import summarize

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</svg><script>alert(2)</script>",
    "{{ 7 * 7 }} {% raw %}",
    "javascript:alert(1)//\u202e\u0000",
    "a & b 日本語 😀",
]


class Page(html.parser.HTMLParser):
    """Collects elements, their attributes and all text."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.attributes, self.text = [], [], ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *pair) for pair in attrs]

    def handle_data(self, data):
        self.text += data


def report(kind="single", labels=None, count=6, **options):
    rng = np.random.default_rng(0)
    labels = labels or [f"class {index}" for index in range(count)]
    gold = rng.integers(0, len(labels), 90)
    logits = rng.normal(0, 1.0, (90, len(labels))) + 1.5 * np.eye(len(labels))[gold]
    if kind == "multi":
        labels, gold = multi_label(labels), (rng.random(logits.shape) < 0.3).astype(float)
    if kind == "regression":
        labels, gold = regression(*labels), rng.normal(size=logits.shape)
    return summarize(logits, gold, labels, **options)


@pytest.mark.parametrize("kind", ["single", "multi", "regression"])
def test_hostile_names_and_texts_do_nothing(kind):
    made = report(kind, labels=HOSTILE, texts=HOSTILE * 15, about={HOSTILE[1]: HOSTILE[2]})
    made = dataclasses.replace(made, title=HOSTILE[0])
    page = Page(made.to_html())
    assert not {"script", "img", "iframe", "object", "link"} & set(page.tags)
    assert not [entry for entry in page.attributes if entry[1].startswith("on")]
    assert HOSTILE[0] in page.text  # shown, not run
    assert "{{ 7 * 7 }}" in page.text


@pytest.mark.parametrize("kind", ["single", "multi", "regression"])
def test_nothing_is_loaded_from_elsewhere(kind):
    page = Page(report(kind).to_html())
    links = [value for _, name, value in page.attributes if name in ("src", "href", "xlink:href", "action")]
    assert all(value.startswith(("#", "data:image/png;base64")) for value in links)


@pytest.mark.parametrize(
    ("kind", "headings"),
    [
        (
            "single",
            [
                "Confusion matrix",
                "Most frequent confusions",
                "Metrics by class",
                "Calibration",
                "Most confident errors",
            ],
        ),
        ("multi", ["Metrics by class", "Calibration", "Most confident errors"]),
        ("regression", ["Predictions and targets", "Metrics by target", "Largest errors"]),
    ],
)
def test_sections(kind, headings):
    made = report(kind).to_html()
    assert [part.split("</h2>")[0] for part in made.split("<h2>")[1:]] == headings


def test_classes_are_sorted_by_f1_the_weakest_first():
    made = report()
    text = Page(made.to_html()).text.split("Metrics by class")[1].split("Calibration")[0]
    order = sorted((row["f1"], row["label"]) for row in made.per_class)
    places = [text.index(label) for _, label in order]
    assert places == sorted(places)


def test_seventy_seven_classes_fit_in_one_page():
    made = report(count=77)
    page = made.to_html()
    assert "matrix large" in page
    assert len(page) < 1_000_000
    assert 'class="matrix"' in report(count=20).to_html()


def test_two_classes_name_the_one_that_f1_is_of():
    assert "F1 of spam" in report(labels=["ham", "spam"]).to_html()


def test_without_mistakes_and_without_texts():
    made = summarize(np.eye(2) * 5, np.array([0, 1]), ["no", "yes"])
    assert "None: every row is correct." in made.to_html()
    assert "<th>text</th>" not in report().to_html()
    assert "<th>text</th>" in report(texts=["t"] * 90).to_html()


def test_a_crash_while_writing_leaves_the_old_page_whole(tmp_path, monkeypatch):
    report().write(tmp_path)
    before = (tmp_path / "report.html").read_text("utf-8")

    def full_disk(source, target):
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "replace", full_disk)
    with pytest.raises(OSError, match="No space left"):
        report(count=3).write(tmp_path)
    assert (tmp_path / "report.html").read_text("utf-8") == before
