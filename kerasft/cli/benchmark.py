"""Benchmark LiteRT files, bundles and SavedModels: size, latency, memory and operators, by threads and input length."""

import argparse
import json
import os
import pathlib
from typing import Any

import kerasft
from kerasft.cli.table import print_table
from kerasft.files import file_written_aside


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command.

    Example:

    >>> parser = argparse.ArgumentParser()
    >>> add_arguments(parser)
    >>> parser.parse_args(["saved_models/reviews", "--lengths", "32", "128"]).lengths
    [32, 128]
    """
    parser.add_argument(
        "paths", nargs="+", metavar="FILE", help=".tflite file (from any tool), mobile bundle, SavedModel or bundle"
    )
    runs = parser.add_argument_group("measurement")
    runs.add_argument(
        "--lengths",
        type=int,
        nargs="+",
        default=[32, 128],
        metavar="N",
        help="input lengths in tokens, for files with dynamic length (default: 32 128)",
    )
    runs.add_argument(
        "--threads", type=int, nargs="+", default=[1, 2], metavar="N", help="threads, LiteRT only (default: 1 2)"
    )
    runs.add_argument("--runs", type=int, default=30, metavar="N", help="timed runs per row (default: 30)")
    runs.add_argument("--warmup", type=int, default=3, metavar="N", help="warm-up runs before them (default: 3)")
    runs.add_argument("--no-memory", action="store_true", help="do not measure the memory of bundles and SavedModels")
    output = parser.add_argument_group("output")
    output.add_argument("--operators", action="store_true", help="list each file's operators by count and type")
    output.add_argument(
        "--adb",
        action="store_true",
        help="measure nothing; print the commands that benchmark LiteRT files on a phone",
    )
    output.add_argument("--json", metavar="FILE", help="also write all measurements to this file")


def run(args: argparse.Namespace) -> int:
    """Measure, print tables and, optionally, write JSON. Other files are compared with the first bundle.

    Example:

    >>> from kerasft.cli.main import make_parser
    >>> run(make_parser().parse_args(["benchmark", "no/such/file"]))
    Traceback (most recent call last):
    ...
    kerasft.errors.CheckpointError: no/such/file ...
    """
    paths = list(map(os.path.expanduser, args.paths))
    files = {path: _litert_file(path) for path in paths}
    if args.adb:
        return _print_commands(args, files)
    numbers = {"runs": args.runs, "warmup": args.warmup}
    measured = {
        path: kerasft.measuring.measure_litert(file, lengths=args.lengths, threads=args.threads, **numbers)
        for path, file in files.items()
        if file
    }
    # Also at the lengths of the LiteRT files, so that each of their rows can be compared.
    lengths = {row["sequence_length"] for item in measured.values() for row in item["rows"]} - {None} | set(
        args.lengths
    )
    for path in [path for path, file in files.items() if not file]:
        measured[path] = kerasft.export.measure_model(
            path, lengths=sorted(lengths), memory=not args.no_memory, **numbers
        )
    results = [measured[path] for path in paths]
    _compare(results)
    _print_latency(results)
    _print_memory(results)
    for item in results:
        if "operators" in item:
            _print_kernels(item)
            if args.operators:
                _print_operators(item)
    if args.json:
        with file_written_aside(pathlib.Path(args.json)) as temporary:
            temporary.write_text(
                json.dumps({"threads": args.threads, **numbers, "files": results}, indent=2) + "\n", "utf-8"
            )
        print(f"measurements: {args.json}")
    return 0


def _print_commands(args: argparse.Namespace, files: dict[str, pathlib.Path | None]) -> int:
    for path, file in files.items():
        numbers = {"length": max(args.lengths), "threads": max(args.threads), "runs": args.runs}
        print("\n".join(kerasft.measuring.adb_commands(file or path, **numbers)))
    return 0


def _litert_file(path: str) -> pathlib.Path | None:
    return next((file for file in (pathlib.Path(path), pathlib.Path(path) / "model.tflite") if file.is_file()), None)


def _compare(results: list[dict[str, Any]]) -> None:
    """Add to each row the speedup over the first bundle's Keras model at the same length."""
    bundle = next((item for item in results if item.get("format") == "keras"), None)
    if bundle is None:
        return
    medians = {row["sequence_length"]: row["median_ms"] for row in bundle["rows"]}
    for item in results:
        for row in item["rows"]:
            if row["sequence_length"] in medians:
                row["times_keras"] = round(medians[row["sequence_length"]] / row["median_ms"], 3)


def _print_latency(results: list[dict[str, Any]]) -> None:
    compared = any("times_keras" in row for item in results for row in item["rows"])
    header = ["file", "signature", "length", "threads", "min ms", "median ms", "p90 ms", *["x Keras"] * compared]
    rows = []
    for item in results:
        for row in item["rows"]:
            cells = [item["path"], row["signature"] or "-", row["sequence_length"] or "-", row["threads"] or "all"]
            cells += [f"{row[name]:.2f}" for name in ("min_ms", "median_ms", "p90_ms")]
            rows.append(cells + [f"{row['times_keras']:.2f}" if "times_keras" in row else "-"] * compared)
    print_table(header, rows)


def _print_memory(results: list[dict[str, Any]]) -> None:
    """Print sizes, and the memory that a new process needs to open the file and run every signature once."""
    rows = []
    for item in results:
        memory = item.get("memory") or {}
        cells = ["-" if memory.get(name) is None else f"{memory[name] / 1e6:.1f}" for name in ("resident", "peak")]
        rows.append([item["path"], f"{item['size_bytes'] / 1e6:.1f}", *cells])
    print()
    print_table(("file", "size MB", "resident MB", "peak MB"), rows)


def _print_kernels(item: dict[str, Any], most: int = 10) -> None:
    """Print the slowest kernels, and all others in one row."""
    if item["kernels"] is None:
        print(f"\n{item['path']}: per-kernel times are not available: {item['kernels_error']}.")
        return
    of = item["kernels_of"]
    total = sum(row["ms"] for row in item["kernels"])
    print(f"\n{item['path']}: {of['signature'] or 'graph'}, {of['threads']} thread(s), by the runtime's profiler")
    by = {"delegate": "XNNPACK", "interpreter": "LiteRT"}
    rows = [(row["kernel"], by[row["by"]], row["count"], row["ms"]) for row in item["kernels"]]
    if len(rows) > most:
        rows[most:] = [("others", "", sum(row[2] for row in rows[most:]), sum(row[3] for row in rows[most:]))]
    cells = [(name, by, f"{count:g}", f"{ms:.3f}", f"{100 * ms / total:.1f}") for name, by, count, ms in rows]
    print_table(("kernel", "run by", "count", "ms", "%"), cells)


def _print_operators(item: dict[str, Any]) -> None:
    print(f"\n{item['path']}")
    rows = [(row["operator"], row["types"], row["signature"], row["count"]) for row in item["operators"]]
    print_table(("operator", "types", "signature", "count"), rows)
    if item["delegation"]:
        print()
        rows = [(row["operator"], row["count"], row["xnnpack"]) for row in item["delegation"]]
        print_table(("operator", "count", "taken by XNNPACK"), rows)
