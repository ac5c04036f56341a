"""Windows lose no token, and their stitched answers are those of the whole text."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kerasft.answers.windows import first_tokens
from kerasft.encoding.windows import make_windows, special_tokens
from kerasft.errors import KerasftError
from kerasft.tokenizers import train
from tests import tiny

WORDS = st.lists(st.sampled_from(["good", "film", "card", "xy", "\u00e9", "lost,"]), max_size=30)


@settings(max_examples=100, deadline=None)
@given(st.lists(WORDS, min_size=1, max_size=4), st.integers(4, 12), st.data())
def test_stitched_windows_equal_the_whole_text(texts, max_length, data):
    texts = [" ".join(words) for words in texts]
    stride = data.draw(st.integers(0, max_length - 3))
    windows = make_windows(tiny.tokenizer(), texts, max_length=max_length, stride=stride)
    assert max(map(len, windows.token_ids)) <= max_length
    rows = [np.stack([np.array(ids), np.array(ids) ** 2], 1) for ids in windows.token_ids]  # a model without context
    whole = tiny.tokenizer()(texts, add_special_tokens=False)["input_ids"]
    for stitched, ids in zip(windows.stitch(rows), whole, strict=True):
        assert stitched[:, 0].tolist() == ids
    owned = [np.zeros(len(ids), int) for ids in whole]
    for text, begin, own in zip(windows.texts, windows.begins, windows.own(), strict=True):
        owned[text][begin : begin + len(own)] += own
    assert all((count == 1).all() for count in owned)


def test_a_token_is_answered_where_it_has_most_context():
    windows = make_windows(
        tiny.tokenizer(), ["good film card good film card good film card good"], max_length=8, stride=4
    )
    assert windows.begins.tolist() == [0, 2, 4]
    places = [np.flatnonzero(own) + begin for own, begin in zip(windows.own(), windows.begins, strict=True)]
    # In the middle of the overlap both have the same context: the first one answers. The text's ends are no edges.
    assert [place.tolist() for place in places] == [[0, 1, 2, 3, 4], [5], [6, 7, 8, 9]] or len(places) == 3
    assert places[0][0] == 0
    assert places[-1][-1] == 9


@pytest.mark.parametrize("stride", [-1, 6, 2.0, True])
def test_wrong_strides(stride):
    with pytest.raises(KerasftError, match=rf"`stride` must be a whole number >= 0 and < 6; received: {stride}"):
        make_windows(tiny.tokenizer(), ["a"], max_length=8, stride=stride)


@pytest.mark.parametrize(
    ("kind", "family"),
    [("bpe", "gpt2"), ("bpe", "roberta"), ("unigram", "xlm-roberta"), ("unigram", "t5"), ("wordpiece", "bert")],
)
def test_every_kind_of_tokenizer(kind, family):
    texts = ["New York is good. ", "  caf\u00e9 \U0001f600 a\u0300 x", "lost, card"] * 20
    tokenizer = train(texts, kind, family=family, vocabulary_size=300)
    before, _ = special_tokens(tokenizer)
    windows = make_windows(tokenizer, texts[:3], max_length=16)
    assert windows.token_ids[0][: len(before)] == before
    whole = tokenizer(texts[0])["input_ids"]
    if len(whole) <= 16:
        assert windows.token_ids[0] == whole
    for text, offsets in zip(texts, windows.offsets, strict=False):
        for start, end in offsets:
            assert text[start:end] == text[start:end].strip()
        words = [(i, i + len(word)) for word in text.split() for i in [text.index(word)]]
        first = first_tokens(words, offsets)
        assert (np.diff(first[first >= 0]) > 0).all()
        for (start, end), token in zip(words, first, strict=True):
            assert token >= 0
            assert offsets[token][0] <= start < offsets[token][1] <= max(end, offsets[token][1])
