"""Splits: seeded, of the size asked for, stratified, complete."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kerasft.data import collect_labels, sample, split, texts_and_labels
from kerasft.errors import DataError, KerasftError


def source(counts):
    return [{"text": f"{name} {i}", "label": name} for name, count in counts.items() for i in range(count)]


def texts(rows):
    return rows.columns["text"]


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 60), min_size=2).filter(lambda c: sum(c.values()) > 20),
    st.floats(0.1, 0.4),
    st.floats(0.1, 0.4),
    st.integers(0, 99),
)
def test_parts_are_disjoint_complete_and_stratified(counts, dev, test, seed):
    rows = source(counts)
    parts = split(rows, dev=dev, test=test, seed=seed)
    assert sorted(text for part in parts for text in texts(part)) == sorted(row["text"] for row in rows)
    kept = Counter(parts[0].columns["label"])
    assert set(kept) == set(counts), "every label stays in train"
    # The only row of a label stays in train; the other labels make up for it, so that the parts keep their sizes.
    tolerance = 2.5 + sum(count < 3 for count in counts.values())
    for name, count in counts.items():
        assert abs(kept[name] - count * (1 - dev - test)) <= tolerance
        assert abs(Counter(parts[1].columns["label"])[name] - count * dev) <= tolerance


def test_seed_and_order():
    rows = source({"a": 50, "b": 50})
    one, two, other = (split(rows, seed=seed)[1] for seed in (1, 1, 2))
    assert texts(one) == texts(two) != texts(other)
    order = {row["text"]: i for i, row in enumerate(rows)}
    positions = [order[text] for text in texts(one)]
    assert positions == sorted(positions)
    assert one.place(0) == ("Python rows", positions[0] + 1), "messages about a part name the row in its source"


def test_sizes_by_number():
    train, dev, test = split(source({"a": 90, "b": 10}), dev=20, test=10)
    assert (len(train), len(dev), len(test)) == (70, 20, 10)
    assert Counter(dev.columns["label"]) == {"a": 18, "b": 2}
    assert split(source({"a": 9, "b": 9}))[2] is None


def test_parts_remember_their_columns(tmp_path):
    path = tmp_path / "sms.tsv"
    path.write_text("".join(f"{'spam' if i % 5 == 0 else 'ham'}\ttext {i}\n" for i in range(50)))
    train, dev, _ = split(path, columns={"text": 1, "label": 0})
    assert collect_labels(train) == ["ham", "spam"] == list(collect_labels(train, columns={"text": 1, "label": 0}))
    assert texts_and_labels(dev, labels=["ham", "spam"])[1].tolist().count(1) == 1


def test_regression_and_unlabelled_rows_are_drawn_at_random():
    rows = [{"text": f"t{i}", "label": i / 7} for i in range(40)]
    train, dev, _ = split(rows, dev=0.25, problem="regression")
    assert (len(train), len(dev)) == (30, 10)
    train, dev, _ = split([{"text": f"t{i}"} for i in range(40)], dev=0.25)
    assert (len(train), len(dev)) == (30, 10)


@pytest.mark.parametrize("share", [0.0, 1.0, -1, 0, True, "0.1", 1.5])
def test_bad_share(share):
    with pytest.raises(KerasftError, match=rf"`dev` must be a fraction .* received: {share!r}"):
        split(source({"a": 9, "b": 9}), dev=share)


def test_empty_part_and_bad_problem():
    with pytest.raises(
        DataError, match=r"4 rows are too few: a split would be empty; received: \{'train': 0, 'dev': 3, 'test': 1\}"
    ):
        split(source({"a": 2, "b": 2}), dev=3, test=1)
    with pytest.raises(
        DataError, match=r"3 rows with 3 labels are too few to split: train needs every label; received: .*'dev': 0"
    ):
        split(source({"a": 1, "b": 1, "c": 1}))
    with pytest.raises(DataError, match="1 rows are too few: a split would be empty"):
        split([{"text": "one"}])
    with pytest.raises(KerasftError, match=r"`problem` must be one of .* received: 'x'"):
        split(source({"a": 2, "b": 2}), problem="x")


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, 4), min_size=2).filter(
        lambda c: sum(c.values()) > len(c) + 1
    ),
    st.floats(0.001, 0.9),
    st.sampled_from([0, 0.01, 0.2]),
    st.integers(0, 99),
)
def test_no_part_is_empty_and_no_label_is_lost_to_train(counts, dev, test, seed):
    if test and sum(counts.values()) * min(dev + test, 1) > sum(counts.values()) - 2:
        return
    parts = split(source(counts), dev=dev, test=test, seed=seed)
    assert all(len(part) for part in parts if part is not None)
    assert set(parts[0].columns["label"]) == set(counts)
    assert sum(len(part) for part in parts if part is not None) == sum(counts.values())


def test_a_rare_class_stays_in_train_at_every_seed():
    rows = [*source({"a": 20, "b": 20}), {"text": "r", "label": "rare"}]
    for seed in range(50):
        train, dev, _ = split(rows, seed=seed)
        assert (len(train), len(dev)) == (37, 4)
        assert "rare" in train.columns["label"]


def test_parts_are_smaller_where_train_needs_the_rows(caplog):
    train, dev, _ = split(source({"a": 1, "b": 2, "c": 1}), dev=0.5)
    assert (len(train), dev.columns["label"]) == (3, ["b"])
    assert "so that train has every label" in caplog.text


def test_each_label_of_several_stays_in_train():
    cells = ["a|b", "['b', 'c']", "a", "b", "c", "a, c", "d|a", "", "a|b", "c"]
    for seed in range(30):
        train, dev, _ = split([("t", cell) for cell in cells], dev=3, seed=seed, problem="multi_label")
        assert set(collect_labels(train, problem="multi_label")) == set("abcd")
        assert len(dev) == 3
    rows = [{"text": "t", "rude": int(i == 5), "kind": i % 2} for i in range(12)]
    for seed in range(30):
        train, _, _ = split(rows, seed=seed, columns={"label": ["rude", "kind"]}, problem="multi_label", dev=6)
        assert 1 in train.columns["rude"]


def test_equal_numbers_are_one_stratum():
    rows = [("t", value) for value in ("1", "1.0", 1.0, 1, True)] * 4 + [("t", "2")] * 20
    _, dev, _ = split(rows, dev=10)
    assert sum(str(value) == "2" for value in dev.columns["label"]) == 5


@pytest.mark.parametrize("count", [1, 2, 3, 5, 7, 16, 39, 40, 100])
def test_a_sample_is_exact_and_has_every_label_where_it_can(count):
    counts = {"a": 30, "b": 7, "c": 1, "d": 2}
    for seed in range(10):
        rows = sample(source(counts), count, seed=seed)
        assert len(rows) == min(count, 40)
        if count >= 4:
            assert set(rows.columns["label"]) == set(counts)
    assert texts(sample(source(counts), count, seed=1)) == texts(sample(source(counts), count, seed=1))


def test_a_sample_of_measurements_is_drawn_at_random():
    rows = [{"text": f"t{i}", "label": i / 7} for i in range(40)]
    assert len(sample(rows, 5)) == len(sample(rows, 5, problem="regression")) == 5
    assert len(split(rows)[1]) == 4
    with pytest.raises(KerasftError, match=r"`count` must be a whole number >= 1; received: 0"):
        sample(rows, 0)
