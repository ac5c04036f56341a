"""Copy a checkpoint's tensors into a model's variables, and account for every one of them."""

import logging
import re
import warnings
from collections.abc import Iterable, Mapping

from kerasft.checkpoints.family import Weights
from kerasft.checkpoints.tensors import Tensors
from kerasft.errors import CheckpointError

_LOG = logging.getLogger(__name__)
_NOT_WEIGHTS = re.compile(
    r"(^|\.)(position_ids|token_type_ids|attn\.bias|attn\.masked_bias)$"
)  # constants that old versions stored
_OLD_NAMES = {"gamma": "weight", "beta": "bias"}  # of the norms, as converted from TensorFlow 1


def assign(
    weights: Weights,
    tensors: Tensors,
    *,
    prefix: str = "",
    aliases: Mapping[str, str] | None = None,
    optional: tuple[str, ...] = (),
    unused: tuple[str, ...] = (),
) -> None:
    """Set every variable from its tensor, one at a time.

    Args:
        weights: Which tensor is which variable.
        tensors: The checkpoint.
        prefix: What may stand before the names, such as `"bert."`.
        aliases: Other names of a weight -> its name; read where the weight's own name is not there.
        optional: Beginnings of the names that a checkpoint may lack.
        unused: Beginnings of the names that the model may have no place for.

    Raises:
        CheckpointError: If tensors are missing, have no place, or have another shape. Nothing is assigned then.
    """
    stored = {_canonical(name, prefix): name for name in tensors if not _NOT_WEIGHTS.search(name)}
    for alias, name in (aliases or {}).items():
        if alias in stored and alias not in weights:
            stored.setdefault(name, stored.pop(alias))
    missing = [name for name in weights if name not in stored]
    absent = [name for name in missing if not name.startswith(optional or ("\0",))]
    if absent:
        _fail(tensors, "lacks weights that its config.json calls for", absent)
    extra = [name for name in stored if name not in weights]
    strange = [name for name in extra if not name.startswith(unused or ("\0",))]
    if strange:
        _fail(tensors, "holds weights that its config.json has no place for", strange)
    _check_shapes(weights, tensors, stored)
    if missing:
        warnings.warn(f"{tensors.folder}: not in the checkpoint, so drawn at random: {_listed(missing)}.", stacklevel=3)
    if extra:
        _LOG.warning("%s: of a task head, not used by the backbone: %s.", tensors.folder, _listed(extra))
    for name, weight in weights.items():
        if name in stored:
            value = tensors.read(stored[name])
            weight.variable.assign(value.T if weight.transposed else value)


def _canonical(name: str, prefix: str) -> str:
    stem, _, last = name.removeprefix(prefix).rpartition(".")
    return f"{stem}.{_OLD_NAMES.get(last, last)}"


def _check_shapes(weights: Weights, tensors: Tensors, stored: Mapping[str, str]) -> None:
    wrong = []
    for name, weight in weights.items():
        received = tensors.shape(stored[name]) if name in stored else weight.stored_shape
        if received != weight.stored_shape:
            wrong.append(f"{name} (expected {weight.stored_shape}, received {received})")
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
