"""TensorBoard logging for fine-tuning, in addition to Keras' own callback."""

import os
from collections.abc import Mapping, Sequence

import keras
import numpy as np
import tensorflow as tf
from sklearn.metrics import confusion_matrix, f1_score
from tensorboard.plugins.hparams import api as hparams

from kerasft.callbacks import figures
from kerasft.callbacks.board_contents import (
    gradient_norms,
    markdown_table,
    weight_norms,
    write_embeddings,
    write_precision_recall,
)
from kerasft.callbacks.non_finite import find_optimizer, optimizer_state
from kerasft.callbacks.predictions import describe, describe_gold, labels_of, predict, probabilities
from kerasft.callbacks.resumable import Resumable
from kerasft.callbacks.throughput import EXAMPLES_PER_SECOND, BatchCounter, Stopwatch
from kerasft.errors import bad_argument
from kerasft.features import MULTI_LABEL, REGRESSION, SINGLE_LABEL, Labels
from kerasft.keras_internals import summary_writer

_SHOWN_TEXTS = 16
_STEPS_BETWEEN_POINTS = 20  # each point waits for the device
_POINTS_OF_A_SHORT_RUN = 50  # fewer make no curve
_MOST_CURVES = 20  # labels with a precision-recall curve each
_SQUARED_ERROR = ("mse", "mean_squared_error")
# What people vary; the other fields of an optimizer's config would only fill the HPARAMS table.
_OPTIMIZER_VALUES = ("weight_decay", "clipnorm", "global_clipnorm", "gradient_accumulation_steps", "momentum")


