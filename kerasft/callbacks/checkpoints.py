"""Early stopping, best checkpoint, and resuming after a crash."""

import json
import math
import os
import shutil
from pathlib import Path

import h5py
import keras

from kerasft.callbacks.best_value import BestValue
from kerasft.callbacks.non_finite import find_optimizer
from kerasft.errors import CheckpointError, bad_argument
from kerasft.files import check_room, file_written_aside, local_path, recover, written_aside

_SMALLER_IS_BETTER = {"loss", "error", "mse", "mae", "rmse", "crossentropy", "entropy", "perplexity", "divergence"}
_GREATER_IS_BETTER = {
    *("accuracy", "acc", "f1", "mcc", "matthews", "pearson", "spearman", "auc", "precision", "recall", "r2", "score"),
    *("bleu", "chrf", "rouge", "rouge1", "rouge2", "rougel", "rougelsum", "em", "match", "mrr", "correlation"),
}

_WEIGHTS = "latest.weights.h5"  # of Keras' BackupAndRestore
_LORA = "kerasft_lora"


def _mode(monitor: str, mode: str | None) -> str:
    if mode is not None and mode not in ("min", "max"):
        raise bad_argument("mode", "'min', 'max' or None", mode, "None infers it from the metric's name.")
    words = set(monitor.lower().split("_"))
    if mode or words & _SMALLER_IS_BETTER:
        return mode or "min"
    if words & _GREATER_IS_BETTER:
        return "max"
    raise bad_argument("monitor", "a metric with a known direction", monitor, "Add mode='max' or mode='min'.")


def _monitored(monitor: str, logs: dict[str, float] | None) -> float:
    if monitor not in (logs or {}):
        raise bad_argument(
            "monitor",
            f"one of the logged values ({', '.join(logs or {}) or 'none'})",
            monitor,
            "Pass `validation_data` to `fit` and the metric to `compile`.",
        )
    return logs[monitor]


class _EarlyStopping(keras.callbacks.EarlyStopping):
    """Keras' own, but a monitored value that does not exist is an error, and the loss decides between equal ones."""

    def on_train_begin(self, logs=None):
        """Forget the best of an earlier `fit`."""
        super().on_train_begin(logs)
        self._best = BestValue(self.monitor, self.mode, min_delta=self.min_delta)

    def get_monitor_value(self, logs):
        """Return the monitored value."""
        return _monitored(self.monitor, logs)

    def on_epoch_end(self, epoch, logs=None):
        """Remember the best epoch; stop after `patience` epochs without improvement."""
        value = self.get_monitor_value(logs)
        if self._best.improves(logs, epoch):
            self.wait = 0
            self.best = value
            self.best_epoch = epoch
            if self.restore_best_weights:
                self.best_weights = self.model.get_weights()
            return
        self.wait += 1
        if self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True


def early_stopping(
    monitor: str = "val_loss",
    *,
    patience: int = 2,
    min_delta: float = 0.0,
    mode: str | None = None,
    restore_best_weights: bool = True,
) -> keras.callbacks.EarlyStopping:
    """Stop when a value has not improved for `patience` epochs, and restore the best weights.

    Where the value is the same as in the best epoch, or undefined in both, the loss decides; see `BestValue`.

    Args:
        monitor: A name from the epoch's logs: `"val_loss"`, `"val_accuracy"`, `"val_f1"`, ...
        patience: Number of epochs without improvement, >= 0.
        min_delta: Minimum change that counts as an improvement.
        mode: `"min"` or `"max"`; None finds it from the words of the name (losses and errors: min; accuracy, F1,
            Matthews, Pearson, Spearman, AUC, BLEU, ROUGE, ...: max).
        restore_best_weights: Whether the model has the best epoch's weights in the end, rather than the last one's.

    Returns:
        The callback.

    Raises:
        KerasftError: If the direction of a metric is unknown, or (in training) no value has that name.

    Example:

    >>> early_stopping("val_f1").mode
    'max'
    """
    return _EarlyStopping(
        monitor=monitor,
        mode=_mode(monitor, mode),
        patience=patience,
        min_delta=min_delta,
        restore_best_weights=restore_best_weights,
    )


