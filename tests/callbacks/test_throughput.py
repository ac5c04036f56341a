import time

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasft.callbacks import Throughput
from kerasft.callbacks.throughput import BatchCounter
from tests.callbacks import tiny_training


class Sleep(keras.callbacks.Callback):
    """Makes validation slow."""

    def on_test_batch_end(self, batch, logs=None):
        time.sleep(0.2)


def test_counts_each_example_and_real_token_of_training_once():
    model = tiny_training.model(eager=False)
    counter = BatchCounter.of(model)
    model.fit(tiny_training.dataset(), shuffle=False, epochs=3, validation_data=tiny_training.dataset(), verbose=0)
    assert counter.read() == (36, 3 * tiny_training.REAL_TOKENS)


def test_counts_after_an_earlier_fit_without_it():
    model = tiny_training.model(eager=False)
    model.fit(tiny_training.dataset(), shuffle=False, verbose=0)
    history = model.fit(tiny_training.dataset(), shuffle=False, verbose=0, callbacks=[Throughput()])
    assert history.history["tokens_per_second"][0] > 0


def test_is_attached_once():
    model = tiny_training.model(eager=False)
    counter, step = BatchCounter.of(model), model.train_step
    assert BatchCounter.of(model) is counter
    assert model.train_step is step


@pytest.mark.parametrize("steps_per_execution", [1, 3])
def test_counts_under_a_strategy_and_with_several_steps_a_call(steps_per_execution):
    with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
        model = tiny_training.model(eager=False)
        model.compile(
            "sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True), steps_per_execution=steps_per_execution
        )
    counter = BatchCounter.of(model)
    model.fit(tiny_training.dataset(), shuffle=False, verbose=0)
    assert counter.read() == (12, tiny_training.REAL_TOKENS)


def test_counting_changes_no_weight_and_saves_nothing(tmp_path):
    plain, counted = tiny_training.model(eager=False), tiny_training.model(eager=False)
    BatchCounter.of(counted)
    for model in (plain, counted):
        keras.utils.set_random_seed(1)
        model.fit(tiny_training.dataset(), shuffle=False, epochs=2, verbose=0)
    for expected, received in zip(plain.get_weights(), counted.get_weights(), strict=True):
        np.testing.assert_array_equal(expected, received)
    counted.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(
        loaded.predict(tiny_training.features(), verbose=0), counted.predict(tiny_training.features(), verbose=0)
    )


def test_models_without_masks_have_examples_only():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    history = model.fit(np.ones((8, 3)), np.ones((8, 1)), verbose=0, callbacks=[Throughput()])
    assert "examples_per_second" in history.history
    assert "tokens_per_second" not in history.history


def test_validation_time_does_not_count():
    model = tiny_training.model(eager=False)
    history = model.fit(
        tiny_training.dataset(),
        shuffle=False,
        validation_data=tiny_training.dataset(),
        epochs=2,
        verbose=0,
        callbacks=[Throughput(), Sleep()],
    )
    assert history.history["examples_per_second"][1] > 12 / 0.5  # three batches of validation sleep 0.6 s


def test_compiling_does_not_count():
    model = tiny_training.model(eager=False)
    start = time.perf_counter()
    history = model.fit(tiny_training.dataset(), shuffle=False, verbose=0, callbacks=[Throughput()])
    assert history.history["examples_per_second"][0] > 8 / (time.perf_counter() - start)


def test_stands_in_the_progress_bar(capsys):
    tiny_training.model(eager=False).fit(tiny_training.dataset(), shuffle=False, verbose=2, callbacks=[Throughput()])
    assert "tokens_per_second:" in capsys.readouterr().out
