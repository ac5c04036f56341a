import itertools
import json
import os
import pathlib
import signal
import subprocess
import sys

import keras
import numpy as np
import pytest

import kerasft
from kerasft import locks
from kerasft.callbacks import Resumable, TensorBoard, Throughput, best_checkpoint, early_stopping, resume
from kerasft.callbacks.checkpoint_files import checkpoints
from kerasft.callbacks.training_state import state_variables
from kerasft.demo import tiny
from kerasft.errors import CheckpointError, KerasftError
from tests.callbacks import tiny_training

ROWS = [
    (f"a {word} film", label)
    for word, label in itertools.product(("good", "bad", "dull", "fine", "odd"), ("negative", "positive"))
]
LABELS = ("negative", "positive")
STEPS = 5
EPOCHS = 3


class Killed(Exception):
    pass


class Kill(keras.callbacks.Callback):
    """Raises after so many steps of the run, or at the end of an epoch, or in a validation."""

    def __init__(self, step=None, *, epoch_end=None, validation=None, action=None):
        super().__init__()
        self.step, self.epoch_end, self.validation = step, epoch_end, validation
        self.done = self.validations = 0
        self.action = action or self.die

    @staticmethod
    def die():
        raise Killed

    def on_epoch_begin(self, epoch, logs=None):
        self.done = epoch * STEPS

    def on_train_batch_end(self, batch, logs=None):
        self.done += 1
        if self.done == self.step:
            self.action()

    def on_test_begin(self, logs=None):
        self.validations += 1
        if self.validations == self.validation:
            self.action()

    def on_epoch_end(self, epoch, logs=None):
        if epoch == self.epoch_end:
            self.action()


def small_model():
    """A bag of words with dropout; eager, since compiling would take most of the time."""
    inputs = {
        name: keras.Input((None,), dtype="int32", name=name) for name in ("token_ids", "segment_ids", "padding_mask")
    }
    states = keras.layers.Embedding(200, 4)(inputs["token_ids"])
    pooled = keras.layers.GlobalAveragePooling1D()(states, mask=keras.ops.cast(inputs["padding_mask"], "bool"))
    logits = keras.layers.Dense(2, name="logits")(keras.layers.Dropout(0.5)(pooled))
    return keras.Model(inputs, logits)


def train(folder, *extra, rows=ROWS, seed=3, epochs=EPOCHS, rate=0.01, accumulation=None, callbacks=(), **options):
    """A whole program: everything new from the seed, as after a restart."""
    keras.utils.set_random_seed(1)
    model = small_model()
    train = kerasft.data.text_classification(
        rows, tiny.tokenizer(), labels=LABELS, batch_size=2, shuffle=True, seed=seed
    )
    optimizer = kerasft.optimizers.AdamW(rate, gradient_accumulation_steps=accumulation, jit_compile=False)
    loss = kerasft.losses.SparseCategoricalCrossentropy()
    model.compile(optimizer, loss, metrics=["accuracy"], run_eagerly=True)
    watch = [*callbacks, resume(folder, **{"delete_at_end": False, **options}), *extra]
    history = model.fit(train, validation_data=train.take(2), epochs=epochs, verbose=0, callbacks=watch, shuffle=False)
    return model, history


def state(model, history):
    numbers = {name: values for name, values in history.history.items() if "per_second" not in name}
    return [value.numpy() for value in map(keras.ops.convert_to_tensor, state_variables(model))], history.epoch, numbers


