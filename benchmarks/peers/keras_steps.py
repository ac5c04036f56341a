"""A Keras callback that runs the clock; shared by the two Keras peers."""

import keras
from measure import Clock


class StepClock(keras.callbacks.Callback):
    """Counts the steps. Reading the logs makes Keras wait for the step, so no step is counted before it is done."""

    def __init__(self, clock: Clock):
        super().__init__()
        self.clock = clock
        self.loss = float("nan")

    def on_train_begin(self, logs=None):
        self.clock.training()

    def on_train_batch_end(self, batch, logs=None):
        self.loss = float(logs["loss"])
        self.clock.step()


def train_rows(job, rows: list[dict]) -> tuple[list[dict], int]:
    """The rows and epochs that make exactly `job.steps` steps in one pass, or all rows and `job.epochs`."""
    if not job.steps:
        return rows, job.epochs
    needed = job.steps * job.batch_size
    if len(rows) < needed:
        raise ValueError(f"{job.steps} steps of {job.batch_size} rows need {needed} rows; the file has {len(rows)}")
    return rows[:needed], 1
