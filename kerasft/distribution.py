"""Distribution strategies: one device, several GPUs, several machines, or a TPU."""

import os
from typing import Any

import tensorflow as tf

from kerasft.errors import bad_argument

STRATEGIES = ("auto", "one_device", "mirrored", "multi_worker", "tpu")


def _tpu_strategy() -> tf.distribute.Strategy:
    resolver = tf.distribute.cluster_resolver.TPUClusterResolver()
    tf.config.experimental_connect_to_cluster(resolver)
    tf.tpu.experimental.initialize_tpu_system(resolver)
    return tf.distribute.TPUStrategy(resolver)


def _has_tpu() -> bool:
    # Colab and Cloud TPU machines announce the TPU by one of these variables; there is no cheaper way to ask.
    return any(os.environ.get(name) for name in ("TPU_NAME", "COLAB_TPU_ADDR")) or bool(
        tf.config.list_physical_devices("TPU")
    )


def _auto_name() -> str:
    if _has_tpu():
        return "tpu"
    return "mirrored" if len(tf.config.list_logical_devices("GPU")) > 1 else "one_device"


def get_strategy(name: str = "auto") -> tf.distribute.Strategy:
    """Return the `tf.distribute` strategy to build and compile a model under.

    `"one_device"` is TensorFlow's default strategy: the first GPU if there is one, else the CPU. Its `scope()` changes
    nothing, so variables stay plain `tf.Variable`s and the optimizer may compile its update by XLA;
    `tf.distribute.OneDeviceStrategy` would pin the same device at the price of distributed input.

    Args:
        name: One of

            - `"auto"`: `"tpu"` if this machine has one, `"mirrored"` if it has several GPUs, else `"one_device"`;
            - `"one_device"`: no distribution;
            - `"mirrored"`: one replica on each device of this machine (GPUs if any, else logical CPUs);
            - `"multi_worker"`: several machines, as the environment variable `TF_CONFIG` says;
            - `"tpu"`: the TPU of this machine or the one that `TPU_NAME` names.

    Returns:
        The strategy. Use it as `with get_strategy("auto").scope(): ...`.

    Raises:
        KerasftError: If the name is unknown, or the devices that the strategy needs are not there.

    References:
        - https://www.tensorflow.org/guide/distributed_training

    Example:

    >>> strategy = get_strategy("one_device")
    >>> strategy.num_replicas_in_sync
    1
    """
    if name not in STRATEGIES:
        raise bad_argument(
            "strategy", f"one of {STRATEGIES}", name, "Choose one of them; 'auto' selects by the devices."
        )
    name = _auto_name() if name == "auto" else name
    if name == "one_device":
        return tf.distribute.get_strategy()
    if name == "mirrored":
        return _mirrored_strategy()
    if name == "multi_worker":
        return _multi_worker_strategy()
    if not _has_tpu():
        raise bad_argument(
            "strategy", "one whose devices are available", name, "No TPU found; set TPU_NAME, or use 'auto'."
        )
    return _tpu_strategy()


def _mirrored_strategy() -> tf.distribute.Strategy:
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    if len(devices) < 2:
        raise bad_argument(
            "strategy",
            "one whose devices are available",
            "mirrored",
            f"This machine has one device ({devices[0].name}); use 'auto', or split the CPU with "
            "tf.config.set_logical_device_configuration.",
        )
    return allow_uneven_batches(tf.distribute.MirroredStrategy([device.name for device in devices]))


def allow_uneven_batches(strategy: tf.distribute.Strategy) -> tf.distribute.Strategy:
    """Let `fit` and `evaluate` begin with a batch that the devices of one machine cannot share evenly; return the strategy.

    Keras asks for the mean of the replicas' parts of the first batch, of which it needs the shapes only. There is no mean where
    these differ: with an odd batch on two devices, or a token budget. Here it gets the whole batch. `get_strategy`, and the
    datasets and losses of kerasft that are made in a strategy's scope, see to it.

    Args:
        strategy: Any strategy; only a `MirroredStrategy` is changed.

    Example:

    >>> allow_uneven_batches(tf.distribute.get_strategy()).num_replicas_in_sync
    1
    """
    if type(strategy) is not tf.distribute.MirroredStrategy or "reduce" in vars(strategy):
        return strategy
    reduce = strategy.reduce

    def reduce_all_but_batches(reduce_op: Any, value: Any, axis: int | None) -> Any:
        if axis is None and isinstance(value, tuple) and isinstance(value[0], dict):  # as our datasets make a batch
            return tf.nest.map_structure(lambda each: tf.concat(strategy.experimental_local_results(each), 0), value)
        return reduce(reduce_op, value, axis)

    strategy.reduce = reduce_all_but_batches
    return strategy


def _multi_worker_strategy() -> tf.distribute.Strategy:
    if not os.environ.get("TF_CONFIG"):
        raise bad_argument(
            "strategy",
            "one whose devices are available",
            "multi_worker",
            "Set the environment variable TF_CONFIG to the cluster and this worker's index, or use 'auto'.",
        )
    return tf.distribute.MultiWorkerMirroredStrategy()