def assert_same(one, other):
    assert one[1:] == other[1:]
    for a, b in zip(one[0], other[0], strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    return state(*train(tmp_path_factory.mktemp("undisturbed")))


@pytest.mark.parametrize(
    "kills",
    [
        [Kill(1), Kill(4)], [Kill(5), Kill(6)], [Kill(13), Kill(14), Kill(15)], [Kill(epoch_end=0)],
        [Kill(validation=2), Kill(validation=1), Kill(12)], [Kill(epoch_end=2)],
    ],
    ids=lambda kills: "-".join(f"{k.step or ''}{'v' * bool(k.validation)}{'e' * (k.epoch_end is not None)}" for k in kills),
)  # fmt: skip
def test_a_resumed_training_is_that_of_an_uninterrupted_one(undisturbed, tmp_path, kills):
    for kill in kills:
        kill.done = kill.validations = 0
        with pytest.raises(Killed):
            train(tmp_path, kill, every_steps=1)
    assert_same(state(*train(tmp_path, every_steps=1)), undisturbed)


def test_what_callbacks_know_survives(tmp_path):
    def watch(folder):
        early = early_stopping("val_loss", patience=1, min_delta=10)  # stops after the second epoch
        board = TensorBoard(folder / "logs", update_freq=2)
        return [early, best_checkpoint(folder / "best.weights.h5", "val_loss"), board, Throughput()]

    (tmp_path / "whole").mkdir()
    whole = state(*train(tmp_path / "whole" / "r", callbacks=watch(tmp_path / "whole")))
    assert whole[1] == [0, 1]
    (tmp_path / "killed").mkdir()
    for kill in (Kill(3), Kill(validation=1), Kill(7), Kill(epoch_end=1)):
        with pytest.raises(Killed):
            train(tmp_path / "killed" / "r", kill, callbacks=watch(tmp_path / "killed"), every_steps=1)
    assert_same(state(*train(tmp_path / "killed" / "r", callbacks=watch(tmp_path / "killed"))), whole)
    _again, history = train(tmp_path / "killed" / "r", callbacks=watch(tmp_path / "killed"))
    assert history.epoch == [0, 1]  # complete: trained no more, and the history is there
    records = [json.loads((tmp_path / each / "best.weights.h5.json").read_text()) for each in ("whole", "killed")]
    assert records[0] == records[1]


def test_a_callback_of_the_users_own(tmp_path):
    class Count(Resumable):
        epochs = 0
        seen = ()

        def on_epoch_end(self, epoch, logs=None):
            self.epochs += 1
            self.seen = [*self.seen, np.array([epoch])]

        def get_state(self):
            return {"epochs": self.epochs, "seen": list(self.seen)}

        def set_state(self, state):
            self.epochs, self.seen = state["epochs"], state["seen"]

    with pytest.raises(Killed):
        train(tmp_path, Kill(12), callbacks=[Count()], every_steps=1)
    count = Count()
    train(tmp_path, callbacks=[count])
    assert count.epochs == 3
    assert [int(each[0]) for each in count.seen] == [0, 1, 2]


def test_a_damaged_checkpoint_is_passed_over(undisturbed, tmp_path, caplog):
    with pytest.raises(Killed):
        train(tmp_path, Kill(8), every_steps=1)
    assert [path.name for path in checkpoints(tmp_path)] == ["epoch-00001-step-00000002", "epoch-00001-step-00000003"]
    arrays = checkpoints(tmp_path)[-1] / "arrays.safetensors"
    content = bytearray(arrays.read_bytes())
    content[-1] ^= 1
    arrays.write_bytes(content)
    assert_same(state(*train(tmp_path)), undisturbed)
    assert "is damaged" in caplog.text
    assert "Resuming from the checkpoint of epoch 2, step 2" in caplog.text
    for path in checkpoints(tmp_path):
        (path / "checkpoint.json").write_text("{}")
    with pytest.raises(CheckpointError, match="2 of 2 are damaged"):
        train(tmp_path)
    assert not locks.has_locked(tmp_path)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"rate": 0.02}, r"optimizer.learning_rate: 0.009.* -> 0.019"),
        ({"seed": 4}, "training data, seed: 3 -> 4"),
        ({"rows": [*ROWS, ("a new film", "negative")]}, "steps per epoch: 5 -> 6"),
        ({"rows": [*ROWS[:-1], ("a new film", "negative")]}, "training data, checksum: "),
        ({"settings": {"max_length": 64}}, "max_length: 32 -> 64"),
    ],
)
def test_changes_are_named_and_refused(tmp_path, changed, said):
    options = {"settings": {"max_length": 32}, "every_steps": 1}
    with pytest.raises(Killed):
        train(tmp_path, Kill(3), **options)
    with pytest.raises(CheckpointError, match=f"(?s){said}.*--resume-anyway"):
        train(tmp_path, **options | changed)
    assert train(tmp_path, **options | changed, anyway=True)[1].epoch == [0, 1, 2]


def test_another_model_is_refused(tmp_path):
    data = np.ones((4, 2)), np.ones((4, 1))
    for units, error in ((2, None), (3, r"kernel of shape \(2, 2\), not \S*kernel of shape \(2, 3\)")):
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(units), keras.layers.Dense(1)])
        model.compile("sgd", "mse", run_eagerly=True)
        if error is None:
            model.fit(*data, verbose=0, callbacks=[resume(tmp_path, delete_at_end=False)])
        else:
            with pytest.raises(CheckpointError, match=error):
                model.fit(*data, verbose=0, callbacks=[resume(tmp_path)])


def test_data_that_is_not_ours_is_resumed_by_epochs(tmp_path, caplog):
    def fit(*callbacks):
        model = tiny_training.model()
        callbacks = [resume(tmp_path, every_steps=1), *callbacks]
        history = model.fit(tiny_training.dataset(), epochs=2, verbose=0, callbacks=callbacks, shuffle=False)
        return state(model, history)

    whole = fit()
    with pytest.raises(Killed):
        fit(Kill(epoch_end=1))
    assert "at the end of epochs only" in caplog.text
    assert [path.name for path in checkpoints(tmp_path)] == ["epoch-00001-step-00000000"]
    assert_same(fit(), whole)
    assert checkpoints(tmp_path) == []


