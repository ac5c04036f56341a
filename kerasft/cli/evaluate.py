"""Measure a bundle, SavedModel or LiteRT file on labelled data; write the report."""

import argparse
import pathlib
import sys

import kerasft
from kerasft.cli.table import print_table, print_warnings
from kerasft.errors import bad_argument
from kerasft.recipes.options import column


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the bundle, the data and its columns.

    Example:

    >>> parser = argparse.ArgumentParser()
    >>> add_arguments(parser)
    >>> parser.parse_args(["saved_models/reviews", "--data", "test.csv"]).data
    'test.csv'
    """
    parser.add_argument("bundle", help="bundle, SavedModel folder or LiteRT folder")
    parser.add_argument("--data", required=True, help="file with texts and right answers")
    add_columns(parser)
    parser.add_argument(
        "--label-names", help="what the numbers 0, 1, ... in the label column mean: names joined by commas"
    )
    parser.add_argument(
        "--unseen-labels",
        choices=("error", "count"),
        help="what to do about labels that the model does not have (default: error)",
    )
    parser.add_argument("--batch-size", type=int, default=64, help="texts a step (default: 64)")
    parser.add_argument(
        "--report", metavar="FOLDER", help="where to write report.html and report.json (default: BUNDLE.report)"
    )


def add_columns(parser: argparse.ArgumentParser) -> None:
    """Add the flags that name a file's columns.

    Example:

    >>> parser = argparse.ArgumentParser()
    >>> add_columns(parser)
    >>> read_columns(parser.parse_args(["--text", "3"]))
    {'text': 3}
    """
    parser.add_argument("--text", help="column of the text: a name, or a number from 0 where the file has no header")
    parser.add_argument("--text-pair", help="column of the second text of a pair")
    parser.add_argument("--label", help="column of the label")


def read_columns(args: argparse.Namespace) -> dict | None:
    """The columns that were named on the command line, or None so that they are found.

    Example:

    >>> read_columns(argparse.Namespace(text=None, text_pair=None, label=None)) is None
    True
    """
    named = {role: column(getattr(args, role, None)) for role in ("text", "text_pair", "label")}
    return {role: name for role, name in named.items() if name is not None} or None


def settle(pipeline, bundle: str, data: str, *, columns: dict | None) -> "kerasft.data.settled.Settled":
    """Settle the columns of a file by the bundle's, and print those that were not named.

    Example:

    >>> folder = kerasft.save_bundle("saved_models/reviews", model, tokenizer, overwrite=True)
    >>> settle(kerasft.pipelines.load(folder), folder, reviews_csv, columns={"text": "text"}).columns
    {'text': 'text', 'label': 'label'}
    """
    metadata = kerasft.bundles.read_metadata(bundle)
    task, classes = metadata.get("task", "text-classification"), metadata.get("problem") == "single_label"
    found = kerasft.data.settled(data, columns, task=task, trained=pipeline.columns, classes=classes)
    if found.note:
        print(found.note, file=sys.stderr)
    return found


def run(args: argparse.Namespace) -> int:
    """Evaluate and print the headline numbers.

    Example:

    >>> run(argparse.Namespace(bundle="no/such/bundle", data="test.csv"))
    Traceback (most recent call last):
    ...
    kerasft.errors.CheckpointError: no/such/bundle is not a bundle: ...
    """
    pipeline = kerasft.pipelines.load(args.bundle)
    about = {"model": str(args.bundle), "data": str(args.data)}
    found = settle(pipeline, args.bundle, args.data, columns=read_columns(args))
    data = found.source
    if getattr(args, "label_names", None):
        names = [name.strip() for name in args.label_names.split(",")]
        data = kerasft.data.name_labels(data, names, columns=found.named, problem=pipeline.labels.problem)
    chosen = {"unseen_labels": args.unseen_labels} if getattr(args, "unseen_labels", None) else {}
    if chosen and not isinstance(pipeline, kerasft.pipelines.TextClassificationPipeline):
        fix = "The other tasks count rows of unknown tags, intents and relations as errors."
        raise bad_argument("--unseen-labels", "left out except for text-classification", args.unseen_labels, fix)
    report = pipeline.evaluate(data, columns=found.named, batch_size=args.batch_size, about=about, **chosen)
    report = kerasft.reports.with_training(report, kerasft.bundles.read_metadata(args.bundle))
    folder = pathlib.Path(args.report or f"{str(args.bundle).rstrip('/')}.report")
    report.write(folder)
    rows = kerasft.reports.score_rows(report.metrics, report.baseline, report.undefined)
    print_table((args.data, "value", "baseline"), rows)
    print_warnings(report.baseline_answer, report.warnings)
    print(f"report: {folder / 'report.html'}")
    return 0
