"""Pairs in neighbouring rows: the tokens, the targets, the order, and what is refused."""

import numpy as np
import pytest

from kerasft import DataError, KerasftError
from kerasft.data import Batching, read_pairs, sentence_pairs
from kerasft.data.sentence_pairs import groups
from tests import tiny

PAIRS = [("a good film", "bad"), ("she was very good to me", "it was not"), ("lost", "please pay me my money")] * 3
SCORED = [(first, second, row / 10) for row, (first, second) in enumerate(PAIRS)]


def rows_of(features):
    return [
        ids[mask == 1].tolist() for ids, mask in zip(features["token_ids"].numpy(), features["padding_mask"].numpy())
    ]


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("batching", [2, Batching(tokens=40)])
def test_the_texts_of_a_pair_stand_together(shuffle, batching):
    dataset = sentence_pairs(SCORED, tiny.tokenizer(), batch_size=batching, shuffle=shuffle)
    encoded = {row / 10: [tiny.tokenizer()(text)["input_ids"] for text in pair] for row, pair in enumerate(PAIRS)}
    seen = []
    batches = list(dataset)
    assert len(batches) == len(dataset)
    for features, y in batches:
        rows, y = rows_of(features), y.numpy()
        np.testing.assert_array_equal(y[0::2], y[1::2])
        assert features["segment_ids"].numpy().sum() == 0
        for first, second, score in zip(rows[0::2], rows[1::2], y[0::2]):
            assert [first, second] == encoded[round(float(score), 1)]
            seen.append(round(float(score), 1))
    assert sorted(seen) == sorted(encoded)
    assert (seen == sorted(seen)) != shuffle


def test_shapes_are_static_where_they_can_be():
    batching = Batching(size=2, drop_remainder=True, fixed_length=True)
    dataset = sentence_pairs(SCORED, tiny.tokenizer(), max_length=8, batch_size=batching, shuffle=True)
    features, y = dataset.element_spec
    assert (features["token_ids"].shape, y.shape) == ((4, 8), (4,))
    assert next(iter(dataset))[0]["token_ids"].shape == (4, 8)


def test_without_scores_the_targets_are_groups():
    rows = [{"question": first, "answer": second} for first, second in PAIRS[:3]]
    _, y = next(iter(sentence_pairs([*rows, {"question": "how", "answer": "bad"}], tiny.tokenizer())))
    assert y.numpy().tolist() == [0, 0, 1, 1, 2, 2, 0, 0]  # the last has the first one's answer
    assert y.dtype == "int32"


def test_groups_are_joined_over_any_number_of_texts():
    assert groups([("a", "b"), ("c", "d"), ("b", "c"), ("e", "e")]).tolist() == [0, 0, 0, 1]


def test_scores_are_divided_and_checked():
    assert read_pairs([("a", "b", 5), ("c", "d", 0)], max_score=5)[1].tolist() == [1.0, 0.0]
    with pytest.raises(DataError, match=r"line 1: score out of range \(-1 to 1\); received: 5.0. .*max_score=5"):
        read_pairs([("a", "b", 5)])
    with pytest.raises(KerasftError, match="`max_score` must be a number > 0; received: 0"):
        read_pairs([("a", "b", 5)], max_score=0)
    assert read_pairs([("a", "b", "x")], scored=False)[1] is None


def test_one_column_of_text_is_an_error():
    with pytest.raises(DataError, match=r"two text columns are required; received: .'text', 'label'."):
        sentence_pairs([("good", 1)], tiny.tokenizer())


def test_pairs_that_must_be_scored_are():
    with pytest.raises(DataError, match="no column detected as the label"):
        read_pairs([{"question": "a", "answer": "b"}], scored=True)
