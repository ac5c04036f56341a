"""Convert a checkpoint or bundle to a Hugging Face folder with safetensors; report every weight that was not converted."""

import argparse
import logging
import pathlib
import sys

import kerasft
from kerasft.errors import bad_argument
from kerasft.silence import silenced

_DTYPES = ("float32", "float16", "bfloat16")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command.

    Example:

    >>> parser = argparse.ArgumentParser()
    >>> add_arguments(parser)
    >>> parser.parse_args(["old/bert", "new/bert"]).dtype
    'float32'
    """
    parser.add_argument(
        "source",
        metavar="SOURCE",
        help="folder with safetensors, .bin, tf_model.h5, a TensorFlow 1 BERT or a Fairseq RoBERTa; hub id; or bundle",
    )
    parser.add_argument("target", metavar="TARGET", help="output folder: new, or written by kerasft before")
    model = parser.add_argument_group("model")
    model.add_argument("--revision", help="branch, tag or commit of a hub id")
    model.add_argument("--backbone-only", action="store_true", help="convert the backbone without its task head")
    model.add_argument(
        "--allow",
        nargs="+",
        action="extend",
        default=[],
        metavar="PATTERN",
        help="weights that may be missing from the model or from the checkpoint",
    )
    output = parser.add_argument_group("output")
    output.add_argument(
        "--dtype", choices=_DTYPES, default="float32", help="data type of the written weights (default: float32)"
    )


def run(args: argparse.Namespace) -> int:
    """Convert, and print the report.

    Example:

    >>> run(argparse.Namespace(source="no/such/folder", target="new", revision=None, backbone_only=False, allow=[]))
    Traceback (most recent call last):
    ...
    kerasft.errors.CheckpointError: `name` must be an existing folder, ...
    """
    kerasft.checkpoints.save.check_target(args.target, name="TARGET")
    model, tokenizer, report = _read(args)
    folder = kerasft.checkpoints.save_huggingface(args.target, model, tokenizer, dtype=args.dtype)
    print(report)
    if report.unexpected and not args.backbone_only and isinstance(model.output, dict):
        print(
            "Note: written without a task head. If the unused weights are a head, set its class in config.json, for example: "
            '"architectures": ["BertForSequenceClassification"].',
            file=sys.stderr,
        )
    size = sum(path.stat().st_size for path in folder.iterdir())
    print(f"written: {folder} ({size / 1e6:.1f} MB, {args.dtype})")
    return 0


def _read(args: argparse.Namespace) -> tuple:
    if (pathlib.Path(args.source) / kerasft.bundles.METADATA_FILE).is_file():
        for flag, value in (("--revision", args.revision), ("--allow", args.allow)):
            if value:
                raise bad_argument(flag, "omitted for a bundle", value, "A bundle always contains a complete model.")
        if args.backbone_only:
            backbone, tokenizer = kerasft.load_pretrained(args.source)
            return backbone, tokenizer, backbone.checkpoint_report
        bundle = kerasft.load_bundle(args.source)
        names = tuple(weight.path for weight in bundle.model.weights)
        return bundle.model, bundle.tokenizer, kerasft.checkpoints.LoadReport(args.source, loaded=names)
    keep_head = not args.backbone_only and kerasft.checkpoints.has_task_head(args.source, revision=args.revision)
    load = kerasft.load_task_model if keep_head else kerasft.load_pretrained
    # The report is printed, so it need not be logged too.
    with silenced(logging.getLogger("kerasft.checkpoints.weights")):
        model, tokenizer = load(args.source, revision=args.revision, allow=tuple(args.allow))
    report = model.checkpoint_report
    missing = [name for name in report.missing if name.startswith("pooler.")]
    if missing and isinstance(model.output, dict):
        # Do not write random weights to a file in which other programs expect trained weights.
        states = kerasft.features.SEQUENCE_OUTPUT
        model = type(model)(model.input, {states: model.output[states]}, name=model.name)
        print(f"Note: not written, because {args.source} does not have them: {', '.join(missing)}.", file=sys.stderr)
    return model, tokenizer, report
