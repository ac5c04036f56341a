"""The losses of the first steps of a training, ours beside PyTorch's: the same weights, the same batches, dropout off.

    python benchmarks/loss_curves.py --task causal-lm --train TINY_SHAKESPEARE/input.txt --torch-python TORCH/bin/python
    python benchmarks/loss_curves.py --task sequence-to-sequence --train train.jsonl --torch-python TORCH/bin/python

A new small model with a vocabulary of its own is written as a Hugging Face folder, which both sides load. The optimizer is
AdamW at a constant rate without decay. Prints a JSON line with the largest difference; the aim is 1e-3 over 50 steps.
"""

import argparse
import itertools
import json
import pathlib
import subprocess
import tempfile

import keras
import numpy as np

import kerasft

PEER = pathlib.Path(__file__).parent / "peers" / "loss_curves_torch.py"
TASKS = ("causal-lm", "sequence-to-sequence")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", choices=TASKS, required=True)
    parser.add_argument("--train", required=True, help="the task's training file")
    parser.add_argument("--torch-python", required=True, help="python of an environment with PyTorch and transformers")
    parser.add_argument(
        "--columns", nargs=2, metavar=("SOURCE", "TARGET"), help="columns of a pair; numbers: no header"
    )
    parser.add_argument("--prefix", default="", help="put before every source")
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--length", type=int, default=64, help="block size, or longest source and target")
    parser.add_argument("--rate", type=float, default=1e-3)
    return parser.parse_args()


def make_causal_lm(args: argparse.Namespace, folder: pathlib.Path) -> tuple:
    """A new GPT-2, and its dataset."""
    texts = kerasft.data.read_documents(args.train)
    kerasft.checkpoints.new_gpt2(
        folder, texts, vocabulary_size=2000, num_layers=2, hidden_dim=128, max_sequence_length=args.length, dropout=0.0
    )
    model, tokenizer = kerasft.load_task_model(folder)
    options = {"block_size": args.length, "batch_size": args.batch_size, "shuffle": True}
    return model, kerasft.data.causal_lm(texts, tokenizer, **options)


def make_sequence_to_sequence(args: argparse.Namespace, folder: pathlib.Path) -> tuple:
    """A new T5, and its dataset."""
    columns = args.columns and dict(zip(("source", "target"), (int(c) if c.isdigit() else c for c in args.columns)))
    sources, references = kerasft.data.sources_and_references(args.train, columns=columns)
    rows = [(source, texts[0]) for source, texts in zip(sources, references)]
    texts = itertools.chain((args.prefix + source for source, _ in rows), (target for _, target in rows))
    kerasft.checkpoints.new_t5(folder, texts, vocabulary_size=2000, num_layers=2, hidden_dim=128, dropout=0.0)
    model, tokenizer = kerasft.load_task_model(folder)
    lengths = {"max_source_length": args.length, "max_target_length": args.length}
    options = {"prefix": args.prefix, "batch_size": args.batch_size, "shuffle": True}
    return model, kerasft.data.sequence_to_sequence(rows, tokenizer, **options, **lengths)


def train(model: keras.Model, batches: list, rate: float) -> list[float]:
    """The loss of each step, before its update."""
    optimizer = kerasft.optimizers.AdamW(rate, weight_decay=0.0, epsilon=1e-8, global_clipnorm=None)
    model.compile(optimizer, kerasft.losses.SparseCategoricalCrossentropy(), jit_compile=False)
    losses = []
    for features, y, weight in batches:
        model.reset_metrics()
        losses.append(float(model.train_on_batch(features, y, sample_weight=weight)))
    return losses


def main() -> None:
    """Run both sides and compare."""
    args = arguments()
    keras.utils.set_random_seed(0)
    make = {"causal-lm": make_causal_lm, "sequence-to-sequence": make_sequence_to_sequence}[args.task]
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary, "checkpoint")
        model, dataset = make(args, folder)
        batches = list(dataset.repeat().take(args.steps).as_numpy_iterator())
        flat = {
            f"{name}_{step}": value for step, (features, _, _) in enumerate(batches) for name, value in features.items()
        }
        flat |= {f"y_{step}": y for step, (_, y, _) in enumerate(batches)}
        flat |= {f"weight_{step}": weight for step, (_, _, weight) in enumerate(batches)}
        path = pathlib.Path(temporary, "batches.npz")
        np.savez(path, steps=len(batches), **flat)
        command = [args.torch_python, str(PEER), str(folder), str(path), str(args.rate)]
        theirs = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1])
        ours = train(model, batches, args.rate)
    worst = float(np.max(np.abs(np.array(ours) - theirs)))
    shown = {"task": args.task, "train": pathlib.Path(args.train).name, "steps": len(ours), "max_difference": worst}
    print(json.dumps({**shown, "first": [ours[0], theirs[0]], "last": [ours[-1], theirs[-1]]}))


if __name__ == "__main__":
    main()
