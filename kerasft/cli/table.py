"""Plain tables for the terminal."""

import sys
from collections.abc import Sequence


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table; the first column is left-aligned, the others are right-aligned.

    Example:

    >>> print_table(("metric", "value"), [("accuracy", "0.9128")])
    metric     value
    --------  ------
    accuracy  0.9128
    """
    cells = [[str(cell) for cell in row] for row in (header, *rows)]
    widths = [max(len(row[index]) for row in cells) for index in range(len(header))]
    cells.insert(1, ["-" * width for width in widths])
    for row in cells:
        first = row[0].ljust(widths[0])
        print("  ".join([first, *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:]))]).rstrip())


def print_warnings(baseline_answer: str, warnings: Sequence[str]) -> None:
    """Print the baseline below a table of metrics, and warnings on standard error.

    Example:

    >>> print_warnings("always 'yes', the most frequent class of the training rows", [])
    baseline: always 'yes', the most frequent class of the training rows
    """
    if baseline_answer:
        print(f"baseline: {baseline_answer}")
    for line in warnings:
        print(f"Warning: {line}", file=sys.stderr)
