import gc

import numpy as np
import pytest
import tensorflow as tf

import kerasft
from kerasft.data import Batching
from kerasft.demo import tiny
from kerasft.epoch_order import EpochOrder

TEXTS = [f"a good film {'and long ' * (i % 4)}{i}" for i in range(23)]


def epochs_of(dataset, count):
    return [[tf.nest.flatten(batch) for batch in dataset.as_numpy_iterator()] for _ in range(count)]


def assert_same(one, other):
    for a, b in zip(tf.nest.flatten(one), tf.nest.flatten(other), strict=True):
        np.testing.assert_array_equal(a, b)


DATASETS = {
    "memory": lambda store: kerasft.data.text_classification(
        {"text": TEXTS, "label": ["a", "b"] * 11 + ["a"]}, tiny.tokenizer(), labels=["a", "b"], batch_size=4, shuffle=True
    ),
    "token budget": lambda store: kerasft.data.text_classification(
        {"text": TEXTS, "label": ["a", "b"] * 11 + ["a"]}, tiny.tokenizer(), labels=["a", "b"],
        batch_size=Batching(tokens=64), shuffle=True,
    ),
    "files": lambda store: kerasft.data.text_classification(
        {"text": TEXTS, "label": ["a", "b"] * 11 + ["a"]}, tiny.tokenizer(), labels=["a", "b"], batch_size=4, shuffle=True,
        store=store,
    ),
    "masked": lambda store: kerasft.data.masked_lm({"text": TEXTS}, tiny.tokenizer(), batch_size=4, shuffle=True),
}  # fmt: skip


@pytest.mark.parametrize("kind", DATASETS)
def test_every_epoch_has_an_order_of_its_own_that_can_be_drawn_again(kind, tmp_path):
    known = set(EpochOrder.alive())
    dataset = DATASETS[kind](tmp_path)
    orders = set(EpochOrder.alive()) - known
    epochs = epochs_of(dataset, 3)
    assert {order.started for order in orders} == {3}
    assert any(not np.array_equal(a, b) for a, b in zip(epochs[0][0], epochs[1][0]))
    for order in orders:
        order.started = 1
    assert_same(epochs_of(dataset, 2), epochs[1:])
    assert_same(epochs_of(DATASETS[kind](tmp_path), 3), epochs)  # another process would draw the same


def test_the_rows_of_a_batch():
    known = set(EpochOrder.alive())
    dataset = DATASETS["memory"](None)
    (order,) = set(EpochOrder.alive()) - known
    rows = [batch.tolist() for batch in order.batch_rows(1).as_numpy_iterator()]
    assert sorted(row for batch in rows for row in batch) == list(range(23))
    second = epochs_of(dataset, 2)[1]
    lengths = [sorted(batch[0].sum(axis=1).tolist()) for batch in second]  # (B, S) padding masks
    real = np.array([len(tiny.tokenizer()(text)["input_ids"]) for text in TEXTS])
    assert lengths == [sorted(real[batch].tolist()) for batch in rows]


def test_orders_end_with_their_datasets():
    known = set(EpochOrder.alive())
    DATASETS["memory"](None)
    gc.collect()
    assert set(EpochOrder.alive()) <= known
