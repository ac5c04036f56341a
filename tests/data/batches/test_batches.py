"""Batches from memory and from files: every row once an epoch, exact length, the same for a seed, right padding."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from kerasft.data.batches.batching import Batching, cuts, length_class
from kerasft.data.batches.token_dataset import token_dataset
from kerasft.data.batches.token_files import TokenFiles
from kerasft.encoding.token_store import TokenStore
from kerasft.errors import KerasftError
from kerasft.features import PADDING_MASK, SEGMENT_IDS, TOKEN_IDS

PAD = 7


def memory_store(lengths, max_length=40):
    """Row i is filled with the number 1000 + i, so a batch tells its rows; segment 1 begins in its middle."""
    lengths = np.array(lengths, np.int32)
    ids = np.repeat(np.arange(1000, 1000 + len(lengths), dtype=np.int32), lengths)
    return TokenStore(ids, lengths, (lengths + 1) // 2, True, PAD, max_length)


def file_store(folder, lengths, max_length=40, per_shard=7):
    store, files = memory_store(lengths, max_length), []
    for start in range(0, len(lengths), per_shard):
        files.append(str(folder / f"{start:05d}.tfrecord"))
        with tf.io.TFRecordWriter(files[-1]) as writer:
            for i in range(start, min(start + per_shard, len(lengths))):
                row = [i, store.second[i], *[1000 + i] * lengths[i]]
                writer.write(np.array(row, "<i4").tobytes())
    return TokenFiles(tuple(files), store.lengths, True, PAD, max_length, 0)


def epoch(dataset):
    """The row numbers of each batch, after checking everything else about it."""
    rows = []
    for features, y in dataset.as_numpy_iterator():
        ids, mask, segments = features[TOKEN_IDS], features[PADDING_MASK], features[SEGMENT_IDS]
        length = mask.sum(axis=1)
        assert (mask == (np.arange(ids.shape[1]) < length[:, None])).all(), "padding stands on the right"
        assert (ids == np.where(mask, 1000 + y[:, None], PAD)).all()
        assert (segments == mask * (np.arange(ids.shape[1]) >= (length[:, None] + 1) // 2)).all()
        assert {value.dtype for value in features.values()} == {np.dtype("int32")}
        rows.append(y.tolist())
    return rows


def flat(batches):
    return [row for batch in batches for row in batch]


batchings = st.one_of(
    st.builds(Batching, size=st.integers(1, 12), pad_to_multiple_of=st.sampled_from([1, 8, 32])),
    st.builds(Batching, tokens=st.integers(1, 200), pad_to_multiple_of=st.sampled_from([1, 8])),
    st.builds(Batching, size=st.integers(1, 12), fixed_length=st.just(True)),
)


@settings(max_examples=8, deadline=None)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=60), batchings, st.booleans(), st.booleans())
def test_every_row_once_an_epoch(tmp_path_factory, lengths, batching, shuffle, files):
    make = (lambda rows: file_store(tmp_path_factory.getbasetemp(), rows)) if files else memory_store
    dataset = token_dataset(make(lengths), batching, y=np.arange(len(lengths), dtype=np.int32), shuffle=shuffle, seed=1)
    for _ in range(2):
        batches = epoch(dataset)
        assert len(batches) == len(dataset)
        assert sorted(flat(batches)) == list(range(len(lengths)))
        if not shuffle:
            assert flat(batches) == list(range(len(lengths))), "without shuffling the order is the source's"
        for batch in batches:
            assert batching.size is None or len(batch) <= batching.size
    for features, _ in dataset:
        size, width = features[TOKEN_IDS].shape
        assert width % batching.multiple == 0 or width == 40
        assert batching.tokens is None or size == 1 or size * width <= batching.tokens
        assert not batching.fixed_length or width == 40


@pytest.mark.parametrize("files", [False, True])
@pytest.mark.parametrize("batching", [Batching(size=8), Batching(tokens=100)])
def test_seeds(tmp_path, files, batching):
    # Rows for several batches of every length: of a length with a single batch, each epoch has the same one.
    lengths = np.random.default_rng(0).integers(3, 40, 900).tolist()
    store = file_store(tmp_path, lengths, per_shard=30) if files else memory_store(lengths)
    y = np.arange(900, dtype=np.int32)
    datasets = [token_dataset(store, batching, y=y, shuffle=True, seed=seed) for seed in (3, 3, 4)]
    one, same, other = ([epoch(dataset) for _ in range(3)] for dataset in datasets)
    assert one == same, "the same seed gives the same batches in all epochs"
    assert one[0] != one[1] != one[2] != one[0], "every epoch has an order of its own"
    assert one[0] != other[0]
    company = [{frozenset(batch) for batch in batches} for batches in one]
    assert len(company[0] & company[1]) < len(company[0]) / 4, "batches are made anew, not only put in another order"


def test_little_padding():
    lengths = np.random.default_rng(0).geometric(0.05, 5000).clip(3, 128)
    store = memory_store(lengths, max_length=128)
    # A group of batches is sorted together; by a token budget, all rows are.
    for batching, most in (
        (Batching(size=32, pad_to_multiple_of=1), 1.1),
        (Batching(tokens=1024, pad_to_multiple_of=1), 1.05),
    ):
        dataset = token_dataset(store, batching, y=None, shuffle=True, seed=0)
        padded = sum(int(tf.size(features[TOKEN_IDS])) for features in dataset)
        assert padded / lengths.sum() < most


@pytest.mark.parametrize("files", [False, True])
def test_drop_remainder_and_fixed_length_make_static_shapes(tmp_path, files):
    lengths = list(range(1, 24))
    batching = Batching(size=5, drop_remainder=True, fixed_length=True)
    store = file_store(tmp_path, lengths) if files else memory_store(lengths)
    for shuffle in (False, True):
        dataset = token_dataset(store, batching, y=np.arange(23, dtype=np.int32), shuffle=shuffle, seed=0)
        assert dataset.element_spec[0][TOKEN_IDS].shape == (5, 40)
        assert len(dataset) == 4
        epochs = [flat(epoch(dataset)) for _ in range(8)]
        assert {len(rows) for rows in epochs} == {20}
        assert len(set(flat(epochs))) == (23 if shuffle else 20), "other rows are left out every epoch"
    with pytest.raises(KerasftError, match=r"at most 23, the number of rows, .* received: Batching\(size=24"):
        token_dataset(store, Batching(size=24, drop_remainder=True, fixed_length=True), y=None, shuffle=True, seed=0)


def test_the_smaller_batch_is_not_always_of_the_longest_rows():
    y = np.arange(33, dtype=np.int32)
    dataset = token_dataset(memory_store(range(1, 34)), Batching(size=8), y=y, shuffle=True, seed=0)
    short = {next(batch[0] for batch in epoch(dataset) if len(batch) == 1) for _ in range(12)}
    assert len(short) > 2


def test_features_only():
    dataset = token_dataset(memory_store([3, 5]), Batching(size=2), y=None, shuffle=False, seed=0)
    assert set(dataset.element_spec) == {TOKEN_IDS, PADDING_MASK, SEGMENT_IDS}
    store = TokenStore(np.ones(3, np.int32), np.array([3], np.int32), np.array([3], np.int32), False, 0, 8)
    assert set(token_dataset(store, Batching(size=1), y=None, shuffle=True, seed=0).element_spec) == {
        TOKEN_IDS,
        PADDING_MASK,
    }


@pytest.mark.parametrize("value", [0, -1, True, 2.5, "32"])
def test_bad_batch_sizes(value):
    with pytest.raises(KerasftError, match=rf"`batch_size` must be a whole number >= 1; received: {value!r}"):
        Batching.of(value)
    with pytest.raises(KerasftError, match=rf"`tokens` must be a whole number >= 1; received: {value!r}"):
        Batching(tokens=value)
    with pytest.raises(KerasftError, match=rf"`pad_to_multiple_of` must be .* received: {value!r}"):
        Batching(size=1, pad_to_multiple_of=value)


def test_bad_combinations():
    with pytest.raises(KerasftError, match=r"exactly one of `size` and `tokens`"):
        Batching(size=1, tokens=1)
    with pytest.raises(KerasftError, match=r"received: Batching\(size=None"):
        Batching()
    with pytest.raises(KerasftError, match=r"`drop_remainder` must be False with a token budget; received: True"):
        Batching(tokens=8, drop_remainder=True)


@given(st.lists(st.integers(1, 512), min_size=1), st.sampled_from([1, 8, 32]))
def test_length_classes_are_close_and_above(lengths, multiple):
    lengths = np.array(lengths)
    classes = length_class(lengths, Batching(size=1, pad_to_multiple_of=multiple), max_length=512)
    assert (classes >= lengths).all()
    assert (classes - lengths < np.maximum(multiple, lengths / 8)).all()


def test_padding_default_depends_on_the_visible_devices(monkeypatch):
    assert Batching(size=1).multiple == 1
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["device"] if kind == "GPU" else [])
    assert Batching(size=1).multiple == 32
    assert cuts(np.array([3, 3, 3]), Batching(tokens=64), max_length=128).tolist() == [0, 2, 3]


def test_rows_of_any_lengths_share_a_batch_where_similar_ones_are_not_asked_for():
    store = memory_store([1 + row % 40 for row in range(400)])
    spread = {}
    for similar in (True, False):
        batching = Batching(size=8, similar_length=similar)
        batches = epoch(token_dataset(store, batching, y=np.arange(400, dtype=np.int32), shuffle=True, seed=0))
        assert sorted(flat(batches)) == list(range(400))
        spread[similar] = np.mean([np.ptp(store.lengths[rows]) for rows in batches])
    assert spread[True] < 10 < 25 < spread[False]


@pytest.mark.parametrize("rows", [400, 403])  # 403: one batch is smaller, and the cuts after it lie elsewhere
def test_batches_of_any_lengths_are_drawn_at_random(rows):
    store = memory_store([1 + row % 40 for row in range(rows)])
    dataset = token_dataset(
        store, Batching(size=8, similar_length=False), y=np.arange(rows, dtype=np.int32), shuffle=True, seed=0
    )
    means = [store.lengths[batch].mean() for _ in range(6) for batch in epoch(dataset) if len(batch) == 8]
    # The standard deviation of a mean of 8: batches that are sorted, even a little, differ more from one another.
    assert np.std(means) == pytest.approx(np.std(store.lengths) / np.sqrt(8), rel=0.15)
