"""Export a bundle to SavedModel or LiteRT, and verify the written file."""

import argparse
import pathlib

import kerasft
from kerasft.cli.evaluate import add_columns, read_columns
from kerasft.cli.table import print_table
from kerasft.errors import bad_argument


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the bundle, the format and its options.

    Example:

    >>> parser = argparse.ArgumentParser()
    >>> add_arguments(parser)
    >>> parser.parse_args(["saved_models/reviews", "--quantize", "int8"]).format
    'litert'
    """
    parser.add_argument("bundle", help="folder that `kerasft train` wrote")
    parser.add_argument("--format", choices=("litert", "saved_model"), default="litert", help="default: litert")
    parser.add_argument(
        "--quantize", choices=("float16", "int8"), help="LiteRT weights; int8 is 4x smaller (default: float32)"
    )
    parser.add_argument("--sequence-length", type=int, help="fixed input length in tokens (default: any length)")
    parser.add_argument("--output", help="folder to write (default: BUNDLE.FORMAT[.QUANTIZE])")
    parser.add_argument(
        "--verify", metavar="FILE", help="file whose texts (and labels) the written file is measured on"
    )
    add_columns(parser)


def run(args: argparse.Namespace) -> int:
    """Export, verify, print what was measured.

    Example:

    >>> run(argparse.Namespace(bundle="no/such/bundle", format="litert"))
    Traceback (most recent call last):
    ...
    kerasft.errors.CheckpointError: no/such/bundle is not a bundle: ...
    """
    if args.format == "saved_model":
        for name in ("quantize", "sequence_length"):
            if (value := getattr(args, name)) is not None:
                flag = "--" + name.replace("_", "-")
                raise bad_argument(flag, "left out with --format saved_model", value, "It is for LiteRT files.")
    bundle = kerasft.load_bundle(args.bundle)
    suffix = ".".join(filter(None, (args.format, args.format == "litert" and args.quantize)))
    folder = pathlib.Path(args.output or f"{str(args.bundle).rstrip('/')}.{suffix}")
    texts = gold = None
    if args.verify:
        columns = read_columns(args)
        if bundle.task == "text-classification":
            texts, gold = kerasft.data.texts_and_labels(args.verify, labels=bundle.labels, columns=columns)
        else:  # scored by `kerasft evaluate` on the written folder
            texts, _ = kerasft.data.texts_and_labels(args.verify, columns=columns)
    if args.format == "litert":
        report = kerasft.export.litert(
            bundle, folder, quantize=args.quantize, sequence_length=args.sequence_length, texts=texts, gold=gold
        )
    else:
        report = kerasft.export.saved_model(bundle, folder, texts=texts, gold=gold)
    print_table(("measured", "value"), kerasft.export.report_rows(report))
    print(f"written: {folder}")
    return 0
