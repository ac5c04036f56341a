"""Export a bundle to LiteRT, SavedModel or MediaPipe, and verify the exported model."""

import argparse
import pathlib

import kerasft
from kerasft.cli.labelled import Labelled, add_labelled, read_columns, read_labelled
from kerasft.cli.table import print_table, print_warnings
from kerasft.errors import bad_argument

_WRITING_TASKS = ("causal-lm", "sequence-to-sequence")
_COMPARED = 1000  # texts whose outputs are compared one by one, if the task's own metric covers all texts


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command.

    Example:

    >>> parser = argparse.ArgumentParser()
    >>> add_arguments(parser)
    >>> parser.parse_args(["saved_models/reviews", "--quantize", "int8"]).format
    'litert'
    """
    parser.add_argument("bundle", help="bundle folder written by `kerasft train`")
    model = parser.add_argument_group("format")
    model.add_argument(
        "--format",
        choices=("litert", "saved_model", "mediapipe"),
        default="litert",
        help="litert: folder for mobile apps; saved_model: for servers; mediapipe: single file for MediaPipe's TextClassifier or "
        "TextEmbedder (default: litert)",
    )
    model.add_argument(
        "--quantize",
        choices=("float16", "int8", "int4", "int8_full"),
        help="quantization of the LiteRT file: int8 is 4x smaller and fast; int8_full is for integer-only accelerators "
        "(default: float32)",
    )
    model.add_argument(
        "--sequence-length",
        type=int,
        nargs="+",
        metavar="N",
        help="fixed input length in tokens; with several lengths, the app uses the shortest that fits (default: dynamic)",
    )
    model.add_argument("--calibrate", metavar="FILE", help="training texts to calibrate --quantize int8_full with")
    model.add_argument(
        "--app-normalizes",
        action="store_true",
        help="with --format mediapipe: the app lowercases texts and strips accents (docs/mediapipe.md)",
    )
    data = parser.add_argument_group("verification data")
    data.add_argument("--verify", metavar="FILE", help="file with texts (and labels) to evaluate the exported model on")
    add_labelled(data)
    output = parser.add_argument_group("output")
    output.add_argument("--output", metavar="FOLDER", help="output folder (default: BUNDLE.FORMAT[.QUANTIZE])")
    output.add_argument(
        "--max-drop",
        type=float,
        metavar="POINTS",
        help="maximum drop of the --verify metric, in percentage points; a LiteRT file with a larger drop is discarded "
        "(default: 1)",
    )
    output.add_argument(
        "--min-agreement",
        type=float,
        metavar="X",
        help="minimum fraction of --verify texts (or generated tokens) on which a LiteRT file must agree with the model; "
        "otherwise it is discarded (default: 0.9; generation: 0)",
    )


def run(args: argparse.Namespace) -> int:
    """Export, verify, print the measurements.

    Example:

    >>> run(argparse.Namespace(bundle="no/such/bundle", format="litert", verify="dev.csv", app_normalizes=False))
    Traceback (most recent call last):
    ...
    kerasft.errors.CheckpointError: no/such/bundle is not a bundle: ...
    """
    metadata = kerasft.bundles.read_metadata(args.bundle)
    print_warnings(
        "", kerasft.bundles.Bundle(None, None, metadata).warnings
    )  # warnings about its training also apply to the export
    if not args.verify:
        _refuse(args, ("label_names", "max_rows"), "without --verify FILE")
    if args.format == "mediapipe":
        _refuse(args, ("calibrate", "max_drop", "min_agreement"), "with --format mediapipe")
        return _export_mediapipe(args)
    if args.format == "saved_model":
        litert_only = ("quantize", "sequence_length", "calibrate", "max_drop", "min_agreement")
        _refuse(args, litert_only, "with --format saved_model")
    elif not args.verify:
        _refuse(args, ("max_drop", "min_agreement"), "without --verify FILE")
    bundle = kerasft.load_bundle(args.bundle)
    if args.app_normalizes:
        raise bad_argument(
            "--app-normalizes", f"omitted with --format {args.format}", True, "It requires --format mediapipe."
        )
    suffix = ".".join(filter(None, (args.format, args.format == "litert" and args.quantize)))
    folder = pathlib.Path(args.output or kerasft.export.beside(args.bundle, suffix))
    if args.format == "litert" and bundle.task in _WRITING_TASKS:
        return _export_writer(args, bundle, folder)
    texts, gold = _texts_and_gold(args, bundle)
    if args.format == "saved_model":
        report = kerasft.export.saved_model(bundle, folder, texts=texts, gold=gold)
    else:
        lengths = args.sequence_length and (
            args.sequence_length[0] if len(args.sequence_length) == 1 else args.sequence_length
        )
        calibration = args.calibrate and _spread(
            kerasft.pipelines.texts_of(bundle, args.calibrate, columns=read_columns(args))
        )
        report = kerasft.export.litert(
            bundle,
            folder,
            quantize=args.quantize,
            sequence_length=lengths,
            texts=texts,
            gold=gold,
            calibration=calibration,
            max_drop=1.0 if args.max_drop is None else args.max_drop,
            min_agreement=args.min_agreement,
        )
        report = kerasft.export.profile(folder)
        if args.quantize and gold is None:
            print("Accuracy was not measured: add --verify FILE with labeled texts.")
    print_table(("measured", "value"), kerasft.export.report_rows(report))
    print(f"written: {folder}")
    if args.format == "litert":
        print(f"report:  {folder / 'report.html'}")
    return 0


def _refuse(args: argparse.Namespace, names: tuple[str, ...], where: str) -> None:
    """Raise an error for options that have no effect."""
    for name in names:
        if (value := getattr(args, name)) is not None:
            flag = "--" + name.replace("_", "-")
            raise bad_argument(flag, f"omitted {where}", value, "It has no effect there.")


def _export_mediapipe(args: argparse.Namespace) -> int:
    """Write a single file that includes the vocabulary and the labels."""
    if len(args.sequence_length or ()) > 1:
        raise bad_argument(
            "--sequence-length", "one length", args.sequence_length, "MediaPipe supports a single length."
        )
    suffix = ".".join(filter(None, ("mediapipe", args.quantize, "tflite")))
    path = args.output or kerasft.export.beside(args.bundle, suffix)
    report = kerasft.export.mediapipe(
        args.bundle,
        path,
        quantize=args.quantize,
        sequence_length=args.sequence_length and args.sequence_length[0],
        texts=args.verify and _verify_texts(args, kerasft.load_bundle(args.bundle)),
        app_normalizes=args.app_normalizes,
    )
    print_table(("measured", "value"), kerasft.export.report_rows(report))
    print("\n".join(dict.fromkeys(report["advice"])))
    print(f"written: {report['path']}")
    return 0


def _export_writer(args: argparse.Namespace, bundle: "kerasft.bundles.Bundle", folder: pathlib.Path) -> int:
    """Write a text generation model with its cache, for the generation loop in the folder's `python/`."""
    _refuse(args, ("calibrate", "max_drop"), f"for {bundle.task}")
    prompts = args.verify and _spread(_verify_texts(args, bundle))
    report = kerasft.export.litert_generation(
        bundle,
        folder,
        quantize=args.quantize,
        prefill_lengths=args.sequence_length,
        prompts=prompts,
        min_agreement=args.min_agreement or 0.0,
    )
    memory = kerasft.export.profile(folder)["memory"]
    rows = kerasft.export.report_rows(report)
    print_table(("measured", "value"), [*rows, ("peak memory", f"{memory['peak'] / 1e6:.0f} MB")])
    print(f"written: {folder}")
    print(f"report:  {folder / 'report.html'}")
    return 0


def _texts_and_gold(args: argparse.Namespace, bundle) -> tuple:
    """Return the texts for verifying the exported file, and their labels or a scorer."""
    if not args.verify:
        return None, None
    data = _verify_rows(args, bundle)
    is_plain = bundle.metadata["problem"] == "single_label" and "out_of_scope" not in bundle.settings
    if bundle.task == "text-classification" and is_plain:
        return kerasft.data.texts_and_labels(data.source, labels=bundle.labels, columns=data.columns)
    texts = kerasft.pipelines.texts_of(bundle, data.source, columns=data.columns)
    return _spread(texts, _COMPARED), kerasft.pipelines.scorer(bundle, data.source, columns=data.columns)


def _verify_rows(args: argparse.Namespace, bundle) -> Labelled:
    return read_labelled(kerasft.pipelines.load(bundle), args.verify, metadata=bundle.metadata, args=args)


def _verify_texts(args: argparse.Namespace, bundle) -> list:
    data = _verify_rows(args, bundle)
    return kerasft.pipelines.texts_of(bundle, data.source, columns=data.columns)


def _spread(texts: list, count: int = 128) -> list:
    """Return evenly spaced texts of a file."""
    return texts[:: max(1, len(texts) // count)][:count]
