"""Speed of generation on the device: LiteRT with its cache against `transformers` on PyTorch with its cache, greedy, one text.

    python benchmarks/litert_generate.py --torch-python TORCH/bin/python --rounds 5 --output litert_generate.json

GPT-2 at the 124 M shape and T5 at T5-small's, random weights. The LiteRT files are written once; then the runs alternate
(A B C A B C ...), each in a process of its own; the second generation of a process is timed. The table holds medians: tokens a
second of the whole text, prompt included. LiteRT runs the loop that is shipped with every such folder (kerasft_generate.py), on
all cores as PyTorch does. `--small` runs tiny shapes, to see that everything works.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

from generate import SHAPES, SMALL
from peer_runs import machine, machine_line, markdown

HERE = pathlib.Path(__file__).parent / "peers"
FORMS = ("int8", "float32")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--torch-python", required=True, help="python of an environment with PyTorch and transformers")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--prompt-length", type=int, default=32)
    parser.add_argument("--new-tokens", type=int, default=64)
    parser.add_argument("--threads", type=int, help="of LiteRT; default: all cores")
    parser.add_argument("--models", nargs="+", choices=SHAPES, default=list(SHAPES))
    parser.add_argument("--forms", nargs="+", choices=FORMS, default=list(FORMS))
    parser.add_argument("--folder", help="where the LiteRT files are kept between two runs of this script")
    parser.add_argument("--output", help="also write all numbers to this JSON file")
    parser.add_argument("--small", action="store_true", help="tiny shapes")
    return parser.parse_args()


def run(*command: object) -> dict:
    """Run one script in a process of its own and return what it prints."""
    found = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if found.returncode:
        raise SystemExit(f"{command[1]} failed:\n{found.stderr[-2000:]}")
    return json.loads(found.stdout.splitlines()[-1])


def measure(kind: str, folder: pathlib.Path, args: argparse.Namespace, threads: int) -> dict:
    """Write the files that are not there yet, and take turns."""
    sizes = json.dumps((SMALL if args.small else SHAPES)[kind])
    lengths = (args.prompt_length, args.new_tokens)
    commands, size_bytes = {}, {}
    for form in args.forms:
        target = folder / "_".join(map(str, (kind, "small" if args.small else "real", form, *lengths)))
        if not (target / "signature.json").is_file():
            run(sys.executable, HERE / "generate_litert.py", "write", kind, form, target, *lengths, sizes)
        size_bytes[f"LiteRT {form}"] = (target / "model.tflite").stat().st_size
        commands[f"LiteRT {form}"] = (
            sys.executable, HERE / "generate_litert.py", "run", target, threads, *lengths,
        )  # fmt: skip
    commands["PyTorch float32"] = (args.torch_python, HERE / "generate_torch.py", kind, 1, *lengths, sizes)
    speeds = {name: [] for name in commands}
    for _ in range(args.rounds):
        for name, command in commands.items():
            speeds[name].append(args.new_tokens / run(*command)["seconds"])
    return {"model": kind, "size_bytes": size_bytes, "tokens_per_second": speeds}


def main() -> None:
    """Measure, print a table, and write the numbers."""
    args, facts = arguments(), machine()
    threads = args.threads or facts["cores"]
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(args.folder or temporary)
        results = [measure(kind, folder, args, threads) for kind in args.models]
    names = list(results[0]["tokens_per_second"])
    rows = []
    for result in results:
        medians = {name: statistics.median(found) for name, found in result["tokens_per_second"].items()}
        ratio = medians[names[0]] / medians["PyTorch float32"]
        rows.append([result["model"], *(f"{medians[name]:.1f}" for name in names), f"{ratio:.1f}x"])
    print(machine_line(facts))
    print(
        f"prompt {args.prompt_length}, new tokens {args.new_tokens}, LiteRT threads {threads}, rounds {args.rounds}\n"
    )
    print(markdown(["tokens/s", *names, f"{names[0]} : PyTorch"], rows))
    found = {"machine": facts, "threads": threads, "arguments": vars(args), "results": results}
    print(json.dumps(found))
    if args.output:
        pathlib.Path(args.output).write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
