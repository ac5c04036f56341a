"""From logits to tags, and from tags to spans of characters."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kerasft.answers.token_classification import decode, entities, word_logits
from kerasft.answers.words import split_words
from kerasft.errors import KerasftError
from kerasft.features import Labels

LABELS = Labels(["O", "B-PER", "I-PER"])


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=40), st.integers(0, 2**32 - 1))
def test_spans_are_slices_of_the_original_text(text, seed):
    words = split_words(text)
    tags = np.random.default_rng(seed).choice(list(LABELS), len(words)).tolist()
    found = entities(text, words, tags, scores=[0.5] * len(words))
    for entity in found:
        assert entity["text"] == text[entity["start"] : entity["end"]] != ""
        assert entity["text"] == entity["text"].strip()
    assert [e["start"] for e in found] == sorted(e["start"] for e in found)
    assert all(a["end"] <= b["start"] for a, b in itertools.pairwise(found))


def test_the_score_is_the_mean_and_the_threshold_drops():
    offsets, tags, scores = [(0, 2), (3, 6), (7, 9)], ["B-PER", "I-PER", "B-PER"], [0.9, 0.5, 0.6]
    found = entities("Mr Foo Al", offsets, tags, scores=scores)
    assert [(e["text"], round(e["score"], 6)) for e in found] == [("Mr Foo", 0.7), ("Al", 0.6)]
    assert [e["text"] for e in entities("Mr Foo Al", offsets, tags, scores=scores, threshold=0.65)] == ["Mr Foo"]
    with pytest.raises(KerasftError, match=r"`threshold` must be a probability from 0 to 1; received: 1\.5"):
        entities("a", [(0, 1)], ["O"], scores=[1.0], threshold=1.5)


def test_words_without_a_token_are_outside_in_both_ways_of_decoding():
    logits = word_logits(np.array([[0.0, 5.0, 0.0], [0.0, 0.0, 5.0]]), np.array([0, -1, 1]), LABELS)
    assert decode(logits, LABELS)[0] == ["B-PER", "O", "I-PER"]
    tags, scores = decode(logits, LABELS, constrained=True)
    assert tags[:2] == ["B-PER", "O"]
    assert tags[2] != "I-PER"
    assert scores[1] == 1.0


def test_no_words_no_tags():
    logits = word_logits(np.zeros((0, 3)), np.zeros(0, int), LABELS)
    for constrained in (False, True):
        tags, scores = decode(logits, LABELS, constrained=constrained)
        assert tags == []
        assert scores.shape == (0,)
    assert entities("", [], [], scores=[]) == []
