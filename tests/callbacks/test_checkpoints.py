import json

import h5py
import keras
import numpy as np
import pytest

from kerasft.callbacks import best_checkpoint, best_epoch, early_stopping, load_best_weights, resume
from kerasft.errors import KerasftError
from tests.callbacks import tiny_training


class Killed(Exception):
    pass


class Kill(keras.callbacks.Callback):
    """Raises in the middle of an epoch, as a lost machine would end it."""

    def __init__(self, epoch, step=1):
        super().__init__()
        self.epoch, self.step = epoch, step

    def on_epoch_begin(self, epoch, logs=None):
        self.now = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self.now, batch) == (self.epoch, self.step):
            raise Killed


class Values(keras.callbacks.Callback):
    """Gives the logs of each epoch the next value."""

    def __init__(self, name, values):
        super().__init__()
        self.name, self.values = name, list(values)

    def on_epoch_end(self, epoch, logs=None):
        logs[self.name] = self.values[epoch]


def fit(model, *callbacks, epochs=4):
    return model.fit(tiny_training.dataset(), shuffle=False, epochs=epochs, verbose=0, callbacks=list(callbacks))


@pytest.mark.parametrize(
    ("monitor", "mode"),
    [
        ("loss", "min"),
        ("val_loss", "min"),
        ("val_mse", "min"),
        ("val_mean_absolute_error", "min"),
        ("perplexity", "min"),
        ("val_binary_crossentropy", "min"),
        ("val_accuracy", "max"),
        ("val_f1", "max"),
        ("val_f1_macro", "max"),
        ("val_matthews", "max"),
        ("val_pearson", "max"),
        ("val_spearman", "max"),
        ("val_exact_match", "max"),
    ],
)
def test_direction_is_found_from_the_name(monitor, mode):
    assert early_stopping(monitor).mode == mode
    assert best_checkpoint("x.keras", monitor).mode == mode


def test_unknown_direction_is_an_error_that_mode_mends():
    with pytest.raises(KerasftError, match=r"`monitor` must be .*received: 'val_foo'\. Add mode="):
        early_stopping("val_foo")
    assert best_checkpoint("x.keras", "val_foo", mode="max").mode == "max"
    with pytest.raises(KerasftError, match=r"`mode` must be 'min', 'max' or None; received: 'up'"):
        early_stopping("val_loss", mode="up")


@pytest.mark.parametrize("make", [early_stopping, lambda monitor: best_checkpoint("x.keras", monitor)])
def test_a_value_that_does_not_exist_is_an_error(make):
    with pytest.raises(KerasftError, match=r"one of the logged values \(accuracy, loss\); received: 'val_f1'"):
        fit(tiny_training.model(), make("val_f1"))


def test_early_stopping_waits_and_goes_back_to_the_best():
    model, seen = tiny_training.model(), []
    keep = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(model.get_weights()))
    values = Values("val_f1", [0.1, 0.8, 0.5, 0.7, 0.9])
    history = fit(model, values, keep, early_stopping("val_f1", patience=2), epochs=5)
    assert len(history.epoch) == 4
    np.testing.assert_array_equal(model.get_weights()[0], seen[1][0])


@pytest.mark.parametrize("name", ["best.keras", "sub/folder/best.weights.h5"])
def test_best_checkpoint_keeps_the_best_epoch(tmp_path, name):
    model, seen = tiny_training.model(), []
    keep = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(model.get_weights()))
    values = Values("val_matthews", [0.1, 0.8, float("nan"), 0.7])
    fit(model, values, keep, best_checkpoint(tmp_path / name, "val_matthews"))
    if name.endswith(".keras"):
        best = keras.models.load_model(tmp_path / name)
    else:
        best = model  # its optimizer is none of the file's business
        load_best_weights(best, tmp_path / name)
    for expected, received in zip(seen[1], best.get_weights(), strict=True):
        np.testing.assert_array_equal(expected, received)
    record = json.loads((tmp_path / f"{name}.json").read_text())
    assert (record["monitor"], record["value"], record["epoch"]) == ("val_matthews", 0.8, 2)
    assert best_epoch(tmp_path / name) == 2
    assert best_epoch(tmp_path / "other.keras") is None
    assert not list(tmp_path.rglob("*writing-*"))


def test_best_weights_hold_no_optimizer(tmp_path):
    model, path = tiny_training.model(), tmp_path / "best.weights.h5"
    fit(model, best_checkpoint(path, "loss"), epochs=1)
    names = []
    with h5py.File(path) as file:
        file.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
    assert len(names) == len(model.weights)
    assert not [name for name in names if "optimizer" in name]
    with pytest.raises(ValueError, match="optimizer"):
        tiny_training.model().load_weights(path)  # why there is `load_best_weights`


def test_a_crash_while_saving_leaves_the_old_file_whole(tmp_path, monkeypatch):
    model, path = tiny_training.model(), tmp_path / "best.keras"
    fit(model, Values("val_f1", [0.5]), best_checkpoint(path, "val_f1"), epochs=1)
    before = path.read_bytes()

    def half_saved(file):
        file.write_bytes(b"half")
        raise Killed

    monkeypatch.setattr(model, "save", half_saved)
    with pytest.raises(Killed):
        fit(model, Values("val_f1", [0.9]), best_checkpoint(path, "val_f1"), epochs=1)
    assert path.read_bytes() == before
    assert sorted(file.name for file in tmp_path.iterdir()) == ["best.keras", "best.keras.json"]


def test_a_resumed_training_does_not_overwrite_a_better_model(tmp_path):
    values, path = Values("val_f1", [0.9, 0.2, 0.3, 0.1]), tmp_path / "best.weights.h5"
    with pytest.raises(Killed):
        fit(tiny_training.model(), resume(tmp_path / "r"), values, best_checkpoint(path, "val_f1"), Kill(2))
    before = path.read_bytes()
    fit(tiny_training.model(), resume(tmp_path / "r"), values, best_checkpoint(path, "val_f1"))
    assert path.read_bytes() == before
    fit(tiny_training.model(), values, best_checkpoint(path, "val_f1"), epochs=1)  # a new training starts anew
    assert path.read_bytes() != before


def test_checkpoint_of_another_suffix_is_refused():
    with pytest.raises(KerasftError, match=r"`path` must be .*received: 'best\.h5'"):
        best_checkpoint("best.h5", "val_loss")
