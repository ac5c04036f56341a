"""Evaluate a bundle, SavedModel or LiteRT model on labeled data; write a report."""

import argparse
import pathlib
import sys

import kerasft
from kerasft.cli.labelled import Labelled, add_labelled, read_labelled
from kerasft.cli.table import print_table, print_warnings
from kerasft.cli.zero_shot import add_zero_shot, with_labels
from kerasft.errors import bad_argument


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command.

    Example:

    >>> parser = argparse.ArgumentParser()
    >>> add_arguments(parser)
    >>> parser.parse_args(["saved_models/reviews", "--data", "test.csv"]).data
    'test.csv'
    """
    parser.add_argument("bundle", help="bundle, SavedModel folder or LiteRT folder")
    data = parser.add_argument_group("data")
    data.add_argument("--data", required=True, metavar="FILE", help="labeled file (required)")
    add_labelled(data)
    data.add_argument(
        "--unseen-labels",
        choices=("error", "count"),
        help="how to treat labels that the model does not have; count: count them as errors (default: error)",
    )
    data.add_argument(
        "--skip-invalid",
        action="store_true",
        help="skip invalid rows (no text, no label, malformed); count them and list them in the report folder",
    )
    add_zero_shot(parser.add_argument_group("zero-shot classification"))
    output = parser.add_argument_group("output")
    output.add_argument("--batch-size", type=int, default=64, metavar="N", help="texts per batch (default: 64)")
    output.add_argument(
        "--report", metavar="FOLDER", help="folder for report.html and report.json (default: BUNDLE.report)"
    )


def run(args: argparse.Namespace) -> int:
    """Evaluate, print the main metrics and write the report.

    Example:

    >>> run(argparse.Namespace(bundle="no/such/bundle", data="test.csv"))
    Traceback (most recent call last):
    ...
    kerasft.errors.CheckpointError: no/such/bundle is not a bundle: ...
    """
    pipeline = with_labels(kerasft.pipelines.load(args.bundle), args)
    folder = pathlib.Path(args.report or f"{str(args.bundle).rstrip('/')}.report")
    if not getattr(args, "skip_invalid", False):
        data, report = _measure(pipeline, args)
    else:
        with kerasft.data.skip_invalid() as skipped:
            data, report = _measure(pipeline, args)
        if summary := skipped.report(folder):
            print(summary, file=sys.stderr)
    report.write(folder)
    rows = kerasft.reports.score_rows(report.metrics, report.baseline, report.undefined)
    shown = args.data if not data.rows else f"{args.data} ({data.rows.partition(', drawn')[0]} rows)"
    print_table((shown, "value", "baseline"), rows)
    print_warnings(report.baseline_answer, report.warnings)
    print(f"report: {folder / 'report.html'}")
    return 0


def _measure(pipeline, args: argparse.Namespace) -> tuple[Labelled, "kerasft.reports.Report"]:
    metadata = kerasft.bundles.read_metadata(args.bundle)
    if args.labels:  # zero-shot: the data is for text classification, whatever the model's task
        metadata = {"task": "text-classification", "problem": pipeline.labels.problem}
    data = read_labelled(pipeline, args.data, metadata=metadata, args=args)
    about = {"model": str(args.bundle), "data": str(args.data)} | ({"rows": data.rows} if data.rows else {})
    chosen = {"unseen_labels": args.unseen_labels} if getattr(args, "unseen_labels", None) else {}
    if chosen and not isinstance(pipeline, kerasft.pipelines.TextClassificationPipeline):
        fix = "Other tasks always count unknown tags, intents and relations as errors."
        raise bad_argument("--unseen-labels", "omitted except for text-classification", args.unseen_labels, fix)
    report = pipeline.evaluate(data.source, columns=data.columns, batch_size=args.batch_size, about=about, **chosen)
    return data, kerasft.reports.with_training(report, kerasft.bundles.read_metadata(args.bundle))
