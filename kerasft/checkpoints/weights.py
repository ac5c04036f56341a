"""Copy a checkpoint's tensors into a model's variables, and account for every one of them."""

import dataclasses
import logging
import re
import warnings
from collections.abc import Iterable, Mapping

import keras

from kerasft.checkpoints.safetensors_reader import Tensors
from kerasft.errors import CheckpointError

_LOG = logging.getLogger(__name__)
_NOT_WEIGHTS = re.compile(r"(^|\.)(position_ids|token_type_ids)$")  # constants that old versions stored
_OLD_NAMES = {"gamma": "weight", "beta": "bias"}  # of the norms, as converted from TensorFlow 1


@dataclasses.dataclass(frozen=True, kw_only=True)
class Names:
    """How a family's tensors are called in a Hugging Face folder.

    Args:
        variables: Tensor name without `prefix` -> variable.
        prefix: What stands before each name where the checkpoint has a task head, such as `"bert."`.
        optional: Beginnings of the names that a checkpoint may lack.
        heads: Beginnings of the names of task heads, which a backbone has no place for.
    """

    variables: Mapping[str, keras.Variable]
    prefix: str
    optional: tuple[str, ...] = ()
    heads: tuple[str, ...] = ()


def assign(names: Names, tensors: Tensors) -> None:
    """Set every variable from its tensor, one at a time.

    Args:
        names: Which tensor is which variable.
        tensors: The checkpoint.

    Raises:
        CheckpointError: If tensors are missing, have no place, or have another shape. Nothing is assigned then.
    """
    stored = {_canonical(name, names.prefix): name for name in tensors if not _NOT_WEIGHTS.search(name)}
    missing = [name for name in names.variables if name not in stored]
    absent = [name for name in missing if not name.startswith(names.optional or ("\0",))]
    if absent:
        _fail(tensors, "lacks weights that its config.json calls for", absent)
    extra = [name for name in stored if name not in names.variables]
    strange = [name for name in extra if not name.startswith(names.heads or ("\0",))]
    if strange:
        _fail(tensors, "holds weights that its config.json has no place for", strange)
    _check_shapes(names, tensors, stored)
    if missing:
        warnings.warn(f"{tensors.folder}: not in the checkpoint, so drawn at random: {_listed(missing)}.", stacklevel=3)
    if extra:
        _LOG.warning("%s: of a task head, not used by the backbone: %s.", tensors.folder, _listed(extra))
    for name, variable in names.variables.items():
        if name in stored:
            value = tensors.read(stored[name])
            variable.assign(value.T if variable.name == "kernel" else value)


def _canonical(name: str, prefix: str) -> str:
    stem, _, last = name.removeprefix(prefix).rpartition(".")
    return f"{stem}.{_OLD_NAMES.get(last, last)}"


def _check_shapes(names: Names, tensors: Tensors, stored: Mapping[str, str]) -> None:
    wrong = []
    for name, variable in names.variables.items():
        expected = tuple(variable.shape)[:: -1 if variable.name == "kernel" else 1]
        received = tensors.shape(stored[name]) if name in stored else expected
        if received != expected:
            wrong.append(f"{name} (expected {expected}, received {received})")
    if wrong:
        _fail(tensors, "holds weights of another shape than its config.json says", wrong)


def _fail(tensors: Tensors, problem: str, names: Iterable[str]) -> None:
    raise CheckpointError(
        f"{tensors.folder}: {problem}: {_listed(names)}. Take config.json and weights of one and the same checkpoint."
    )


def _listed(names: Iterable[str], limit: int = 8) -> str:
    names = list(names)
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more
