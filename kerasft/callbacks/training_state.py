"""All that decides the rest of a training: collected into a checkpoint, and restored from it."""

import json
import random
from collections.abc import Mapping, Sequence

import keras
import numpy as np

from kerasft.callbacks.checkpoint_files import Checkpoint
from kerasft.callbacks.non_finite import find_optimizer
from kerasft.callbacks.resumable import Resumable
from kerasft.epoch_order import EpochOrder

Started = list[tuple[EpochOrder, int]]
"""Shuffled datasets of ours, and how many epochs of each had begun when the running epoch began."""

_NO_DIFFERENCE = ("name", "module", "registered_name", "build_config", "shared_object_id")


def state_variables(model: keras.Model) -> list[keras.Variable]:
    """Weights, random states of layers, and the optimizer's state, each once.

    Example:

    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> [variable.name for variable in state_variables(model)]
    ['kernel', 'bias', 'iteration', 'learning_rate']
    """
    return list({id(variable): variable for variable in [*model.variables, *model.optimizer.variables]}.values())


def values_of(variables: Sequence[keras.Variable]) -> list[np.ndarray]:
    """Copies of the variables' values.

    Example:

    >>> values_of([keras.Variable([1.0, 2.0])])[0].tolist()
    [1.0, 2.0]
    """
    return [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]


def all_finite(variables: Sequence[keras.Variable], values: Sequence[np.ndarray]) -> bool:
    """Whether all trainable weights are finite.

    Example:

    >>> all_finite([keras.Variable([1.0])], [np.array([np.nan])])
    False
    """
    return all(np.isfinite(value).all() for variable, value in zip(variables, values) if variable.trainable)