class _BestCheckpoint(keras.callbacks.Callback):
    """Saves the model when the monitored value is the best so far. A record beside it survives a resumed training."""

    def __init__(self, path: Path, monitor: str, mode: str):
        super().__init__()
        self.path = path
        self.monitor = monitor
        self.mode = mode
        self.record = _record_of(path)

    def on_train_begin(self, logs=None):
        """Forget the best of an earlier `fit`."""
        self._best = BestValue(self.monitor, self.mode)
        self._first_epoch = True

    def on_epoch_begin(self, epoch, logs=None):
        """A training that does not begin with epoch 0 was resumed: continue with its best value."""
        if self._first_epoch and epoch > 0 and self.record.exists() and self.path.exists():
            record = json.loads(self.record.read_text(encoding="utf-8"))
            if record["monitor"] == self.monitor:
                self._best.restore(value=record["value"], loss=record.get("loss"), epoch=record["epoch"] - 1)
        self._first_epoch = False

    def on_epoch_end(self, epoch, logs=None):
        """Save if better; a NaN is never better than a number."""
        _monitored(self.monitor, logs)
        if not self._best.improves(logs, epoch):
            return
        with file_written_aside(self.path) as aside:
            check_room(aside, _sizes(self.model.variables))
            if self.path.name.endswith(".weights.h5"):
                without_optimizer(self.model).save_weights(aside)
                _add_lora(self.model, aside)
            else:
                self.model.save(aside)
        record = {"monitor": self.monitor, "value": self._best.value, "loss": self._best.loss, "epoch": epoch + 1}
        with file_written_aside(self.record) as aside:
            aside.write_text(json.dumps(record), "utf-8")


def best_checkpoint(
    path: str | os.PathLike, monitor: str = "val_loss", *, mode: str | None = None
) -> keras.callbacks.Callback:
    """Keep the model of the epoch in which a value was best; between equal or undefined ones the loss decides.

    The file is written aside and then renamed, so that a crash leaves the old one whole. Beside it, `<path>.json` holds
    the value and the epoch; a resumed training continues comparing with that value.

    Args:
        path: A file `*.keras` (the whole model) or `*.weights.h5` (the weights alone, a third of that size; see
            `load_best_weights`).
        monitor: A name from the epoch's logs.
        mode: `"min"` or `"max"`; None finds it from the name, as in `early_stopping`.

    Returns:
        The callback.

    Raises:
        KerasftError: For another suffix, an unknown direction, or (in training) a name that the logs lack.

    Example:

    >>> best_checkpoint("best.keras", "val_accuracy").mode
    'max'
    """
    path = local_path(path)
    if not path.name.endswith((".keras", ".weights.h5")):
        raise bad_argument("path", "a file *.keras or *.weights.h5", str(path), "For example: path='best.keras'.")
    return _BestCheckpoint(path, monitor, _mode(monitor, mode))


def load_best_weights(model: keras.Model, path: str | os.PathLike) -> None:
    """Load the weights that `best_checkpoint` saved in a file `*.weights.h5`; the optimizer is unchanged.

    Args:
        model: The model that was trained, or a new one of the same layers.
        path: The file.

    Example:

    >>> import numpy as np
    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> best = best_checkpoint("best.weights.h5", "loss")
    >>> _ = model.fit(np.ones((4, 3)), np.ones((4, 1)), verbose=0, callbacks=[best])
    >>> load_best_weights(model, "best.weights.h5")
    """
    without_optimizer(model).load_weights(path)
    _restore_lora(model, Path(path))


def best_epoch(path: str | os.PathLike) -> int | None:
    """Return the number, from 1, of the epoch whose model `best_checkpoint` kept in a file; None if it kept none.

    Args:
        path: The file; the record beside it is read.

    Example:

    >>> best_epoch("none.weights.h5") is None
    True
    """
    record = _record_of(local_path(path))
    return json.loads(record.read_text("utf-8"))["epoch"] if record.is_file() else None


def _record_of(path: Path) -> Path:
    """The file beside a checkpoint that says which epoch it is of, and what its value was."""
    return path.with_name(f"{path.name}.json")


def without_optimizer(model: keras.Model) -> keras.Model:
    """The same layers as a model that was never compiled, for files of a third of the size.

    Args:
        model: A functional or sequential model; one of another kind is returned as it is.

    Example:

    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    >>> model.compile("adam", "mse")
    >>> without_optimizer(model).compiled
    False
    """
    if isinstance(model, keras.Sequential):
        return keras.Model(model.inputs, model.outputs, name=model.name)
    return keras.Model(model.input, model.output, name=model.name) if hasattr(model, "input") else model


def _lora_state(model: keras.Model) -> dict[str, keras.Variable]:
    """The matrices of LoRA and the kernels or tables that they are of; nothing for a model without LoRA."""
    parts = {weight.path.rpartition("/")[0] for weight in model.weights if weight.name.startswith("lora_")}
    state = [weight for weight in model.weights if weight.path.rpartition("/")[0] in parts and weight.name != "bias"]
    return {str(number): weight for number, weight in enumerate(state)}


