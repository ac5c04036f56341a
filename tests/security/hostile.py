"""Hostile files by the hundred, and what becomes of each when kerasft opens it in a process of its own.

`benchmarks/hostile.py` runs all of them, test_hostile.py some.
"""

import json
import os
import pathlib
import random
import select
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence

from tests.security.conftest import rewrite
from tests.security.hostile_data import data_cases
from tests.security.mutations import flip, mutate
from tests.security.test_keras_file import HDF5, NAMES, PLACES, named, weights

SECONDS, PATIENCE, GIGABYTES = 60, 600, 4
"""A case that takes longer is a hang; one that takes more memory than this beyond what the process had is `memory`.

What computes is measured in processor time, since a busy machine is no hang; what waits, by the clock.
"""
PARTS = ("config", "archive", "metadata", "checkpoint", "programs", "data")
Case = tuple[str, str, pathlib.Path]
"""Kind, action (a key of hostile_worker.ACTIONS), and the file or folder."""


class Corpus:
    """All cases, made one after the other of whole files.

    Args:
        whole: Folders `bundle`, `checkpoint`, `saved_model` and `litert` that kerasft wrote.
        folder: Where the hostile copies go.
        scale: Share of the random cases; 1 makes more than 1,000 in all.
        seed: Of the random ones.
        parts: Of `PARTS`.
    """

    def __init__(
        self,
        whole: dict[str, pathlib.Path],
        folder: pathlib.Path,
        *,
        scale: float = 1.0,
        seed: int = 0,
        parts: Sequence[str] = PARTS,
    ):
        self.parts = parts
        self.whole, self.folder, self.scale = whole, folder, scale
        self.random = random.Random(seed)
        self.number = 0

    def __iter__(self) -> Iterator[Case]:
        for part in self.parts:
            yield from getattr(self, part)()

    def copy(self, name: str) -> pathlib.Path:
        self.number += 1
        return pathlib.Path(shutil.copytree(self.whole[name], self.folder / f"{self.number:04d}_{name}"))

    def times(self, number: int) -> range:
        return range(max(1, round(number * self.scale)))

    def some(self, items) -> list:
        items = list(items)
        return items if self.scale >= 1 else self.random.sample(items, max(1, round(len(items) * self.scale)))

    def changed_model(self, change: Callable | None = None, **options) -> pathlib.Path:
        folder = self.copy("bundle")
        rewrite(folder / "model.keras", change, **options)
        return folder

    def changed_json(self, name: str, file: str, number: int = 1) -> pathlib.Path:
        folder = self.copy(name)
        path = folder / file
        path.write_text(json.dumps(mutate(json.loads(path.read_text("utf-8")), self.random, number)), "utf-8")
        return folder

    def config(self) -> Iterator[Case]:
        for name in self.some(NAMES):
            for place, put in PLACES.items():
                value = named(*name)
                yield (
                    f"config names it: {place}",
                    "bundle",
                    self.changed_model(lambda config, v=value, p=put: p(config, v)),
                )
        for number in self.times(200):
            count = 1 + number % 3
            yield "config mutated", "bundle", self.changed_model(lambda config, c=count: mutate(config, self.random, c))
        for size in (10**5, 10**6):
            text = json.dumps({"class_name": "Functional", "config": {"layers": [{}] * size}})
            yield "config of a million layers", "bundle", self.changed_model(members={"config.json": text.encode()})
        for depth in (10**3, 10**6):
            deep = b"[" * depth + b"]" * depth
            yield "config nested deep", "bundle", self.changed_model(members={"config.json": deep})

    def archive(self) -> Iterator[Case]:
        for kind in self.some(HDF5):
            yield (
                "weights lead elsewhere",
                "bundle",
                self.changed_model(members={"model.weights.h5": weights(HDF5[kind])}),
            )
        bomb = bytes(200_000_000)
        for member in ("config.json", "metadata.json", "model.weights.h5"):
            packed = {"members": {member: bomb}, "compression": zipfile.ZIP_DEFLATED}
            yield "archive contains", "bundle", self.changed_model(**packed)
        for _ in self.times(150):
            folder = self.copy("bundle")
            flip(folder / "model.keras", self.random)
            yield "model file with flipped bits", "bundle", folder

    def metadata(self) -> Iterator[Case]:
        for number in self.times(120):
            yield "kerasft.json mutated", "bundle", self.changed_json("bundle", "kerasft.json", 1 + number % 3)
        for number in self.times(120):
            yield "tokenizer.json mutated", "bundle", self.changed_json("bundle", "tokenizer.json", 1 + number % 3)
        for pattern in self.some(["(a+)+$", "(a|a)*b", r"(\w+\s?)*x", "(?:a{1,99}){1,99}b", "[" * 1000, "(" * 50_000]):
            folder = self.copy("bundle")
            parts = json.loads((folder / "tokenizer.json").read_text("utf-8"))
            parts["pre_tokenizer"] = {
                **{"type": "Split", "pattern": {"Regex": pattern}},
                **{"behavior": "Isolated", "invert": False},
            }
            (folder / "tokenizer.json").write_text(json.dumps(parts), "utf-8")
            yield "wild regular expression", "bundle", folder
        for file in ("kerasft.json", "tokenizer.json", "model.keras", "tokenizer_config.json"):
            folder = self.copy("bundle")
            (folder / file).unlink()
            os.mkfifo(folder / file)
            yield "pipe or device for a file", "bundle", folder
            folder = self.copy("bundle")
            (folder / file).unlink()
            (folder / file).symlink_to("/dev/zero")
            yield "pipe or device for a file", "bundle", folder

    def checkpoint(self) -> Iterator[Case]:
        for number in self.times(150):
            yield "config.json mutated", "checkpoint", self.changed_json("checkpoint", "config.json", 1 + number % 3)
        for field in self.some(["vocab_size", "hidden_size", "num_hidden_layers", "max_position_embeddings"]):
            for size in (10**6, 2**31, 10**18):
                folder = self.copy("checkpoint")
                fields = json.loads((folder / "config.json").read_text("utf-8")) | {field: size}
                (folder / "config.json").write_text(json.dumps(fields), "utf-8")
                yield "config.json of absurd size", "checkpoint", folder
        for _ in self.times(100):
            folder = self.copy("checkpoint")
            flip(folder / "model.safetensors", self.random)
            yield "safetensors with flipped bits", "checkpoint", folder
        for _ in self.times(60):
            folder = self.copy("checkpoint")
            path = folder / "model.safetensors"
            content = path.read_bytes()
            end = 8 + int.from_bytes(content[:8], "little")
            header = json.dumps(mutate(json.loads(content[8:end]), self.random, 2)).encode()
            path.write_bytes(len(header).to_bytes(8, "little") + header + content[end:])
            yield "safetensors header mutated", "checkpoint", folder

    def programs(self) -> Iterator[Case]:
        for _ in self.times(100):
            folder = self.copy("litert")
            flip(folder / "model.tflite", self.random)
            metadata = json.loads((folder / "kerasft.json").read_text("utf-8"))
            metadata.pop("sha256", None)  # or the digest alone would refuse it
            (folder / "kerasft.json").write_text(json.dumps(metadata), "utf-8")
            yield "LiteRT file with flipped bits", "bundle", folder
        for _ in self.times(50):
            folder = self.copy("saved_model")
            flip(folder / "saved_model.pb", self.random)
            yield "SavedModel with flipped bits", "bundle", folder

    def data(self) -> Iterator[Case]:
        yield from data_cases(self.folder, self.random, self.scale)


