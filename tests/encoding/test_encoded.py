"""Encoding and padding outside a graph."""

import numpy as np
import pytest

from kerasft import DataError
from kerasft.encoding.encoded import encode
from tests import tiny


def test_it_equals_the_tokenizers_own_padding():
    texts = ["a good film", "", "bad"]
    received = encode(tiny.tokenizer(), texts, max_length=16).pad(range(3), 0)
    for name, values in tiny.batch(texts).items():
        np.testing.assert_array_equal(received[name], values)
        assert received[name].dtype == np.int32


def test_pairs_have_segments():
    features = encode(tiny.tokenizer(), [("good", "bad film")], max_length=16).pad([0], 0, length=8)
    assert features["segment_ids"].tolist() == [[0, 0, 0, 1, 1, 1, 0, 0]]


def test_truncation_is_counted():
    assert encode(tiny.tokenizer(), ["good " * 9, "bad", "good " * 8], max_length=10).num_truncated == 1


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["good", 3], r"texts, line 2: expected a string, got int; received: 3"),
        ([None], r"texts, line 1: expected a string, got NoneType"),
        (["good", ("a", "b")], r"texts, line 2: expected an item like the first one; received: \('a', 'b'\)"),
        ([("a", "b", "c")], r"texts, line 1: expected an item like the first one"),
        ([("a", b"b")], r"texts, line 1: expected a string, got bytes; received: b'b'"),
        (["good", "\ud83d"], r"texts, line 2: invalid Unicode \(lone surrogate\); received: '\\ud83d'"),
    ],
)
def test_bad_texts(texts, message):
    with pytest.raises(DataError, match=message):
        encode(tiny.tokenizer(), texts, max_length=16)
