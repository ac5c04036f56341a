"""What the peers share: the job they read, the clock over their steps, the result they write. Standard library only.

A job is a JSON object; `Job` says its fields. A peer is run as `python PEER.py JOB.json` in its own environment.
"""

import json
import pathlib
import resource
import sys
import time
from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Job:
    """One training run, the same for every peer.

    model: Hugging Face folder. train, dev: JSON-lines files of {"text", "text_pair"?, "label"}; label is a whole number,
    or a float for regression. num_labels: classes, or 1 for regression. steps: optimizer steps, or None for `epochs`
    passes. warm_up_steps: first steps that the clock leaves out (tracing, compiling, memory). warmup: share of the steps
    in which the rate rises. out: where the result is written.
    """

    model: str
    train: str
    out: str
    num_labels: int = 2
    dev: str | None = None
    batch_size: int = 32
    steps: int | None = None
    epochs: int = 1
    warm_up_steps: int = 0
    max_length: int = 128
    learning_rate: float = 5e-5
    warmup: float = 0.1
    weight_decay: float = 0.01
    max_grad_norm: float = 1.0
    seed: int = 0

    @classmethod
    def read(cls) -> "Job":
        """The job whose file is the first command-line argument."""
        job = json.loads(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"))
        unknown = set(job) - {field.name for field in fields(cls)}
        if unknown:
            raise ValueError(f"unknown fields of a job: {sorted(unknown)}")
        return cls(**job)

    @property
    def is_regression(self) -> bool:
        return self.num_labels == 1

    def rows(self, file: str) -> list[dict]:
        """The rows of a file."""
        with open(file, encoding="utf-8") as lines:
            return [json.loads(line) for line in lines]

    def total_steps(self, num_rows: int) -> int:
        """Optimizer steps of the whole run; the last batch of an epoch may be short."""
        return self.steps or self.epochs * -(-num_rows // self.batch_size)


class Clock:
    """Seconds of each phase, and of the steps after the warm-up steps."""

    def __init__(self, warm_up_steps: int):
        self.warm_up_steps = warm_up_steps
        self.phases: dict[str, float] = {}
        self.steps = 0
        self._last = time.perf_counter()
        self._start = self._end = self._last

    def phase(self, name: str) -> None:
        """End a phase; the next one begins."""
        now = time.perf_counter()
        self.phases[name] = now - self._last
        self._last = now

    def training(self) -> None:
        """The training begins."""
        self._start = self._end = time.perf_counter()

    def step(self) -> None:
        """An optimizer step is done."""
        self.steps += 1
        self._end = time.perf_counter()
        if self.steps == self.warm_up_steps:
            self._start = self._end

    @property
    def timed_steps(self) -> int:
        return self.steps - self.warm_up_steps

    @property
    def seconds(self) -> float:
        return self._end - self._start


def report(job: Job, clock: Clock, batches: list[tuple[int, int]], **more) -> None:
    """Write the result.

    `batches` holds (rows, real tokens) of every batch trained on, in the order of the steps; those of the warm-up steps
    are left out here as they are by the clock.
    """
    timed = batches[clock.warm_up_steps : clock.steps]
    examples, tokens = (sum(column) for column in zip(*timed))
    scale = 1 if sys.platform == "darwin" else 1024  # ru_maxrss is in KiB on Linux, in bytes on macOS
    result = {
        "steps": clock.timed_steps,
        "examples": examples,
        "real_tokens": tokens,
        "train_seconds": clock.seconds,
        "examples_per_second": examples / clock.seconds,
        "real_tokens_per_second": tokens / clock.seconds,
        "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale,
        "phase_seconds": clock.phases,
        **more,
    }
    pathlib.Path(job.out).write_text(json.dumps(result, indent=1), encoding="utf-8")
