"""Learning-rate schedules of fine-tuning: a linear warm-up, then a decay that ends at a known step.

With `W` warm-up steps of `T` total steps, the rate at step `s` (0 for the first update) is

- warm-up, `s < W`: `learning_rate * (s + 1) / (W + 1)`,
- decay, `W <= s <= T`: `end + (learning_rate - end) * f(p)` with the progress `p = (s - W) / (T - W)`,
- after `T`: `end`.

`f` falls from `f(0) = 1` to `f(1) = 0` and gives each class its name. From step `W` on, the linear one is the formula
of `transformers.get_linear_schedule_with_warmup`. It departs from it during warm-up: there the rate is
`learning_rate * s / W`, which is 0 at the first step, so the first batch has no effect.
"""

import math
from numbers import Integral

import keras
import tensorflow as tf

from kerasft.errors import bad_argument, is_number, is_whole, whole_number


def _warmup_steps(warmup: float | int, total_steps: int) -> int:
    expected = f"a fraction in [0, 1) or a number of steps in [0, total_steps={total_steps})"
    fix = "For example: warmup=0.1 for a tenth of all steps, or warmup=100 for a hundred steps."
    if not is_number(warmup) or warmup < 0:
        raise bad_argument("warmup", expected, warmup, fix)
    if isinstance(warmup, Integral):
        steps = int(warmup)
        allowed = warmup < total_steps
    else:
        # A fraction that rounds up to all steps would leave none for the decay.
        steps = min(round(warmup * total_steps), total_steps - 1)
        allowed = warmup < 1
    if not allowed:
        raise bad_argument("warmup", expected, warmup, fix)
    return steps


class _WarmupDecay(keras.optimizers.schedules.LearningRateSchedule):
    """Checks the arguments, warms up, and leaves the shape of the decay to `_remaining(progress)`."""

    def __init__(
        self, learning_rate: float, total_steps: int, *, warmup: float | int = 0.1, end_learning_rate: float = 0.0
    ):
        if not is_number(learning_rate) or learning_rate <= 0:
            raise bad_argument("learning_rate", "a number > 0", learning_rate, "For example: 2e-5.")
        total_steps = whole_number("total_steps", total_steps, "Use total_steps=epochs * len(train).")
        if not is_number(end_learning_rate) or not 0 <= end_learning_rate <= learning_rate:
            raise bad_argument(
                "end_learning_rate",
                f"a number in [0, learning_rate={learning_rate}]",
                end_learning_rate,
                "Use end_learning_rate=0.0 to decay to zero.",
            )
        super().__init__()
        self.learning_rate = float(learning_rate)
        self.total_steps = total_steps
        self.warmup = int(warmup) if is_whole(warmup) else warmup
        self.end_learning_rate = float(end_learning_rate)
        self.warmup_steps = _warmup_steps(self.warmup, self.total_steps)
        if not isinstance(self.warmup, int):
            self.warmup = float(self.warmup)

    def __call__(self, step: int | tf.Tensor) -> tf.Tensor:
        """Return the rate at `step` (0 for the first update) as a float32 scalar."""
        step = tf.cast(step, tf.float32)
        warming_up = self.learning_rate * (step + 1.0) / (self.warmup_steps + 1.0)
        progress = tf.clip_by_value((step - self.warmup_steps) / (self.total_steps - self.warmup_steps), 0.0, 1.0)
        span = self.learning_rate - self.end_learning_rate
        return tf.where(step < self.warmup_steps, warming_up, self.end_learning_rate + span * self._remaining(progress))

    def get_config(self) -> dict:
        """Return the constructor's arguments."""
        return {
            "learning_rate": self.learning_rate,
            "total_steps": self.total_steps,
            "warmup": self.warmup,
            "end_learning_rate": self.end_learning_rate,
        }


