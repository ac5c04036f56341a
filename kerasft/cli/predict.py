"""Answer texts from the arguments, a file or standard input, as JSON lines."""

import argparse
import contextlib
import inspect
import itertools
import json
import pathlib
import sys
from collections.abc import Iterator
from typing import Any

import yaml

import kerasft
from kerasft.cli.streams import json_line, utf8_lines
from kerasft.errors import KerasftError, bad_argument
from kerasft.files import file_written_aside

_CHUNK = 512  # texts answered at a time, so that a long stream shows answers early and needs little memory


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
        action="append",
        default=[],
        metavar="TEXT",
        help="second text of each TEXT, in order: of a pair, or the passage of a question",
    )
    parser.add_argument(
        "--file",
        help='one text a line, or .jsonl with objects such as {"text": ..., "text_pair": ...} (-: standard input)',
    )
    parser.add_argument("--top-k", type=int, help="the k likeliest labels with their scores")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="an option of the task's pipeline, such as max_new_tokens=50; may be given several times",
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
    if args.pair and len(args.pair) != len(args.texts):
        raise bad_argument("--pair", f"given once for each of the {len(args.texts)} texts", args.pair, "Count them.")
    pipeline = kerasft.pipelines.load(args.bundle)
    options = _options(pipeline, args)
    if args.texts:
        inputs = iter(zip(args.texts, args.pair) if args.pair else args.texts)
    else:
        inputs = _read(args.file, pipeline)
    at_a_terminal = not args.texts and args.file in (None, "-") and sys.stdin.isatty()
    size = 1 if at_a_terminal else _CHUNK  # who types a line waits for its answer
    with contextlib.ExitStack() as files:
        out = sys.stdout
        if args.output:
            aside = files.enter_context(file_written_aside(args.output))
            out = files.enter_context(open(aside, "w", encoding="utf-8"))
        while chunk := list(itertools.islice(inputs, size)):
            for item, answer in zip(chunk, pipeline(chunk, batch_size=args.batch_size, **options)):
                shown = dict(zip(pipeline.fields, (item,) if isinstance(item, str) else item))
                answer = answer if isinstance(answer, dict) else {"labels": answer}
                print(json_line(shown | answer, out), file=out, flush=True)
    return 0


def _options(pipeline, args: argparse.Namespace) -> dict[str, Any]:
    """The options of the pipeline's call, checked against what it takes."""
    options = {} if args.top_k is None else {"top_k": args.top_k}
    for word in args.set:
        name, equals, value = word.partition("=")
        if not equals:
            raise bad_argument("--set", "NAME=VALUE", word, "Write --set max_new_tokens=50, for example.")
        options[name.replace("-", "_")] = yaml.safe_load(value)
    parameters = inspect.signature(pipeline.__call__).parameters.values()
    known = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY and p.name != "batch_size"]
    known += pipeline.more_options
    for name in options:
        if name not in known:
            flag = "--top-k" if name == "top_k" else "--set"
            raise bad_argument(flag, f"one of the options of this task: {', '.join(known)}", name, "Leave it out.")
    return options


def _read(path: str | None, pipeline) -> Iterator[str | tuple[str, ...]]:
    """Items from a file or standard input: texts, one a line; `.jsonl` lines are objects."""
    name = "standard input" if path in (None, "-") else path
    is_json = str(path).endswith(".jsonl")
    required = [field for field in pipeline.fields if field not in pipeline.optional_fields]
    with contextlib.ExitStack() as files:
        if path in (None, "-"):
            if sys.stdin.isatty():
                print("Reading texts from the terminal, one a line; end with Ctrl-D.", file=sys.stderr)
            stream = sys.stdin
        elif pathlib.Path(path).is_file():
            stream = files.enter_context(open(path, encoding="utf-8"))
        else:
            raise bad_argument("--file", "an existing file", path, "Check the path.")
        is_json = is_json or len(required) > 1  # a line of text alone would not do
        for number, line in enumerate(utf8_lines(stream, name), 1):
            text = line.rstrip("\r\n")
            yield _json_item(text, name, number, pipeline) if is_json else text


def _json_item(line: str, name: str, number: int, pipeline) -> str | tuple[str, ...]:
    try:
        row = json.loads(line)
        present = [field for field in pipeline.fields if field not in pipeline.optional_fields or field in row]
        item = tuple(row[field] for field in present)
        return item if len(item) > 1 else item[0]
    except (ValueError, KeyError, TypeError) as error:
        required = [field for field in pipeline.fields if field not in pipeline.optional_fields]
        expected = ", ".join(f'"{field}": "..."' for field in required)
        raise KerasftError(
            f"{name}, line {number}: expected {{{expected}}}; received: {line[:80]!r}. Correct the line."
        ) from error
