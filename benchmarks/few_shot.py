"""Accuracy from a few examples of each class: the few-shot recipe, plain fine-tuning, and a head on the checkpoint as it is.

    python benchmarks/few_shot.py --data BANKING77 --model MINILM

BANKING77 is a folder with train.csv and test.csv (columns text, category); MODEL should be a sentence encoder. A seed draws the
examples, the same for all three, and sets order, head and dropout. Plain fine-tuning is run at each of the rates given, and its
best one on the test rows is reported: a favour to it that the others do not get. Ends with one JSON line.
"""

import argparse
import csv
import functools
import json
import pathlib
import statistics
import tempfile
import time

import numpy as np
from sklearn.linear_model import LogisticRegression

import kerasft
from kerasft.recipes import few_shot, text_classification


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="folder with train.csv and test.csv")
    parser.add_argument("--model", required=True, help="Hugging Face folder of a checkpoint")
    parser.add_argument("--examples-per-class", type=int, default=8)
    parser.add_argument("--seeds", type=int, default=3, help="draws of examples (default: 3)")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--learning-rate", type=float, default=5e-5, help="of the few-shot recipe")
    parser.add_argument("--partners", type=int, default=4, help="of the few-shot recipe")
    parser.add_argument("--plain-learning-rates", type=float, nargs="+", default=[1e-4, 3e-4])
    parser.add_argument("--plain-epochs", type=int, default=20)
    parser.add_argument("--max-length", type=int, default=64)
    return parser.parse_args()


def run_few_shot(args: argparse.Namespace, work: pathlib.Path, seed: int) -> float:
    result = few_shot.main(
        few_shot.Options(
            model=args.model,
            train=str(pathlib.Path(args.data, "train.csv")),
            test=str(pathlib.Path(args.data, "test.csv")),
            output=str(work / "few_shot"),
            overwrite=True,
            examples_per_class=args.examples_per_class,
            learning_rate=args.learning_rate,
            partners=args.partners,
            max_length=args.max_length,
            seed=seed,
        )
    )
    return result["metrics"]["accuracy"]


def run_plain(args: argparse.Namespace, work: pathlib.Path, rows, *, rate: float, seed: int) -> float:
    """Fine-tune on the same rows; the last epoch is kept, so they can stand in for dev rows too."""
    path = work / "examples.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([tuple(rows.columns), *zip(*rows.columns.values())])
    result = text_classification.main(
        text_classification.Options(
            model=args.model,
            train=str(path),
            dev=str(path),
            test=str(pathlib.Path(args.data, "test.csv")),
            output=str(work / "plain"),
            overwrite=True,
            epochs=args.plain_epochs,
            batch_size=16,
            learning_rate=rate,
            pooling="mean",
            keep="last",
            max_length=args.max_length,
            seed=seed,
        )
    )
    return result["metrics"]["accuracy"]


def run_frozen(args: argparse.Namespace, rows, labels) -> float:
    """A logistic regression on the vectors of the checkpoint as it is."""
    backbone, tokenizer = kerasft.load_pretrained(args.model)
    model = kerasft.heads.sentence_embedding(backbone, normalize=False)
    embed = kerasft.pipelines.load(kerasft.make_bundle(model, tokenizer, max_length=args.max_length)).embed
    texts, classes = kerasft.data.texts_and_labels(rows, labels=labels)
    test_texts, test_classes = kerasft.data.texts_and_labels(str(pathlib.Path(args.data, "test.csv")), labels=labels)
    head = LogisticRegression(max_iter=1000).fit(embed(texts), classes)
    return float(np.mean(head.predict(embed(test_texts)) == test_classes))


def main() -> None:
    args = arguments()
    train = str(pathlib.Path(args.data, "train.csv"))
    labels = kerasft.data.collect_labels(train)
    accuracy: dict[str, list[float]] = {}
    seconds: dict[str, list[float]] = {}
    for seed in range(args.first_seed, args.first_seed + args.seeds):
        rows, _ = kerasft.data.draw_examples(train, per_class=args.examples_per_class, seed=seed)
        with tempfile.TemporaryDirectory() as folder:
            work = pathlib.Path(folder)
            runs = {
                "few-shot": functools.partial(run_few_shot, args, work, seed),
                "frozen": functools.partial(run_frozen, args, rows, labels),
            }
            for rate in args.plain_learning_rates:
                runs[f"plain at {rate:g}"] = functools.partial(run_plain, args, work, rows, rate=rate, seed=seed)
            for name, run in runs.items():
                start = time.perf_counter()
                accuracy.setdefault(name, []).append(run())
                seconds.setdefault(name, []).append(time.perf_counter() - start)
                print(f"seed {seed}, {name}: {accuracy[name][-1]:.4f} in {seconds[name][-1]:.0f} s", flush=True)
    mean = {name: statistics.fmean(values) for name, values in accuracy.items()}
    best_plain = max((name for name in mean if name.startswith("plain")), key=mean.get, default=None)
    print("\n| | mean accuracy | standard deviation | seconds |\n|---|---|---|---|")
    for name, values in accuracy.items():
        deviation = statistics.stdev(values) if len(values) > 1 else 0.0
        print(f"| {name} | {mean[name]:.4f} | {deviation:.4f} | {statistics.fmean(seconds[name]):.0f} |")
    settings = {key: value for key, value in vars(args).items() if key not in ("data", "model")}
    ratio = mean["few-shot"] / mean[best_plain] if best_plain else None
    print(json.dumps({"accuracy": accuracy, "best_plain": best_plain, "few_shot_to_plain": ratio, **settings}))


if __name__ == "__main__":
    main()
