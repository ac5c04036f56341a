"""Equal and undefined values: the loss decides, and one line says so."""

import json
import logging

import keras
import numpy as np
import pytest

from kerasft.callbacks import best_checkpoint, early_stopping
from kerasft.callbacks.best_value import BestValue

NAN = float("nan")


class Logs(keras.callbacks.Callback):
    """Gives each epoch's logs the next values, and a weight that says which epoch it was."""

    def __init__(self, **columns):
        super().__init__()
        self.columns = columns

    def on_epoch_end(self, epoch, logs=None):
        self.model.set_weights([np.full((1, 1), float(epoch))])
        for name, values in self.columns.items():
            logs[name] = values[epoch]


def fit(callback, **columns):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    model.compile("sgd", "mse", run_eagerly=True)
    epochs = len(next(iter(columns.values())))
    history = model.fit(
        np.ones((1, 1)), np.ones((1, 1)), epochs=epochs, verbose=0, callbacks=[Logs(**columns), callback]
    )
    return model, len(history.epoch)


CASES = {  # monitored values, losses -> the best epoch
    "equal": ([0.0, 0.0, 0.0, 0.0], [0.9, 0.5, 0.4, 0.6], 2),
    "undefined": ([NAN, NAN, NAN], [0.9, 0.5, 0.6], 1),
    "a number beats none": ([NAN, 0.1, NAN], [0.2, 0.9, 0.1], 1),
    "the greater value wins whatever the loss": ([0.1, 0.3, 0.2], [0.1, 0.9, 0.2], 1),
    "equal to the best, not to the last": ([0.5, 0.2, 0.5], [0.9, 0.1, 0.8], 2),
    "a loss of NaN does not count": ([0.0, 0.0, 0.0], [NAN, 0.5, NAN], 1),
    "equal losses too: the first": ([0.0, 0.0], [0.5, 0.5], 0),
}


@pytest.mark.parametrize("case", CASES)
def test_the_loss_decides_between_equal_and_undefined_values(case, tmp_path):
    values, losses, expected = CASES[case]
    fit(best_checkpoint(tmp_path / "best.keras", "val_spearman"), val_spearman=values, val_loss=losses)
    best = keras.models.load_model(tmp_path / "best.keras")
    assert best.get_weights()[0].item() == expected
    assert json.loads((tmp_path / "best.keras.json").read_text())["epoch"] == expected + 1
    model, _ = fit(early_stopping("val_spearman", patience=9), val_spearman=values, val_loss=losses)
    assert model.get_weights()[0].item() == expected


def test_early_stopping_waits_while_the_loss_falls():
    flat = {"val_f1": [0.0] * 6, "val_loss": [0.9, 0.8, 0.7, 0.7, 0.7, 0.1]}
    assert fit(early_stopping("val_f1", patience=2), **flat)[1] == 5


def test_min_delta_holds_for_both():
    best = BestValue("val_f1", "max", min_delta=0.1)
    logs = [(0.5, 1.0), (0.55, 0.1), (0.5, 0.95), (0.5, 0.8), (0.7, 2.0)]
    found = [best.improves({"val_f1": value, "val_loss": loss}, epoch) for epoch, (value, loss) in enumerate(logs)]
    assert found == [True, False, False, True, True]


def test_a_monitored_loss_has_no_other_to_decide(caplog):
    best = BestValue("val_loss", "min")
    assert [best.improves({"val_loss": value}, 0) for value in (NAN, 0.5, 0.5, NAN, 0.4)] == [
        False,
        True,
        False,
        False,
        True,
    ]
    assert not caplog.records


def test_without_val_loss_the_training_loss_decides():
    best = BestValue("val_mrr_at_10", "max")
    assert [best.improves({"val_mrr_at_10": 1.0, "loss": loss}, 0) for loss in (0.5, 0.4)] == [True, True]


def test_it_is_said_once(caplog, tmp_path):
    with caplog.at_level(logging.WARNING, "kerasft"):
        fit(best_checkpoint(tmp_path / "best.keras", "val_f1"), val_f1=[0.0] * 4, val_loss=[0.9, 0.5, 0.4, 0.6])
    (record,) = caplog.records
    expected = "val_f1 is 0.0000 in epochs 1 and 2: ties and undefined values are resolved by val_loss."
    assert expected in record.getMessage()
    caplog.clear()
    with caplog.at_level(logging.WARNING, "kerasft"):
        fit(early_stopping("val_f1"), val_f1=[NAN, NAN], val_loss=[0.9, 0.5])
    assert "val_f1 is undefined (NaN) in epochs 1 and 2" in caplog.text
