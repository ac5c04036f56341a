"""Semantic search: find the entries of a file that match a query, using a sentence-embedding bundle."""

import argparse
import dataclasses
import pathlib
import sys

import kerasft
from kerasft.cli.labelled import read_columns
from kerasft.cli.streams import json_line, utf8_lines
from kerasft.errors import bad_argument
from kerasft.truncation import one_warning


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command.

    Example:

    >>> parser = argparse.ArgumentParser()
    >>> add_arguments(parser)
    >>> parser.parse_args(["saved_models/embedder", "my card is lost", "--answers", "faq.csv"]).top_k
    3
    """
    parser.add_argument("bundle", help="bundle, SavedModel folder or LiteRT folder of a sentence embedder")
    parser.add_argument(
        "questions", nargs="*", metavar="QUESTION", help="queries (default: read standard input, one per line)"
    )
    data = parser.add_argument_group("data")
    data.add_argument(
        "--answers", metavar="FILE", help="entries to search: .txt (one per line), .csv .tsv .jsonl .parquet"
    )
    data.add_argument("--text", metavar="COLUMN", help="column to compare queries with (default: the text column)")
    data.add_argument(
        "--index",
        metavar="FOLDER",
        help="store the embeddings of the entries here; without --answers, load them from here",
    )
    output = parser.add_argument_group("output")
    output.add_argument("--top-k", type=int, default=3, metavar="K", help="number of results per query (default: 3)")


def run(args: argparse.Namespace) -> int:
    """Write one JSON object per line: the query and the matching entries.

    Example:

    >>> run(argparse.Namespace(bundle="b", questions=["hi"], answers=None, index=None))
    Traceback (most recent call last):
    ...
    kerasft.errors.KerasftError: `--answers` must be a file of entries, or --index must contain them; received: ...
    """
    if args.answers is None and (args.index is None or not pathlib.Path(args.index).exists()):
        expected = "a file of entries, or --index must contain them"
        raise bad_argument("--answers", expected, args.index, "Add --answers FILE.")
    embedder = kerasft.pipelines.load(args.bundle)
    if not isinstance(embedder, kerasft.pipelines.SentenceEmbeddingPipeline):
        fix = "Train one with `kerasft train sentence-embedding`."
        raise bad_argument("BUNDLE", "a sentence embedder", str(args.bundle), fix)
    if args.answers is None:
        search = kerasft.pipelines.Search.load(args.index, embedder)
    else:
        answers = text_rows(embedder.read(args.answers, read_columns(args)), read_columns(args))
        search = kerasft.pipelines.Search(embedder, answers)
        if args.index is not None:
            search.save(args.index)
    questions = args.questions or (line.strip("\ufeff\r\n") for line in utf8_lines(sys.stdin, "standard input"))
    with one_warning():
        for question in questions:
            answers = search(question, top_k=args.top_k)
            print(json_line({"question": question, "answers": answers}, sys.stdout), flush=True)
    return 0


def text_rows(source: object, columns: dict | None) -> object:
    """Assign the text column of a table, and print it if it was detected; plain texts have no columns.

    Example:

    >>> text_rows([{"review": "a good film"}], None).roles
    {'text': 'review'}
    """
    if kerasft.data.plain_texts.text_paths(source):
        return source
    rows = kerasft.data.readers.columns.settle(kerasft.data.read_rows(source, columns), columns)
    rows = dataclasses.replace(rows, roles={"text": rows.roles["text"]})
    if note := kerasft.data.readers.columns.columns_note(rows, columns):
        print(note, file=sys.stderr)
    return rows
