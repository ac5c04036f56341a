"""Run the peers of `benchmarks/peers`, each in its own process and environment, on the same rows. Standard library only."""

import argparse
import csv
import json
import os
import pathlib
import platform
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterable

PEERS = pathlib.Path(__file__).parent / "peers"
# name in the tables -> (script, whether it runs in the PyTorch environment)
SCRIPTS = {
    "kerasft": ("kerasft_fit.py", False),
    "Hugging Face Trainer": ("hf_trainer.py", True),
    "KerasHub, padded": ("keras_hub_classifier.py", False),
}


def add_common_arguments(parser: argparse.ArgumentParser) -> None:
    """The options that both benchmarks have."""
    parser.add_argument(
        "--data", required=True, help="folder with train.tsv and dev.tsv: header sentence, label (SST-2)"
    )
    parser.add_argument("--model", required=True, help="Hugging Face folder of a BERT checkpoint")
    parser.add_argument("--torch-python", required=True, help="Python that has torch, transformers and accelerate")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--learning-rate", type=float, default=5e-5)
    parser.add_argument("--max-length", type=int, default=128)
    parser.add_argument("--output", help="also write all numbers to this JSON file")


def read_tsv(path: pathlib.Path) -> list[dict]:
    """The rows of a TSV file with the header `sentence, label`; labels are numbers; quotes are ordinary characters."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [{"text": row["sentence"].strip(), "label": int(row["label"])} for row in rows]


def sample(rows: list[dict], size: int, seed: int = 0) -> list[dict]:
    """`size` rows drawn without replacement, in random order."""
    if size > len(rows):
        sys.exit(f"{size} rows are needed, the data has {len(rows)}: ask for fewer steps or rows.")
    return random.Random(seed).sample(rows, size)


def write_rows(path: pathlib.Path, rows: Iterable[dict]) -> str:
    """Write rows as JSON lines and return the path."""
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def run(peer: str, job: dict, torch_python: str) -> dict:
    """Run one peer on a job (`peers/measure.py` says the fields) and return its result.

    Ends the program with the peer's last lines if it fails.
    """
    script, in_torch = SCRIPTS[peer]
    root = pathlib.Path(__file__).resolve().parents[1]
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "2", "TOKENIZERS_PARALLELISM": "true"}
    environment["PYTHONPATH"] = "" if in_torch else str(root)
    with tempfile.TemporaryDirectory() as folder:
        file, out = pathlib.Path(folder, "job.json"), pathlib.Path(folder, "out.json")
        file.write_text(json.dumps(job | {"out": str(out)}), encoding="utf-8")
        command = [torch_python if in_torch else sys.executable, str(PEERS / script), str(file)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"{peer} failed (exit code {done.returncode}):\n{done.stderr[-3000:]}")
        return json.loads(out.read_text(encoding="utf-8"))


def machine() -> dict:
    """What the numbers were measured on."""
    cpu, memory = platform.processor(), None
    if pathlib.Path("/proc/cpuinfo").exists():
        lines = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        cpu = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), cpu)
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cpu": cpu,
        "cores": os.cpu_count(),
        "memory_bytes": memory,
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load_average_before": os.getloadavg()[0],
    }


def machine_line(facts: dict) -> str:
    """The machine in one line."""
    memory = f", {facts['memory_bytes'] / 2**30:.0f} GiB" if facts["memory_bytes"] else ""
    return (
        f"{facts['cpu']}, {facts['cores']} cores{memory}, {facts['system']}, Python {facts['python']}, "
        f"load average before the runs {facts['load_average_before']:.1f}"
    )


def markdown(header: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
