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

    Every signature is run by LiteRT's interpreter with batch size 1, without padding.

    Args:
        path: The `.tflite` file, created by kerasft or any other tool.
        lengths: Input lengths S in tokens, for inputs with dynamic length. Longer ones are reduced to the `max_length` in
            `kerasft.json`, if that is in the same folder.
        threads: Numbers of threads.
        runs: Timed runs per row.
        warmup: Warm-up runs per row.
        profile_runs: Profiled runs for the time per kernel; 0: none.

    Returns:
        A dictionary:

        - `path`, `size_bytes`;
        - `rows`: for each signature, length and number of threads `signature` (None in a file without signatures),
          `sequence_length`, `threads`, `first_ms` (the first run, including allocations), `min_ms`, `median_ms`, `p90_ms`;
        - `memory`: growth of the process' resident memory in bytes, from before loading the file to after running each
          signature once: `resident` (at the end) and `peak`. Pages of the memory-mapped file count once they are read;
        - `operators`: rows of `signature`, `operator`, `types`, `count`, from the file;
        - `kernels`: rows of `kernel`, `by`, `count`, `ms` for the longest signature, by the runtime's profiler; None if it
          is not available (see `kernels_error`). `kernels_of` has the signature, length and threads;
        - `delegation`: rows of `operator`, `count` and `xnnpack` (how many are delegated) for that signature; or None.

    Raises:
        CheckpointError: If the file is missing, corrupted, or requires operators that the runtime does not support.
        KerasftError: If an argument is not a whole number >= 1.

    Example:

    >>> measure_litert("no/such/model.tflite")
    Traceback (most recent call last):
    ...
    kerasft.errors.CheckpointError: no/such/model.tflite is not a LiteRT file: the file does not exist. ...
    """
    check_counts(lengths=lengths, threads=threads, runs=[runs], warmup=[warmup])
    operators = [
        {"signature": name} | row for name, rows in count_operators(path).items() for row in rows
    ]  # raises for an invalid file before a process is started
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
    profiled = {name: longest[name] for name in ("signature", "sequence_length", "threads")}
    kernels = run_apart(_WORKER, job | profiled | {"task": "kernels", "runs": profile_runs})
    return report | {
        "delegation": _delegation(operators, kernels.get("kernels"), longest["signature"]),
        "kernels": kernels.get("kernels"),
        "kernels_error": kernels.get("error"),
        "kernels_of": profiled,
    }


def _readable(path: str | os.PathLike, lengths: Sequence[int]) -> list[int]:
    metadata = local_path(path).with_name("kerasft.json")
    max_length = json.loads(metadata.read_text("utf-8")).get("max_length") if metadata.is_file() else None
    return sorted({min(length, max_length or length) for length in lengths})


def _delegation(operators: list[dict], kernels: list[dict] | None, signature: str | None) -> list[dict] | None:
    """Operators that the interpreter did not run itself, by the profiler, were delegated to XNNPACK."""
    if kernels is None:
        return None
    counts = collections.Counter()
    for row in operators:
        if row["signature"] == (signature or OF_MAIN):
            counts[row["operator"]] += row["count"]
    interpreted = {row["kernel"]: row["count"] for row in kernels if row["by"] == "interpreter"}
    rows = [(name, count, max(0, round(count - interpreted.get(name, 0)))) for name, count in counts.most_common()]
    return [dict(zip(("operator", "count", "xnnpack"), row)) for row in rows]


def check_counts(**numbers: Sequence[int]) -> None:
    """Raise unless each argument contains only whole numbers >= 1, and at least one.

    Raises:
        KerasftError: If not.

    Example:

    >>> check_counts(threads=[0])
    Traceback (most recent call last):
    ...
    kerasft.errors.KerasftError: `threads` must be whole numbers >= 1; received: [0]. Omit it to use the defaults.
    """
    for name, values in numbers.items():
        if not len(values) or min(values) < 1:
            raise bad_argument(name, "whole numbers >= 1", values, "Omit it to use the defaults.")
