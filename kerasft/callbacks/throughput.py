"""Training throughput: examples and real tokens per second.

A Keras callback never sees a batch. The count is therefore taken where the batch is: in the training step, by one small
addition inside the compiled graph. The dataset is not read a second time, so its shuffling is not disturbed.
"""

import time
import weakref

import keras
import tensorflow as tf

from kerasft.callbacks.resumable import Resumable
from kerasft.features import PADDING_MASK

EXAMPLES_PER_SECOND = "examples_per_second"
TOKENS_PER_SECOND = "tokens_per_second"


class BatchCounter:
    """Counts the examples and the real tokens that a model was trained on.

    The first counter of a model wraps the model's `train_step` (this model object only) so that each step adds to a
    variable. The wrapping stays for the life of the model, so that a second `fit` need not be compiled again. It is not a
    weight of the model, and changes neither what is computed nor what is saved.
    Real tokens are the ones of every feature called `padding_mask`, `encoder_padding_mask` or `decoder_padding_mask`.

    Example:

    >>> import numpy as np
    >>> mask = keras.Input((4,), name="padding_mask")
    >>> model = keras.Model({"padding_mask": mask}, keras.layers.Dense(1)(mask))
    >>> model.compile("sgd", "mse")
    >>> counter = BatchCounter.of(model)
    >>> _ = model.fit({"padding_mask": np.array([[1, 1, 0, 0]] * 3)}, np.zeros((3, 1)), verbose=0)
    >>> counter.read()
    (3, 6)
    """

    _of_model: "weakref.WeakKeyDictionary[keras.Model, BatchCounter]" = weakref.WeakKeyDictionary()

    def __init__(self, model: keras.Model):
        with model.distribute_strategy.scope():
            self._totals = tf.Variable(  # int64: a float32 sum stands still at 16.7 million tokens
                [0, 0],
                dtype="int64",
                trainable=False,
                synchronization=tf.VariableSynchronization.ON_READ,
                aggregation=tf.VariableAggregation.SUM,
            )
        train_step, totals = model.train_step, self._totals

        def counted_train_step(data):
            totals.assign_add(_batch_counts(data))
            return train_step(data)

        model.train_step = counted_train_step  # Keras 3.9 to 3.15 has no hook that is given the batch
        model.train_function = None  # a step compiled by an earlier `fit` does not count

    @classmethod
    def of(cls, model: keras.Model) -> "BatchCounter":
        """Return the counter of this model; make it if the model has none."""
        if model not in cls._of_model:
            cls._of_model[model] = cls(model)
        return cls._of_model[model]

    def read(self) -> tuple[int, int]:
        """Return the examples and the real tokens counted so far, summed over the replicas."""
        examples, tokens = self._totals.numpy()
        return int(examples), int(tokens)


def _batch_counts(data) -> tf.Tensor:
    features, _, _ = keras.utils.unpack_x_y_sample_weight(data)
    tokens = tf.zeros((), "int64")
    if isinstance(features, dict):
        for name, value in features.items():
            if name.endswith(PADDING_MASK):
                tokens += tf.math.count_nonzero(value)
    examples = tf.shape(tf.nest.flatten(features)[0], out_type="int64")[0]
    return tf.stack([examples, tokens])  # (2,)


class Stopwatch:
    """Rates between two readings of a `BatchCounter`.

    Example:

    >>> class Counter:
    ...     def read(self):
    ...         return 32, 0
    >>> watch = Stopwatch(Counter())
    >>> watch.start()
    >>> watch.rates()
    {'examples_per_second': 0.0}
    """

    def __init__(self, counter: BatchCounter):
        self._counter = counter

    def start(self) -> None:
        """Begin to count and to measure from here."""
        self._start_counts = self._counter.read()
        self._start_time = time.perf_counter()

    def has_counted(self) -> bool:
        """Whether a step was counted since `start`."""
        return self._counter.read() != self._start_counts

    def rates(self) -> dict[str, float]:
        """Return examples and, if there are masks, real tokens per second since `start`."""
        examples, tokens = self._counter.read()  # waits for the device, so it comes before the clock is read
        seconds = max(time.perf_counter() - self._start_time, 1e-9)
        rates = {EXAMPLES_PER_SECOND: (examples - self._start_counts[0]) / seconds}
        if tokens > 0:
            rates[TOKENS_PER_SECOND] = (tokens - self._start_counts[1]) / seconds
        return rates


class Throughput(Resumable):
    """Adds `examples_per_second` and `tokens_per_second` to the epoch's logs: progress bar, history, other callbacks.

    Tokens are real ones: padding does not count. Validation time does not count, nor does the first step of a `fit`,
    which compiles the graph. Put it before other callbacks that shall see the two values.

    Example:

    >>> import numpy as np
    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> history = model.fit(np.ones((8, 3)), np.ones((8, 1)), batch_size=2, verbose=0, callbacks=[Throughput()])
    >>> history.history["examples_per_second"][0] > 0
    True
    """

    def on_train_begin(self, logs=None):
        """Start to count."""
        self._watch = Stopwatch(BatchCounter.of(self.model))
        self._compiled = False

    def set_model(self, model):
        """Attach the counter before Keras compiles the training step."""
        super().set_model(model)
        BatchCounter.of(model)

    def on_epoch_begin(self, epoch, logs=None):
        """Start the epoch's clock."""
        self._rates = None
        self._watch.start()

    def on_train_batch_begin(self, batch, logs=None):
        """Restart after the first trained step, which compiled the graph."""
        if self._compiled or self.is_skipping or not self._watch.has_counted():
            return
        self._compiled = True
        self._watch.start()

    def on_test_begin(self, logs=None):
        """Stop the epoch's clock before validation."""
        self._rates = self._watch.rates()

    def on_epoch_end(self, epoch, logs=None):
        """Add the epoch's rates to its logs."""
        if logs is not None:
            logs.update(self._rates or self._watch.rates())
