import keras
import numpy as np
import pytest

from kerasft.callbacks import Evaluation, best_checkpoint
from kerasft.errors import KerasftError
from tests.callbacks import tiny_training


def fit(*callbacks, epochs=3):
    data = tiny_training.dataset()
    options = {"validation_data": data, "epochs": epochs, "shuffle": False, "verbose": 0}
    return tiny_training.model().fit(data, callbacks=list(callbacks), **options)


def test_what_comes_after_sees_the_numbers(tmp_path):
    scores = iter([0.1, 0.3, 0.2])
    history = fit(
        Evaluation(lambda: {"f1": next(scores), "rows": np.int64(4), "label": "a", "nothing": None, "flag": True}),
        best_checkpoint(tmp_path / "best.weights.h5", "val_f1"),
        keras.callbacks.EarlyStopping("val_f1", mode="max", patience=1),
    ).history
    assert history["val_f1"] == [0.1, 0.3, 0.2]
    assert history["val_rows"] == [4.0] * 3
    assert not {"val_label", "val_nothing", "val_flag"} & set(history)
    assert '"epoch": 2' in (tmp_path / "best.weights.h5.json").read_text()


def test_a_name_that_is_taken_needs_another_prefix():
    with pytest.raises(KerasftError, match=r"`evaluate` must be without names .*val_loss.*received: 'loss'"):
        fit(Evaluation(lambda: {"loss": 1.0}))
    assert fit(Evaluation(lambda: {"loss": 1.0}, prefix="generated_"), epochs=1).history["generated_loss"] == [1.0]


def test_not_a_function_or_not_numbers_by_name():
    with pytest.raises(KerasftError, match=r"`evaluate` must be a function without arguments; received: 0.5"):
        Evaluation(0.5)
    with pytest.raises(KerasftError, match=r"a function that returns a dictionary of numbers; received: 0.5"):
        fit(Evaluation(lambda: 0.5))


def test_logs_may_be_missing():
    Evaluation(lambda: {"f1": 0.5}).on_epoch_end(0)
