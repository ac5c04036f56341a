"""Pearson and Spearman correlation over the whole split."""

import keras
import tensorflow as tf

from kerasft.errors import bad_argument
from kerasft.losses.arguments import as_shaped, element_weights


class _Correlation(keras.metrics.Metric):
    """Base class of correlations of targets (B, K) and predictions (B, K) with weights (B, K), averaged over K targets."""

    def __init__(self, num_targets: int, *, name: str | None):
        super().__init__(name=name)
        self.num_targets = num_targets

    def _columns(
        self, y_true: tf.Tensor, y_pred: tf.Tensor, sample_weight: tf.Tensor | None, dtype: tf.DType
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Return targets, predictions and weights, (N, K) each; elements with weight 0 are set to 0, so that NaN is ignored."""
        mask = getattr(y_pred, "_keras_mask", None)
        y_pred = tf.convert_to_tensor(y_pred)
        y_pred = tf.expand_dims(y_pred, -1) if y_pred.shape.rank == 1 else y_pred
        if y_pred.shape[-1] != self.num_targets:
            expected = f"the model's number of outputs, {y_pred.shape[-1]}"
            raise bad_argument("num_targets", expected, self.num_targets, "Make them equal.")
        y_true = as_shaped(tf.convert_to_tensor(y_true), y_pred)
        weights = element_weights(tf.cast(y_pred, dtype), sample_weight, mask=mask)
        y_true, y_pred = (tf.where(weights > 0, tf.cast(values, dtype), 0.0) for values in (y_true, y_pred))
        return tuple(tf.reshape(values, [-1, self.num_targets]) for values in (y_true, y_pred, weights))

    def get_config(self) -> dict:
        """Return the constructor's arguments."""
        return {"name": self.name, "num_targets": self.num_targets}


@keras.saving.register_keras_serializable(package="kerasft")
class PearsonCorrelation(_Correlation):
    """Pearson's correlation coefficient of targets and predictions, over the whole split.

        r = cov(x, y) / sqrt(var(x) var(y))

    The state is six sums in float64, where products of float32 numbers are exact; r is accurate to 1e-8 if the mean is less
    than 10,000 standard deviations. 0 (not NaN as in SciPy) if targets or predictions are constant, that is, if their
    standard deviation is below a millionth of their root mean square; NaN if a value with nonzero weight is NaN.

    Args:
        num_targets: Number K of regression targets; the result is the mean of their correlations.
        name: Name of the metric.

    Call arguments:
        y_true: Real numbers, (B, ..., K), or (B,).
        y_pred: Real numbers, (B, ..., K), or (B,).
        sample_weight: (B,) or (B, ...). Keras passes it to `weighted_metrics` only.

    Raises:
        KerasftError: If the shapes do not match.

    Example:

    >>> metric = PearsonCorrelation()
    >>> metric.update_state([1.0, 2.0, 3.0], [1.0, 2.0, 6.0])
    >>> round(float(metric.result()), 4)
    0.9449
    """

    def __init__(self, num_targets: int = 1, *, name: str | None = "pearson"):
        super().__init__(num_targets, name=name)
        self.sums = self.add_variable((6, num_targets), "zeros", dtype="float64", name="sums")

    def update_state(self, y_true: tf.Tensor, y_pred: tf.Tensor, sample_weight: tf.Tensor | None = None) -> None:
        """Add a batch."""
        x, y, w = self._columns(y_true, y_pred, sample_weight, tf.float64)
        self.sums.assign_add(
            tf.stack([tf.reduce_sum(w * term, axis=0) for term in (tf.ones_like(x), x, y, x * x, y * y, x * y)])
        )

    def result(self) -> tf.Tensor:
        """Return the coefficient over all batches, in [-1, 1], a scalar. 0 without data."""
        w, x, y, xx, yy, xy = tf.unstack(tf.convert_to_tensor(self.sums))  # (K,) each
        safe_w = tf.where(w > 0, w, 1.0)
        return tf.reduce_mean(_correlation(xx, yy, xy - x * y / safe_w, xx - x * x / safe_w, yy - y * y / safe_w))


@keras.saving.register_keras_serializable(package="kerasft")
class SpearmanCorrelation(_Correlation):
    """Spearman's rank correlation of targets and predictions, over the whole split.

    Pearson correlation of the ranks, where equal values have the mean of their ranks (Spearman 1904; ties as in
    `scipy.stats.spearmanr`). With sample weights, the rank of a value is the total weight of smaller values plus half the
    weight of equal values, so integer weights are equivalent to copies. 0 (not NaN as in SciPy) if targets or predictions are
    constant; NaN if a value with nonzero weight is NaN.

    Ranks require all values, so they are the state: 12 bytes per element, in a variable that grows with each batch. `result`
    sorts them, and Keras calls `result` at every step for the progress bar: 1 to 2 ms per 1,000 elements on a CPU. For
    training splits of more than about 100,000 elements, use it on the evaluation split only. XLA cannot compile a growing
    variable: use `model.compile(..., jit_compile=False)`, since Keras enables XLA by default on a single GPU.

    Args:
        num_targets: Number K of regression targets; the result is the mean of their correlations.
        name: Name of the metric.

    Call arguments:
        y_true: Real numbers, (B, ..., K), or (B,).
        y_pred: Real numbers, (B, ..., K), or (B,).
        sample_weight: (B,) or (B, ...). Keras passes it to `weighted_metrics` only.

    Raises:
        KerasftError: If the shapes do not match.

    Example:

    >>> metric = SpearmanCorrelation()
    >>> metric.update_state([1.0, 2.0, 3.0], [1.0, 2.0, 6.0])
    >>> float(metric.result())
    1.0
    """

    def __init__(self, num_targets: int = 1, *, name: str | None = "spearman"):
        super().__init__(num_targets, name=name)
        self.values = tf.Variable(  # Keras' own variables cannot grow
            lambda: tf.zeros((0, 3 * num_targets)),
            shape=(None, 3 * num_targets),
            trainable=False,
            synchronization=tf.VariableSynchronization.ON_READ,
            aggregation=tf.VariableAggregation.SUM,
            name="values",
        )

    def reset_state(self) -> None:
        """Reset the state."""
        self.values.assign(tf.zeros((0, 3 * self.num_targets)))

    def update_state(self, y_true: tf.Tensor, y_pred: tf.Tensor, sample_weight: tf.Tensor | None = None) -> None:
        """Add a batch."""
        columns = tf.concat(self._columns(y_true, y_pred, sample_weight, tf.float32), axis=1)  # (N, 3 K)
        self.values.assign(tf.concat([self.values.read_value(), columns], axis=0))

    def result(self) -> tf.Tensor:
        """Return the coefficient over all batches, in [-1, 1], a scalar. 0 without data.

        In a replica, it covers only the replica's elements, as with all Keras metrics; Keras calls it again outside.
        """
        y_true, y_pred, weights = tf.split(tf.transpose(_all_rows(self.values)), 3)  # (K, N) each
        weights = tf.cast(weights, tf.float64)
        total = tf.reduce_sum(weights, axis=1, keepdims=True)  # (K, 1)
        x, y = (
            _ranks(y_true, weights) - total / 2,
            _ranks(y_pred, weights) - total / 2,
        )  # centered: the mean rank is total / 2
        xx, yy, xy = (tf.reduce_sum(weights * product, axis=1) for product in (x * x, y * y, x * y))
        size = total[:, 0] ** 3  # order of magnitude of the sums without centering
        correlations = _correlation(size, size, xy, xx, yy)
        has_nan = tf.reduce_any(
            tf.math.is_nan(y_true) | tf.math.is_nan(y_pred), axis=1
        )  # sorting does not preserve NaN
        return tf.reduce_mean(tf.where(~has_nan, correlations, float("nan")))


def _all_rows(variable: tf.Variable) -> tf.Tensor:
    """Return the rows of all replicas, or in a replica its own rows."""
    inside_replica = tf.distribute.has_strategy() and not tf.distribute.in_cross_replica_context()
    if inside_replica or not isinstance(variable, tf.distribute.DistributedValues):
        return variable.read_value()
    strategy = variable.distribute_strategy
    local = strategy.experimental_local_results(variable)
    if len(local) < strategy.num_replicas_in_sync:  # other replicas are on other machines
        return strategy.gather(strategy.run(variable.read_value), axis=0)
    return tf.concat([part.read_value() for part in local], axis=0)


def _ranks(values: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """Return the total weight of smaller values plus half the weight of equal values, float64, (K, N)."""
    order = tf.argsort(values, axis=1)
    ordered = tf.gather(values, order, batch_dims=1)
    below = tf.pad(tf.cumsum(tf.gather(weights, order, batch_dims=1), axis=1), [[0, 0], [1, 0]])  # (K, N + 1)
    first, last = (tf.searchsorted(ordered, values, side=side) for side in ("left", "right"))
    return (tf.gather(below, first, batch_dims=1) + tf.gather(below, last, batch_dims=1)) / 2


def _correlation(
    size_x: tf.Tensor, size_y: tf.Tensor, covariance: tf.Tensor, variance_x: tf.Tensor, variance_y: tf.Tensor
) -> tf.Tensor:
    """Return covariance / sqrt(variance_x variance_y); 0 if a variance is within the rounding error of sums of that size."""
    constant = (variance_x <= 1e-12 * size_x) | (variance_y <= 1e-12 * size_y)  # False for NaN, which must propagate
    ratio = covariance / tf.sqrt(tf.where(~constant, variance_x * variance_y, 1.0))
    return tf.where(~constant, tf.clip_by_value(ratio, -1.0, 1.0), 0.0)