def arrays_of(prefix: str, values: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """Numbered names for arrays.

    Example:

    >>> list(arrays_of("metric", [np.zeros(1), np.zeros(2)]))
    ['metric00000', 'metric00001']
    """
    return {f"{prefix}{number:05d}": value for number, value in enumerate(values)}


def assign(prefix: str, variables: Sequence[keras.Variable], checkpoint: Checkpoint) -> None:
    """Give variables the values of `arrays_of` in a checkpoint; those that it lacks keep theirs.

    Example:

    >>> variable = keras.Variable([0.0])
    >>> arrays = arrays_of("metric", [np.ones(1, np.float32)])
    >>> assign("metric", [variable], Checkpoint(epoch=0, steps=1, facts={}, arrays=arrays))
    >>> variable.numpy().tolist()
    [1.0]
    """
    for number, variable in enumerate(variables):
        value = checkpoint.arrays.get(f"{prefix}{number:05d}")
        if value is not None:
            variable.assign(value)


def random_state() -> tuple[dict, dict[str, np.ndarray]]:
    """The states of Python's and NumPy's global random generators, as JSON values and arrays.

    Example:

    >>> facts, arrays = random_state()
    >>> first = random.random()
    >>> set_random_state(facts, arrays)
    >>> random.random() == first
    True
    """
    python = random.getstate()
    numpy = np.random.get_state(legacy=False)
    arrays = {"python_random": np.array(python[1], np.uint32), "numpy_random": numpy["state"]["key"]}
    position = numpy["state"]["pos"]
    return {
        "python_gauss": python[2],
        "pos": position,
        "has_gauss": numpy["has_gauss"],
        "gauss": numpy["gauss"],
    }, arrays


def set_random_state(facts: Mapping, arrays: Mapping[str, np.ndarray]) -> None:
    """Restore what `random_state` returned."""
    random.setstate((3, tuple(arrays["python_random"].tolist()), facts["python_gauss"]))
    state = {"key": arrays["numpy_random"], "pos": facts["pos"]}
    gauss = {"has_gauss": facts["has_gauss"], "gauss": facts["gauss"]}
    np.random.set_state({"bit_generator": "MT19937", "state": state, **gauss})


def callback_states(callbacks: Sequence[Resumable]) -> tuple[list[dict], dict[str, np.ndarray]]:
    """The states of callbacks as JSON values, where the number of arrays stands for a list of them, and the arrays by name."""
    facts = []
    arrays = {}
    for index, callback in enumerate(callbacks):
        values = {}
        for name, value in callback.get_state().items():
            if isinstance(value, list):
                values[name] = {"arrays": len(value)}
                arrays |= {f"callback{index}/{name}/{number}": np.asarray(array) for number, array in enumerate(value)}
            else:
                values[name] = value.item() if isinstance(value, np.generic) else value
        facts.append({"callback": _name(callback), "state": values})
    return facts, arrays


def set_callback_states(callbacks: Sequence[Resumable], checkpoint: Checkpoint) -> None:
    """Restore what `callback_states` returned; a callback that was not there keeps its state."""
    states = {each["callback"]: (index, each["state"]) for index, each in enumerate(checkpoint.facts["callbacks"])}
    for callback in callbacks:
        if _name(callback) not in states:
            continue
        index, values = states[_name(callback)]
        state = dict(values)
        for name, value in values.items():
            if isinstance(value, dict):
                state[name] = [checkpoint.arrays[f"callback{index}/{name}/{n}"] for n in range(value["arrays"])]
        callback.set_state(state)


def _name(callback: Resumable) -> str:
    return f"{type(callback).__name__} {getattr(callback, 'monitor', '')}".strip()


def started_now() -> Started:
    """How many epochs of each shuffled dataset have begun."""
    return [(order, order.started) for order in EpochOrder.alive()]


def used_since(started: Started, *, to_repeat: bool) -> dict[str, int]:
    """The datasets that have been read since then, by description: where the next epoch of each has to begin.

    Args:
        started: What `started_now` returned at the beginning of the epoch.
        to_repeat: Whether the epoch is to be repeated, up to its checkpoint; else the next one follows.
    """
    used = [(order, before) for order, before in started if order.started > before]
    return {
        json.dumps(order.description, sort_keys=True): before if to_repeat else order.started for order, before in used
    }


def set_started(positions: Mapping[str, int]) -> None:
    """Let the next epoch of each dataset be the one of that number."""
    for order in EpochOrder.alive():
        order.started = positions.get(json.dumps(order.description, sort_keys=True), order.started)


def signature(model: keras.Model, *, steps: int | None) -> dict:
    """What must be the same in a training that continues, as JSON values.

    Args:
        model: The compiled model.
        steps: Steps per epoch.
    """
    optimizer = keras.saving.serialize_keras_object(find_optimizer(model))
    variables = [
        [variable.path, list(variable.shape), str(variable.dtype), bool(variable.trainable)]
        for variable in state_variables(model)
    ]
    return {
        "variables": variables,
        "optimizer": json.loads(json.dumps(optimizer, default=str)),
        "steps per epoch": steps,
    }


def other_variables(before: list, now: list) -> str | None:
    """What tells two lists of variables apart, for a message; None if they are alike but for their names."""
    if [variable[1:] for variable in before] == [variable[1:] for variable in now]:
        return None
    if len(before) != len(now):
        return f"{len(before)} variables, not {len(now)}"
    then, here = next(pair for pair in zip(before, now) if pair[0][1:] != pair[1][1:])
    shown = [
        f"{path} of shape {tuple(shape)}{'' if trainable else ' (frozen)'}"
        for path, shape, _, trainable in (then, here)
    ]
    return f"{shown[0]}, not {shown[1]}"


def changes(checkpoint: Checkpoint, *, settings: Mapping, model: Mapping) -> list[str]:
    """What is another than in the interrupted training: settings, optimizer, steps.

    Args:
        checkpoint: The interrupted training's.
        settings: The user's own.
        model: Its `signature`.
    """
    before = checkpoint.facts["model"]
    lines = _differences(checkpoint.facts["settings"], settings)
    lines += _differences(_flat(before["optimizer"]), _flat(model["optimizer"]))
    steps = "steps per epoch"
    return list(dict.fromkeys(lines or _differences({steps: before[steps]}, {steps: model[steps]})))


def data_changes(checkpoint: Checkpoint, used: Mapping[str, int]) -> list[str]:
    """What is another in the training data than in the interrupted training.

    Args:
        checkpoint: The interrupted training's.
        used: The datasets that this training reads, by description, as `used_since` returns them.
    """
    lines = []
    here = [json.loads(description) for description in used] or [{}]
    for description in map(json.loads, checkpoint.facts["data"]):
        nearest = max(here, key=lambda each: sum(each.get(name) == value for name, value in description.items()))
        lines += [f"training data, {line}" for line in _differences(description, nearest)]
    return list(dict.fromkeys(lines))


def _flat(config: object, name: str = "optimizer") -> dict:
    """Nested dictionaries as one, with dotted names."""
    if not isinstance(config, Mapping):
        return {name: config}
    parts = {}
    for part, each in config.items():
        if part not in _NO_DIFFERENCE:
            parts |= _flat(each, name if part == "config" else f"{name}.{part}")
    return parts


def _differences(before: Mapping, now: Mapping) -> list[str]:
    names = dict.fromkeys([*before, *now])
    return [f"{name}: {before.get(name)} -> {now.get(name)}" for name in names if before.get(name) != now.get(name)]
