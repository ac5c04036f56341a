"""AdamW for fine-tuning, as in the papers, on one or more devices."""

import functools
import math
from collections.abc import Callable, Sequence
from numbers import Integral, Real

import keras
import tensorflow as tf

from kerasft.errors import bad_argument
from kerasft.keras_internals import merge_replicas
from kerasft.optimizers.adam_update import Betas, Rates, add_rows, update_variable
from kerasft.optimizers.gradients import Gradient, clip_factor, global_norm, merge_rows

XLA_MIN_PARAMETERS = 1_000_000
"""Minimum number of parameters for which `jit_compile="auto"` compiles: below, compilation takes longer than it saves."""


_RANGES = {
    "learning_rate": ("a number > 0 or a schedule", lambda x: x > 0, "For example: 2e-5."),
    "weight_decay": ("a number >= 0", lambda x: x >= 0, "For example: 0.01, or 0.0 for no decay."),
    "beta_1": ("a number in (0, 1)", lambda x: 0 < x < 1, "For example: 0.9."),
    "beta_2": ("a number in (0, 1)", lambda x: 0 < x < 1, "For example: 0.999."),
    "epsilon": ("a number > 0", lambda x: x > 0, "For example: 1e-8."),
    "global_clipnorm": ("a number > 0 or None", lambda x: x > 0, "For example: 1.0, or None for no clipping."),
}


@functools.cache
def _xla_runs() -> bool:
    with tf.init_scope():
        try:
            tf.function(lambda x: x + 1.0, jit_compile=True)(tf.constant(0.0))
        except tf.errors.OpError:  # TensorFlow was built without XLA for this device
            return False
    return True


