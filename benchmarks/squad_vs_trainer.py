"""Official F1 and exact match on SQuAD's dev: kerasft against transformers' `run_qa` recipe, same checkpoint and settings.

    python benchmarks/squad_vs_trainer.py --data SQUAD --model MINILM --torch-python TORCH/bin/python \
        --official-python TRANSFORMERS4/bin/python

SQUAD holds train.json and dev.json. Both sides train on the same questions, batches and rates for the same number of epochs,
keep the last epoch, and answer all dev questions; both sides' answers are scored by kerasft and, with --official-python
(transformers < 5, which had the field's metrics), by `squad_evaluate`: the two must be equal. A question's texts make 176 tokens
on average, so an epoch over 8,595 questions is 1.5 million tokens: about 15 minutes a side and epoch for MiniLM-L6 on 2 cores.
"""

import argparse
import json
import math
import pathlib
import statistics
import sys
import tempfile

from peer_runs import SCRIPTS, machine, machine_line, markdown, run

PAIR = ("kerasft", "Hugging Face Trainer")
SCRIPTS |= {
    "kerasft": ("squad_kerasft.py", False),
    "Hugging Face Trainer": ("squad_trainer.py", True),
    "official": ("squad_official.py", True),
}
SETTINGS = ("model", "max_length", "stride", "epochs", "batch_size", "learning_rate", "max_train_rows")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="folder with train.json and dev.json in SQuAD's form")
    parser.add_argument("--model", required=True, help="Hugging Face folder of a checkpoint")
    parser.add_argument("--torch-python", required=True, help="Python that has torch, transformers and accelerate")
    parser.add_argument("--official-python", help="Python that has transformers < 5")
    parser.add_argument("--max-length", type=int, default=384)
    parser.add_argument("--stride", type=int, default=128)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--learning-rate", type=float, default=1e-4)
    parser.add_argument("--max-train-rows", type=int, help="train on this many questions only")
    parser.add_argument("--seeds", type=int, default=1, help="runs of each (default: 1)")
    parser.add_argument("--output", help="also write all numbers to this JSON file")
    return parser.parse_args()


def official(args: argparse.Namespace, answers: dict[str, dict]) -> dict[str, dict]:
    """Both sides' scores by transformers' metrics; none without that environment."""
    if not args.official_python:
        return {}
    job = {"dev": str(pathlib.Path(args.data, "dev.json")), "predicted": answers}
    return run("official", job, args.official_python)


def measure(args: argparse.Namespace, seed: int, folder: pathlib.Path) -> dict[str, dict]:
    """One run of each side, and its scores by both metrics."""
    job = {name: getattr(args, name) for name in SETTINGS} | {"seed": seed}
    job |= {name: str(pathlib.Path(args.data, f"{name}.json").resolve()) for name in ("train", "dev")}
    theirs = run(PAIR[1], job, args.torch_python)
    other = folder / f"trainer_{seed}.json"
    other.write_text(json.dumps(theirs), "utf-8")
    ours = run(PAIR[0], job | {"other": str(other)}, args.torch_python)
    scores = official(args, {PAIR[0]: ours["predicted"], PAIR[1]: theirs["predicted"]})
    found = {
        PAIR[0]: {"kerasft": ours["kerasft_scores"], "seconds": ours["seconds"]},
        PAIR[1]: {"kerasft": ours["other_scores"], "seconds": theirs["seconds"]},
    }
    for peer, result in found.items():
        result["official"] = scores.get(peer)
        # The official script adds up in another order, so the last bit of a float may differ.
        if scores and not all(math.isclose(result["kerasft"][name], value) for name, value in scores[peer].items()):
            sys.exit(f"{peer}: kerasft's metric gives {result['kerasft']}, the official one {scores[peer]}.")
        print(f"seed {seed}, {peer}: {result}", flush=True)
    return found


def main() -> None:
    args = arguments()
    with tempfile.TemporaryDirectory() as folder:
        runs = [measure(args, seed, pathlib.Path(folder)) for seed in range(args.seeds)]
    f1 = {peer: [each[peer]["kerasft"]["f1"] for each in runs] for peer in PAIR}
    rows = []
    for peer in PAIR:
        exact = statistics.mean(each[peer]["kerasft"]["exact_match"] for each in runs)
        seconds = statistics.median(each[peer]["seconds"] for each in runs)
        each_seed = ", ".join(f"{value:.4f}" for value in f1[peer])
        rows.append([peer, f"{statistics.mean(f1[peer]):.4f}", each_seed, f"{exact:.4f}", f"{seconds:.0f}"])
    print("\n" + markdown(["", "mean dev F1", "each seed", "mean exact match", "seconds"], rows))
    ours, theirs = (statistics.mean(f1[peer]) for peer in PAIR)
    print(f"\nDifference of the means: {100 * (ours - theirs):+.2f} points of F1.")
    print("Equal to the official metric." if args.official_python else "Not compared with the official metric.")
    print(machine_line(machine()))
    summary = {"f1": f1, "settings": vars(args), "runs": runs}
    print(json.dumps({"kerasft_f1": ours, "trainer_f1": theirs, "ratio": ours / theirs if theirs else None}))
    if args.output:
        pathlib.Path(args.output).write_text(json.dumps(summary, indent=1), "utf-8")


if __name__ == "__main__":
    main()
