"""Progress for log files, where Keras writes only one line per epoch."""

import sys
import time

import keras

from kerasft.callbacks.throughput import EXAMPLES_PER_SECOND, BatchCounter, Stopwatch
from kerasft.errors import bad_argument


class ProgressLines(keras.callbacks.Callback):
    """Prints a line at intervals: epoch, step, loss, examples per second, and the remaining time for all epochs.

    For runs whose output is no terminal, with `fit(verbose=2)`. The rate is that since the line before; the time left
    is reckoned from all steps but the first, which compiles the graph.

    Args:
        seconds: Minimum time between two lines, >= 0.

    Raises:
        KerasftError: If `seconds` is negative.

    Example:

    >>> import numpy as np
    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, kernel_initializer="zeros")])
    >>> model.compile("sgd", "mse")
    >>> history = model.fit(np.ones((4, 3)), np.zeros((4, 1)), batch_size=2, verbose=0, callbacks=[ProgressLines(0)])
    epoch 1/1, step 1/2: loss 0.0000, ... examples/s
    epoch 1/1, step 2/2: loss 0.0000, ... examples/s, 0 s left
    """

    def __init__(self, seconds: float = 30.0):
        super().__init__()
        if not seconds >= 0:
            raise bad_argument("seconds", "a number >= 0", seconds, "30 gives little output.")
        self.seconds = seconds

    def set_model(self, model):
        """Attach the counter of examples before Keras compiles the training step."""
        super().set_model(model)
        self._watch = Stopwatch(BatchCounter.of(model))

    def on_train_begin(self, logs=None):
        """Start the clocks."""
        self._steps_done, self._first_step_end = 0, None
        self._start_interval()

    def on_epoch_begin(self, epoch, logs=None):
        """Note the epoch's number; validation is no part of the rate."""
        self._epoch = epoch
        self._watch.start()

    def on_train_batch_end(self, batch, logs=None):
        """Print if it is time."""
        now = time.monotonic()
        if self._first_step_end is None:
            self._first_step_end = now
        else:
            self._steps_done += 1
        if now - self._last_line >= self.seconds:
            print(self._line(batch + 1, logs or {}, now), flush=True, file=sys.stdout)
            self._start_interval()

    def _start_interval(self) -> None:
        self._last_line = time.monotonic()
        self._watch.start()

    def _line(self, step: int, logs: dict, now: float) -> str:
        epochs, steps = self.params.get("epochs"), self.params.get("steps")
        place = f"epoch {self._epoch + 1}/{epochs}, step {step}" + (f"/{steps}" if steps else "")
        facts = [f"{self._watch.rates()[EXAMPLES_PER_SECOND]:.1f} examples/s"]
        if "loss" in logs:
            facts.insert(0, f"loss {float(logs['loss']):.4f}")
        if steps and self._steps_done:
            left = (epochs - self._epoch) * steps - step
            facts.append(f"{duration(left * (now - self._first_step_end) / self._steps_done)} left")
        return f"{place}: {', '.join(facts)}"


def duration(seconds: float) -> str:
    """A length of time in words: seconds, minutes or hours.

    Example:

    >>> duration(42.2), duration(600), duration(9000)
    ('42 s', '10 min', '2 h 30 min')
    """
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
