"""Answer texts from the arguments, a file or standard input, as JSON lines."""

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
    """Add the bundle, the texts and where they come from.

    Example:

    >>> parser = argparse.ArgumentParser()
    >>> add_arguments(parser)
    >>> parser.parse_args(["saved_models/reviews", "a charming journey"]).texts
    ['a charming journey']
    """
    parser.add_argument("bundle", help="bundle, SavedModel folder or LiteRT folder")
    parser.add_argument("texts", nargs="*", metavar="TEXT", help="texts; without any, --file or standard input is read")
    parser.add_argument(
        "--pair",
        "--context",
        dest="pair",
        action="append",
        default=[],
        metavar="TEXT",
        help="second text of each TEXT, in order: of a pair, or the context of a question",
    )
    parser.add_argument(
        "--file",
        help="what the task trains on: .csv .tsv .jsonl .parquet ..., whose other columns come back in the output; or .txt, one "
        "text a line (-: standard input)",
    )
    parser.add_argument(
        "--lines",
        choices=("text", "json", "csv", "tsv"),
        help="what the lines of standard input or of a text file are (default: JSON objects, if the first line is one; a table, "
        "if it is a header of the usual names; else texts)",
    )
    parser.add_argument("--text", help=TEXT_HELP)
    parser.add_argument("--text-pair", help="column of the second text: of a pair, or the context of a question")
    add_zero_shot(parser)
    parser.add_argument(
        "--top-k", type=int, help="the k most probable labels, or words for each mask, with their scores"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="an option of the task's pipeline, such as max_new_tokens=50; may be given several times",
    )
    parser.add_argument(
        "--skip-invalid",
        action="store_true",
        help='do not stop at rows that cannot be read: the output has {"error": ...} in their places',
    )
    parser.add_argument(
        "--max-rows", type=int, metavar="N", help="answer the first N rows or lines only (default: all of them)"
    )
    parser.add_argument("--batch-size", type=int, default=32, help="texts a step (default: 32)")
    parser.add_argument("--output", help="file to write instead of standard output")


def run(args: argparse.Namespace) -> int:
    """Write one JSON object a line: the text and its answer.

    Example:

    >>> run(argparse.Namespace(texts=["a"], file="b.txt", pair=[]))
    Traceback (most recent call last):
    ...
    kerasft.errors.KerasftError: `TEXT` must be given either as arguments or by --file; received: ['a']. ...
    """
    if args.texts and args.file:
        raise bad_argument("TEXT", "given either as arguments or by --file", args.texts, "Leave one of them out.")
    for name in ("text", "text_pair") if args.texts else ():
        if (value := getattr(args, name, None)) is not None:
            flag = "--" + name.replace("_", "-")
            fix = "It names a column of --file; the second text of a TEXT is --pair TEXT."
            raise bad_argument(flag, "left out with texts as arguments", value, fix)
    if args.pair and len(args.pair) != len(args.texts):
        raise bad_argument("--pair", f"given once for each of the {len(args.texts)} texts", args.pair, "Count them.")
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
            aside = files.enter_context(file_written_aside(args.output))
            out = files.enter_context(open(aside, "w", encoding="utf-8"))
        files.enter_context(one_warning())
        answered = 0
        for chunk in chunks:
            answered += len(chunk.items)
            answers = pipeline(chunk.items, batch_size=args.batch_size, **options)
            places = chunk.places or [("", 0)] * len(answers)
            for item, others, answer, place in zip(chunk.items, chunk.others, answers, places):
                for line in errors.before(place):
                    print(json_line(line, out), file=out)
                shown = dict(zip(pipeline.fields, (item,) if isinstance(item, str) else item))
                answer = answer if isinstance(answer, dict) else {"labels": answer}
                renamed |= others.keys() & (shown | answer).keys()
                others = {f"input_{name}" if name in shown | answer else name: cell for name, cell in others.items()}
                print(json_line(shown | others | answer, out), file=out, flush=True)
        if args.max_rows is None or answered < args.max_rows:
            for line in errors.rest():
                print(json_line(line, out), file=out)
    if len(skipped):
        print(f'{skipped.summary()}\nThe output has {{"error": ...}} in their places.', file=sys.stderr)
    for name in sorted(renamed):
        print(f"The column {name} of the input is input_{name} in the output.", file=sys.stderr)
    return 0


def _options(pipeline, args: argparse.Namespace) -> dict[str, Any]:
    """The options of the pipeline's call, checked against what it takes."""
    import yaml  # here, so that `kerasft doctor` runs where it is missing

    options = {} if args.top_k is None else {"top_k": args.top_k}
    for word in args.set:
        name, equals, value = word.partition("=")
        if not equals:
            raise bad_argument("--set", "NAME=VALUE", word, "Write --set max_new_tokens=50, for example.")
        options[name.replace("-", "_")] = yaml.safe_load(value)
    parameters = inspect.signature(pipeline.__call__).parameters.values()
    others = ("batch_size", "pairs")  # a flag of its own, and texts by a former name
    known = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY and p.name not in others]
    known += pipeline.more_options
    for name in options:
        if name not in known:
            flag = "--top-k" if name == "top_k" else "--set"
            raise bad_argument(flag, f"one of the options of this task: {', '.join(known)}", name, "Leave it out.")
    return options
