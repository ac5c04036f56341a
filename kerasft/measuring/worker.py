"""Subprocess that runs a LiteRT file: `python -m kerasft.measuring.worker JOB`, with ai-edge-litert and numpy only.

JOB is a JSON object; the result is written as a JSON object to the job's `out` file. Measurements in a process without TensorFlow
are representative of a mobile app, and a file that crashes the runtime only crashes this process.
"""

import contextlib
import functools
import json
import pathlib
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from kerasft.measuring.profiler import profile
from kerasft.measuring.subprocess_job import answer

resource = None
with contextlib.suppress(ImportError):  # not available on Windows
    import resource

_ZERO_NAMES = ("segment", "token_type", "input_pos", "position")


def times(call: Callable[[], Any], runs: int, *, warmup: int = 3) -> dict[str, float]:
    """Time a function: milliseconds of the first call, and minimum, median and 90th percentile after warm-up.

    Args:
        call: The function to time.
        runs: Timed calls, >= 1.
        warmup: Warm-up calls, >= 1.

    Example:

    >>> list(times(lambda: None, 3))
    ['first_ms', 'min_ms', 'median_ms', 'p90_ms']
    """
    milliseconds = []
    for _ in range(warmup + runs):
        start = time.perf_counter()
        call()
        milliseconds.append(1000 * (time.perf_counter() - start))
    timed = np.array(milliseconds[warmup:])
    values = (milliseconds[0], timed.min(), np.median(timed), np.quantile(timed, 0.9))
    return dict(zip(("first_ms", "min_ms", "median_ms", "p90_ms"), (round(float(value), 4) for value in values)))


def measure(job: dict[str, Any]) -> dict[str, Any]:
    """Time every signature, and measure the peak memory of loading the file and running each signature once.

    Args:
        job: `path`, `lengths` (for inputs with dynamic length), `threads`, `runs`, `warmup`.

    Returns:
        `rows` (`signature`, `sequence_length`, `threads` and `times`) and `memory` (see `growth`).

    Raises:
        ValueError: If the runtime cannot load the file.

    Example:

    >>> measure({"path": "no/such/model.tflite", "threads": [1]})
    Traceback (most recent call last):
    ...
    ValueError: Could not open 'no/such/model.tflite'...
    """
    before = memory_bytes()
    interpreter = Interpreter(job["path"], num_threads=max(job["threads"]))
    for item in _runs(interpreter, job["lengths"]):
        try:
            item.run()
        except RuntimeError as error:  # for example more tokens than positions, with dynamic length
            raise ValueError(f"{item.signature or 'the graph'} at length {item.length}: {error}") from error
    memory = growth(before)
    del interpreter
    rows = []
    for threads in job["threads"]:
        for item in _runs(Interpreter(job["path"], num_threads=threads), job["lengths"]):
            facts = {"signature": item.signature, "sequence_length": item.length, "threads": threads}
            rows.append(facts | times(item.run, job["runs"], warmup=job["warmup"]))
    return {"rows": rows, "memory": memory}


def memory_bytes() -> dict[str, int | None]:
    """Current and peak resident memory of this process; None if the platform does not report it.

    Example:

    >>> list(memory_bytes())
    ['resident', 'peak']
    """
    status = pathlib.Path("/proc/self/status")
    if status.is_file():  # not `ru_maxrss`, which on Linux includes the parent process' memory
        fields = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
        return {"resident": 1024 * int(fields["VmRSS"].split()[0]), "peak": 1024 * int(fields["VmHWM"].split()[0])}
    if resource is None:
        return {"resident": None, "peak": None}
    peak = (1 if sys.platform == "darwin" else 1024) * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"resident": peak, "peak": peak}


def growth(before: dict[str, int | None]) -> dict[str, int | None]:
    """Growth of current and peak memory since an earlier measurement.

    Args:
        before: The earlier result of `memory_bytes`.

    Example:

    >>> sorted(growth(memory_bytes()))
    ['peak', 'resident']
    """
    start = before["resident"]
    return {name: None if start is None else value - start for name, value in memory_bytes().items()}


