"""Checkpoints of a training in a folder: variables and facts, with a checksum; the newest valid one is read."""

import dataclasses
import hashlib
import json
import logging
import pathlib
import shutil
from collections.abc import Mapping

import numpy as np
from safetensors.numpy import load_file, save_file

from kerasft.errors import CheckpointError
from kerasft.files import check_room, recover, written_aside

_LOG = logging.getLogger("kerasft")
_ARRAYS = "arrays.safetensors"
_FACTS = "checkpoint.json"
_KEPT = 2  # the newest, and the one before in case that is damaged


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """What is needed to continue a training from one point.

    Args:
        epoch: Number of completed epochs.
        steps: Number of calls of the training step since then.
        facts: All else that is not an array, as JSON values.
        arrays: Variables and other arrays, by name.
    """

    epoch: int
    steps: int
    facts: Mapping[str, object]
    arrays: Mapping[str, np.ndarray]

    @property
    def position(self) -> str:
        """Where the training stood, for messages."""
        return f"epoch {self.epoch + 1}, step {self.steps}" if self.steps else f"the end of epoch {self.epoch}"


def write_checkpoint(folder: pathlib.Path, checkpoint: Checkpoint) -> pathlib.Path:
    """Write a checkpoint aside, put it into the folder when it is complete, and delete all but the newest two.

    Args:
        folder: Created if missing.
        checkpoint: What to write.

    Returns:
        The checkpoint's own folder.

    Raises:
        OSError: If it cannot be written; the earlier ones are unchanged.

    Example:

    >>> checkpoint = Checkpoint(epoch=1, steps=20, facts={}, arrays={"w": np.zeros(3)})
    >>> write_checkpoint(pathlib.Path("checkpoints"), checkpoint).name
    'epoch-00001-step-00000020'
    """
    target = folder / f"epoch-{checkpoint.epoch:05d}-step-{checkpoint.steps:08d}"
    with written_aside(target) as aside:
        check_room(aside / _ARRAYS, [array.nbytes for array in checkpoint.arrays.values()])
        save_file({name: np.asarray(array, order="C") for name, array in checkpoint.arrays.items()}, aside / _ARRAYS)
        facts = {
            "epoch": checkpoint.epoch,
            "steps": checkpoint.steps,
            "sha256": _digest(aside / _ARRAYS),
            "facts": checkpoint.facts,
        }
        text = json.dumps(facts)
        (aside / _FACTS).write_text(f"{hashlib.sha256(text.encode()).hexdigest()}\n{text}\n", "utf-8")
    for old in checkpoints(folder)[:-_KEPT]:
        shutil.rmtree(old, ignore_errors=True)
    return target


def checkpoints(folder: pathlib.Path) -> list[pathlib.Path]:
    """The folders of complete checkpoints, the newest last.

    Example:

    >>> checkpoints(pathlib.Path("none"))
    []
    """
    return sorted(path for path in folder.glob("epoch-*-step-*") if (path / _FACTS).exists())


def read_checkpoint(folder: pathlib.Path) -> Checkpoint | None:
    """Read the newest checkpoint; if it is damaged, warn and read the one before. None if there is none.

    Raises:
        CheckpointError: If all checkpoints of the folder are damaged.

    Example:

    >>> read_checkpoint(pathlib.Path("none")) is None
    True
    """
    recover_all(folder)
    found = checkpoints(folder)
    for path in reversed(found):
        try:
            return _read(path)
        except (OSError, ValueError, KeyError, TypeError) as error:
            _LOG.warning("The checkpoint %s is damaged (%s); trying the one before.", path, error)
    if found:
        raise CheckpointError(
            f"`folder` must contain an undamaged checkpoint; received: {str(folder)!r}, where {len(found)} of {len(found)} are"
            " damaged. Restore the folder from a copy, or delete it to train from scratch."
        )
    return None


def recover_all(folder: pathlib.Path) -> None:
    """Remove what killed processes left half-written in the folder."""
    for path in folder.glob(".epoch-*.writing-*"):
        recover(folder / path.name.removeprefix(".").partition(".writing-")[0])


def _read(path: pathlib.Path) -> Checkpoint:
    digest, _, text = (path / _FACTS).read_text("utf-8").partition("\n")
    if hashlib.sha256(text.rstrip("\n").encode()).hexdigest() != digest:
        raise ValueError(f"{_FACTS} was changed")
    facts = json.loads(text)
    if _digest(path / _ARRAYS) != facts["sha256"]:
        raise ValueError(f"{_ARRAYS} was changed")
    return Checkpoint(facts["epoch"], facts["steps"], facts["facts"], load_file(path / _ARRAYS))


def _digest(path: pathlib.Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() if hasattr(hashlib, "file_digest") else _blocks(file)


def _blocks(file) -> str:
    digest = hashlib.sha256()  # Python 3.10 has no file_digest
    while block := file.read(1 << 20):
        digest.update(block)
    return digest.hexdigest()
