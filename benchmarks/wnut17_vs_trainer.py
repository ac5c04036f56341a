"""Entity F1 of kerasft and of transformers' example recipe on PyTorch, from the same checkpoint, rows and settings.

    python benchmarks/wnut17_vs_trainer.py --data WNUT17 --model MINILM --torch-python TORCH/bin/python

WNUT17 is a folder with train.conll, dev.conll and test.conll (token TAB tag, IOB2), or another set of this form (see
`snips_like_atis.py`). A tag of dev or test that train lacks counts as an error. A seed sets the head's first weights, the
dropout and the order of the rows. The epoch is the last one, never the best one. Both sides' tags are scored here, by seqeval.
The PyTorch environment: `pip install torch==2.13.0 transformers accelerate`. Ends with one JSON line.
"""

import argparse
import json
import pathlib
import statistics
import tempfile

import peer_runs
from peer_runs import machine, machine_line, markdown, write_rows
from seqeval.metrics import f1_score, precision_score, recall_score

PAIR = ("kerasft", "transformers' recipe on PyTorch")
SCRIPTS = {PAIR[0]: ("kerasft_token_classifier.py", False), PAIR[1]: ("hf_token_classifier.py", True)}
SPLITS = ("train", "dev", "test")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="folder with train.conll, dev.conll and test.conll")
    parser.add_argument("--model", required=True, help="Hugging Face folder of a checkpoint")
    parser.add_argument("--torch-python", required=True, help="Python that has torch, transformers and accelerate")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--learning-rate", type=float, default=3e-4)
    parser.add_argument("--warmup", type=float, default=0.1)
    parser.add_argument("--weight-decay", type=float, default=0.01)
    parser.add_argument("--max-length", type=int, default=128)
    parser.add_argument("--rows", type=int, help="train on the first so many sentences only (a quick try)")
    parser.add_argument("--seeds", type=int, default=3, help="runs of each (default: 3)")
    parser.add_argument("--only", choices=("kerasft", "pytorch"), help="run one side alone")
    parser.add_argument("--output", help="also write all numbers to this JSON file")
    return parser.parse_args()


def read_conll(path: pathlib.Path) -> list[dict]:
    """Sentences of a file with one `token TAB tag` a line; a blank line (or a lone TAB) ends a sentence."""
    sentences: list[dict] = [{"words": [], "tags": []}]
    for line in path.read_text(encoding="utf-8").split("\n"):
        if line.strip():
            word, tag = line.rstrip("\r").split("\t")
            sentences[-1]["words"].append(word)
            sentences[-1]["tags"].append(tag)
        elif sentences[-1]["words"]:
            sentences.append({"words": [], "tags": []})
    return [sentence for sentence in sentences if sentence["words"]]


def measure(args: argparse.Namespace) -> dict[str, list[dict]]:
    peer_runs.SCRIPTS.update(SCRIPTS)
    rows = {split: read_conll(pathlib.Path(args.data, f"{split}.conll")) for split in SPLITS}
    rows["train"] = rows["train"][: args.rows]
    settings = ("model", "epochs", "batch_size", "learning_rate", "warmup", "weight_decay", "max_length")
    job = {name: getattr(args, name) for name in settings}
    # The tags of the training rows and no others, for both, as the two recipes have them.
    job["labels"] = ["O", *sorted({tag for row in rows["train"] for tag in row["tags"]} - {"O"})]
    peers = PAIR if args.only is None else [PAIR[args.only == "pytorch"]]
    results: dict[str, list[dict]] = {peer: [] for peer in peers}
    with tempfile.TemporaryDirectory() as folder:
        job |= {split: write_rows(pathlib.Path(folder, f"{split}.jsonl"), rows[split]) for split in SPLITS}
        for seed in range(args.seeds):
            for peer in peers:
                found = peer_runs.run(peer, job | {"seed": seed}, args.torch_python)
                predicted = found.pop("predicted")
                scores = {split: score(rows[split], predicted[split]) for split in ("dev", "test")}
                results[peer].append(found | scores)
                shown = ", ".join(f"{split} F1 {scores[split]['f1']:.4f}" for split in scores)
                print(f"seed {seed}, {peer}: {shown}, {found['train_seconds']:.0f} s of training", flush=True)
    return results


def score(rows: list[dict], predicted: list[list[str]]) -> dict[str, float]:
    """Precision, recall and F1 of whole entities, by seqeval's default mode."""
    truth = [row["tags"] for row in rows]
    measures = {"f1": f1_score, "precision": precision_score, "recall": recall_score}
    return {name: float(measure(truth, predicted, zero_division=0)) for name, measure in measures.items()}


def table(results: dict[str, list[dict]]) -> str:
    lines = []
    for peer, runs in results.items():
        for split in ("dev", "test"):
            scores = [run[split]["f1"] for run in runs]
            spread = f"{statistics.stdev(scores):.4f}" if len(scores) > 1 else "-"
            each = ", ".join(f"{value:.4f}" for value in scores)
            seconds = statistics.median(run["train_seconds"] for run in runs)
            lines.append([peer, split, f"{statistics.mean(scores):.4f}", spread, each, f"{seconds:.0f}"])
    return markdown(["", "split", "mean entity F1", "standard deviation", "each seed", "training seconds"], lines)


def main() -> None:
    args = arguments()
    facts = machine()
    results = measure(args)
    print(f"\n{table(results)}\n\n{args.epochs} epochs, batch {args.batch_size}, learning rate {args.learning_rate}.")
    print(f"{machine_line(facts)}.")
    summary = {
        peer: {split: statistics.mean(run[split]["f1"] for run in runs) for split in ("dev", "test")}
        for peer, runs in results.items()
    }
    print(json.dumps({"settings": vars(args), "mean_entity_f1": summary}))
    if args.output:
        everything = {"machine": facts, "settings": vars(args), "results": results}
        pathlib.Path(args.output).write_text(json.dumps(everything, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
