"""Training speed of kerasft, the Hugging Face Trainer and KerasHub's BertTextClassifier, side by side.

    python benchmarks/train_vs_peers.py --data SST2 --model MINILM --torch-python TORCH/bin/python --rounds 3 --steps 100

The same checkpoint, rows, batch size, number of steps, optimizer and schedule. The runs alternate (A B C A B C ...), each in
a process of its own; the table holds medians. The clock leaves out loading, tokenising (but for KerasHub, which tokenises
while it trains) and the warm-up steps. Run it on a machine that does nothing else. The PyTorch environment:
`pip install torch==2.13.0 transformers accelerate`.
"""

import argparse
import json
import pathlib
import statistics
import tempfile

from peer_runs import SCRIPTS, add_common_arguments, machine, machine_line, markdown, read_tsv, run, sample, write_rows

US = "kerasft"
MEASURES = ("examples_per_second", "real_tokens_per_second", "peak_memory_bytes")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_common_arguments(parser)
    parser.add_argument("--rounds", type=int, default=3, help="runs of each peer (default: 3)")
    parser.add_argument("--steps", type=int, default=100, help="timed steps of a run (default: 100)")
    parser.add_argument("--warm-up-steps", type=int, default=10, help="steps before the clock starts (default: 10)")
    parser.add_argument("--slow-steps", type=int, help="timed steps of KerasHub's runs (default: --steps)")
    parser.add_argument("--peers", nargs="+", choices=SCRIPTS, default=list(SCRIPTS))
    return parser.parse_args()


def measure(args: argparse.Namespace) -> dict[str, list[dict]]:
    """The results of all runs, by peer."""
    results = {peer: [] for peer in args.peers}
    rows = read_tsv(pathlib.Path(args.data, "train.tsv"))
    with tempfile.TemporaryDirectory() as folder:
        for number in range(args.rounds):
            for peer in args.peers:
                steps = (args.slow_steps if "KerasHub" in peer else None) or args.steps
                total = args.warm_up_steps + steps
                job = {
                    # One pass over exactly as many rows as the steps need; the first rows are the same for every peer.
                    "train": write_rows(
                        pathlib.Path(folder, "rows.jsonl"), sample(rows, total * args.batch_size, number)
                    ),
                    "model": args.model,
                    "steps": total,
                    "warm_up_steps": args.warm_up_steps,
                    "batch_size": args.batch_size,
                    "max_length": args.max_length,
                    "learning_rate": args.learning_rate,
                    "seed": number,
                }
                results[peer].append(run(peer, job, args.torch_python))
                speed = results[peer][-1]["examples_per_second"]
                print(f"round {number + 1} of {args.rounds}, {peer}: {speed:.1f} examples/s", flush=True)
    return results


def table(results: dict[str, list[dict]]) -> str:
    medians = {
        peer: {name: statistics.median(run[name] for run in runs) for name in MEASURES}
        for peer, runs in results.items()
    }
    rows = []
    for peer, runs in results.items():
        speeds = [run["examples_per_second"] for run in runs]
        ours = [run["examples_per_second"] for run in results.get(US, [])]
        # Rounds are compared one by one: what else the machine did then, it did to both.
        ratio = f"{statistics.median(a / b for a, b in zip(ours, speeds)):.2f}x" if ours else "-"
        rows.append(
            [
                peer,
                f"{medians[peer]['examples_per_second']:.1f}",
                f"{min(speeds):.1f} to {max(speeds):.1f}",
                f"{medians[peer]['real_tokens_per_second']:.0f}",
                f"{medians[peer]['peak_memory_bytes'] / 2**20:.0f} MiB",
                ratio,
            ]
        )
    return markdown(["", "examples/s", "range", "real tokens/s", "peak memory", "kerasft is faster by"], rows)


def main() -> None:
    args = arguments()
    facts = machine()
    results = measure(args)
    print(f"\n{table(results)}\n")
    print(f"{args.rounds} alternating rounds of {args.steps} steps of {args.batch_size} rows. {machine_line(facts)}.")
    for peer, runs in results.items():
        print(f"{peer}: {', '.join(f'{name} {version}' for name, version in runs[0]['versions'].items())}")
    if args.output:
        everything = {"machine": facts, "settings": vars(args), "results": results}
        pathlib.Path(args.output).write_text(json.dumps(everything, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