def test_two_trainings_cannot_share_a_folder(tmp_path):
    code = (
        "import pathlib, sys; from kerasft import locks;"
        "locks.lock_folder(pathlib.Path(sys.argv[1]), name='folder', value='x'); print('locked', flush=True); input()"
    )
    environment = {**os.environ, "PYTHONPATH": str(pathlib.Path(kerasft.__file__).parents[1])}
    other = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip
    assert other.stdout.readline() == "locked\n"
    with pytest.raises(KerasftError, match=f"process {other.pid} on .* is writing there"):
        train(tmp_path)
    other.kill()
    other.communicate()
    assert train(tmp_path, epochs=1)[1].epoch == [0]


def test_a_full_disk_does_not_end_the_training(undisturbed, tmp_path, caplog, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("kerasft.callbacks.checkpoint_files.check_room", full)
    assert_same(state(*train(tmp_path, every_steps=2)), undisturbed)
    assert "No checkpoint could be written" in caplog.text
    assert "No space left on device" in caplog.text


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("where", [{"step": 7}, {"validation": 2}, {"epoch_end": 0}])
def test_a_signal_writes_a_checkpoint_first(undisturbed, tmp_path, caplog, number, where):
    def stopped(number, frame):
        raise Killed

    before = signal.signal(number, stopped)
    try:
        with pytest.raises(Killed):
            train(tmp_path, Kill(**where, action=lambda: signal.raise_signal(number)))
        assert signal.getsignal(number) is stopped
    finally:
        signal.signal(number, before)
    assert "run the same program again to continue" in caplog.text
    assert not locks.has_locked(tmp_path)
    assert_same(state(*train(tmp_path)), undisturbed)


def test_a_signal_after_a_failed_training_works_as_before(tmp_path):
    with pytest.raises(Killed):
        train(tmp_path, Kill(3))
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_weights_that_are_not_finite_are_not_saved(tmp_path):
    class Break(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 2:
                self.model.get_layer("logits").bias.assign([np.nan, np.nan])

    def break_and_stop():
        train(tmp_path, Break(), kerasft.callbacks.StopOnNonFinite(), every_steps=1)

    with pytest.raises(
        KerasftError, match=r"epoch 1, step 4, rows \d+, \d+ of .* checkpoint is that of epoch 1, step 3 in"
    ):
        break_and_stop()
    assert checkpoints(tmp_path)[-1].name == "epoch-00000-step-00000003"


def test_accumulated_gradients_survive(tmp_path):
    whole = state(*train(tmp_path / "whole", accumulation=2))
    with pytest.raises(Killed):
        train(tmp_path / "killed", Kill(8), accumulation=2, every_steps=3)
    assert_same(state(*train(tmp_path / "killed", accumulation=2)), whole)


def test_by_time(tmp_path, monkeypatch):
    now = iter(range(0, 100_000, 40))
    monkeypatch.setattr("kerasft.callbacks.resuming.time.monotonic", lambda: next(now))
    with pytest.raises(Killed):
        train(tmp_path, Kill(4), every_minutes=1)
    assert [path.name for path in checkpoints(tmp_path)] != []


@pytest.mark.parametrize(("argument", "value"), [("every_minutes", 0), ("every_steps", 0), ("every_steps", 1.5)])
def test_invalid_intervals(argument, value):
    with pytest.raises(KerasftError, match=argument):
        resume("r", **{argument: value})


def test_a_signal_while_skipping_changes_nothing(undisturbed, tmp_path):
    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 1:
                signal.raise_signal(signal.SIGINT)

    with pytest.raises(Killed):
        train(tmp_path, Kill(4), every_steps=2)
    before = [path.name for path in checkpoints(tmp_path)]
    assert before == ["epoch-00000-step-00000002", "epoch-00000-step-00000004"]
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, Stop())
    assert [path.name for path in checkpoints(tmp_path)] == before
    assert_same(state(*train(tmp_path)), undisturbed)


def test_a_later_fit_writes_no_checkpoints(tmp_path):
    keras.utils.set_random_seed(1)
    model = tiny_training.model()
    fit = {"shuffle": False, "verbose": 0}
    with pytest.raises(Killed):
        model.fit(tiny_training.dataset(), callbacks=[resume(tmp_path, every_steps=1), Kill(2)], **fit)
    names = sorted(path.name for path in tmp_path.iterdir())
    model.fit(tiny_training.dataset(), epochs=3, **fit)
    assert sorted(path.name for path in tmp_path.iterdir()) == names
