"""Copy a checkpoint's tensors into a model's variables, and report every one of them."""

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
# Constants that old versions stored, and how many models an average (torch.optim.swa_utils) is of.
_NOT_WEIGHTS = re.compile(r"(^|\.)(position_ids|token_type_ids|attn\.bias|attn\.masked_bias)$|^n_averaged$")
_ALIGNMENT = 64  # bytes: TensorFlow's kernels end the process over tensors that begin elsewhere
_OLD_NAMES = {"gamma": "weight", "beta": "bias"}  # of the norms, as converted from TensorFlow 1


def assign(
    weights: Weights,
    tensors: Tensors,
    *,
    family: Family,
    unused: tuple[str, ...] = (),
    allow: tuple[str, ...] = (),
    unfilled: Unfilled | None = None,
) -> LoadReport:
    """Set every variable from its tensor, one at a time.

    Args:
        weights: Which tensor is which variable.
        tensors: The checkpoint.
        family: Of the checkpoint: its `prefix` may stand before the names; its `aliases` are read where the weight's own name
            is not there, and else are the same; its `optional` names may be lacking.
        unused: Beginnings of the names that the model may have no place for.
        allow: Patterns (`fnmatch`) of names that may be missing or without a place.
        unfilled: The scope that the model was built in; what the checkpoint lacks is drawn by it.

    Returns:
        What became of every tensor.

    Raises:
        CheckpointError: If tensors are missing, have no place, or have another shape. Nothing is assigned then.
    """
    stored: dict[str, str] = {}
    for name in tensors:
        if not _NOT_WEIGHTS.search(name):
            _note(_canonical(name, family.prefix), name, tensors, stored)
    _resolve(family.aliases, tensors, stored)
    missing = tuple(name for name in weights if name not in stored)
    absent = [name for name in missing if not _permitted(name, family.optional, allow)]
    if absent and len(missing) == len(weights):
        _fail(tensors, f"contains no weights of a {family.model_type!r} model; it contains", stored)
    if absent:
        fix = "To initialize them randomly and train them"
        _fail(tensors, "lacks weights that its config.json requires", absent, _how_to_allow(absent, fix))
    extra = tuple(name for name in stored if name not in weights)
    strange = [name for name in extra if not _permitted(name, unused, allow)]
    if strange:
        fix = "To ignore them"
        _fail(
            tensors,
            "contains weights that do not belong to the model of its config.json",
            strange,
            _how_to_allow(strange, fix),
        )
    reshaped = _reshaped(weights, tensors, stored)
    if missing:
        warnings.warn(
            f"{tensors.folder}: not in the checkpoint, so initialized randomly: {listed(missing)}.", stacklevel=3
        )
    stored_weights = {name: weight for name, weight in weights.items() if name in stored}
    if unfilled:
        unfilled.draw_all_but(weight.variable for weight in stored_weights.values())
    # The largest first: while it is there twice, as read and as assigned, the others have no memory yet.
    for name, weight in sorted(stored_weights.items(), key=lambda item: -math.prod(item[1].stored_shape)):
        value = tensors.read(stored[name]).reshape(weight.stored_shape)
        weight.variable.assign(_tensor(value.T if weight.transposed else value))
    report = LoadReport(str(tensors.folder), tuple(stored_weights), missing, extra, reshaped)
    _LOG.log(logging.WARNING if extra else logging.INFO, "%s", report)
    return report


def _tensor(value: np.ndarray) -> tf.Tensor:
    """Hand an array to TensorFlow with one copy; `tf.convert_to_tensor` has two more of it in memory for a moment."""
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
    """Say how to load the checkpoint all the same, in Python and on the command line.

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
    """Note which tensor has a name; two of them must be the same numbers."""
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
    """Name the tensors that differ from their weight by axes of length one only; refuse any other difference."""
    differing = {
        name: tensors.shape(stored[name])
        for name, weight in weights.items()
        if name in stored and tensors.shape(stored[name]) != weight.stored_shape
    }
    wrong = [
        f"{name} (expected {weights[name].stored_shape}, received {shape})"
        for name, shape in differing.items()
        if [n for n in shape if n != 1] != [n for n in weights[name].stored_shape if n != 1]
    ]
    if wrong:
        _fail(tensors, "contains weights whose shapes do not match its config.json", wrong)
    return tuple(differing)


def _fail(tensors: Tensors, problem: str, names: Iterable[str], fix: str = "") -> None:
    same = "Use config.json and weights of the same checkpoint."
    raise CheckpointError(f"{tensors.folder}: {problem}: {listed(names)}. {same} {fix}".strip())
