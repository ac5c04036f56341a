"""Run a step of an export in a subprocess, and report failures in one sentence."""

import os
from typing import Any

from kerasft.conversion import worker
from kerasft.errors import ExportError
from kerasft.measuring.subprocess_job import run_apart

IN_PROCESS = "KERASFT_CONVERT_IN_PROCESS"
"""Environment variable: 1 runs the steps in this process, which saves another import of TensorFlow."""


def run_step(step: str, job: dict[str, Any]) -> dict[str, Any]:
    """Run one of `kerasft.conversion.worker.STEPS`.

    Args:
        step: The step's name.
        job: The step's input, including file names.

    Returns:
        The step's result.

    Raises:
        ExportError: If the process crashed, was killed, or raised an unexpected error.

    Example:

    >>> run_step("convert", {"folder": "no/such/folder", "signatures": [], "quantize": None, "out_file": "x.tflite"})
    {'refused': '...'}
    """
    if os.environ.get(IN_PROCESS) == "1":
        return worker.STEPS[step](job)
    try:
        result = run_apart(worker.__name__, {"step": step, **job})
    except OSError as error:  # processes cannot be started in this environment
        result = {"error": f"{error} (set the environment variable {IN_PROCESS}=1 to run it without a subprocess)"}
    if "error" in result:
        raise ExportError(
            f"The export failed in step {step!r}, which runs in a subprocess: {result['error']}. Nothing was written; an "
            "existing export is unchanged. If memory ran out, close other programs, or use fewer lengths."
        )
    return result
