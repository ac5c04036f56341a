"""The arithmetic of AdamW for one variable, on plain `tf.Variable`s; compiled by XLA, run by each replica."""

from typing import NamedTuple

import tensorflow as tf

from kerasft.optimizers.gradients import Gradient


class Betas(NamedTuple):
    """The constants of Adam."""

    beta_1: float
    beta_2: float
    epsilon: float


class Rates(NamedTuple):
    """The numbers of one update, float32 scalars."""

    step_size: tf.Tensor  # learning rate / (1 - beta_1^t)
    root_scale: tf.Tensor  # 1 / sqrt(1 - beta_2^t)
    keep: tf.Tensor  # 1 - learning rate * weight decay
    clip: tf.Tensor  # factor of the gradients, from 0 to 1


def add_rows(
    momentum: tf.Variable, velocity: tf.Variable, rows: tf.IndexedSlices, betas: Betas, clip: tf.Tensor
) -> None:
    """Add the rows of an embedding table's gradient to the moments, ahead of `update_variable(..., gradient=None)`.

    The rows are divided by the betas here, because the update multiplies the sums by them: the result is Adam's, but a
    dense gradient of the whole table is never made. The number of rows changes from batch to batch and XLA compiles for
    fixed shapes, so this is no part of what it compiles.

    Args:
        momentum: First moment, (V, H).
        velocity: Second moment, (V, H).
        rows: The gradient, values (U, H), indices (U,) that differ.
        betas: The constants of Adam.
        clip: Factor of the gradient, a scalar.

    Example:

    >>> momentum, velocity = tf.Variable([[0.0], [0.0]]), tf.Variable([[0.0], [0.0]])
    >>> rows = tf.IndexedSlices(tf.constant([[4.0]]), tf.constant([1]))
    >>> add_rows(momentum, velocity, rows, Betas(0.5, 0.5, 1e-8), tf.constant(1.0))
    >>> (0.5 * momentum).numpy().tolist(), (0.5 * velocity).numpy().tolist()
    ([[0.0], [2.0]], [[0.0], [8.0]])
    """
    values = tf.cast(rows.values, momentum.dtype) * tf.cast(clip, momentum.dtype)
    momentum.scatter_add(tf.IndexedSlices(values * (1.0 / betas.beta_1 - 1.0), rows.indices))
    velocity.scatter_add(tf.IndexedSlices(tf.square(values) * (1.0 / betas.beta_2 - 1.0), rows.indices))


def update_variable(
    variable: tf.Variable,
    momentum: tf.Variable,
    velocity: tf.Variable,
    gradient: Gradient | None,
    rates: Rates,
    *,
    betas: Betas,
    decays: bool,
) -> None:
    """Update a variable and its moments in place by algorithm 2 of the AdamW paper.

    Args:
        variable: The weights, of any shape.
        momentum: First moment, of the same shape.
        velocity: Second moment, of the same shape.
        gradient: Dense or rows, before the clip; None if `add_rows` has put it into the moments.
        rates: The numbers of this update.
        betas: The constants of Adam.
        decays: Whether the weights decay.

    References:
        - [Loshchilov & Hutter, 2019](https://arxiv.org/abs/1711.05101), algorithm 2

    Example:

    >>> variable, momentum, velocity = tf.Variable([1.0]), tf.Variable([0.0]), tf.Variable([0.0])
    >>> rates = Rates(*(tf.constant(x) for x in (0.1 / 0.1, 0.001**-0.5, 1.0, 1.0)))  # rate 0.1, t = 1
    >>> betas = Betas(0.9, 0.999, 1e-8)
    >>> update_variable(variable, momentum, velocity, tf.constant([7.0]), rates, betas=betas, decays=False)
    >>> round(float(variable[0]), 4)
    0.9
    """
    if isinstance(gradient, tf.IndexedSlices):
        add_rows(momentum, velocity, gradient, betas, rates.clip)
        gradient = None
    step_size, root_scale, keep, clip = (tf.cast(rate, variable.dtype) for rate in rates)
    mean, mean_square = momentum * betas.beta_1, velocity * betas.beta_2
    if gradient is not None:
        gradient = tf.cast(gradient, variable.dtype) * clip
        mean += gradient * (1.0 - betas.beta_1)
        mean_square += tf.square(gradient) * (1.0 - betas.beta_2)
    kept = variable * keep if decays else variable
    variable.assign(kept - step_size * mean / (tf.sqrt(mean_square) * root_scale + betas.epsilon))
    momentum.assign(mean)
    velocity.assign(mean_square)
