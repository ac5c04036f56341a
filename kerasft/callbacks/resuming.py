"""Exact resumption of an interrupted training."""

import json
import logging
import os
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import keras

from kerasft import keras_internals, locks
from kerasft.callbacks.checkpoint_files import Checkpoint, read_checkpoint, write_checkpoint
from kerasft.callbacks.interruption import Interruption
from kerasft.callbacks.resumable import Resumable
from kerasft.callbacks.training_state import (
    all_finite,
    arrays_of,
    assign,
    callback_states,
    changes,
    data_changes,
    other_variables,
    random_state,
    set_callback_states,
    set_random_state,
    set_started,
    signature,
    started_now,
    state_variables,
    used_since,
    values_of,
)
from kerasft.errors import CheckpointError, bad_argument, whole_number
from kerasft.files import local_path

_LOG = logging.getLogger("kerasft")


class _CountedSteps:
    """Keras' compiled training step, counted; the steps before the checkpoint only take their batches.

    A callback's `on_train_batch_end` would not do: Keras may call it from another thread while the next step is running.
    """

    def __init__(self, callback: "Resume", step: Callable):
        self.callback = callback
        self.step = step
        self.history = callback.model.history
        self.done = 0
        self.skip = 0

    def __call__(self, iterator):
        if self.callback.model.history is not self.history:  # a later `fit`, after one that failed
            return self.step(iterator)
        if self.done < self.skip:
            batches = [next(iterator, None) for _ in range(self.callback.model.steps_per_execution)]
            if self.done == 0:
                self.callback.begin_steps(batches[0])
            self.done += 1
            if self.done == 1:
                self.callback.check_data()
            return self.callback.model.get_metrics_result()
        if self.done == 0:
            self.callback.begin_steps()
        with self.callback.interruption.busy():
            logs = self.step(iterator)
            self.done += 1
            if self.done == 1:
                self.callback.check_data()
            self.callback.after_step()
        return logs


