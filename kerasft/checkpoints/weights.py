"""Assign a checkpoint's tensors to a model's variables, and report on every tensor."""

import fnmatch
import logging
import math
import re
import warnings
from collections.abc import Iterable, Mapping

import numpy as np
import tensorflow as tf

from kerasft.checkpoints.family import Family, Weights
from kerasft.checkpoints.report import LoadReport, listed
from kerasft.checkpoints.tensors import Tensors
from kerasft.checkpoints.uninitialized import Unfilled
from kerasft.errors import CheckpointError

_LOG = logging.getLogger(__name__)
# Constants stored by old versions, and the counter of averaged models (torch.optim.swa_utils).
_NOT_WEIGHTS = re.compile(r"(^|\.)(position_ids|token_type_ids|attn\.bias|attn\.masked_bias)$|^n_averaged$")
_ALIGNMENT = 64  # bytes; TensorFlow's kernels crash on tensors with another alignment
_OLD_NAMES = {"gamma": "weight", "beta": "bias"}  # layer norms converted from TensorFlow 1


def assign(
    weights: Weights,
    tensors: Tensors,
    *,
    family: Family,
    unused: tuple[str, ...] = (),
    allow: tuple[str, ...] = (),
    unfilled: Unfilled | None = None,
) -> LoadReport:
    """Assign every variable from its tensor, one at a time.

    Args:
        weights: Tensor name -> variable.
        tensors: The checkpoint.
        family: The checkpoint's family: `prefix` of the tensor names, `aliases` (if stored in addition to the weight's own name,
            the values must be equal), and `optional` weights.
        unused: Prefixes of tensor names that are ignored.
        allow: Patterns (`fnmatch`) of weights that may be missing from the checkpoint or from the model.
        unfilled: The scope in which the model was built; it initializes missing weights.

    Returns:
        The report on every tensor.

    Raises:
        CheckpointError: If tensors are missing, unexpected, or of another shape. No weight is assigned in that case.
    """
    stored: dict[str, str] = {}
    for name in tensors:
        if not _NOT_WEIGHTS.search(name):
            _note(_canonical(name, family.prefix), name, tensors, stored)
    _resolve(family.aliases, tensors, stored)
    missing = tuple(name for name in weights if name not in stored)
    required = [name for name in missing if not _permitted(name, family.optional, allow)]
    if required and len(missing) == len(weights):
        _fail(tensors, f"contains no weights of a {family.model_type!r} model; it contains", stored)
    if required:
        fix = "To initialize them randomly and train them"
        _fail(tensors, "lacks weights that its config.json requires", required, _how_to_allow(required, fix))
    extra = tuple(name for name in stored if name not in weights)
    unknown = [name for name in extra if not _permitted(name, unused, allow)]
    if unknown:
        fix = "To ignore them"
        _fail(
            tensors,
            "contains weights that do not belong to the model of its config.json",
            unknown,
            _how_to_allow(unknown, fix),
        )
    reshaped = _reshaped(weights, tensors, stored)
    if missing:
        warnings.warn(
            f"{tensors.folder}: not in the checkpoint, so initialized randomly: {listed(missing)}.", stacklevel=3
        )
    stored_weights = {name: weight for name, weight in weights.items() if name in stored}
    if unfilled:
        unfilled.draw_all_but(weight.variable for weight in stored_weights.values())
    # Largest first: while it is in memory twice (as read and as assigned), the others are not allocated yet.
    for name, weight in sorted(stored_weights.items(), key=lambda item: -math.prod(item[1].stored_shape)):
        value = tensors.read(stored[name]).reshape(weight.stored_shape)
        weight.variable.assign(_tensor(value.T if weight.transposed else value))
    report = LoadReport(str(tensors.folder), tuple(stored_weights), missing, extra, reshaped)
    _LOG.log(logging.WARNING if extra else logging.INFO, "%s", report)
    return report


def _tensor(value: np.ndarray) -> tf.Tensor:
    """Convert an array to a tensor with one copy; `tf.convert_to_tensor` temporarily needs two more."""
    if not value.size:
        return tf.convert_to_tensor(value)
    memory = np.empty(value.nbytes + _ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % _ALIGNMENT
    aligned = memory[start : start + value.nbytes].view(value.dtype).reshape(value.shape)
    np.copyto(aligned, value)
    return tf.experimental.dlpack.from_dlpack(aligned.__dlpack__())


def _permitted(name: str, beginnings: tuple[str, ...], patterns: tuple[str, ...]) -> bool:
    return name.startswith(tuple(beginnings)) or any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def _how_to_allow(names: list[str], purpose: str) -> str:
    """Describe how to load the checkpoint anyway, in Python and on the command line.

    Example:

    >>> _how_to_allow(["crf.start", "crf.end"], "To leave them out")
    "To leave them out: allow=('crf.*',) in Python; or `kerasft convert SOURCE FOLDER --allow 'crf.*'`, then use ..."
    """
    groups: dict[str, list[list[str]]] = {}
    for name in names:
        groups.setdefault(name.split(".")[0], []).append(name.split("."))
    patterns = []
    for group in groups.values():
        shared = [parts[0] for parts in zip(*group) if len(set(parts)) == 1]
        patterns.append(".".join(group[0] if len(group) == 1 else [*shared, "*"]))
    flags = " ".join(f"'{pattern}'" for pattern in patterns)
    return (
        f"{purpose}: allow={tuple(patterns)} in Python; or `kerasft convert SOURCE FOLDER --allow {flags}`, then "
        "use --model FOLDER in `kerasft train`."
    )


def _note(canonical: str, name: str, tensors: Tensors, stored: dict[str, str]) -> None:
    """Record the tensor of a canonical name; two tensors with the same name must have equal values."""
    other = stored.setdefault(canonical, name)
    if other != name and not np.array_equal(tensors.read(other), tensors.read(name)):
        _fail(tensors, "contains a weight under two names, with different values", (name, other))


def _resolve(aliases: Mapping[str, str], tensors: Tensors, stored: dict[str, str]) -> None:
    for alias, name in aliases.items():
        if alias in stored:
            _note(name, stored.pop(alias), tensors, stored)


def _canonical(name: str, prefix: str) -> str:
    stem, dot, last = name.removeprefix(prefix).rpartition(".")
    return f"{stem}{dot}{_OLD_NAMES.get(last, last)}"


def _reshaped(weights: Weights, tensors: Tensors, stored: Mapping[str, str]) -> tuple[str, ...]:
    """Return the tensors whose shape differs by axes of size 1 only; raise for any other difference."""
    differing = {
        name: tensors.shape(stored[name])
        for name, weight in weights.items()
        if name in stored and tensors.shape(stored[name]) != weight.stored_shape
    }
    mismatched = [
        f"{name} (expected {weights[name].stored_shape}, received {shape})"
        for name, shape in differing.items()
        if [n for n in shape if n != 1] != [n for n in weights[name].stored_shape if n != 1]
    ]
    if mismatched:
        _fail(tensors, "contains weights whose shapes do not match its config.json", mismatched)
    return tuple(differing)


def _fail(tensors: Tensors, problem: str, names: Iterable[str], fix: str = "") -> None:
    same = "Use config.json and weights of the same checkpoint."
    raise CheckpointError(f"{tensors.folder}: {problem}: {listed(names)}. {same} {fix}".strip())
