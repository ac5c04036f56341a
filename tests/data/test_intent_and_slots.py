"""From utterances to what the two-output model reads."""

import logging

import numpy as np
import pytest

from kerasft import data
from kerasft.data import collect_intents, read_tags
from kerasft.data.intent_and_slots import encode_intents, report_unknown_intents
from kerasft.errors import DataError
from kerasft.features import TOKEN_IDS, Labels
from tests import tiny

SLOTS = ["O", "B-card", "I-card"]
ROWS = [(["pay", "my", "card"], ["O", "O", "B-card"], "pay"), (["lost"], ["O"], "lost")]


def batch(rows, **options):
    return next(iter(data.intent_and_slots(rows, tiny.tokenizer(), intents=["lost", "pay"], labels=SLOTS, **options)))


def test_targets_and_weights_by_output():
    features, y, weights = batch(ROWS)
    assert y["intent_logits"].numpy().tolist() == [1, 0]
    assert weights["intent_logits"].numpy().tolist() == [1.0, 1.0]
    assert y["slot_logits"].shape == weights["slot_logits"].shape == features[TOKEN_IDS].shape
    assert y["slot_logits"].numpy()[0].tolist() == [0, 0, 0, 1, 0]
    assert float(np.sum(weights["slot_logits"])) == 4


def test_the_intent_counts_in_the_first_window_only():
    _, y, weights = batch([(["pay", "my", "card"] * 6, ["O"] * 18, "pay")], max_length=8, stride=2)
    assert len(y["intent_logits"]) > 2
    assert set(y["intent_logits"].numpy()) == {1}
    assert weights["intent_logits"].numpy().tolist() == [1.0] + [0.0] * (len(y["intent_logits"]) - 1)
    assert float(np.sum(weights["slot_logits"])) == 18


def test_the_number_of_batches_is_known():
    dataset = data.intent_and_slots(
        ROWS * 5, tiny.tokenizer(), intents=["lost", "pay"], labels=SLOTS, batch_size=4, shuffle=True
    )
    assert len(dataset) == len(list(dataset)) == 3


def test_an_intent_that_the_model_lacks_weighs_nothing(caplog):
    with caplog.at_level(logging.WARNING, "kerasft"):
        _, y, weights = batch([(["stop", "it"], ["O", "B-stop"], "stop"), *ROWS])
    assert y["intent_logits"].numpy().tolist() == [0, 1, 0]
    assert weights["intent_logits"].numpy().tolist() == [0.0, 1.0, 1.0]
    assert float(np.sum(weights["slot_logits"])) == 5
    assert (
        "1 of 3 rows of Python rows has intents that do not occur in the training rows: stop (1); they count as errors."
        in caplog.text
    )


def test_intents_that_cannot_be_used():
    with pytest.raises(DataError, match="the source has no intents; received"):
        batch([(["a"], ["O"])])
    with pytest.raises(DataError, match="all texts have the same intent; received: 'pay'"):
        data.collect_intents(ROWS[:1])
    with pytest.raises(DataError, match=r"line 2: expected one intent name\. Add"):
        data.read_tags([(["a"], ["O"], "pay"), (["a"], ["O"], None)])


def test_numbers_are_not_taken_for_names_and_equal_ones_are_equal():
    def rows(*intents):
        return read_tags([(["pay"], ["O"], intent) for intent in intents])

    assert list(collect_intents(rows(1, "1.0", 0.0, "0"))) == ["0", "1"]
    assert encode_intents(rows("1", 1.0, True, "0.0"), Labels(["0", "1"])).tolist() == [1, 1, 1, 0]
    with pytest.raises(DataError, match=r"line 2: intents must be names .*: lost, pay; received: '1'. Found intents"):
        report_unknown_intents(rows("pay", 1), Labels(["lost", "pay"]))
    with pytest.raises(DataError, match="intents must be names"):
        report_unknown_intents(rows("pay"), Labels(["0", "1"]))
    assert report_unknown_intents(rows("pay", "sing"), Labels(["lost", "pay"])), "another name counts as an error"