class Resume(Resumable):
    """Writes checkpoints from which an interrupted training continues; see `resume`."""

    def __init__(
        self, folder: Path, *, minutes: float | None, steps: int | None, settings: Mapping, anyway: bool, keep: bool
    ):
        super().__init__()
        self.folder = folder
        self.last_checkpoint: Checkpoint | None = None
        self.interruption = Interruption(self._save_before_stop)
        self._minutes = minutes
        self._steps = steps
        self._settings = json.loads(json.dumps(dict(settings), default=str))
        self._anyway = anyway
        self._keep = keep
        self._warned = False

    def on_train_begin(self, logs=None):
        """Restore the newest checkpoint, if there is one, and take over Ctrl-C and SIGTERM."""
        locks.lock_folder(self.folder, name="folder", value=str(self.folder))
        if not self.model.optimizer.built:  # in eager mode Keras builds it in the first step
            self.model.optimizer.build(self.model.trainable_variables)
        self._variables = state_variables(self.model)
        # Now, before a callback changes the learning rate.
        self._signature = signature(self.model, steps=self.params.get("steps"))
        step = self.model.train_function
        self._counted = _CountedSteps(self, step.step if isinstance(step, _CountedSteps) else step)
        self._before_validation = None
        self._epoch = 0
        self._started = started_now()
        self._finished_epoch = {}
        keras_internals.set_initial_epoch(self.model, 0)
        try:
            self._restored = self._unchecked = self.last_checkpoint = read_checkpoint(self.folder)
            if self._restored is not None:
                self._restore(self._restored)
        except BaseException:
            locks.unlock_folder(self.folder)
            raise
        self.model.train_function = self._counted
        self._last_write = time.monotonic()
        self.interruption.take()

    def on_epoch_begin(self, epoch, logs=None):
        """Write the checkpoint of the end of the epoch before.

        At `on_epoch_end` it would be too early: callbacks after this one, and the history, have not seen it yet.
        """
        if self._restored is not None:
            return
        self._begin_epoch(epoch)
        if epoch > 0:
            self._write()

    def on_test_begin(self, logs=None):
        """Remember the metrics of the training: the validation resets them."""
        self._remember()

    def on_train_end(self, logs=None):
        """Write the last checkpoint, or delete all if they are not to be kept."""
        if self._restored is not None:  # nothing was left to train
            self._restore_history(self._restored)
        self.model.train_function = self._counted.step
        keras_internals.set_initial_epoch(self.model, 0)
        if self._keep and self._restored is None:
            self._begin_epoch(self.params["epochs"])  # early stopping ends a training before its last epoch
            self._write()
        self.interruption.release()
        if not self._keep:
            for path in self.folder.glob("epoch-*"):
                shutil.rmtree(path, ignore_errors=True)
        locks.unlock_folder(self.folder)

    def _begin_epoch(self, epoch: int) -> None:
        self._epoch = epoch
        self._finished_epoch = used_since(self._started, to_repeat=False)
        self._started = started_now()
        self._before_validation = None
        self._counted.done = 0
        self._counted.skip = 0
        self._set_skipping(False)

    def _resumable(self) -> list[Resumable]:
        return Resumable.in_fit_of(self)

    def _set_skipping(self, value: bool) -> None:
        for callback in self._resumable():
            callback.is_skipping = value

    def begin_steps(self, skipped_batch=None) -> None:
        """Called before an epoch's first step: in the resumed epoch, restore what `fit` and the callbacks have reset."""
        if self._restored is not None:
            metrics = sum(name.startswith("metric") for name in self._restored.arrays)
            # In eager mode Keras builds some metrics with the first batch.
            if skipped_batch is not None and len(self.model.metrics_variables) < metrics:
                self.model.test_on_batch(*keras.utils.unpack_x_y_sample_weight(skipped_batch))
            assign("metric", self.model.metrics_variables, self._restored)
            self._restore_history(self._restored)
            set_callback_states(self._resumable(), self._restored)
            self._set_skipping(self._counted.skip > 0)
            self._restored = None

    def check_data(self) -> None:
        """Called when the first batch of an epoch was read: in the resumed epoch, refuse other data."""
        if self._unchecked is not None:
            self._refuse(data_changes(self._unchecked, used_since(self._started, to_repeat=True)))
            self._unchecked = None

    def after_step(self) -> None:
        """Called after every trained step: write a checkpoint if it is time."""
        done = self._counted.done
        if done == self._counted.skip + 1:
            self._set_skipping(False)
        if done * self.model.steps_per_execution >= (self.params.get("steps") or float("inf")):
            self._remember()
        by_steps = self._steps is not None and done % self._steps == 0
        by_time = self._minutes is not None and time.monotonic() - self._last_write >= 60 * self._minutes
        if by_steps or by_time:
            self._write()

    def _remember(self) -> None:
        """After an epoch's last step: what validation and the end of the epoch change, and a resumed training repeats."""
        if self._before_validation is None:
            self._before_validation = values_of(self.model.metrics_variables), callback_states(self._resumable())

    def _save_before_stop(self) -> None:
        self._write()
        if self.last_checkpoint is not None:
            position = self.last_checkpoint.position
            _LOG.warning(
                "The checkpoint of %s is in %s: run the same program again to continue.", position, self.folder
            )
        locks.unlock_folder(self.folder)

    def _write(self) -> None:
        """Write a checkpoint of here. A full disk does not end the training: it is logged, and tried again later."""
        self._last_write = time.monotonic()
        if self._restored is not None or self._counted.done < self._counted.skip:
            return  # not yet beyond the checkpoint that was read
        positions = used_since(self._started, to_repeat=True) if self._counted.done else self._finished_epoch
        if self._counted.done and not positions:
            self._warn_unknown_position()
            return
        with self.interruption.busy():
            checkpoint = self._collect(positions)
            if checkpoint is None:
                return
            try:
                write_checkpoint(self.folder, checkpoint)
            except OSError as error:
                _LOG.warning("No checkpoint could be written to %s (%s); training continues.", self.folder, error)
            else:
                self.last_checkpoint = checkpoint

    def _collect(self, positions: Mapping[str, int]) -> Checkpoint | None:
        """The training as it is now; None if a weight is not finite, from which no training can continue."""
        values = values_of(self._variables)
        if not all_finite(self._variables, values):
            return None
        metrics, (callbacks, callback_arrays) = self._before_validation or (
            values_of(self.model.metrics_variables),
            callback_states(self._resumable()),
        )
        random_facts, random_arrays = random_state()
        past = self.model.history
        facts = {
            "model": self._signature,
            "settings": self._settings,
            "data": positions,
            "epochs": list(past.epoch),
            "history": {name: [float(value) for value in each] for name, each in past.history.items()},
            "callbacks": callbacks,
            "random": random_facts,
        }
        arrays = arrays_of("variable", values) | arrays_of("metric", metrics) | callback_arrays | random_arrays
        return Checkpoint(self._epoch, self._counted.done, facts, arrays)

    def _warn_unknown_position(self) -> None:
        if not self._warned:
            self._warned = True
            _LOG.warning(
                "Checkpoints are written at the end of epochs only: the training data is not a shuffled dataset of kerasft.data,"
                " so its position within an epoch cannot be restored."
            )

    def _restore(self, checkpoint: Checkpoint) -> None:
        difference = other_variables(checkpoint.facts["model"]["variables"], self._signature["variables"])
        if difference:
            raise CheckpointError(
                f"`folder` must contain a checkpoint of the same model and optimizer; received: {str(self.folder)!r}, one with"
                f" {difference}. Use another folder, or delete this one to train from scratch."
            )
        self._refuse(changes(checkpoint, settings=self._settings, model=self._signature))
        assign("variable", self._variables, checkpoint)
        set_random_state(checkpoint.facts["random"], checkpoint.arrays)
        set_started(checkpoint.facts["data"])
        self._started = started_now()
        self._finished_epoch = checkpoint.facts["data"]
        self._epoch = checkpoint.epoch
        self._counted.skip = checkpoint.steps
        keras_internals.set_initial_epoch(self.model, checkpoint.epoch)
        _LOG.warning("Resuming from the checkpoint of %s in %s.", checkpoint.position, self.folder)

    def _refuse(self, changed: list[str]) -> None:
        if changed and not self._anyway:
            raise CheckpointError(
                "A resumed training must have the options and data of the interrupted one; received: changes to the one in"
                f" {str(self.folder)!r}: {'; '.join(changed)}. Undo them; or add --resume-anyway (in Python: anyway=True) to"
                " continue with them, and get another result than an uninterrupted training."
            )

    def _restore_history(self, checkpoint: Checkpoint) -> None:
        self.model.history.epoch = list(checkpoint.facts["epochs"])
        self.model.history.history = {name: list(values) for name, values in checkpoint.facts["history"].items()}