def _add_lora(model: keras.Model, path: Path) -> None:
    """Add LoRA's matrices to a file of weights: Keras itself writes merged kernels, and zeros both matrices on loading."""
    if state := _lora_state(model):
        with h5py.File(path, "a") as file:
            for name, weight in state.items():
                file[f"{_LORA}/{name}"] = keras.ops.convert_to_numpy(weight)


def _restore_lora(model: keras.Model, path: Path) -> None:
    """After Keras has loaded a file of weights: take apart again what it has merged. Two zero matrices could not be trained."""
    if state := _lora_state(model):
        with h5py.File(path, "r") as file:
            for name, weight in state.items() if _LORA in file else ():
                weight.assign(file[f"{_LORA}/{name}"][()])


def _sizes(variables) -> list[int]:
    """Bytes of each variable."""
    widths = {"float64": 8, "int64": 8, "uint64": 8}  # others have 4 bytes or fewer
    return [math.prod(variable.shape) * widths.get(str(variable.dtype), 4) for variable in variables]


class _Resume(keras.callbacks.Callback):
    """Keras' own back-up, written aside and put into the folder `last` when it is whole."""

    def __init__(self, folder: Path, delete_at_end: bool):
        super().__init__()
        self.folder = folder
        self.last = folder / "last"
        self.delete_at_end = delete_at_end

    def on_train_begin(self, logs=None):
        """Restore the end of the last completed epoch, if there is one."""
        recover(self.last)
        if self.last.exists():
            self._check(json.loads((self.last / "model.json").read_text(encoding="utf-8")))
            self._backup(self.last).on_train_begin(logs)
            _restore_lora(self.model, self.last / _WEIGHTS)

    def _backup(self, folder: Path) -> keras.callbacks.BackupAndRestore:
        backup = keras.callbacks.BackupAndRestore(str(folder), delete_checkpoint=False)
        backup.set_model(self.model)
        return backup

    def _signature(self) -> dict:
        optimizer = find_optimizer(self.model)
        signature = {"optimizer": type(optimizer).__name__, "weights": [list(w.shape) for w in self.model.weights]}
        trainable = len(self.model.trainable_weights)
        # The optimizer's state is of these alone. A back-up of a model that is trained whole need not say it.
        return signature if trainable == len(self.model.weights) else signature | {"trainable": trainable}

    def _check(self, saved: dict) -> None:
        """Keras would load what fits, warn, and leave the rest at random."""
        if saved != self._signature():
            difference = f"one of {len(saved['weights'])} weights with {saved['optimizer']}"
            raise CheckpointError(
                f"`folder` must contain a backup of the same model and optimizer; received: {str(self.folder)!r}, {difference}"
                f" (expected: {len(self.model.weights)} weights). Use another folder, or delete this one to start from scratch."
            )

    def on_epoch_end(self, epoch, logs=None):
        """Write the backup to a temporary folder, then replace the last one."""
        with written_aside(self.last) as aside:
            check_room(aside, _sizes([*self.model.variables, *find_optimizer(self.model).variables]))
            self._backup(aside).on_epoch_end(epoch, logs)
            _add_lora(self.model, aside / _WEIGHTS)
            (aside / "model.json").write_text(json.dumps(self._signature()), encoding="utf-8")

    def on_train_end(self, logs=None):
        """The training is complete: the next one starts from scratch, or has nothing left to train."""
        if not self.delete_at_end:
            self._mark_complete()
            return
        shutil.rmtree(self.last, ignore_errors=True)

    def _mark_complete(self) -> None:
        """Early stopping ends a training before its last epoch; a resumed run must not continue it."""
        path = self.last / "training_metadata.json"
        if path.exists():
            content = json.loads(path.read_text("utf-8"))
            with file_written_aside(path) as aside:
                aside.write_text(json.dumps(content | {"epoch": max(content["epoch"], self.params["epochs"])}), "utf-8")


def resume(folder: str | os.PathLike, *, delete_at_end: bool = True) -> keras.callbacks.Callback:
    """Make a training resumable: run the same program again and it continues after the last completed epoch.

    After every epoch the weights, the optimizer's state and the epoch's number go to `folder` (written aside, then
    renamed). When `fit` ends by itself, the back-up is deleted. Not kept: the epoch that was interrupted, the dataset's
    place in its order of shuffles, the history of the earlier epochs, and what other callbacks remember.

    Args:
        folder: A folder of this training alone; made if missing.
        delete_at_end: Whether the back-up is deleted when `fit` ends by itself. With False a second `fit` with the same
            folder trains no more, and gives the model the last epoch's weights: delete the folder when all is saved.

    Returns:
        The callback. The model must be built, which models from `kerasft.heads` are.

    Raises:
        CheckpointError: In training, if the back-up is of another model.

    Example:

    >>> type(resume("backup")).__name__
    '_Resume'
    """
    return _Resume(local_path(folder), delete_at_end)
