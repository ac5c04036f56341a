"""Measure size and latency of bundles, SavedModels and LiteRT files, by threads and input length."""

import argparse
import json
import pathlib

import kerasft
from kerasft.cli.table import print_table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the files, lengths and threads.

    Example:

    >>> parser = argparse.ArgumentParser()
    >>> add_arguments(parser)
    >>> parser.parse_args(["saved_models/reviews", "--lengths", "32", "128"]).lengths
    [32, 128]
    """
    parser.add_argument("paths", nargs="+", metavar="PATH", help="bundle, SavedModel folder or LiteRT folder")
    parser.add_argument(
        "--lengths", type=int, nargs="+", default=[32, 128], help="input lengths in tokens (default: 32 128)"
    )
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="threads (LiteRT only; default: 1 2)")
    parser.add_argument("--runs", type=int, default=30, help="timed runs a row, after 3 of warm-up (default: 30)")
    parser.add_argument("--json", metavar="FILE", help="write the numbers to this file too")


def run(args: argparse.Namespace) -> int:
    """Measure, print a table, write JSON if asked.

    Example:

    >>> run(argparse.Namespace(paths=["no/such/file"], lengths=[8], threads=[1], runs=1, json=None))
    Traceback (most recent call last):
    ...
    kerasft.errors.CheckpointError: no/such/file ...
    """
    rows = []
    for path in args.paths:
        rows += kerasft.pipelines.measure_latency(path, lengths=args.lengths, threads=args.threads, runs=args.runs)
    print_table(
        ("file", "length", "threads", "min ms", "median ms", "p90 ms", "size MB"),
        [
            (
                row["path"],
                str(row["sequence_length"]),
                str(row["threads"] or "all"),
                *(f"{row[name]:.2f}" for name in ("min_ms", "median_ms", "p90_ms")),
                f"{row['size_bytes'] / 1e6:.1f}",
            )
            for row in rows
        ],
    )
    if args.json:
        pathlib.Path(args.json).write_text(json.dumps(rows, indent=2) + "\n", "utf-8")
        print(f"numbers: {args.json}")
    return 0
