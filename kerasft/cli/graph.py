"""Extract entities and relations from documents into a knowledge graph: JSON lines, CSV or GraphML."""

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
    """Add the arguments of the command.

    Example:

    >>> parser = argparse.ArgumentParser()
    >>> add_arguments(parser)
    >>> argv = "--entities ner --relations rel --file docs.jsonl --output graph.csv".split()
    >>> parser.parse_args(argv).min_score
    0.5
    """
    model = parser.add_argument_group("model")
    model.add_argument(
        "--entities", required=True, metavar="BUNDLE", help="bundle of a token-classification model (required)"
    )
    model.add_argument(
        "--relations", required=True, metavar="BUNDLE", help="bundle of a relation-extraction model (required)"
    )
    data = parser.add_argument_group("data")
    data.add_argument(
        "--file",
        required=True,
        help='documents: .txt with one per line, or .jsonl with {"text": ..., "id": ...}, .csv, ... (required)',
    )
    data.add_argument("--text", metavar="COLUMN", help=TEXT_HELP)
    output = parser.add_argument_group("output")
    output.add_argument(
        "--output", required=True, metavar="FILE", help="output file: .jsonl, .csv or .graphml (required)"
    )
    output.add_argument(
        "--max-distance",
        type=int,
        metavar="N",
        help="maximum number of characters between two entities (default: no limit)",
    )
    output.add_argument(
        "--min-score", type=float, default=0.5, metavar="X", help="minimum probability of a relation (default: 0.5)"
    )
    output.add_argument(
        "--type",
        action="append",
        default=[],
        metavar="RELATION=HEAD,TAIL",
        help="restrict RELATION to this pair of entity types; can be repeated",
    )
    output.add_argument("--batch-size", type=int, default=32, metavar="N", help="sentences per batch (default: 32)")


def run(args: argparse.Namespace) -> int:
    """Extract triples from the documents with both models, and write them.

    Example:

    >>> run(argparse.Namespace(output="graph.png"))
    Traceback (most recent call last):
    ...
    kerasft.errors.KerasftError: `output` must be a file that ends in .jsonl, .csv, .graphml; received: 'graph.png'. ...
    """
    kerasft.pipelines.graph_format(args.output)  # fail now, not after running the models
    types = read_types(args.type)
    documents = _documents(args.file, read_columns(args))
    pipelines = {}
    for flag, task in (("entities", "token-classification"), ("relations", "relation-extraction")):
        folder = getattr(args, flag)
        trained = kerasft.bundles.read_metadata(folder).get("task", "text-classification")
        if trained != task:
            raise bad_argument(f"--{flag}", f"a bundle for {task}", f"{folder} ({trained})", "Use another bundle.")
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
    print(f"{len(triples)} triples from {len(documents)} documents: {args.output}")
    return 0


def read_types(words: list[str]) -> dict[str, list[tuple[str, str]]]:
    """Parse values of `--type`: `RELATION=HEAD,TAIL`.

    Example:

    >>> read_types(["works_for=PER,ORG", "works_for=PER,LOC"])
    {'works_for': [('PER', 'ORG'), ('PER', 'LOC')]}
    """
    types: dict[str, list[tuple[str, str]]] = {}
    for word in words:
        relation, _, pair = word.rpartition("=")
        parts = [part.strip() for part in pair.split(",")]
        if not relation or len(parts) != 2 or not all(parts):
            raise bad_argument("--type", "RELATION=HEAD,TAIL", word, "For example: --type works_for=PER,ORG.")
        types.setdefault(relation.strip(), []).append((parts[0], parts[1]))
    return types


def _documents(name: str, columns: dict | None) -> list[dict]:
    """Return the documents of a file, each with its id, or with its 0-based line or row number."""
    name = os.path.expanduser(name)
    if not glob.has_magic(name) and not pathlib.Path(name).is_file():
        raise bad_argument("--file", "an existing file", name, "Check the path.")
    source = text_rows(name, columns)
    rows, texts = kerasft.data.plain_texts.read_table(source)
    numbers = range(len(rows))
    if source is name:  # plain texts: line numbers, which include blank lines
        numbers = [int(line) - 1 for line in kerasft.data.read_text_rows(name).lines]
    ids = [number if row.get("id") is None else row["id"] for number, row in zip(numbers, rows)]
    return [{"text": text, "id": id} for text, id in zip(texts, ids)]
