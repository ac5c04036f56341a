"""kerasft's int8 LiteRT file against ONNX Runtime and PyTorch, on the same weights and texts, taking turns in one run.

    python benchmarks/litert_vs_peers.py --bundle SST2_BUNDLE --data SST2 --torch-python TORCH/bin/python --output numbers.json

SST2_BUNDLE is what `kerasft train text-classification --model MINILM --train SST2/train.tsv ...` wrote; SST2 holds dev.tsv with
the header `sentence, label`. TORCH has torch, transformers, onnx, onnxruntime and onnxscript. Batch size 1.

Each peer stays in its own process. In every round every model runs the same texts, one after the other; a text's time is the
median of its rounds, and a row of the table is the mean over texts. Twice: all padded to 128; and at the texts' real lengths,
where LiteRT takes the shortest of its signatures that fits and the peers take exactly the text's tokens.
"""

import argparse
import contextlib
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time

import numpy as np
from peer_runs import PEERS, machine, machine_line, markdown, read_tsv

import kerasft

OURS = "LiteRT int8 (kerasft)"
SIDES = {"latency_litert.py": False, "latency_torch.py": True}  # script -> whether it runs in the PyTorch environment
PAD, REAL = "padded to 128", "real length"
LENGTH = 128


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", required=True, help="bundle of a text classifier on BERT, trained on SST-2")
    parser.add_argument("--data", required=True, help="folder with SST-2's dev.tsv")
    parser.add_argument("--torch-python", required=True, help="Python with torch, transformers, onnx, onnxruntime")
    parser.add_argument("--file", help="measure this .tflite file and export none")
    parser.add_argument(
        "--lengths", type=int, nargs="+", default=[32, 64, LENGTH], help="signatures of the exported file"
    )
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--texts", type=int, default=64, help="timed texts, drawn from the dev rows")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--max-rows", type=int, help="measure accuracy on this many dev rows only (a quick try)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", help="also write all numbers to this JSON file")
    return parser.parse_args()