def resume(
    folder: str | os.PathLike,
    *,
    every_minutes: float | None = 10.0,
    every_steps: int | None = None,
    settings: Mapping[str, object] | None = None,
    anyway: bool = False,
    delete_at_end: bool = True,
) -> keras.callbacks.Callback:
    """Make a training resumable: run the same program again, and it continues as if it had not been interrupted.

    A checkpoint is written after every epoch, every `every_minutes`, and when Ctrl-C or SIGTERM (a spot instance or a queue
    ends) stops the training. It holds all that decides the rest of the training: weights, optimizer, schedule, the random
    states of dropout, Python and NumPy, the position in the data, the metrics of the running epoch, the history, and the state
    of kerasft's callbacks and of all others that extend `Resumable`. The weights after a resumed training are those of an
    uninterrupted one, bit for bit, where training is deterministic, as it is on a CPU.

    The position within an epoch can be restored for the shuffled datasets of `kerasft.data`; with others, checkpoints are
    written after epochs only. The newest two checkpoints are kept: if the last one is damaged, the one before is used.

    Args:
        folder: A folder of this training alone; created if missing. Two trainings cannot use it at the same time.
        every_minutes: Time between two checkpoints, > 0, or None.
        every_steps: Steps between two checkpoints, counted from the beginning of each epoch, >= 1, or None.
        settings: JSON values of your own that must be the same when the training is resumed, such as a program's options.
        anyway: Continue also if settings, optimizer or data have changed, in place of an error that names the changes.
        delete_at_end: Whether the checkpoints are deleted when `fit` ends by itself. With False a second `fit` with the same
            folder trains no more, and gives the model the last epoch's weights: delete the folder when all is saved.

    Returns:
        The callback. The model must be built, which models from `kerasft.heads` are.

    Raises:
        KerasftError: If an interval is out of range; in training, if another process uses the folder.
        CheckpointError: In training, if the checkpoints are of another model, if settings, optimizer or data have changed, or
            if all checkpoints are damaged.

    Example:

    >>> import numpy as np
    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> data = np.ones((4, 3)), np.ones((4, 1))
    >>> _ = model.fit(*data, epochs=2, verbose=0, callbacks=[resume("backup", delete_at_end=False)])
    >>> len(model.fit(*data, epochs=2, verbose=0, callbacks=[resume("backup")]).epoch)  # nothing was left to train
    2
    """
    if every_minutes is not None and not every_minutes > 0:
        raise bad_argument("every_minutes", "a number > 0 or None", every_minutes, "For example: 10.")
    if every_steps is not None:
        whole_number("every_steps", every_steps, "For example: 1000.")
    return Resume(
        local_path(folder),
        minutes=every_minutes,
        steps=every_steps,
        settings=settings or {},
        anyway=anyway,
        keep=not delete_at_end,
    )
