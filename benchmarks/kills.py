"""Kill a training again and again, resume it each time, and compare the result with an undisturbed run.

    python benchmarks/kills.py --data FOLDER --kills 100

`kerasft train text-classification` on rows of SST-2 below FOLDER gets SIGKILL after a random time: while it imports, reads,
tokenizes, trains, writes a checkpoint, evaluates or saves. It is started again with --resume until it has been killed that
often, and then left to finish. Weights, history and report must equal those of a run that nobody killed, bit for bit; only times,
paths and rates are left out.
"""

import argparse
import collections
import json
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import keras
import numpy as np

_TIMES = re.compile(r"_per_second$|^(created|time|date|seconds|duration|output|resume|overwrite)")


def main() -> None:
    """Run both trainings, print what was killed where, and the largest difference."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=pathlib.Path, required=True, help="folder with sst2/train.tsv and sst2/dev.tsv")
    parser.add_argument("--model", required=True, help="folder of the pretrained encoder")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--rows", type=int, default=1000, help="training rows")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0, help="of the random times")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        began = time.monotonic()
        _run(args, folder / "whole").wait()
        seconds = time.monotonic() - began
        print(f"undisturbed: {seconds:.0f} s", flush=True)
        _kill(args, folder / "killed", seconds)
        _compare(folder / "whole", folder / "killed")


def _run(args: argparse.Namespace, output: pathlib.Path, *words: str, log=subprocess.DEVNULL) -> subprocess.Popen:
    command = [
        *(
            sys.executable,
            "-m",
            "kerasft",
            "train",
            "text-classification",
            "--model",
            args.model,
            "--output",
            str(output),
        ),
        *("--train", str(next(args.data.glob("sst2/train.*"))), "--dev", str(next(args.data.glob("sst2/dev.*")))),
        *("--max-train-rows", str(args.rows), "--epochs", str(args.epochs), "--tune-temperature"),
        *("--checkpoint-steps", "5", *words),
    ]
    return subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, text=True)


def _kill(args: argparse.Namespace, output: pathlib.Path, seconds: float) -> None:
    """Kill until it was done often enough. A run that ends before its time is begun again from scratch later on."""
    moments = collections.Counter()
    times = random.Random(args.seed)
    log = output.with_name("log.txt")
    finished = 0
    for number in range(args.kills):
        with log.open("w") as file:
            process = _run(args, output, "--resume", log=file)
            try:
                process.wait(timeout=times.uniform(0, 0.6 * seconds))
                finished += 1
                if number < args.kills - 1:
                    shutil.rmtree(output)
                continue
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.wait()
        moments[_moment(output, log.read_text("utf-8"))] += 1
        print(f"kill {number + 1}: {_moment(output, log.read_text('utf-8'))}", flush=True)
    with log.open("w") as file:
        code = _run(args, output, "--resume", log=file).wait()
    if code:
        sys.exit(f"The resumed run failed:\n{log.read_text('utf-8')[-2000:]}")
    print(f"{sum(moments.values())} kills, {finished} runs that ended before: {dict(moments)}")


def _moment(output: pathlib.Path, log: str) -> str:
    work = output.with_name(f"{output.name}.run")
    half = list(work.glob("**/.*writing-*")) + list(output.parent.glob(".*writing-*"))
    if half:
        return f"writing {half[0].name.split('writing-')[0].strip('.') or half[0].name}"
    if "Resuming" not in log and "step " not in log:
        return "importing, reading or tokenizing"
    checkpoints = sorted(path.name for path in work.glob("resume/epoch-*"))
    return f"after {checkpoints[-1]}" if checkpoints else "before the first checkpoint"


def _compare(whole: pathlib.Path, killed: pathlib.Path) -> None:
    one, other = (keras.saving.load_model(path / "model.keras", compile=False) for path in (whole, killed))
    pairs = zip(one.get_weights(), other.get_weights(), strict=True)
    print(f"largest difference of weights: {max(float(np.abs(a - b).max()) for a, b in pairs)}")
    for name in ("kerasft.json", "../{}.run/report/report.json"):
        texts = []
        for folder in (whole, killed):
            content = json.loads((folder / name.format(folder.name)).read_text("utf-8"))
            texts.append(json.dumps(_without_times(content), sort_keys=True).replace(str(folder), "OUTPUT"))
        print(f"{name}: {'equal' if texts[0] == texts[1] else 'DIFFERENT'} without times ({len(texts[0])} characters)")


def _without_times(value):
    if isinstance(value, dict):
        return {name: _without_times(each) for name, each in value.items() if not _TIMES.search(name)}
    return [_without_times(each) for each in value] if isinstance(value, list) else value


if __name__ == "__main__":
    main()
