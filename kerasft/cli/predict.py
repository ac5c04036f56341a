"""Run predictions on texts from the arguments, a file or standard input; print JSON lines."""

import argparse
import contextlib
import inspect
import sys
from typing import Any

import kerasft
from kerasft.cli.labelled import read_columns
from kerasft.cli.predict_input import ErrorLines, first_rows, read_chunks
from kerasft.cli.streams import json_line
from kerasft.cli.zero_shot import add_zero_shot, with_labels
from kerasft.errors import bad_argument
from kerasft.files import file_written_aside
from kerasft.recipes.options import TEXT_HELP
from kerasft.truncation import one_warning


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command.

    Example:

    >>> parser = argparse.ArgumentParser()
    >>> add_arguments(parser)
    >>> parser.parse_args(["saved_models/reviews", "a charming journey"]).texts
    ['a charming journey']
    """
    parser.add_argument("bundle", help="bundle, SavedModel folder or LiteRT folder")
    parser.add_argument("texts", nargs="*", metavar="TEXT", help="input texts (default: read --file or standard input)")
    data = parser.add_argument_group("data")
    data.add_argument(
        "--pair",
        "--context",
        dest="pair",
        action="append",
        default=[],
        metavar="TEXT",
        help="second text of a pair, or the context of a question; repeat once per TEXT, in the same order",
    )
    data.add_argument(
        "--file",
        help="table in a supported training format (.csv .tsv .jsonl .parquet ...); other columns are copied to the output; "
        "or .txt with one text per line (-: standard input)",
    )
    data.add_argument(
        "--lines",
        choices=("text", "json", "csv", "tsv"),
        help="format of standard input or of a text file (default: json if the first line is a JSON object; csv or tsv if it "
        "is a header with known column names; otherwise text)",
    )
    data.add_argument("--text", metavar="COLUMN", help=TEXT_HELP)
    data.add_argument(
        "--text-pair", metavar="COLUMN", help="column of the second text of a pair, or of the context of a question"
    )
    data.add_argument(
        "--skip-invalid",
        action="store_true",
        help='do not stop at invalid rows; write {"error": ...} to the output instead',
    )
    data.add_argument("--max-rows", type=int, metavar="N", help="use the first N rows or lines only (default: all)")
    add_zero_shot(parser.add_argument_group("zero-shot classification"))
    output = parser.add_argument_group("output")
    output.add_argument(
        "--top-k", type=int, metavar="K", help="return the K most probable labels, or words per mask, with their scores"
    )
    output.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="set an option of the task's pipeline, such as max_new_tokens=50; can be repeated",
    )
    output.add_argument("--batch-size", type=int, default=32, metavar="N", help="texts per batch (default: 32)")
    output.add_argument("--output", metavar="FILE", help="output file (default: standard output)")


def run(args: argparse.Namespace) -> int:
    """Write one JSON object per line: the text and its prediction.

    Example:

    >>> run(argparse.Namespace(texts=["a"], file="b.txt", pair=[]))
    Traceback (most recent call last):
    ...
    kerasft.errors.KerasftError: `TEXT` must be given either as arguments or with --file; received: ['a']. ...
    """
    if args.texts and args.file:
        raise bad_argument("TEXT", "given either as arguments or with --file", args.texts, "Remove one of them.")
    for name in ("text", "text_pair") if args.texts else ():
        if (value := getattr(args, name, None)) is not None:
            flag = "--" + name.replace("_", "-")
            fix = "It names a column of --file; for texts as arguments, use --pair TEXT."
            raise bad_argument(flag, "omitted with texts as arguments", value, fix)
    if args.pair and len(args.pair) != len(args.texts):
        raise bad_argument("--pair", f"given once for each of the {len(args.texts)} texts", args.pair, "Repeat it.")
    pipeline = with_labels(kerasft.pipelines.load(args.bundle), args)
    options = _options(pipeline, args)
    if args.texts:
        items = list(zip(args.texts, args.pair)) if args.pair else args.texts
        chunks = iter([kerasft.pipelines.Items(items, [{} for _ in items], {})])
    else:
        chunks = read_chunks(pipeline, args.file, columns=read_columns(args), lines=args.lines)
    if args.max_rows is not None:
        chunks = first_rows(chunks, args.max_rows)
    renamed = set()
    with contextlib.ExitStack() as files:
        out = sys.stdout
        skipped = kerasft.data.Skipped()
        if getattr(args, "skip_invalid", False):
            skipped = files.enter_context(kerasft.data.skip_invalid())
        errors = ErrorLines(skipped)
        if args.output:
            temporary = files.enter_context(file_written_aside(args.output))
            out = files.enter_context(open(temporary, "w", encoding="utf-8"))
        files.enter_context(one_warning())
        num_items = 0
        for chunk in chunks:
            num_items += len(chunk.items)
            answers = pipeline(chunk.items, batch_size=args.batch_size, **options)
            locations = chunk.places or [("", 0)] * len(answers)
            for item, others, answer, location in zip(chunk.items, chunk.others, answers, locations):
                for line in errors.before(location):
                    print(json_line(line, out), file=out)
                shown = dict(zip(pipeline.fields, (item,) if isinstance(item, str) else item))
                answer = answer if isinstance(answer, dict) else {"labels": answer}
                renamed |= others.keys() & (shown | answer).keys()
                others = {f"input_{name}" if name in shown | answer else name: cell for name, cell in others.items()}
                print(json_line(shown | others | answer, out), file=out, flush=True)
        if args.max_rows is None or num_items < args.max_rows:
            for line in errors.rest():
                print(json_line(line, out), file=out)
    if len(skipped):
        print(f'{skipped.summary()}\nThe output contains {{"error": ...}} for them.', file=sys.stderr)
    for name in sorted(renamed):
        print(f"The input column {name} is named input_{name} in the output.", file=sys.stderr)
    return 0


def _options(pipeline, args: argparse.Namespace) -> dict[str, Any]:
    """Return the options for calling the pipeline, after checking their names."""
    import yaml  # imported here, so that `kerasft doctor` runs without it

    options = {} if args.top_k is None else {"top_k": args.top_k}
    for setting in args.set:
        name, equals, value = setting.partition("=")
        if not equals:
            raise bad_argument("--set", "NAME=VALUE", setting, "For example: --set max_new_tokens=50.")
        options[name.replace("-", "_")] = yaml.safe_load(value)
    parameters = inspect.signature(pipeline.__call__).parameters.values()
    others = ("batch_size", "pairs")  # --batch-size, and a former name of the texts
    known = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY and p.name not in others]
    known += pipeline.more_options
    for name in options:
        if name not in known:
            flag = "--top-k" if name == "top_k" else "--set"
            raise bad_argument(flag, f"one of the options of this task: {', '.join(known)}", name, "Remove it.")
    return options
