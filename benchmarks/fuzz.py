"""Fuzz every reader of files, guided by coverage: each must return, or say in a sentence what is wrong with the file.

    python3.11 -m venv fuzz-venv && fuzz-venv/bin/pip install atheris
    (kerasft and its packages: install them there too, or name the other environment's site-packages in a .pth file)
    fuzz-venv/bin/python benchmarks/fuzz.py [READER ...] [--seconds 7200] [--folder fuzz]

The readers, their seeds and what was found: `tests/security/readers.py` and `tests/security/corpus/`. They take turns of `--turn`
seconds, one process at a time. Findings go to FOLDER/findings/READER, inputs that reached new code to FOLDER/inputs/READER, and a
line for each turn to FOLDER/log.jsonl, which `--table` sums up. An input that takes more than 60 s or 4 GB is a finding too.

atheris (libFuzzer for Python) sees the branches of kerasft's own modules. Half of the changes of a JSON file are made place by
place, since changed bytes seldom stay JSON; so are those of a safetensors header. A TensorFlow 1 index gets new checksums.
"""

import argparse
import collections
import hashlib
import itertools
import json
import logging
import os
import pathlib
import random
import re
import sys
import tempfile
import time
import traceback
import warnings

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

from tests.security.mutations import mutate, with_changed_header, with_checksums

SECONDS, MEGABYTES, LONGEST = 60, 4096, 65_536
NAMES = (
    *(
        "safetensors",
        "h5",
        "tf1",
        "sentencepiece",
        "tokenizer",
        "tokenizer_config",
        "vocab_txt",
        "vocab_json",
        "merges",
    ),
    *("config", "keras_config", "metadata", "csv", "tsv", "jsonl", "conll", "squad"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("readers", nargs="*", metavar="READER", help=f"of {', '.join(NAMES)}; none: all")
    parser.add_argument("--seconds", type=int, default=7200, help="of all turns together")
    parser.add_argument("--turn", type=int, default=120, help="seconds of one turn")
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("fuzz"))
    parser.add_argument("--table", action="store_true", help="only sum up the log")
    args = parser.parse_args()
    if args.table:
        print_table(args.folder)
    else:
        take_turns(args.readers or NAMES, args.folder, seconds=args.seconds, turn=args.turn)


def take_turns(names, folder: pathlib.Path, *, seconds: int, turn: int) -> None:
    """Fuzz each reader in turn in a process of its own, until the time is over."""
    import atheris  # here, since --table does without; as all that follows

    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import h5py  # noqa: F401  before the instrumented imports, as the next: their branches would drown kerasft's
    import keras  # noqa: F401
    import keras_hub  # noqa: F401
    import tensorflow  # noqa: F401
    import transformers  # noqa: F401

    with atheris.instrument_imports(include=["kerasft"]):
        from tests.security.readers import READERS
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    folder.mkdir(parents=True, exist_ok=True)
    end = time.monotonic() + seconds
    for name in itertools.cycle(names):
        start, output = time.monotonic(), folder / f"{name}.txt"
        with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as place:
            READERS[name].write(pathlib.Path(place))
            child = os.fork()  # an import takes longer than a turn on a busy machine
            if not child:
                with output.open("w") as file:
                    os.dup2(file.fileno(), 1)
                    os.dup2(file.fileno(), 2)
                fuzz(name, READERS[name], folder, place=pathlib.Path(place), seconds=turn)
            _, status, used = os.wait4(child, 0)
        text = output.read_text("utf-8", "replace")
        number = re.search(r"number_of_executed_units: (\d+)", text)
        line = {
            "reader": name,
            "executions": int(number[1]) if number else 0,
            "seconds": round(time.monotonic() - start),
            "cpu_seconds": round(used.ru_utime + used.ru_stime),
            "coverage": max(map(int, re.findall(r"cov: (\d+)", text)), default=0),
            "stopped": (re.findall(r"SUMMARY: (.*)", text) or [f"status {status}"])[-1] if status else "",
        }
        with (folder / "log.jsonl").open("a") as log:
            print(json.dumps(line), file=log)
        if time.monotonic() > end:
            break


def print_table(folder: pathlib.Path) -> None:
    """Print what the log says of each reader."""
    sums = collections.defaultdict(lambda: [0, 0, 0, 0, 0])
    for line in map(json.loads, (folder / "log.jsonl").read_text().splitlines()):
        for row in (sums[line["reader"]], sums["all"]):
            row[0] += line["executions"]
            row[1] += line["seconds"]
            row[2] += line.get("cpu_seconds", line["seconds"])
            row[3] = max(row[3], line["coverage"])
            row[4] += bool(line["stopped"])
    print("| reader | executions | minutes | CPU minutes | branches | stopped |\n|---|---|---|---|---|---|")
    for name in [*(name for name in sums if name != "all"), "all"]:
        executions, seconds, cpu, coverage, stopped = sums[name]
        branches = coverage if name != "all" else ""
        print(f"| {name} | {executions:,} | {seconds / 60:.0f} | {cpu / 60:.0f} | {branches} | {stopped} |")


def fuzz(name: str, reader, folder: pathlib.Path, *, place: pathlib.Path, seconds: int) -> None:
    """Fuzz one reader; does not return."""
    import atheris

    from kerasft.errors import KerasftError
    from tests.security.readers import CORPUS

    findings, inputs = (folder.absolute() / kind / name for kind in ("findings", "inputs"))
    for path in (findings, inputs):
        path.mkdir(parents=True, exist_ok=True)
    file = place / reader.file

    def try_one(data: bytes) -> None:
        file.write_bytes(data)
        try:
            reader.read(place)
        except KerasftError:
            pass
        except BaseException as error:  # a panic in Rust is no Exception
            note(findings, data, error)

    def change(data: bytes, longest: int, seed: int) -> bytes:
        generator = random.Random(seed)
        if reader.json and generator.random() < 0.5:
            try:
                return json.dumps(mutate(json.loads(data), generator, generator.choice((1, 1, 2, 4)))).encode()[
                    :longest
                ]
            except (ValueError, TypeError, KeyError, RecursionError, OverflowError):
                pass
        if name == "safetensors" and generator.random() < 0.7:
            return with_changed_header(data, generator)[:longest]
        data = atheris.Mutate(data, longest)
        return with_checksums(data) if name == "tf1" and generator.random() < 0.9 else data

    options = [f"-max_total_time={seconds}", f"-timeout={SECONDS}", f"-rss_limit_mb={MEGABYTES}", f"-max_len={LONGEST}"]
    options += [
        f"-artifact_prefix={findings}/",
        "-print_final_stats=1",
        "-len_control=0",
        str(inputs),
        str(CORPUS / name),
    ]
    atheris.Setup([sys.argv[0], *options], try_one, custom_mutator=change)
    atheris.Fuzz()


def note(folder: pathlib.Path, data: bytes, error: BaseException) -> None:
    """Keep an input that failed, one for each kind of failure: the smallest."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "/kerasft/" in frame.filename]
    where = f"{pathlib.Path(frames[-1].filename).name}:{frames[-1].name}" if frames else "?"
    kind = f"{type(error).__name__} {where}"
    path = folder / hashlib.sha1(kind.encode()).hexdigest()[:12]
    if not path.exists() or len(data) < path.stat().st_size:
        path.write_bytes(data)
        path.with_suffix(".txt").write_text("".join(traceback.format_exception(error))[-3000:], "utf-8", "replace")


if __name__ == "__main__":
    main()
