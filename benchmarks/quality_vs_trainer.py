"""Dev accuracy of kerasft and of the Hugging Face Trainer from the same checkpoint, rows and settings, over several seeds.

    python benchmarks/quality_vs_trainer.py --data SST2 --model MINILM --torch-python TORCH/bin/python

A seed sets the head's first weights, dropout and the order of the rows; the rows are the same for all seeds. The epoch is
the last one, never the best one. The PyTorch environment: `pip install torch==2.13.0 transformers accelerate`.
"""

import argparse
import json
import pathlib
import statistics
import tempfile

from peer_runs import add_common_arguments, machine, machine_line, markdown, read_tsv, run, sample, write_rows

PAIR = ("kerasft", "Hugging Face Trainer")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_common_arguments(parser)
    parser.add_argument("--rows", type=int, default=10_000, help="training rows (default: 10000)")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=3, help="runs of each (default: 3)")
    return parser.parse_args()


def measure(args: argparse.Namespace) -> dict[str, list[dict]]:
    results = {peer: [] for peer in PAIR}
    with tempfile.TemporaryDirectory() as folder:
        rows = sample(read_tsv(pathlib.Path(args.data, "train.tsv")), args.rows)
        train = write_rows(pathlib.Path(folder, "train.jsonl"), rows)
        dev = write_rows(pathlib.Path(folder, "dev.jsonl"), read_tsv(pathlib.Path(args.data, "dev.tsv")))
        for seed in range(args.seeds):
            for peer in PAIR:
                job = {
                    "train": train,
                    "dev": dev,
                    "model": args.model,
                    "epochs": args.epochs,
                    "batch_size": args.batch_size,
                    "max_length": args.max_length,
                    "learning_rate": args.learning_rate,
                    "seed": seed,
                }
                results[peer].append(run(peer, job, args.torch_python))
                result = results[peer][-1]
                print(
                    f"seed {seed}, {peer}: dev accuracy {result['dev_accuracy']:.4f}, "
                    f"{result['phase_seconds']['train']:.0f} s of training",
                    flush=True,
                )
    return results


def table(results: dict[str, list[dict]]) -> str:
    rows = []
    for peer, runs in results.items():
        scores = [run["dev_accuracy"] for run in runs]
        spread = f"{statistics.stdev(scores):.4f}" if len(scores) > 1 else "-"
        seconds = statistics.median(run["phase_seconds"]["train"] for run in runs)
        each = ", ".join(f"{score:.4f}" for score in scores)
        rows.append([peer, f"{statistics.mean(scores):.4f}", spread, each, f"{seconds:.0f}"])
    return markdown(["", "mean dev accuracy", "standard deviation", "each seed", "training seconds (median)"], rows)


def main() -> None:
    args = arguments()
    facts = machine()
    results = measure(args)
    ours, theirs = (statistics.mean(run["dev_accuracy"] for run in results[peer]) for peer in PAIR)
    print(f"\n{table(results)}\n\nDifference of the means: {100 * (ours - theirs):+.2f} points.")
    print(
        f"{args.rows} rows, {args.epochs} epochs, batch {args.batch_size}, learning rate {args.learning_rate}, "
        f"{args.seeds} seeds. {machine_line(facts)}."
    )
    if args.output:
        everything = {"machine": facts, "settings": vars(args), "results": results}
        pathlib.Path(args.output).write_text(json.dumps(everything, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
