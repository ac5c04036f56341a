"""Train and export a demo model on generated data, verify it and run three predictions: a few minutes, no download.

By default, a small BERT is trained from scratch on a generated customer-service intent dataset. With --model, a pretrained
checkpoint is fine-tuned on it, and with --train on your own file.
"""

import argparse
import os
import pathlib
import time

import kerasft
from kerasft.cli.table import print_table
from kerasft.errors import bad_argument

_QUESTIONS = (
    "hello, where is my parcel? I ordered it on Monday",
    "I don't want to cancel my order, I want to change the address",
    "you charged my card twice!!",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command.

    Example:

    >>> parser = argparse.ArgumentParser()
    >>> add_arguments(parser)
    >>> parser.parse_args([]).output
    'saved_models/demo'
    """
    data = parser.add_argument_group("data")
    data.add_argument("--rows", type=int, default=6000, metavar="N", help="number of texts to generate (default: 6000)")
    data.add_argument(
        "--train", metavar="FILE", help="your own training file instead of the generated one (requires --model)"
    )
    data.add_argument("--dev", metavar="FILE", help="your own validation file (with --train)")
    training = parser.add_argument_group("model and training")
    training.add_argument("--model", help="pretrained checkpoint instead of a new small BERT")
    training.add_argument(
        "--epochs", type=int, metavar="N", help="number of epochs (default: 8 for a new model, otherwise 3)"
    )
    training.add_argument(
        "--seed", type=int, default=0, metavar="N", help="seed for data, weights and shuffling (default: 0)"
    )
    output = parser.add_argument_group("output")
    output.add_argument(
        "--output",
        default="saved_models/demo",
        metavar="FOLDER",
        help="folder for all results (default: saved_models/demo)",
    )
    output.add_argument("--overwrite", action="store_true", help="replace the bundle of a previous demo")


def run(args: argparse.Namespace) -> int:
    """Run all steps; print the results and the paths of the files.

    Example:

    >>> run(argparse.Namespace(train="own.csv", model=None, dev=None))
    Traceback (most recent call last):
    ...
    kerasft.errors.KerasftError: `--model` must be given with --train; received: None. ...
    """
    if args.train and not args.model:
        raise bad_argument(
            "--model", "given with --train", None, "Add a checkpoint, such as --model bert-base-uncased."
        )
    if args.dev and not args.train:
        raise bad_argument("--train", "given with --dev", None, "Add your training file.")
    started = time.perf_counter()
    folder = pathlib.Path(args.output)
    for name in ("bundle", "saved_model", "litert_int8"):
        kerasft.bundles.check_target(folder / name, name="--output", overwrite=args.overwrite)
    options, texts_to_classify = _prepare(args, folder)
    print(f"[2/4] Training on {options.train}: {options.epochs} epoch{'s' if options.epochs > 1 else ''}")
    result = kerasft.recipes.text_classification.main(options)
    print("[3/4] Exporting to SavedModel and LiteRT int8, and verifying both")
    bundle = kerasft.load_bundle(result["bundle"])
    texts, gold = kerasft.data.texts_and_labels(options.test or options.dev or options.train, labels=bundle.labels)
    texts, gold = texts[:400], gold[:400]
    saved = kerasft.export.saved_model(bundle, folder / "saved_model", texts=texts, gold=gold)
    mobile = kerasft.export.litert(bundle, folder / "litert_int8", quantize="int8", texts=texts, gold=gold)
    print("[4/4] Running the mobile model")
    classify = kerasft.pipelines.load(folder / "litert_int8")
    for text, answer in zip(texts_to_classify, classify(texts_to_classify)):
        print(f"  {text!r}\n    -> {answer['label']} ({answer['score']:.2f})")
    print()
    rows = [
        (f"{result['split']} {name}", f"{value:.4f}")
        for name, value in kerasft.reports.headline(result["metrics"]).items()
    ]
    rows += [(f"SavedModel: {name}", value) for name, value in kerasft.export.report_rows(saved)]
    rows += [(f"LiteRT int8: {name}", value) for name, value in kerasft.export.report_rows(mobile)]
    rows.append(("total seconds", f"{time.perf_counter() - started:.0f}"))
    print_table(("measured", "value"), rows)
    print()
    for name, path in {
        "bundle": result["bundle"],
        "report": result["report"],
        "TensorBoard logs": result["logs"],
        "SavedModel": folder / "saved_model",
        "LiteRT int8": folder / "litert_int8",
    }.items():
        print(f"{name + ':':<18}{path}")
    return 0


def _prepare(args: argparse.Namespace, folder: pathlib.Path):
    """Return the options of the training run, and the texts to classify afterwards."""
    train = args.train
    dev = args.dev
    test = None
    model = args.model
    common = {"output": str(folder / "bundle"), "seed": args.seed, "max_length": 64, "overwrite": args.overwrite}
    texts_to_classify = list(_QUESTIONS)
    if train is None:
        files = kerasft.demo.customer_service.write(folder / "customer_service", rows=args.rows, seed=args.seed)
        train, dev, test = (str(files[split]) for split in ("train", "dev", "test"))
        print(f"[1/4] Wrote {args.rows} customer-service texts to {os.path.dirname(train)}")
    else:
        print(f"[1/4] Reading {train}")
        texts_to_classify = kerasft.data.texts_and_labels(dev or train)[0][:3]
    if model is None:
        texts, _ = kerasft.data.texts_and_labels(train)
        model = str(kerasft.checkpoints.new_bert(folder / "new_bert", texts, seed=args.seed))
        common |= {"learning_rate": 1e-3, "batch_size": 32, "pooling": "mean"}
        common["epochs"] = 8 if args.epochs is None else args.epochs
    else:
        common |= {"epochs": 3 if args.epochs is None else args.epochs, "learning_rate": 5e-5}
    return kerasft.recipes.text_classification.Options(
        model=model, train=train, dev=dev, test=test, **common
    ), texts_to_classify
