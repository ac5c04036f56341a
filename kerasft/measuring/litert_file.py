"""Benchmark a LiteRT file in subprocesses."""

import collections
import json
import os
from collections.abc import Sequence
from typing import Any

from kerasft.errors import CheckpointError, bad_argument
from kerasft.files import local_path
from kerasft.measuring.operators import OF_MAIN, count_operators
from kerasft.measuring.subprocess_job import run_apart

_WORKER = "kerasft.measuring.worker"


def measure_litert(
    path: str | os.PathLike,
    *,
    lengths: Sequence[int] = (32, 128),
    threads: Sequence[int] = (1, 2),
    runs: int = 30,
    warmup: int = 3,
    profile_runs: int = 20,
) -> dict[str, Any]:
    """Measure latency, peak memory and operators of any LiteRT file, without TensorFlow.

    Every signature is run by LiteRT's interpreter with a text full of real tokens, one at a time.

    Args:
        path: The `.tflite` file; kerasft need not have made it.
        lengths: Input lengths S in tokens, for inputs whose length is free. In a mobile bundle none above what the model can
            read, which `kerasft.json` beside the file says.
        threads: Numbers of threads.
        runs: Timed runs a row.
        warmup: Runs before them.
        profile_runs: Runs in which the time of each kernel is taken; 0: none are.

    Returns:
        A dictionary:

        - `path`, `size_bytes`;
        - `rows`: for each signature, length and number of threads `signature` (None in a file without), `sequence_length`,
          `threads`, `first_ms` (the first run, with its allocations), `min_ms`, `median_ms`, `p90_ms`;
        - `memory`: bytes by which the process' resident memory grew, from before the file was opened to after each
          signature ran once: `resident` in the end and `peak` at most. The file's own pages count as they are touched;
        - `operators`: rows of `signature`, `operator`, `types`, `count`, as the file has them;
        - `kernels`: rows of `kernel`, `by`, `count`, `ms` of the longest signature, by the runtime's profiler; None if
          that cannot be had, and `kernels_error` says why. `kernels_of` says which signature, length and threads;
        - `delegation`: of that signature rows of `operator`, `count`, and how many of them `xnnpack` takes; or None.

    Raises:
        CheckpointError: If the file is missing, damaged, or needs operators that the runtime has not.
        KerasftError: If a number is not a whole number >= 1.

    Example:

    >>> measure_litert("no/such/model.tflite")
    Traceback (most recent call last):
    ...
    kerasft.errors.CheckpointError: no/such/model.tflite is not a LiteRT file: the file does not exist. ...
    """
    check_counts(lengths=lengths, threads=threads, runs=[runs], warmup=[warmup])
    operators = [
        {"signature": name} | row for name, rows in count_operators(path).items() for row in rows
    ]  # refuses what is no LiteRT file before a process is started
    job = {"path": str(path), "lengths": _readable(path, lengths), "threads": list(dict.fromkeys(threads))}
    measured = run_apart(_WORKER, job | {"task": "measure", "runs": runs, "warmup": warmup})
    if "error" in measured:
        raise CheckpointError(
            f"{path} cannot be run by LiteRT: {measured['error']}. Use shorter lengths if the file requires them, or export it "
            "again with built-in operations only."
        )
    report = {"path": str(path), "size_bytes": local_path(path).stat().st_size, **measured, "operators": operators}
    if not profile_runs:
        return report
    longest = max(measured["rows"], key=lambda row: (row["sequence_length"] or 0, -row["threads"]))
    which = {name: longest[name] for name in ("signature", "sequence_length", "threads")}
    kernels = run_apart(_WORKER, job | which | {"task": "kernels", "runs": profile_runs})
    return report | {
        "delegation": _delegation(operators, kernels.get("kernels"), longest["signature"]),
        "kernels": kernels.get("kernels"),
        "kernels_error": kernels.get("error"),
        "kernels_of": which,
    }


def _readable(path: str | os.PathLike, lengths: Sequence[int]) -> list[int]:
    metadata = local_path(path).with_name("kerasft.json")
    most = json.loads(metadata.read_text("utf-8")).get("max_length") if metadata.is_file() else None
    return sorted({min(length, most or length) for length in lengths})


def _delegation(operators: list[dict], kernels: list[dict] | None, signature: str | None) -> list[dict] | None:
    """What the profiler did not see the interpreter run, its delegate takes: XNNPACK, under other names."""
    if kernels is None:
        return None
    counts = collections.Counter()
    for row in operators:
        if row["signature"] == (signature or OF_MAIN):
            counts[row["operator"]] += row["count"]
    own = {row["kernel"]: row["count"] for row in kernels if row["by"] == "interpreter"}
    rows = [(name, count, max(0, round(count - own.get(name, 0)))) for name, count in counts.most_common()]
    return [dict(zip(("operator", "count", "xnnpack"), row)) for row in rows]


def check_counts(**numbers: Sequence[int]) -> None:
    """Raise unless each argument holds whole numbers >= 1, and at least one.

    Raises:
        KerasftError: With the argument's name.

    Example:

    >>> check_counts(threads=[0])
    Traceback (most recent call last):
    ...
    kerasft.errors.KerasftError: `threads` must be whole numbers >= 1; received: [0]. Omit it to use the defaults.
    """
    for name, values in numbers.items():
        if not len(values) or min(values) < 1:
            raise bad_argument(name, "whole numbers >= 1", values, "Omit it to use the defaults.")