class Worker:
    """A process that opens cases, one after the other; a new one where the last died."""

    def __init__(self):
        self.process = None

    def try_case(self, action: str, path: pathlib.Path) -> str:
        """What became of it: refused, loaded, wrote, connected, crash, hang, memory, or `traceback` with the error's name."""
        if self.process is None:
            command = [sys.executable, "-m", "tests.security.hostile_worker"]
            root = pathlib.Path(__file__).parents[2]
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
            self.process = subprocess.Popen(command, cwd=root, text=True, **pipes)
            self.process.stdout.readline()  # it is ready: TensorFlow is there
        before = self._memory()
        print(json.dumps([action, str(path)]), file=self.process.stdin, flush=True)
        end, computed = time.monotonic() + PATIENCE, self._seconds()
        idle, last = time.monotonic(), computed
        while time.monotonic() < end:
            if select.select([self.process.stdout], [], [], 0.2)[0]:
                line = self.process.stdout.readline()
                return line.strip() if line else self._stop("crash")
            if self._memory() - before > GIGABYTES * 2**30:
                return self._stop("memory")
            if (now := self._seconds()) - computed > SECONDS:
                break
            idle = idle if now == last else time.monotonic()
            if time.monotonic() - idle > SECONDS:
                break
            last = now
        return self._stop("hang")

    def close(self) -> None:
        """End the process."""
        if self.process is not None:
            self._stop("")

    def _seconds(self) -> float:
        try:
            fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text("ascii").rpartition(")")[2].split()
        except OSError:
            return 0.0
        return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")

    def _memory(self) -> int:
        try:
            pages = pathlib.Path(f"/proc/{self.process.pid}/statm").read_text("ascii").split()[1]
        except (OSError, IndexError):
            return 0
        return int(pages) * os.sysconf("SC_PAGESIZE")

    def _stop(self, outcome: str) -> str:
        self.process.kill()
        self.process.communicate()
        self.process = None
        return outcome


def run(cases: Corpus, report: Callable[[Case, str], None]) -> None:
    """Try each case, tell of it, and remove its files."""
    worker = Worker()
    try:
        for case in cases:
            _, action, path = case
            report(case, worker.try_case(action, path))
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
    finally:
        worker.close()
