"""Size, latency and memory of a model in any format, by input length and number of threads."""

import os
import pathlib
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from kerasft.bundles import read_metadata
from kerasft.export.model_memory import full_batch
from kerasft.files import local_path
from kerasft.inference.runners import LITERT_FILE, SAVED_MODEL_FILE, folder_size, open_runner, weights_path
from kerasft.measuring.litert_file import check_counts, measure_litert
from kerasft.measuring.subprocess_job import run_apart


def time_calls(call: Callable[[int], Any], num_calls: int, *, num_warmup: int = 1) -> dict[str, float]:
    """Time `call(0)`, `call(1)`, ... and return the minimum, median and 90th percentile in milliseconds.

    Args:
        call: The function to time; its argument is the index of the call.
        num_calls: Timed calls, >= 1.
        num_warmup: Warm-up calls, also numbered from 0.

    Example:

    >>> sorted(time_calls(lambda number: None, 3))
    ['median', 'min', 'p90']
    """
    milliseconds = []
    for number in [*range(num_warmup), *range(num_calls)]:
        start = time.perf_counter()
        call(number)
        milliseconds.append(1000 * (time.perf_counter() - start))
    timed = np.array(milliseconds[num_warmup:])
    values = {"min": timed.min(), "median": np.median(timed), "p90": np.quantile(timed, 0.9)}
    return {name: round(float(value), 3) for name, value in values.items()}


def measure_model(
    path: str | os.PathLike, *, lengths: Sequence[int] = (32, 128), runs: int = 30, warmup: int = 3, memory: bool = True
) -> dict[str, Any]:
    """Benchmark a bundle or a SavedModel with batch size 1, without padding.

    TensorFlow chooses the number of threads, so `threads` is None.

    Args:
        path: The folder.
        lengths: Input lengths S in tokens; longer ones are reduced to the model's `max_length`.
        runs: Timed runs per row.
        warmup: Warm-up runs per row.
        memory: Whether to measure memory too, in a subprocess, which takes the time to import TensorFlow.

    Returns:
        `path`, `format` (`"keras"` or `"saved_model"`), `size_bytes`, `rows` and `memory`, as in
        `kerasft.measuring.measure_litert`. Memory excludes TensorFlow itself.

    Raises:
        CheckpointError: If the folder is neither.
        KerasftError: If an argument is not a whole number >= 1.

    Example:

    >>> import tempfile
    >>> import kerasft
    >>> from kerasft.demo import tiny
    >>> bundle = kerasft.save_bundle(tempfile.mkdtemp() + "/reviews", tiny.classifier(), tiny.tokenizer(), max_length=16)
    >>> report = measure_model(bundle, lengths=[8, 128], runs=2, memory=False)
    >>> [(row["sequence_length"], row["threads"]) for row in report["rows"]]
    [(8, None), (16, None)]
    """
    check_counts(lengths=lengths, runs=[runs], warmup=[warmup])
    max_length = read_metadata(path)["max_length"]
    runner = open_runner(path)
    fixed = runner.sequence_length
    sizes = [fixed] if fixed else sorted({min(length, max_length) for length in lengths})
    rows = []
    for length in sizes:
        batch = full_batch(runner, length)
        times = time_calls(lambda _: runner.run(batch), runs, num_warmup=warmup)  # noqa: B023  called immediately
        row = {"signature": None, "sequence_length": length, "threads": None}
        rows.append(row | {f"{name}_ms": value for name, value in times.items()})
    report = {
        "path": str(path),
        "format": "saved_model" if (local_path(path) / SAVED_MODEL_FILE).is_file() else "keras",
        "size_bytes": folder_size(weights_path(path)),
        "rows": rows,
    }
    if memory:
        report |= {"memory": None} | run_apart("kerasft.export.model_memory", {"path": str(path), "lengths": sizes})
    return report


def measure_latency(
    path: str | os.PathLike, *, lengths: Sequence[int] = (32, 128), threads: Sequence[int] = (1, 2), runs: int = 30
) -> list[dict[str, Any]]:
    """Benchmark a bundle, a SavedModel or a LiteRT file or folder with batch size 1, without padding.

    Args:
        path: The folder or file.
        lengths: Input lengths S in tokens; longer ones are reduced to the model's `max_length`. LiteRT files with fixed lengths
            are measured at these.
        threads: Numbers of threads, for LiteRT. TensorFlow chooses its own; `threads` is then `None`.
        runs: Timed runs per row, after 3 warm-up runs.

    Returns:
        One row per length and number of threads: `path`, `signature`, `sequence_length`, `threads`, `min_ms`,
        `median_ms`, `p90_ms`, `size_bytes`.

    Raises:
        CheckpointError: If the path is none of these.
        KerasftError: If `lengths`, `threads` or `runs` contains anything but whole numbers >= 1.

    Example:

    >>> import tempfile
    >>> import kerasft
    >>> from kerasft.demo import tiny
    >>> bundle = kerasft.save_bundle(tempfile.mkdtemp() + "/reviews", tiny.classifier(), tiny.tokenizer(), max_length=16)
    >>> [(row["sequence_length"], row["threads"]) for row in measure_latency(bundle, lengths=[8, 128], runs=2)]
    [(8, None), (16, None)]
    """
    check_counts(lengths=lengths, threads=threads, runs=[runs])
    if file := litert_file(path):
        measured = measure_litert(file, lengths=lengths, threads=threads, runs=runs, profile_runs=0)
    else:
        measured = measure_model(path, lengths=lengths, runs=runs, memory=False)
    return [{"path": str(path)} | row | {"size_bytes": measured["size_bytes"]} for row in measured["rows"]]


def litert_file(path: str | os.PathLike) -> pathlib.Path | None:
    """The LiteRT file of a path: the path itself if it is a file, or `model.tflite` in the folder; else None.

    Example:

    >>> litert_file("no/such/folder") is None
    True
    """
    path = local_path(path)
    return next((file for file in (path, path / LITERT_FILE) if file.is_file()), None)