@keras.saving.register_keras_serializable(package="kerasft")
class WarmupLinearDecay(_WarmupDecay):
    """Linear warm-up, then linear decay: `f(p) = 1 - p`, the schedule of the BERT paper.

    Args:
        learning_rate: The peak learning rate, reached at the end of the warm-up, > 0.
        total_steps: Total number of training steps (batches): `epochs * len(train)`, whatever the
            `gradient_accumulation_steps`, because Keras' optimizers count batches.
        warmup: Fraction of `total_steps` (a float in [0, 1), rounded to whole steps) or number of steps (an int).
        end_learning_rate: The rate from step `total_steps` on, in [0, learning_rate].

    Raises:
        KerasftError: If an argument is outside its range.

    References:
        - [Devlin et al., 2019](https://arxiv.org/abs/1810.04805), appendix A.2

    Example:

    >>> schedule = WarmupLinearDecay(1e-3, total_steps=10, warmup=0.2)
    >>> [round(float(schedule(step)), 6) for step in (0, 1, 2, 6, 10)]
    [0.000333, 0.000667, 0.001, 0.0005, 0.0]
    """

    def _remaining(self, progress: tf.Tensor) -> tf.Tensor:
        return 1.0 - progress


@keras.saving.register_keras_serializable(package="kerasft")
class WarmupCosineDecay(_WarmupDecay):
    """Linear warm-up, then half a cosine: `f(p) = (1 + cos(pi p)) / 2`.

    Args:
        learning_rate: The peak learning rate, reached at the end of the warm-up, > 0.
        total_steps: Total number of training steps (batches), `epochs * len(train)`.
        warmup: Fraction of `total_steps` (a float in [0, 1)) or number of steps (an int).
        end_learning_rate: The rate from step `total_steps` on, in [0, learning_rate].

    Raises:
        KerasftError: If an argument is outside its range.

    References:
        - [Loshchilov & Hutter, 2017](https://arxiv.org/abs/1608.03983), equation 5, without restarts

    Example:

    >>> schedule = WarmupCosineDecay(1e-3, total_steps=10, warmup=2)
    >>> [round(float(schedule(step)), 6) for step in (0, 2, 4, 6, 10)]
    [0.000333, 0.001, 0.000854, 0.0005, 0.0]
    """

    def _remaining(self, progress: tf.Tensor) -> tf.Tensor:
        return 0.5 * (1.0 + tf.cos(math.pi * progress))


@keras.saving.register_keras_serializable(package="kerasft")
class WarmupPolynomialDecay(_WarmupDecay):
    """Linear warm-up, then a power of what remains: `f(p) = (1 - p) ** power`.

    Args:
        learning_rate: The peak learning rate, reached at the end of the warm-up, > 0.
        total_steps: Total number of training steps (batches), `epochs * len(train)`.
        power: Exponent, > 0; 1 is the linear decay, above 1 the rate falls early, below 1 late.
        warmup: Fraction of `total_steps` (a float in [0, 1)) or number of steps (an int).
        end_learning_rate: The rate from step `total_steps` on, in [0, learning_rate].

    Raises:
        KerasftError: If an argument is outside its range.

    References:
        - `keras.optimizers.schedules.PolynomialDecay`, the same decay without the warm-up

    Example:

    >>> schedule = WarmupPolynomialDecay(1e-3, total_steps=10, power=2.0, warmup=2)
    >>> [round(float(schedule(step)), 6) for step in (0, 2, 6, 10)]
    [0.000333, 0.001, 0.00025, 0.0]
    """

    def __init__(
        self,
        learning_rate: float,
        total_steps: int,
        *,
        power: float = 2.0,
        warmup: float | int = 0.1,
        end_learning_rate: float = 0.0,
    ):
        if not is_number(power) or power <= 0:
            raise bad_argument("power", "a number > 0", power, "Use power=1.0 for linear decay.")
        super().__init__(learning_rate, total_steps, warmup=warmup, end_learning_rate=end_learning_rate)
        self.power = float(power)

    def _remaining(self, progress: tf.Tensor) -> tf.Tensor:
        return tf.pow(1.0 - progress, self.power)

    def get_config(self) -> dict:
        """Return the constructor's arguments."""
        return {**super().get_config(), "power": self.power}