class TensorBoard(Resumable, keras.callbacks.TensorBoard):
    """Keras' TensorBoard callback, extended for fine-tuning.

    - by step, in `step/...`: loss of the steps since the epoch's last point (not the epoch's running mean), metrics,
      learning rate, gradient norm before clipping (if the optimizer records it as `gradient_norm`, as
      `kerasft.optimizers.AdamW` does), examples and tokens per second (without padding). Steps are batches,
      counted over the whole run: epochs follow one another, and a resumed training continues;
    - by epoch: loss, metrics and throughput (without validation and without compiling), and for each layer the norms of its
      weights and of its gradients (the root mean square over the last updates, from Adam's second moment);
    - with `validation_data`, after each epoch: a confusion matrix as an image (F1 bars for multi-label, a scatter
      plot for regression), a precision-recall curve for each of up to 20 labels, a table of texts with prediction and label,
      and one of those whose prediction has changed. This reads that dataset once more in each epoch: pass a part of it
      (`dev.take(50)`) if it is large;
    - in the HPARAMS tab: the hyper-parameters, beside the last value of each curve.

    No number has two tags. Left out: Keras' `evaluation_..._vs_iterations` (what `epoch_...` shows),
    `epoch_learning_rate` beside `step/learning_rate`, and a metric `mse` that is the loss.

    Args:
        log_dir: Folder of this run; `tensorboard --logdir` takes it or its parent.
        update_freq: Steps of the run between two points of the `step/` curves, >= 1; an epoch without a point has one at its
            end. Or `"batch"` (1), or `"epoch"` (no such curves), or `"auto"`: 20, and fewer in short runs and epochs.
        validation_data: Batches of `(features, y)`, in the same order in every pass.
        texts: The texts of `validation_data`, in its order; 16 of them, evenly spread, are shown.
        labels: Names of the outputs; `model.labels` if None.
        hyper_parameters: Names and values beside the optimizer's own, which are found; lists and the like are shown as text.
        embeddings: Whether to write the vectors before the output layer of all `texts` at the end, for the PROJECTOR tab.
        **options: Keras' other options: `histogram_freq` (histograms of the weights), `profile_batch` (a profile of these
            steps), `write_graph` (here False by default: a BERT's graph is large), ...

    Raises:
        KerasftError: For an invalid `update_freq`, texts without dataset or not one per row, or missing labels.

    Example:

    >>> import tempfile
    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     callback = TensorBoard(folder, update_freq=1, hyper_parameters={"max_length": 128})
    ...     _ = model.fit(np.ones((4, 3)), np.ones((4, 1)), batch_size=2, verbose=0, callbacks=[callback])
    ...     "train" in os.listdir(folder)
    True
    """

    def __init__(
        self,
        log_dir: str | os.PathLike = "logs",
        *,
        update_freq: int | str = "auto",
        validation_data: tf.data.Dataset | None = None,
        texts: Sequence[str] | None = None,
        labels: Labels | Sequence[str] | None = None,
        hyper_parameters: Mapping[str, object] | None = None,
        embeddings: bool = False,
        **options,
    ):
        every = {"batch": 1, "epoch": 0, "auto": _STEPS_BETWEEN_POINTS}.get(update_freq, update_freq)
        if not isinstance(every, int) or (every < 1 and update_freq != "epoch"):
            expected = "a number >= 1, 'auto', 'batch' or 'epoch'"
            raise bad_argument("update_freq", expected, update_freq, "Give update_freq=20.")
        if texts is not None and validation_data is None:
            raise bad_argument("validation_data", "given when `texts` is", None, "Give the dataset of these texts.")
        if embeddings and texts is None:
            raise bad_argument("texts", "given with embeddings=True", None, "Give the texts of `validation_data`.")
        super().__init__(
            log_dir=os.path.expanduser(log_dir), **{"update_freq": "epoch", "write_graph": False, **options}
        )
        self._every = every
        self._adapts = update_freq == "auto"
        self._validation_data = validation_data
        self._texts = texts
        self._labels = labels
        self._hyper_parameters = dict(hyper_parameters or {})
        self._embeddings = embeddings

    def set_model(self, model):
        """Attach the token counter before Keras compiles the training step; find the labels."""
        super().set_model(model)
        self._counter = BatchCounter.of(model)
        if self._validation_data is not None:
            self._labels = labels_of(model, self._labels)

    def on_train_begin(self, logs=None):
        """Write the hyper-parameters."""
        super().on_train_begin(logs)
        self._epoch_watch, self._step_watch = Stopwatch(self._counter), Stopwatch(self._counter)
        self._compiled = False
        self._predictions = None
        self._step = None  # not read here: `kerasft.callbacks.resume` may still restore the optimizer
        self._epoch = None
        self._same_as_loss = _SQUARED_ERROR if _loss_name(self.model) in _SQUARED_ERROR else ()
        steps = self.params.get("steps")
        epochs = self.params.get("epochs", 1)
        if self._adapts:
            # Twice an epoch at least: one point at its end would only be the epoch's own number again.
            short = min(steps // 2, steps * epochs // _POINTS_OF_A_SHORT_RUN) if steps else _STEPS_BETWEEN_POINTS
            self._every = max(1, min(_STEPS_BETWEEN_POINTS, short))
        values = _hyper_parameters(self.model, self.params) | self._hyper_parameters
        with tf.summary.create_file_writer(self.log_dir).as_default() as writer:
            hparams.hparams({name: _plain(value) for name, value in values.items()})
            writer.close()

    def on_epoch_begin(self, epoch, logs=None):
        """Start the clocks."""
        super().on_epoch_begin(epoch, logs)
        if self._step is None:
            self._step = _batches_so_far(self.model)
        self._epoch = epoch
        self._epoch_start = self._last_point = self._step
        self._step_logs = {}
        self._epoch_rates = None
        self._epoch_examples = self._counter.read()[0]
        self._window = (0, 0.0)  # examples of this epoch so far, sum of their losses
        self._epoch_watch.start()
        self._step_watch.start()

    def on_train_batch_end(self, batch, logs=None):
        """Write a point of the `step/` curves, if it is time."""
        super().on_train_batch_end(batch, logs)
        if self.is_skipping:
            return
        done = batch + 1  # with `steps_per_execution` Keras counts past the epoch's end
        self._step = self._epoch_start + min(done, self.params.get("steps") or done)
        self._step_logs = {name: value for name, value in (logs or {}).items() if name not in self._same_as_loss}
        if not self._compiled:  # the first step of all compiled the graph: it says nothing of the speed
            self._compiled = True
            self._epoch_watch.start()
            self._step_watch.start()
        if self._every and self._step // self._every > self._last_point // self._every:
            self._write_step()

    def _write_step(self) -> None:
        values = {**self._step_logs, **optimizer_state(self.model), **_measured(self._step_watch)}
        if "loss" in values:
            values["loss"] = self._window_loss(values["loss"])
        with summary_writer(self).as_default():
            for name, value in values.items():
                tf.summary.scalar(f"step/{name}", value, step=self._step)
        self._last_point = self._step
        self._step_watch.start()

    def _end_steps(self) -> None:
        """After an epoch's last step: stop its clock, and write a point if it has none."""
        if self._epoch_rates is None:
            self._epoch_rates = _measured(self._epoch_watch)
            if self._every and self._last_point == self._epoch_start < self._step:
                self._write_step()

    def _window_loss(self, running_mean: float) -> float:
        """The mean loss since the last point, from the epoch's running mean, which Keras weighs by examples."""
        examples = self._counter.read()[0] - self._epoch_examples
        before, sum_before = self._window
        self._window = (examples, examples * running_mean)
        return (self._window[1] - sum_before) / max(examples - before, 1)

    def get_state(self):
        """Return the position in the running epoch's curves."""
        examples, losses = self._window
        seen = self._counter.read()[0] - self._epoch_examples
        position = {"epoch": self._epoch, "epoch_start": self._epoch_start, "last_point": self._last_point}
        return {**position, "seen": seen, "examples": examples, "losses": losses}

    def set_state(self, state):
        """Continue with a state of `get_state`, if it is of this epoch."""
        if state["epoch"] == self._epoch:
            self._epoch_start = state["epoch_start"]
            self._last_point = state["last_point"]
            self._window = (state["examples"], state["losses"])
            self._epoch_examples = self._counter.read()[0] - state["seen"]

    def on_test_begin(self, logs=None):
        """Stop the epoch's clock before validation."""
        super().on_test_begin(logs)
        self._end_steps()

    def on_test_end(self, logs=None):
        """Leave out Keras' curves by iterations: the same numbers are written by epoch."""
        super().on_test_end({})

    def on_epoch_end(self, epoch, logs=None):
        """Write the epoch's values, image and texts."""
        self._end_steps()
        logs = {**self._epoch_rates, **(logs or {})}
        shown = {name: value for name, value in logs.items() if name.removeprefix("val_") not in self._same_as_loss}
        super().on_epoch_end(epoch, shown)
        with summary_writer(self).as_default():
            for kind, norms in (("weights", weight_norms(self.model)), ("gradients", gradient_norms(self.model))):
                for layer, norm in norms.items():
                    tf.summary.scalar(f"norms_of_{kind}/{layer}", norm, step=epoch)
        if self._validation_data is not None:
            with summary_writer(self, validation=True).as_default():
                self._write_predictions(epoch)

    def on_train_end(self, logs=None):
        """Write the vectors of the validation texts, if they are asked for."""
        if self._embeddings:
            inside = keras.Model(self.model.input, self.model.get_layer("logits").input)
            vectors = np.asarray(inside.predict(self._validation_data, verbose=0), "float32")
            gold = predict(self.model, self._validation_data)[1]
            write_embeddings(self.log_dir, vectors, texts=self._texts, labels=describe_gold(gold, self._labels))
        super().on_train_end(logs)

    def _collect_learning_rate(self, logs):
        """What Keras adds to the epoch's logs; the `step/` curves have it already."""
        return logs if self._every else super()._collect_learning_rate(logs)

    def _write_predictions(self, epoch: int) -> None:
        logits, gold = predict(self.model, self._validation_data)
        image = figures.to_array(_figure(logits, gold, self._labels))
        tf.summary.image("predictions", image[None], step=epoch)  # (1, height, width, 4)
        self._write_curves(logits, gold, epoch)
        if self._texts is None:
            return
        if len(self._texts) != len(gold):
            raise bad_argument(
                "texts",
                f"{len(gold)} texts, one per row",
                len(self._texts),
                "Give the texts of `validation_data`.",
            )
        rows = np.unique(np.linspace(0, len(gold) - 1, _SHOWN_TEXTS).astype(int))
        predictions = describe(logits, self._labels)
        gold_texts = describe_gold(gold, self._labels)
        table = [(self._texts[row], predictions[row], gold_texts[row]) for row in rows]
        tf.summary.text("samples", markdown_table(["text", "prediction", "label"], table), step=epoch)
        self._write_changes(logits, gold_texts, epoch)

    def _write_curves(self, logits: np.ndarray, gold: np.ndarray, epoch: int) -> None:
        """A precision-recall curve for each label; of two classes for the second."""
        if self._labels.problem == REGRESSION or len(self._labels) > _MOST_CURVES:
            return
        scores = probabilities(logits, self._labels.problem)
        if self._labels.problem == SINGLE_LABEL:
            gold = np.eye(len(self._labels))[gold.astype(int)]
        first = 1 if self._labels.problem == SINGLE_LABEL and len(self._labels) == 2 else 0
        write_precision_recall(scores[:, first:], gold[:, first:], list(self._labels)[first:], step=epoch)

    def _write_changes(self, logits: np.ndarray, gold_texts: list[str], epoch: int) -> None:
        """The texts whose prediction is another than after the epoch before; a regression has no such."""
        if self._labels.problem == REGRESSION:
            return
        predictions = describe(logits, self._labels, with_chance=False)
        before = self._predictions
        self._predictions = predictions
        if before is None:
            return
        changed = [row for row, pair in enumerate(zip(before, predictions)) if pair[0] != pair[1]]
        table = [(self._texts[row], before[row], predictions[row], gold_texts[row]) for row in changed[:_SHOWN_TEXTS]]
        header = ["text", "epoch before", "prediction", "label"]
        facts = f"{len(changed)} of {len(predictions)} predictions changed."
        tf.summary.text("changed_predictions", f"{facts}\n\n{markdown_table(header, table)}", step=epoch)
        tf.summary.scalar("changed_predictions", len(changed), step=epoch)


def _batches_so_far(model: keras.Model) -> int:
    """The batches that the optimizer has seen; it counts updates, each of several batches if gradients are accumulated."""
    accumulated = getattr(find_optimizer(model), "gradient_accumulation_steps", None) or 1
    return int(keras.ops.convert_to_numpy(model.optimizer.iterations)) * accumulated


def _loss_name(model: keras.Model) -> str:
    loss = getattr(model, "loss", None)
    return loss if isinstance(loss, str) else getattr(loss, "name", getattr(loss, "__name__", ""))


def _measured(watch: Stopwatch) -> dict[str, float]:
    """The rates since the clock was started; nothing if no example was counted, as in the step that compiles the graph."""
    rates = watch.rates()
    return rates if rates[EXAMPLES_PER_SECOND] > 0 else {}


def _hyper_parameters(model: keras.Model, params: Mapping[str, object]) -> dict[str, object]:
    """The main values of the optimizer's config, its schedule's, and what `fit` was told."""
    optimizer = find_optimizer(model)
    config = optimizer.get_config()
    values = {"optimizer": type(optimizer).__name__, **{name: config.get(name) for name in _OPTIMIZER_VALUES}}
    rate = config.get("learning_rate")
    if isinstance(rate, Mapping):  # a schedule
        values |= {"learning_rate_schedule": rate.get("class_name", "")}
        values |= {f"learning_rate_{name}": value for name, value in rate.get("config", {}).items()}
    else:
        values["learning_rate"] = rate
    values |= {name: params.get(name) for name in ("epochs", "steps")}
    return {name: value for name, value in values.items() if value is not None}


def _plain(value: object) -> bool | int | float | str:
    """What the HPARAMS plugin takes: numbers as they are, all else as text."""
    value = value.item() if isinstance(value, np.generic) else value
    return value if isinstance(value, bool | int | float | str) else str(value)


def _figure(logits: np.ndarray, gold: np.ndarray, labels: Labels) -> figures.Figure:
    if labels.problem == REGRESSION:
        return figures.scatter(gold.reshape(len(gold), -1), logits, labels)
    if labels.problem == MULTI_LABEL:
        scores = f1_score(gold > 0.5, logits > 0, average=None, zero_division=0)
        return figures.class_scores(dict(zip(labels, scores)))
    return figures.confusion_matrix(confusion_matrix(gold, logits.argmax(-1), labels=range(len(labels))), labels)