@keras.saving.register_keras_serializable(package="kerasft")
class AdamW(keras.optimizers.AdamW):
    """Adam with decoupled weight decay for matrices only, and clipping of the global gradient.

    With the gradient `g` (summed over the replicas, averaged over the accumulated steps, then scaled down to the global
    norm `global_clipnorm`) and the update's number `t` (from 1):

        m = beta_1 * m + (1 - beta_1) * g
        v = beta_2 * v + (1 - beta_2) * g^2
        w = w * (1 - rate * weight_decay) - rate * (m / (1 - beta_1^t)) / (sqrt(v / (1 - beta_2^t)) + epsilon)

    This is algorithm 2 of the paper with its schedule multiplier inside `rate`, and `torch.optim.AdamW` after
    `clip_grad_norm_`, to float precision. It differs from `keras.optimizers.AdamW` in these points:

    - Variables of rank 0 and 1 (biases, norms' gains) are never decayed. That is decided from the shapes in `build`, so
      it survives saving, loading and mirroring.
    - Keras clips each replica's gradient before the sum; here the sum is clipped, so that two replicas take the step
      that one takes with the whole batch. The same holds for accumulated steps.
    - An embedding row that is used several times in a batch counts once in the global norm, with its summed gradient.
    - `epsilon` is added to the bias-corrected root (algorithm 1 of the Adam paper); Keras' is that paper's other form,
      "epsilon hat".
    - The update of all variables is compiled by XLA where that is safe (see `jit_compile`): 2.5 times as fast on a CPU.

    The last global norm before clipping is in the variable `gradient_norm`, of shape ().

    Args:
        learning_rate: A float > 0 or a `keras.optimizers.schedules.LearningRateSchedule`. A schedule is asked with the
            number of batches so far, also when gradients are accumulated.
        weight_decay: Decay of matrices, as a fraction of the learning rate, >= 0.
        beta_1: Decay of the mean of gradients, in (0, 1).
        beta_2: Decay of the mean of squared gradients, in (0, 1).
        epsilon: Added to the root of the mean square, > 0.
        global_clipnorm: Maximum global norm of the gradient, > 0, or None for no clipping.
        gradient_accumulation_steps: Number of batches whose gradients are averaged into one update (each batch counts
            the same), >= 2, or None.
        jit_compile: Whether XLA compiles the update. `"auto"`: if all variables are on one device, there are a million
            parameters or more, and XLA works on this machine. Compiling takes about 30 ms a variable, once.
        **keras_options: `name` and `loss_scale_factor`, as in `keras.optimizers.AdamW`.

    Raises:
        KerasftError: If an argument is outside its range, or an option of `keras.optimizers.AdamW` is not supported.

    References:
        - [Loshchilov & Hutter, 2019](https://arxiv.org/abs/1711.05101), algorithm 2
        - [Kingma & Ba, 2015](https://arxiv.org/abs/1412.6980), algorithm 1
        - [Pascanu et al., 2013](https://arxiv.org/abs/1211.5063), clipping by the norm

    Example:

    >>> variable = keras.Variable([[3.0], [4.0]])
    >>> optimizer = AdamW(0.1, weight_decay=0.0)
    >>> optimizer.apply([tf.constant([[30.0], [40.0]])], [variable])
    >>> print(variable.numpy().round(3).tolist(), float(optimizer.gradient_norm))
    [[2.900...], [3.900...]] 50.0
    """

    def __init__(
        self,
        learning_rate: float | keras.optimizers.schedules.LearningRateSchedule,
        *,
        weight_decay: float = 0.01,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        global_clipnorm: float | None = 1.0,
        gradient_accumulation_steps: int | None = None,
        jit_compile: bool | str = "auto",
        **keras_options,
    ):
        unknown = sorted(set(keras_options) - {"name", "loss_scale_factor"})
        if unknown:
            fix = "Use global_clipnorm for clipping; for other options, use keras.optimizers.AdamW."
            raise bad_argument("keras_options", "`name` or `loss_scale_factor`", unknown, fix)
        for argument, value in (("weight_decay", weight_decay), ("beta_1", beta_1), ("beta_2", beta_2)):
            _check_range(argument, value)
        _check_range("epsilon", epsilon)
        if global_clipnorm is not None:
            _check_range("global_clipnorm", global_clipnorm)
        if isinstance(learning_rate, Real):
            _check_range("learning_rate", learning_rate)
            learning_rate = float(learning_rate)
        steps = gradient_accumulation_steps
        fix = "Use None to update after every batch."
        if steps is not None and (not isinstance(steps, Integral) or steps < 2):
            raise bad_argument("gradient_accumulation_steps", "a whole number >= 2 or None", steps, fix)
        if jit_compile not in (True, False, "auto"):
            raise bad_argument("jit_compile", "True, False or 'auto'", jit_compile, "'auto' is recommended.")
        super().__init__(
            learning_rate=learning_rate,
            weight_decay=weight_decay,
            beta_1=beta_1,
            beta_2=beta_2,
            epsilon=epsilon,
            global_clipnorm=global_clipnorm,
            gradient_accumulation_steps=gradient_accumulation_steps,
            **keras_options,
        )
        self.jit_compile = jit_compile
        self._compiled_update = None

    def build(self, variables: Sequence[keras.Variable]) -> None:
        """Create the moments, decide which variables decay, and whether XLA compiles the update."""
        if self.built:
            return
        super().build(variables)
        self.gradient_norm = self.add_variable(
            shape=(), dtype="float32", aggregation="only_first_replica", name="gradient_norm"
        )
        self._decays = tuple(len(v.shape) >= 2 and bool(self._use_weight_decay(v)) for v in variables)
        if self._compiles(variables):
            # A bare tf.function attribute would be tracked, and written into every SavedModel of a compiled model.
            self._compiled_update = functools.partial(
                tf.function(self._update_variables, jit_compile=True, autograph=False)
            )

    def exclude_from_weight_decay(self, var_list: list | None = None, var_names: list[str] | None = None) -> None:
        """Exclude more variables from decay than those of rank 0 and 1; call it before the first update.

        As in Keras, it is not part of the configuration: call it again after loading.

        Args:
            var_list: Variables to exclude.
            var_names: Regular expressions that are searched in the variables' names.

        Raises:
            KerasftError: If the optimizer is built already.
        """
        if self.built:
            raise bad_argument(
                "exclude_from_weight_decay",
                "called before the optimizer is built",
                "a built optimizer",
                "Call it before fit().",
            )
        super().exclude_from_weight_decay(var_list=var_list, var_names=var_names)

    def get_config(self) -> dict:
        """Return the constructor's arguments."""
        names = ("weight_decay", "beta_1", "beta_2", "epsilon", "global_clipnorm", "gradient_accumulation_steps")
        config = super().get_config()
        kept = {name: config[name] for name in ("learning_rate", *names, "name", "loss_scale_factor")}
        return {**kept, "jit_compile": self.jit_compile}

    def _compiles(self, variables: Sequence[keras.Variable]) -> bool:
        if self.jit_compile is False:
            return False
        if _has_replicas():
            if self.jit_compile is True:
                raise bad_argument("jit_compile", "'auto' or False under a distribution strategy", True, "Use 'auto'.")
            return False
        large = sum(math.prod(variable.shape) for variable in variables) >= XLA_MIN_PARAMETERS
        return self.jit_compile is True or (large and _xla_runs())

    # Keras calls this hook at every step, with the gradients that exist and their variables. Everything that Keras' own
    # version does is done here, in another order; tried with Keras 3.9.2 to 3.15.1.
    def _backend_apply_gradients(self, grads: Sequence[Gradient], trainable_variables: Sequence) -> None:
        # Bound, not passed on: what passes through a merge of replicas is taken for one value per replica.
        indices = tuple(self._get_variable_index(variable) for variable in trainable_variables)
        rates = self._rates()
        if not _has_replicas():
            self._apply_summed(None, self._merged(grads), rates, indices=indices)
            return
        replica = tf.distribute.get_replica_context()
        grads = self._merged(replica.all_reduce(tf.distribute.ReduceOp.SUM, list(grads)))
        apply = functools.partial(self._apply_summed, indices=indices)
        merge_replicas(apply, replica.strategy, grads, rates)

    def _merged(self, gradients: Sequence[Gradient]) -> list[Gradient]:
        # Accumulators add repeated rows by themselves.
        return list(gradients) if self.gradient_accumulation_steps else [merge_rows(g) for g in gradients]

    def _rates(self) -> Rates:
        rate = tf.cast(self.learning_rate, tf.float32)
        step = tf.cast(self.iterations + 1, tf.float32)
        # 1 - beta^t, exact to float32 also for the first steps, where the power is close to 1.
        correction_1 = -tf.math.expm1(step * math.log(self.beta_1))
        correction_2 = -tf.math.expm1(step * math.log(self.beta_2))
        keep = 1.0 - rate * self.weight_decay
        return Rates(rate / correction_1, tf.math.rsqrt(correction_2), keep, clip=tf.constant(1.0))

    def _apply_summed(self, strategy, gradients: Sequence[Gradient], rates: Rates, *, indices: tuple[int, ...]) -> None:
        """Update by, or accumulate, gradients summed over the replicas; `strategy` is None for one device."""
        if not self.gradient_accumulation_steps:
            self._update(strategy, gradients, rates, indices)
            return
        accumulators = [_tf_variable(self._accumulated_gradients[index]) for index in indices]
        for accumulator, gradient in zip(accumulators, gradients):
            _on_each_replica(strategy, accumulator, self._accumulate, gradient)

        def update() -> None:
            self._update(strategy, accumulators, rates, indices)
            for accumulator in accumulators:
                _on_each_replica(strategy, accumulator, lambda variable: variable.assign(tf.zeros_like(variable)))

        is_last = tf.equal((_tf_variable(self._iterations) + 1) % self.gradient_accumulation_steps, 0)
        tf.cond(is_last, update, lambda: None)

    def _accumulate(self, accumulator: tf.Variable, gradient: Gradient) -> None:
        share = tf.cast(1.0 / self.gradient_accumulation_steps, accumulator.dtype)
        if isinstance(gradient, tf.IndexedSlices):
            accumulator.scatter_add(tf.IndexedSlices(gradient.values * share, gradient.indices, gradient.dense_shape))
        else:
            accumulator.assign_add(tf.cast(gradient, accumulator.dtype) * share)

    def _update(self, strategy, gradients: Sequence[Gradient], rates: Rates, indices: tuple[int, ...]) -> None:
        # After the sum all replicas hold the same gradients: one's norm is everyone's.
        norm = global_norm([_on_one_replica(gradient) for gradient in gradients])
        self.gradient_norm.assign(norm)
        rates = rates._replace(clip=clip_factor(norm, self.global_clipnorm))
        if self._compiled_update is None:
            self._update_variables(gradients, rates, indices, strategy)
            return
        dense = []
        for index, gradient in zip(indices, gradients):
            variable, *moments = self._variable_and_moments(index)
            if isinstance(gradient, tf.IndexedSlices):
                add_rows(*moments, gradient, self._betas, rates.clip)
                dense.append(None)
            else:  # one static shape, whatever the batch: else XLA might compile again
                dense.append(tf.ensure_shape(gradient, variable.shape))
        self._compiled_update(dense, rates, indices)

    def _update_variables(
        self, gradients: Sequence[Gradient | None], rates: Rates, indices: tuple[int, ...], strategy=None
    ) -> None:
        for index, gradient in zip(indices, gradients):
            update = functools.partial(update_variable, betas=self._betas, decays=self._decays[index])
            variable, *moments = self._variable_and_moments(index)
            _on_each_replica(strategy, variable, update, *moments, gradient, rates)

    def _variable_and_moments(self, index: int) -> tuple[tf.Variable, tf.Variable, tf.Variable]:
        parts = self._trainable_variables[index], self._momentums[index], self._velocities[index]
        return tuple(_tf_variable(part) for part in parts)

    @property
    def _betas(self) -> Betas:
        return Betas(self.beta_1, self.beta_2, self.epsilon)


def _check_range(name: str, value: object) -> None:
    expected, holds, fix = _RANGES[name]
    if not isinstance(value, Real) or isinstance(value, bool) or not holds(value):
        raise bad_argument(name, expected, value, fix)


def _has_replicas() -> bool:
    # One device's strategy keeps plain variables, which need no merge of replicas to be written.
    return tf.distribute.has_strategy() and not isinstance(
        tf.distribute.get_strategy(), tf.distribute.OneDeviceStrategy
    )


def _tf_variable(variable: keras.Variable | tf.Variable) -> tf.Variable:
    return variable.value if isinstance(variable, keras.Variable) else variable


def _on_each_replica(strategy, variable: tf.Variable, function: Callable, *args) -> None:
    if strategy is None:
        function(variable, *args)
    else:
        strategy.extended.update(variable, function, args=args, group=False)


def _on_one_replica(value: Gradient) -> Gradient:
    if tf.distribute.in_cross_replica_context():
        value = tf.distribute.get_strategy().experimental_local_results(value)[0]
    return value if isinstance(value, tf.IndexedSlices) else tf.convert_to_tensor(value)
