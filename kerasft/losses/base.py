"""Base class of kerasft's losses: a weighted global mean, independent of padding and replicas."""

import keras
import tensorflow as tf

from kerasft.distribution import allow_uneven_batches
from kerasft.losses.arguments import element_weights


class GlobalMeanLoss(keras.losses.Loss):
    """Mean of element losses, weighted by `sample_weight`, over the global batch.

    With element losses l_i and weights w_i (`sample_weight` times the Keras mask; default: 1):

        loss = sum_i w_i l_i / sum_i w_i,    i over all elements of all replicas' batches

    Keras divides by the number of elements instead, so its losses depend on padding; and under `tf.distribute` it averages
    the replicas' means, so elements have more weight on replicas that have fewer of them. Here, both sums are all-reduced, so
    loss and gradient equal those of a single device with the same global batch. PyTorch's `CrossEntropyLoss(weight=...)`
    divides by the sum of the *class* weights; here, class weights (`alpha`) scale the loss, and only sample weights are
    in the denominator.

    The loss that `fit` and `evaluate` report for an epoch is Keras' mean of the batch losses, weighted by the number of
    examples. Elements with weight 0 are ignored, even if their loss is NaN. If all weights are 0, loss and gradient are 0.
    Losses are computed in float32, also under mixed precision.

    A subclass implements `call(y_true, y_pred)` and returns one loss per element, of `y_pred`'s rank or one less.

    Args:
        name: Name of the loss. Default: the class name in snake case.

    Example:

    >>> class AbsoluteError(GlobalMeanLoss):
    ...     def call(self, y_true, y_pred):
    ...         return tf.abs(y_true - y_pred)
    >>> loss = AbsoluteError()([[1.0, 9.0], [4.0, 0.0]], [[0.0, 0.0], [1.0, 0.0]], sample_weight=[[1, 0], [1, 0]])
    >>> float(loss)  # (1 + 3) / 2: padding counts neither in the numerator nor in the denominator
    2.0
    """

    def __init__(self, *, name: str | None = None):
        dtype = "float64" if keras.config.floatx() == "float64" else "float32"
        super().__init__(name=name, reduction="mean_with_sample_weight", dtype=dtype)
        allow_uneven_batches(tf.distribute.get_strategy())

    def __call__(self, y_true: tf.Tensor, y_pred: tf.Tensor, sample_weight: tf.Tensor | None = None) -> tf.Tensor:
        """Return the loss of a batch, a scalar.

        Args:
            y_true: Targets, (B, ...).
            y_pred: The model's outputs, (B, ...).
            sample_weight: Weights >= 0; their axes are the leading axes of the element losses: (B,), (B, T), ...

        Returns:
            The global mean. In a replica of R replicas: the global mean / R, as Keras' trainer expects (it reports R times
            the value, and sums the gradients of replicas).

        Raises:
            KerasftError: If the shapes do not match.
        """
        mask = getattr(y_pred, "_keras_mask", None)
        with tf.name_scope(self.name):
            y_pred = tf.cast(tf.convert_to_tensor(y_pred), self.dtype)
            values = self.call(tf.convert_to_tensor(y_true), y_pred)
            weights = element_weights(values, sample_weight, mask=mask)
            values = tf.where(weights != 0.0, values, 0.0)
            return global_mean(tf.reduce_sum(values * weights), tf.reduce_sum(weights))

    def get_config(self) -> dict:
        """Return the constructor's arguments."""
        return {"name": self.name}


def global_mean(total: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
    """Return `total / weight`, both summed over all replicas; 0 if the weight is 0.

    In a replica of R replicas, the value is the global mean / R on every replica, and the gradient is that of the replica's
    `total` / global `weight`. Keras reports R times the value (the mean), and its optimizers sum the gradients over the
    replicas (the gradient of the mean).

    Args:
        total: The replica's weighted sum of losses, a scalar.
        weight: The replica's sum of weights, a scalar.

    Returns:
        A scalar of `total`'s dtype.

    Example:

    >>> float(global_mean(tf.constant(6.0), tf.constant(4.0))), float(global_mean(tf.constant(0.0), tf.constant(0.0)))
    (1.5, 0.0)
    """
    context = tf.distribute.get_replica_context()
    num_replicas = tf.distribute.get_strategy().num_replicas_in_sync
    if context is None or num_replicas == 1:
        return tf.math.divide_no_nan(total, weight)
    sums = context.all_reduce(tf.distribute.ReduceOp.SUM, tf.stop_gradient(tf.stack([total, weight])))
    mean = tf.math.divide_no_nan(sums[0], sums[1])
    local = tf.math.divide_no_nan(total, sums[1])
    return local + tf.stop_gradient(mean / num_replicas - local)  # value of the mean, gradient of `local`


def of_all_replicas(*values: tf.Tensor) -> tuple[tuple[tf.Tensor, ...], tf.Tensor]:
    """Gather the rows of all replicas, for losses that compare rows of a batch with each other.

    Args:
        *values: Rows of this replica, each (N, ...); N may differ between replicas, and be 0.

    Returns:
        The rows of the global batch, each (N_all, ...), with gradients to all replicas; and the indices of this replica's
        rows, (N,).

    Example:

    >>> (rows,), own = of_all_replicas(tf.constant([4.0, 5.0]))
    >>> rows.numpy().tolist(), own.numpy().tolist()
    ([4.0, 5.0], [0, 1])
    """
    count = tf.shape(values[0])[0]
    context = tf.distribute.get_replica_context()
    if context is None or tf.distribute.get_strategy().num_replicas_in_sync == 1:
        return values, tf.range(count)
    counts = context.all_gather(count[None], axis=0)  # (replicas,)
    start = tf.reduce_sum(counts[: context.replica_id_in_sync_group])
    return tuple(context.all_gather(value, axis=0) for value in values), start + tf.range(count)
