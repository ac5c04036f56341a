"""Find entities and their relations in documents; write them as JSON lines, CSV or GraphML."""

import argparse
import glob
import os
import pathlib

import kerasft
from kerasft.cli.labelled import read_columns
from kerasft.cli.search import text_rows
from kerasft.errors import bad_argument
from kerasft.recipes.options import TEXT_HELP


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the two bundles, the documents and what counts as a relation.

    Example:

    >>> parser = argparse.ArgumentParser()
    >>> add_arguments(parser)
    >>> words = "--entities ner --relations rel --file docs.jsonl --output graph.csv".split()
    >>> parser.parse_args(words).min_score
    0.5
    """
    parser.add_argument("--entities", required=True, metavar="BUNDLE", help="a token-classification model's folder")
    parser.add_argument("--relations", required=True, metavar="BUNDLE", help="a relation-extraction model's folder")
    parser.add_argument(
        "--file",
        required=True,
        help='documents: .txt, one a line, or .jsonl of {"text": ..., "id": ...} (or .csv, ...)',
    )
    parser.add_argument("--text", help=TEXT_HELP)
    parser.add_argument("--output", required=True, help="file to write: .jsonl, .csv or .graphml")
    parser.add_argument("--max-distance", type=int, help="most characters between two entities (default: any number)")
    parser.add_argument("--min-score", type=float, default=0.5, help="least probability of a relation (default: 0.5)")
    parser.add_argument(
        "--type",
        action="append",
        default=[],
        metavar="RELATION=HEAD,TAIL",
        help="a pair of entity types that RELATION holds between; may be given several times",
    )
    parser.add_argument("--batch-size", type=int, default=32, help="sentences a step (default: 32)")


def run(args: argparse.Namespace) -> int:
    """Load both models, read the documents, write the triples.

    Example:

    >>> run(argparse.Namespace(output="graph.png"))
    Traceback (most recent call last):
    ...
    kerasft.errors.KerasftError: `output` must be a file that ends in .jsonl, .csv, .graphml; received: 'graph.png'. ...
    """
    kerasft.pipelines.graph_format(args.output)  # now, and not after the models have run
    types = read_types(args.type)
    documents = _documents(args.file, read_columns(args))
    pipelines = {}
    for flag, task in (("entities", "token-classification"), ("relations", "relation-extraction")):
        folder = getattr(args, flag)
        trained = kerasft.bundles.read_metadata(folder).get("task", "text-classification")
        if trained != task:
            raise bad_argument(
                f"--{flag}", f"a folder of the task {task}", f"{folder} ({trained})", "Give another one."
            )
        pipelines[flag] = kerasft.pipelines.load(folder)
    graph = kerasft.pipelines.KnowledgeGraph(
        pipelines["entities"],
        pipelines["relations"],
        max_distance=args.max_distance,
        min_score=args.min_score,
        types=types,
    )
    triples = graph(documents, batch_size=args.batch_size)
    kerasft.pipelines.write_triples(args.output, triples)
    print(f"{len(triples)} triples of {len(documents)} documents: {args.output}")
    return 0


def read_types(words: list[str]) -> dict[str, list[tuple[str, str]]]:
    """Read `RELATION=HEAD,TAIL` as typed.

    Example:

    >>> read_types(["works_for=PER,ORG", "works_for=PER,LOC"])
    {'works_for': [('PER', 'ORG'), ('PER', 'LOC')]}
    """
    types: dict[str, list[tuple[str, str]]] = {}
    for word in words:
        relation, _, pair = word.rpartition("=")
        parts = [part.strip() for part in pair.split(",")]
        if not relation or len(parts) != 2 or not all(parts):
            raise bad_argument("--type", "RELATION=HEAD,TAIL", word, "Write --type works_for=PER,ORG, for example.")
        types.setdefault(relation.strip(), []).append((parts[0], parts[1]))
    return types


def _documents(name: str, columns: dict | None) -> list[dict]:
    """The documents of a file, each with its id, or with its line or row number from 0."""
    name = os.path.expanduser(name)
    if not glob.has_magic(name) and not pathlib.Path(name).is_file():
        raise bad_argument("--file", "an existing file", name, "Check the path.")
    source = text_rows(name, columns)
    rows, texts = kerasft.data.plain_texts.read_table(source)
    numbers = range(len(rows))
    if source is name:  # plain texts: their lines, of which blank ones are no documents
        numbers = [int(line) - 1 for line in kerasft.data.read_text_rows(name).lines]
    ids = [number if row.get("id") is None else row["id"] for number, row in zip(numbers, rows)]
    return [{"text": text, "id": id} for text, id in zip(texts, ids)]