def find_kernels(job: dict[str, Any]) -> dict[str, Any]:
    """Profile one signature: see `kerasft.measuring.profiler.profile`.

    Args:
        job: `path`, `lengths`, `signature`, `sequence_length`, `threads`, `runs`.

    Returns:
        `kernels`, the rows.

    Example:

    >>> find_kernels({"path": "no/such/model.tflite"})
    Traceback (most recent call last):
    ...
    ValueError: Could not open 'no/such/model.tflite'...
    """
    for item in _runs(Interpreter(job["path"]), job["lengths"]):
        if (item.signature, item.length) == (job["signature"], job["sequence_length"]):
            arrays = {"inputs": item.inputs, "outputs": item.run()}
            rows = profile(job["path"], item.signature, **arrays, threads=job["threads"], runs=job["runs"])
            return {"kernels": rows}
    raise ValueError(f"no signature {job['signature']} of length {job['sequence_length']}")


class _Run(NamedTuple):
    """One signature at one length: its name (None: no signatures), the length S, the inputs, and a function to run it."""

    signature: str | None
    length: int | None
    inputs: dict[str, np.ndarray]
    run: Callable[[], dict[str, np.ndarray]]


def _runs(interpreter: Interpreter, lengths: list[int]) -> list[_Run]:
    """Every signature, with each of `lengths` if its length is dynamic, shortest first."""
    runs = []
    for name in list(interpreter.get_signature_list()) or [None]:
        if name is None:
            details = {detail["name"]: detail for detail in interpreter.get_input_details()}
        else:
            runner = interpreter.get_signature_runner(name)
            details = runner.get_input_details()
        is_dynamic = any(-1 in detail["shape_signature"][1:] for detail in details.values())
        for length in lengths if is_dynamic else [None]:
            inputs = {key: _value(key, detail, length) for key, detail in details.items()}
            if name is None:
                run = functools.partial(_run_plain, interpreter, details, inputs)
            else:
                run = functools.partial(runner, **inputs)
            runs.append(_Run(name, length or _length(inputs), inputs, run))
    return sorted(runs, key=lambda item: item.length or 0)


def _run_plain(interpreter: Interpreter, details: dict, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Run a file without signatures, like `SignatureRunner`: shapes are set each time, which costs nothing if equal."""
    for name, value in inputs.items():
        interpreter.resize_tensor_input(details[name]["index"], value.shape)
    interpreter.allocate_tensors()
    for name, value in inputs.items():
        interpreter.set_tensor(details[name]["index"], value)
    interpreter.invoke()
    return {detail["name"]: interpreter.get_tensor(detail["index"]) for detail in interpreter.get_output_details()}


def _value(name: str, detail: dict[str, Any], length: int | None) -> np.ndarray:
    """An input without padding: ones, or zeros for segments and positions; random numbers for float inputs."""
    shape = [
        size if size >= 0 else length if axis else 1 for axis, size in enumerate(map(int, detail["shape_signature"]))
    ]
    if np.issubdtype(detail["dtype"], np.floating):
        return np.random.default_rng(0).random(shape).astype(detail["dtype"])
    return np.full(shape, int(not is_zero(name)), detail["dtype"])


def is_zero(name: str) -> bool:
    """Whether an integer input is filled with zeros (segments and positions) instead of ones (such as tokens and masks).

    Example:

    >>> is_zero("segment_ids"), is_zero("token_ids")
    (True, False)
    """
    return any(part in name for part in _ZERO_NAMES)


def _length(inputs: dict[str, np.ndarray]) -> int | None:
    """S of the first input (B, S); None if there is no such input."""
    return next((value.shape[1] for value in inputs.values() if value.ndim == 2), None)


if __name__ == "__main__":
    job = json.loads(sys.argv[1])
    answer(job, {"measure": measure, "kernels": find_kernels}[job["task"]](job))
