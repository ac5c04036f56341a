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
import json
import os
import pathlib
import random
import re
import struct
import subprocess
import sys
import tempfile
import time
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

from tests.security.mutations import mutate

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
    *("config", "metadata", "csv", "tsv", "jsonl", "conll", "squad"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("readers", nargs="*", metavar="READER", help=f"of {', '.join(NAMES)}; none: all")
    parser.add_argument("--seconds", type=int, default=7200, help="of all turns together")
    parser.add_argument("--turn", type=int, default=120, help="seconds of one turn")
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("fuzz"))
    parser.add_argument("--table", action="store_true", help="only sum up the log")
    parser.add_argument("--one", help=argparse.SUPPRESS)  # the process of one turn
    args = parser.parse_args()
    if args.one:
        fuzz(args.one, args.folder, args.turn)
    elif args.table:
        print_table(args.folder)
    else:
        take_turns(args.readers or NAMES, args.folder, seconds=args.seconds, turn=args.turn)


def take_turns(readers, folder: pathlib.Path, *, seconds: int, turn: int) -> None:
    """Run each reader in turn in a process of its own, until the time is over."""
    folder.mkdir(parents=True, exist_ok=True)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for reader in readers:
            command = [sys.executable, __file__, "--one", reader, "--folder", str(folder), "--turn", str(turn)]
            with (folder / f"{reader}.txt").open("w") as output:
                code = subprocess.call(command, stdout=output, stderr=subprocess.STDOUT)
            text = (folder / f"{reader}.txt").read_text("utf-8", "replace")
            number, start = (re.search(what, text) for what in (r"number_of_executed_units: (\d+)", r"starts at (\d+)"))
            line = {
                "reader": reader,
                "executions": int(number[1]) if number else 0,
                "seconds": round(time.time() - int(start[1])) if start else 0,
                "coverage": max(map(int, re.findall(r"cov: (\d+)", text)), default=0),
                "stopped": "" if not code else (re.findall(r"SUMMARY: (.*)", text) or [f"code {code}"])[-1],
            }
            with (folder / "log.jsonl").open("a") as log:
                print(json.dumps(line), file=log)
            if time.monotonic() > end:
                break


def print_table(folder: pathlib.Path) -> None:
    """Print what the log says of each reader."""
    sums = collections.defaultdict(lambda: [0, 0, 0, 0])
    for line in map(json.loads, (folder / "log.jsonl").read_text().splitlines()):
        for row in (sums[line["reader"]], sums["all"]):
            row[0] += line["executions"]
            row[1] += line["seconds"]
            row[2] = max(row[2], line["coverage"])
            row[3] += bool(line["stopped"])
    print("| reader | executions | minutes | branches | stopped |\n|---|---|---|---|---|")
    for name in [*(name for name in sums if name != "all"), "all"]:
        executions, seconds, coverage, stopped = sums[name]
        print(f"| {name} | {executions:,} | {seconds / 60:.0f} | {coverage if name != 'all' else ''} | {stopped} |")


def fuzz(name: str, folder: pathlib.Path, seconds: int) -> None:
    """Fuzz one reader; does not return."""
    import atheris  # here, since the process that counts the turns does without

    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import logging
    import warnings

    import h5py  # noqa: F401  before the instrumented imports, as what follows: their branches would drown kerasft's
    import keras  # noqa: F401
    import keras_hub  # noqa: F401
    import tensorflow  # noqa: F401
    import transformers  # noqa: F401

    with atheris.instrument_imports(include=["kerasft"]):
        from kerasft.errors import KerasftError
        from tests.security.readers import CORPUS, READERS
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    reader = READERS[name]
    findings, inputs = (folder.absolute() / kind / name for kind in ("findings", "inputs"))
    for path in (findings, inputs):
        path.mkdir(parents=True, exist_ok=True)
    place = pathlib.Path(tempfile.mkdtemp(dir="/dev/shm" if os.path.isdir("/dev/shm") else None))
    reader.write(place)
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
    print(f"starts at {time.time():.0f}", flush=True)  # TensorFlow's import is no fuzzing
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


def with_changed_header(data: bytes, generator: random.Random) -> bytes:
    """Change the JSON header of a safetensors file place by place, and write its length."""
    end = 8 + int.from_bytes(data[:8], "little")
    try:
        header = json.dumps(mutate(json.loads(data[8:end]), generator, generator.choice((1, 1, 2)))).encode()
    except (ValueError, TypeError, KeyError, RecursionError, OverflowError):
        return data
    return len(header).to_bytes(8, "little") + header + data[end:]


def with_checksums(data: bytes) -> bytes:
    """Give the blocks of a TensorFlow 1 index (a LevelDB table) the checksums that their changed bytes need."""
    content = bytearray(data)
    if len(content) < 48:
        return data
    places = []
    position = len(content) - 48
    for _ in range(2):  # the handles of the two index blocks
        offset, position = _varint(content, position)
        size, position = _varint(content, position)
        places.append((offset, size))
    offset, size = places[1]
    block = content[offset : offset + size]
    if len(block) > 8:  # its first entry: the handle of the first data block
        _, position = _varint(block, 0)
        unshared, position = _varint(block, position)
        _, position = _varint(block, position)
        start, position = _varint(block, position + unshared)
        places.insert(0, (start, _varint(block, position)[0]))
    for offset, size in places:
        end = offset + size + 1
        if end + 4 <= len(content):
            crc = _crc32c(content[offset:end])
            masked = ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
            content[end : end + 4] = struct.pack("<I", masked)
    return bytes(content)


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = data[position] if position < len(data) else 0
        position += 1
        value |= (byte & 127) << shift
        if byte < 128:
            break
    return value, position


def _crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 & -(crc & 1))
    return crc ^ 0xFFFFFFFF


if __name__ == "__main__":
    main()
