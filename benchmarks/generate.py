"""Speed of greedy generation with a cache: kerasft, `transformers` on PyTorch (eager) and KerasHub, side by side.

    python benchmarks/generate.py --torch-python TORCH/bin/python --rounds 3

GPT-2 at the 124 M shape and T5 at T5-small's, random weights, float32, batches of 1 and 8. The runs alternate (A B C A B C
...), each in a process of its own; the second generation of a process is timed, so that compiling is not; the table holds
medians. KerasHub has a T5 backbone but no T5 that generates. `--small` runs tiny shapes, to see that everything works.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys

from peer_runs import machine, machine_line, markdown

HERE = pathlib.Path(__file__).parent / "peers"
SHAPES = {
    "gpt2": {"vocab_size": 50257, "n_layer": 12, "n_head": 12, "n_embd": 768},
    "t5": {"vocab_size": 32128, "num_layers": 6, "num_heads": 8, "d_kv": 64, "d_model": 512, "d_ff": 2048},
}
SMALL = {
    "gpt2": {"vocab_size": 500, "n_layer": 2, "n_head": 2, "n_embd": 32},
    "t5": {"vocab_size": 500, "num_layers": 2, "num_heads": 2, "d_kv": 16, "d_model": 32, "d_ff": 64},
}
PEERS = {"gpt2": ("kerasft", "PyTorch", "KerasHub"), "t5": ("kerasft", "PyTorch")}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--torch-python", required=True, help="python of an environment with PyTorch and transformers")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--prompt-length", type=int, default=32)
    parser.add_argument("--new-tokens", type=int, default=64)
    parser.add_argument("--models", nargs="+", choices=SHAPES, default=list(SHAPES))
    parser.add_argument("--small", action="store_true", help="tiny shapes")
    return parser.parse_args()


def seconds(peer: str, kind: str, batch_size: int, args: argparse.Namespace) -> float:
    """Run one peer in a process of its own."""
    sizes = json.dumps((SMALL if args.small else SHAPES)[kind])
    job = [kind, str(batch_size), str(args.prompt_length), str(args.new_tokens), sizes]
    if peer == "PyTorch":
        command = [args.torch_python, str(HERE / "generate_torch.py"), *job]
    else:
        command = [sys.executable, str(HERE / "generate_keras.py"), peer, *job]
    found = subprocess.run(command, capture_output=True, text=True)
    if found.returncode:
        raise SystemExit(f"{peer} failed:\n{found.stderr[-2000:]}")
    return json.loads(found.stdout.splitlines()[-1])["seconds"]


def main() -> None:
    """Measure and print a table and a JSON line."""
    args = arguments()
    rows, results = [], []
    for kind in args.models:
        for batch_size in args.batch_sizes:
            speeds = {peer: [] for peer in PEERS[kind]}
            for _ in range(args.rounds):
                for peer, found in speeds.items():
                    found.append(batch_size * args.new_tokens / seconds(peer, kind, batch_size, args))
            medians = {peer: statistics.median(found) for peer, found in speeds.items()}
            ratio = medians["kerasft"] / medians["PyTorch"]
            shown = [f"{medians[peer]:.1f}" if peer in medians else "-" for peer in PEERS["gpt2"]]
            rows.append([kind, str(batch_size), *shown, f"{ratio:.2f}"])
            results.append({"model": kind, "batch_size": batch_size, "tokens_per_second": speeds, "ratio": ratio})
    print(machine_line(machine()))
    print(markdown(["model", "batch", *(f"{peer} tokens/s" for peer in PEERS["gpt2"]), "kerasft : PyTorch"], rows))
    print(json.dumps(results))


if __name__ == "__main__":
    main()
