"""Labeled files for `evaluate` and `export --verify`: columns, label names, and number of rows."""

import argparse
import sys
from typing import NamedTuple

import kerasft
from kerasft.errors import bad_argument
from kerasft.recipes.options import LABEL_NAMES_HELP, TEXT_HELP, column, names


class Labelled(NamedTuple):
    """A source for a task's `evaluate`, and its column assignment if that is not part of the source."""

    source: object
    columns: dict | None
    rows: str
    """Description of the selected rows for the report; empty for all."""


def add_columns(parser: argparse.ArgumentParser) -> None:
    """Add the flags that select columns.

    Example:

    >>> parser = argparse.ArgumentParser()
    >>> add_columns(parser)
    >>> read_columns(parser.parse_args(["--text", "3"]))
    {'text': 3}
    """
    parser.add_argument("--text", metavar="COLUMN", help=TEXT_HELP)
    parser.add_argument("--text-pair", metavar="COLUMN", help="column of the second text of a pair")
    parser.add_argument("--label", metavar="COLUMN", help="column of the label")


def add_labelled(parser: argparse.ArgumentParser) -> None:
    """Add the flags of a labeled file.

    Example:

    >>> parser = argparse.ArgumentParser()
    >>> add_labelled(parser)
    >>> parser.parse_args(["--max-rows", "100"]).max_rows
    100
    """
    add_columns(parser)
    parser.add_argument("--label-names", metavar="NAMES", help=LABEL_NAMES_HELP)
    parser.add_argument(
        "--max-rows",
        type=int,
        metavar="N",
        help="use exactly N rows, a stratified random sample with seed 0 (default: all rows)",
    )


def read_columns(args: argparse.Namespace) -> dict | None:
    """Return the columns selected on the command line; None if they should be detected.

    Example:

    >>> read_columns(argparse.Namespace(text=None, text_pair=None, label=None)) is None
    True
    """
    named = {role: column(getattr(args, role, None)) for role in ("text", "text_pair", "label")}
    return {role: name for role, name in named.items() if name is not None} or None


def read_labelled(pipeline, data: str, *, metadata: dict, args: argparse.Namespace) -> Labelled:
    """Read a labeled file with the bundle's columns as default; print detected columns and the selected rows.

    Args:
        pipeline: The pipeline to evaluate.
        data: The file.
        metadata: Metadata of the pipeline's bundle: task, problem, settings.
        args: Values of the flags of `add_labelled`.

    Example:

    >>> from kerasft.demo import tiny
    >>> model, tokenizer = tiny.classifier(), tiny.tokenizer()
    >>> reviews_csv = tiny.reviews("reviews.csv")
    >>> folder = kerasft.save_bundle("saved_models/reviews", model, tokenizer, overwrite=True)
    >>> pipeline, metadata = kerasft.pipelines.load(folder), kerasft.bundles.read_metadata(folder)
    >>> read_labelled(pipeline, reviews_csv, metadata=metadata, args=argparse.Namespace(text="text", max_rows=10)).rows
    '10 of 40, drawn at random with seed 0'
    """
    task = metadata.get("task", "text-classification")
    problem = metadata.get("problem")
    about = {"classes": problem == "single_label", "problem": problem or "single_label"}
    settled = kerasft.tasks.settled(data, read_columns(args), task=task, trained=pipeline.columns, **about)
    if settled.note:
        print(settled.note, file=sys.stderr)
    source = settled.source
    if getattr(args, "label_names", None):
        source = _named(pipeline, settled, names(args.label_names))
    count = getattr(args, "max_rows", None)
    if count is None:
        return Labelled(source, settled.named, "")
    rows, total = kerasft.pipelines.some_rows(source, count, metadata=metadata, columns=settled.named)
    which = f"{count:,} of {total:,}, drawn at random with seed 0" if count < total else f"all {total:,}"
    print(f"rows of {data}: {which}", file=sys.stderr)
    # Sources of other tasks have been converted to rows with standard column names.
    known = task in ("text-classification", "relation-extraction", "sentence-embedding", "sequence-to-sequence")
    return Labelled(rows, settled.named if known else None, which)


def _named(pipeline, settled: "kerasft.tasks.task.Settled", label_names: list[str]) -> "kerasft.data.Rows":
    """Replace the numbers of labels or tags by names."""
    if hasattr(pipeline, "reading"):
        return kerasft.data.read_tags(settled.source, columns=settled.named, tag_names=label_names, **pipeline.reading)
    if getattr(pipeline, "labels", None) is None:
        raise bad_argument("--label-names", "omitted for a task without labels", label_names, "Remove the option.")
    return kerasft.data.name_labels(settled.source, label_names, columns=settled.named, problem=pipeline.labels.problem)
