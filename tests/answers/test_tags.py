"""Tag schemes: round trips, conlleval's reading, legality, repair, and the most likely legal sequence."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqeval.metrics.sequence_labeling import get_entities
from seqeval.scheme import IOB1, IOB2, IOBES, Entities

from kerasft.answers.tags import (
    SCHEMES,
    Span,
    best_legal_path,
    first_invalid,
    is_legal,
    normalize,
    repair,
    scheme_name,
    scheme_of,
    spans_of,
    tags_of,
)
from kerasft.errors import KerasftError

TYPES = ("PER", "LOC")
ALL_TAGS = {
    "IOB1": ["O", *(f"{p}-{t}" for t in TYPES for p in "BI")],
    "IOB2": ["O", *(f"{p}-{t}" for t in TYPES for p in "BI")],
    "IOBES": ["O", *(f"{p}-{t}" for t in TYPES for p in "BIES")],
}


@st.composite
def spans(draw, most=8):
    """Spans that do not overlap, and the number of words."""
    found, place = [], 0
    for _ in range(draw(st.integers(0, most))):
        start = place + draw(st.integers(0, 2))
        place = start + draw(st.integers(1, 3))
        found.append(Span(start, place, draw(st.sampled_from(TYPES))))
    return found, place + draw(st.integers(0, 2))


@settings(max_examples=300, deadline=None)
@given(spans(), st.sampled_from(SCHEMES))
def test_spans_come_back_from_tags_of_every_scheme(case, scheme):
    found, length = case
    tags = tags_of(found, length, scheme)
    assert spans_of(tags) == found
    assert first_invalid(tags, scheme) is None
    assert repair(tags, scheme) == tags
    for other in SCHEMES:
        assert tags_of(spans_of(tags_of(spans_of(tags), length, other)), length, scheme) == tags


@settings(max_examples=500, deadline=None)
@given(st.data(), st.sampled_from(SCHEMES))
def test_any_sequence_is_read_as_seqeval_does_and_repaired_to_a_valid_one(data, scheme):
    tags = data.draw(st.lists(st.sampled_from(ALL_TAGS[scheme]), max_size=10))
    assert [(span.label, span.start, span.end - 1) for span in spans_of(tags)] == get_entities(tags)
    repaired = repair(tags, scheme)
    assert first_invalid(repaired, scheme) is None
    assert spans_of(repaired) == spans_of(tags)
    assert (repaired == tags) == (first_invalid(tags, scheme) is None)


@pytest.mark.parametrize(("scheme", "theirs"), [("IOB1", IOB1), ("IOB2", IOB2), ("IOBES", IOBES)])
def test_valid_sequences_have_the_spans_of_seqevals_strict_schemes(scheme, theirs):
    for tags in itertools.product(ALL_TAGS[scheme], repeat=3):
        if first_invalid(tags, scheme) is None:
            strict = [(e.start, e.end, e.tag) for e in Entities([list(tags)], theirs).entities[0]]
            assert strict == [tuple(span) for span in spans_of(tags)], tags


@pytest.mark.parametrize(
    ("scheme", "tags", "place"),
    [
        ("IOB2", ["O", "I-PER"], 1),
        ("IOB2", ["B-PER", "I-LOC"], 1),
        ("IOB2", ["B-PER", "B-PER", "I-PER"], None),
        ("IOB1", ["B-PER", "O"], 0),
        ("IOB1", ["I-PER", "B-LOC"], 1),
        ("IOB1", ["I-PER", "B-PER", "I-PER"], None),
        ("IOBES", ["B-PER"], 0),
        ("IOBES", ["O", "B-PER", "O"], 1),
        ("IOBES", ["S-PER", "I-PER"], 1),
        ("IOBES", ["E-PER", "O"], 0),
        ("IOBES", ["B-PER", "I-PER", "E-PER", "S-LOC"], None),
        ("IOBES", [], None),
    ],
)
def test_the_first_tag_that_may_not_stand_there(scheme, tags, place):
    assert first_invalid(tags, scheme) == place


def test_names_of_schemes_and_tags():
    assert [scheme_name(name) for name in ("BIO", "iob", "BILOU", "bioes")] == ["IOB2", "IOB1", "IOBES", "IOBES"]
    assert [normalize(tag, "IOBES") for tag in ("L-PER", "U-PER", "I-a-b")] == ["E-PER", "S-PER", "I-a-b"]
    assert [normalize(tag, "IOB2") for tag in ("L-PER", "B-", "-PER", "PER", "o", "")] == [None] * 6
    with pytest.raises(KerasftError, match=r"`scheme` must be one of .*; received: 'IO'"):
        scheme_name("IO")


def test_the_scheme_of_labels():
    assert scheme_of(["O", "B-X", "I-X", "B-Y"]) == "IOB2"
    assert scheme_of(["O", "I-X", "B-Y", "I-Y"]) == "IOB1"
    assert scheme_of(["O", "B-X", "I-X", "E-X", "S-X"]) == "IOBES"
    with pytest.raises(KerasftError, match=r"`labels` must be tags: .* received: \['negative', 'positive'\]"):
        scheme_of(["negative", "positive"])
    with pytest.raises(KerasftError, match=r"received: \['B-X', 'I-X'\]"):
        scheme_of(["B-X", "I-X"])


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(SCHEMES), st.integers(0, 4), st.integers(0, 2**32 - 1))
def test_the_best_legal_path_is_the_best_of_all(scheme, length, seed):
    labels = ["O", *(tag for tag in ALL_TAGS[scheme] if tag.endswith("PER"))]
    scores = np.random.default_rng(seed).normal(size=(length, len(labels)))
    path = best_legal_path(scores, labels, scheme)
    assert first_invalid([labels[i] for i in path], scheme) is None
    legal = [
        candidate
        for candidate in itertools.product(range(len(labels)), repeat=length)
        if first_invalid([labels[i] for i in candidate], scheme) is None
    ]
    best = max(sum(scores[i, label] for i, label in enumerate(candidate)) for candidate in legal)
    assert np.isclose(sum(scores[i, label] for i, label in enumerate(path)), best)


def test_a_legal_sequence_is_not_changed_by_the_constraint():
    labels = ALL_TAGS["IOB2"]
    scores = np.full((4, 5), -5.0)
    for place, tag in enumerate(["B-PER", "I-PER", "O", "B-LOC"]):
        scores[place, labels.index(tag)] = -0.1
    assert best_legal_path(scores, labels, "IOB2").tolist() == scores.argmax(-1).tolist()
    assert is_legal("B-PER", "I-PER", "IOB2")