class Side:
    """A peer's process, and its commands."""

    def __init__(self, script: str, python: str, job: pathlib.Path):
        environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "2", "PYTHONPATH": "", "PYTHONWARNINGS": "ignore"}
        self.process = subprocess.Popen(
            [python, str(PEERS / script), str(job)],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, **command) -> dict:
        print(json.dumps(command), file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{self.process.args[1]} ended with exit code {self.process.wait()}.")
        return json.loads(line)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()


def prepare(args: argparse.Namespace, folder: pathlib.Path) -> tuple[dict, dict, list[int]]:
    """Write the file, the checkpoint and the texts; return the job, the sizes in bytes and the right answers."""
    bundle = kerasft.load_bundle(args.bundle)
    rows = read_tsv(pathlib.Path(args.data) / "dev.tsv")
    texts = bundle.tokenizer([row["text"] for row in rows], truncation=True, max_length=LENGTH)["input_ids"]
    sizes = {}
    for name, options in {"float32": {}, "int8": {"quantize": "int8"}}.items():
        sizes[name] = kerasft.export.litert(bundle, folder / name, sequence_length=LENGTH, **options)["size_bytes"]
    file = args.file
    if file is None:
        lengths = {"sequence_length": tuple(args.lengths)}
        kerasft.export.litert(bundle, folder / "shipped", quantize="int8", **lengths)
        file = folder / "shipped" / "model.tflite"
    sizes["int8 of all lengths"] = pathlib.Path(file).stat().st_size
    kerasft.checkpoints.save_huggingface(folder / "checkpoint", bundle.model, bundle.tokenizer)
    job = {"file": str(file), "model": str(folder / "checkpoint"), "folder": str(folder), "texts": texts}
    # The names of the labels are those of the training file: "0" and "1".
    return job, sizes, [row["label"] for row in rows]


def score(owners: dict[str, Side], gold: list[int]) -> dict[str, dict[str, float]]:
    """The accuracy of every model, padded and at real lengths."""
    found = {}
    for name, side in owners.items():
        found[name] = {}
        for mode, length in ((PAD, LENGTH), (REAL, None)):
            logits = np.array(side.ask(model=name, length=length, rows=list(range(len(gold))))["logits"])
            found[name][mode] = float(np.mean(logits.argmax(-1) == gold))
    return found


def time_all(owners: dict[str, Side], rows: list[int], rounds: int) -> dict[str, dict[str, list[float]]]:
    """By model and mode the milliseconds of each text: the median of its rounds."""
    times: dict[tuple[str, str], list] = {}
    for number in range(rounds + 1):
        for mode, length in ((PAD, LENGTH), (REAL, None)):
            for name, side in owners.items():
                ms = side.ask(model=name, length=length, rows=rows)["ms"]
                time.sleep(0.1)  # threads that wait by spinning must not slow the next
                if number:  # the first round is the warm-up
                    times.setdefault((name, mode), []).append(ms)
    return {name: {mode: np.median(times[name, mode], axis=0).tolist() for mode in (PAD, REAL)} for name in owners}


def main() -> None:
    args = arguments()
    facts = machine()
    with tempfile.TemporaryDirectory() as temporary, contextlib.ExitStack() as stack:
        folder = pathlib.Path(temporary)
        job, sizes, gold = prepare(args, folder)
        gold = gold[: args.max_rows]
        path = folder / "job.json"
        path.write_text(json.dumps(job), "utf-8")
        pythons = {True: args.torch_python, False: sys.executable}
        sides = [stack.enter_context(Side(script, pythons[torch], path)) for script, torch in SIDES.items()]
        rows = random.Random(args.seed).sample(range(len(job["texts"])), args.texts)
        accuracy, times = {}, {}
        for threads in args.threads:
            owners = {name: side for side in sides for name in side.ask(threads=threads)["models"]}
            accuracy = accuracy or score(owners, gold)
            times[threads] = time_all(owners, rows, args.rounds)
    report(args, facts, sizes, accuracy, times, [len(job["texts"][row]) for row in rows])


def report(args, facts, sizes, accuracy, times, lengths) -> None:
    """Print the tables and the ratios."""
    means = {t: {n: {m: float(np.mean(ms)) for m, ms in modes.items()} for n, modes in times[t].items()} for t in times}
    header = ["batch 1", "accuracy, padded", "accuracy, real length"]
    header += [f"ms {mode}, {threads} thread(s)" for threads in times for mode in (PAD, REAL)]
    rows = []
    for name, scores in accuracy.items():
        cells = [name, *(f"{scores[mode]:.4f}" for mode in (PAD, REAL))]
        rows.append(cells + [f"{means[threads][name][mode]:.2f}" for threads in times for mode in (PAD, REAL)])
    print(markdown(header, rows))
    best = {t: {m: min(v[m] for n, v in means[t].items() if n != OURS) for m in (PAD, REAL)} for t in means}
    reference = accuracy["PyTorch float32"][PAD]
    summary = {
        "size_ratio": sizes["int8"] / sizes["float32"],
        "size_ratio_of_all_lengths": sizes["int8 of all lengths"] / sizes["float32"],
        "accuracy_drop_points": 100 * (reference - accuracy[OURS][PAD]),
        "accuracy_drop_points_real_length": 100 * (reference - accuracy[OURS][REAL]),
        "ratio": {t: best[t][PAD] / means[t][OURS][PAD] for t in means},
        "ratio_shipped_lengths_to_padded_peers": {t: best[t][PAD] / means[t][OURS][REAL] for t in means},
        "ratio_shipped_lengths_to_peers_at_real_length": {t: best[t][REAL] / means[t][OURS][REAL] for t in means},
    }
    print(
        f"\n{args.texts} texts of {np.mean(lengths):.1f} tokens on average (longest {max(lengths)}), {args.rounds} rounds."
    )
    files = ", ".join(f"{name} {size / 1e6:.2f} MB" for name, size in sizes.items())
    print(f"Files: {files}. {machine_line(facts)}")
    print(json.dumps(summary))
    if args.output:
        content = summary | {"machine": facts, "sizes": sizes, "accuracy": accuracy, "means_ms": means}
        pathlib.Path(args.output).write_text(json.dumps(content | {"settings": vars(args)}, indent=1), "utf-8")


if __name__ == "__main__":
    main()
