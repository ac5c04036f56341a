"""Subprocess that measures the memory of a bundle or a SavedModel: `python -m kerasft.export.model_memory JOB`."""

import json
import sys
from typing import Any

import numpy as np

from kerasft.features import SEGMENT_IDS
from kerasft.inference.runners import Runner, open_runner
from kerasft.measuring.subprocess_job import answer
from kerasft.measuring.worker import growth, memory_bytes


def full_batch(runner: Runner, length: int) -> dict[str, np.ndarray]:
    """Inputs (1, S) without padding, or of the runner's fixed batch size.

    Args:
        runner: The runner.
        length: S.

    Example:

    >>> batch = full_batch(Runner(run=None, inputs=("token_ids", "segment_ids")), 3)
    >>> batch["token_ids"].tolist(), batch["segment_ids"].tolist()
    ([[1, 1, 1]], [[0, 0, 0]])
    """
    shape = (runner.batch_size or 1, length)
    return {name: np.full(shape, int(name != SEGMENT_IDS), np.int32) for name in runner.inputs}


def find_memory(job: dict[str, Any]) -> dict[str, Any]:
    """Load a model and run it once per length.

    Args:
        job: `path`, and the `lengths` to run.

    Returns:
        `memory`: growth of the process since its imports, in bytes: `resident` (at the end) and `peak`.

    Example:

    >>> find_memory({"path": "no/such/folder"})
    Traceback (most recent call last):
    ...
    kerasft.errors.CheckpointError: no/such/folder is not a bundle: ...
    """
    before = memory_bytes()
    runner = open_runner(job["path"])
    for length in job["lengths"]:
        runner.run(full_batch(runner, length))
    return {"memory": growth(before)}


if __name__ == "__main__":
    job = json.loads(sys.argv[1])
    answer(job, find_memory(job))
