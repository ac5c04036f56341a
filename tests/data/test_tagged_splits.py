"""No tag and no intent is lost to train by a split, and the part held out is never empty."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kerasft import data
from kerasft.data.tagged_texts import tags_in_scheme
from kerasft.errors import DataError


def names(rows, scheme="IOB2"):
    tags = {tag for row in tags_in_scheme(rows, scheme) for tag in row}
    return tags | {("intent", intent) for intent in rows.columns.get("intent", ())}


def test_rare_tags_and_intents_stay_in_train():
    common = [(["a", "b"], ["B-x", "O"], "often") for _ in range(30)]
    rare = [(["a", "b"], ["B-x", "I-x"], "often"), (["a"], ["B-y"], "often"), (["a"], ["O"], "rare")]
    rows = data.read_tags([*common, *rare])
    for seed in range(10):
        train, dev = data.split_tagged_rows(rows, 10, seed=seed)
        assert (len(train), len(dev)) == (23, 10)
        assert names(train) == names(rows)
        assert data.split_tagged_rows(rows, 10, seed=seed)[1].columns == dev.columns


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["B-a", "B-b", "O"]), st.sampled_from("xyz")), min_size=2, max_size=12),
    st.integers(1, 12),
    st.integers(0, 5),
)
def test_what_a_split_keeps(items, number, seed):
    rows = data.read_tags([([f"w{i}"], [tag], intent) for i, (tag, intent) in enumerate(items)])
    train, dev = data.split_tagged_rows(rows, number, seed=seed)
    assert len(train) >= 1
    assert 1 <= len(dev) <= number
    assert sorted(train.columns["text"] + dev.columns["text"]) == sorted(rows.columns["text"])
    if len(dev) < min(number, len(rows) - 1):  # fewer than asked for, so that nothing is lost
        assert names(train) == names(rows)
    exactly, held_out = data.split_tagged_rows(rows, number, seed=seed, exact=True)
    assert len(held_out) == min(number, len(rows) - 1)
    assert len(exactly) + len(held_out) == len(rows)


def test_one_row_cannot_be_split():
    with pytest.raises(DataError, match="a single row cannot be split; received: 1"):
        data.split_tagged_rows(data.read_tags([(["a"], ["B-x"])]), 1, seed=0)
