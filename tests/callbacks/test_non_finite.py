import keras
import numpy as np
import pytest

from kerasft.callbacks import StopOnNonFinite, best_checkpoint, load_best_weights, resume
from kerasft.callbacks.checkpoint_files import read_checkpoint
from kerasft.errors import KerasftError
from tests.callbacks import tiny_training


class Break(keras.callbacks.Callback):
    """Puts a NaN into the weights before a step."""

    def __init__(self, epoch, step):
        super().__init__()
        self.epoch, self.step = epoch, step

    def on_epoch_begin(self, epoch, logs=None):
        self.now = epoch

    def on_train_batch_begin(self, batch, logs=None):
        if (self.now, batch) == (self.epoch, self.step):
            self.model.layers[-1].bias.assign([np.nan, 0.0])


def test_says_where_and_with_which_rate():
    model = tiny_training.model()
    with pytest.raises(KerasftError, match=r"received: nan in epoch 2, step 3 \(learning_rate 0\.05\)\..*Lower"):
        model.fit(
            tiny_training.dataset(), shuffle=False, epochs=3, verbose=0, callbacks=[StopOnNonFinite(), Break(1, 2)]
        )


@pytest.mark.parametrize("guard_first", [True, False])
def test_broken_weights_are_never_saved(tmp_path, guard_first):
    model = tiny_training.model()
    best = tmp_path / "best.weights.h5"
    callbacks = [best_checkpoint(best, "loss"), resume(tmp_path / "resume")]
    callbacks = [StopOnNonFinite(), *callbacks] if guard_first else [*callbacks, StopOnNonFinite()]
    with pytest.raises(KerasftError, match="The last good checkpoint is that of the end of epoch 1"):
        model.fit(tiny_training.dataset(), shuffle=False, epochs=3, verbose=0, callbacks=[*callbacks, Break(1, 0)])
    load_best_weights(model, best)
    assert all(np.isfinite(weight).all() for weight in model.get_weights())
    arrays = read_checkpoint(tmp_path / "resume").arrays
    assert all(np.isfinite(array).all() for name, array in arrays.items() if name.startswith("variable"))


def test_finite_training_goes_on():
    history = tiny_training.model().fit(
        tiny_training.dataset(), shuffle=False, epochs=2, verbose=0, callbacks=[StopOnNonFinite()]
    )
    assert len(history.history["loss"]) == 2


def test_the_rate_is_found_under_loss_scaling():
    model = tiny_training.model(optimizer=keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.25)))
    with pytest.raises(KerasftError, match=r"learning_rate 0\.25"):
        model.fit(tiny_training.dataset(), shuffle=False, verbose=0, callbacks=[StopOnNonFinite(), Break(0, 1)])
