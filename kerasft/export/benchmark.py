"""Size and latency of trained models in any form, by input length and number of threads."""

import os
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from kerasft.bundles import read_metadata
from kerasft.errors import bad_argument
from kerasft.export.runners import LITERT_FILE, Runner, folder_size, open_runner, weights_path
from kerasft.features import SEGMENT_IDS


def time_calls(call: Callable[[int], Any], num_calls: int, *, num_warmup: int = 1) -> dict[str, float]:
    """Time `call(0)`, `call(1)`, ... and return the minimum, median and 90th percentile in milliseconds.

    Args:
        call: What to time; its argument is the number of the call.
        num_calls: Timed calls, >= 1.
        num_warmup: Calls before the timed ones, numbered from 0 too.

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


def measure_latency(
    path: str | os.PathLike, *, lengths: Sequence[int] = (32, 128), threads: Sequence[int] = (1, 2), runs: int = 30
) -> list[dict[str, Any]]:
    """Measure one text at a time, full of real tokens, on a bundle, a SavedModel or a LiteRT folder.

    Args:
        path: The folder.
        lengths: Input lengths S in tokens. Lengths above the model's `max_length` are measured at that; a file of one fixed
            length is measured at its own.
        threads: Numbers of threads, for LiteRT; TensorFlow takes all there are, which is reported as `None`.
        runs: Timed runs a row, after 3 of warm-up.

    Returns:
        A row for each length and number of threads: `path`, `sequence_length`, `threads`, `min_ms`, `median_ms`, `p90_ms`,
        `size_bytes`.

    Raises:
        CheckpointError: If the folder is none of the three.
        KerasftError: If `lengths`, `threads` or `runs` is not of whole numbers >= 1.

    Example:

    >>> import tempfile
    >>> import kerasft
    >>> from tests import tiny
    >>> bundle = kerasft.save_bundle(tempfile.mkdtemp() + "/reviews", tiny.classifier(), tiny.tokenizer(), max_length=16)
    >>> [(row["sequence_length"], row["threads"]) for row in measure_latency(bundle, lengths=[8, 128], runs=2)]
    [(8, None), (16, None)]
    """
    for name, values in (("lengths", lengths), ("threads", threads), ("runs", [runs])):
        if not len(values) or min(values) < 1:
            raise bad_argument(name, "whole numbers >= 1", values, "Leave it out for the usual ones.")
    max_length = read_metadata(path)["max_length"]
    weights = weights_path(path)
    rows = []
    for count in threads if weights.name == LITERT_FILE else [None]:
        runner = open_runner(path, num_threads=count or 1)
        fixed = runner.sequence_length
        for length in [fixed] if fixed else sorted({min(length, max_length) for length in lengths}):
            batch = _full_batch(runner, length)
            times = time_calls(lambda _: runner.run(batch), runs, num_warmup=3)  # noqa: B023  called at once
            rows.append(
                {"path": str(path), "sequence_length": length, "threads": count}
                | {f"{name}_ms": value for name, value in times.items()}
                | {"size_bytes": folder_size(weights)}
            )
    return rows


def _full_batch(runner: Runner, length: int) -> dict[str, np.ndarray]:
    shape = (runner.batch_size or 1, length)
    return {name: np.full(shape, int(name != SEGMENT_IDS), np.int32) for name in runner.inputs}
