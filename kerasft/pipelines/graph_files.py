"""Files of triples: JSON lines, CSV, and GraphML for graph tools (Gephi, Cytoscape, NetworkX, yEd)."""

import csv
import json
import os
import pathlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from xml.etree import ElementTree

from kerasft.errors import bad_argument
from kerasft.files import file_written_aside, local_path

FIELDS = (
    *("head", "head_type", "head_start", "head_end", "relation"),
    *("tail", "tail_type", "tail_start", "tail_end", "score", "document"),
)
"""Fields of a triple: the columns of the CSV file."""

_NAMESPACE = "http://graphml.graphdrawing.org/xmlns"
_NODE_KEYS = {"name": "string", "type": "string", "mentions": "int"}
_EDGE_KEYS = {
    **{"relation": "string", "score": "double", "document": "string"},
    **dict.fromkeys(("head_start", "head_end", "tail_start", "tail_end"), "int"),
}
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_triples(path: str | os.PathLike, triples: Sequence[Mapping[str, Any]]) -> pathlib.Path:
    """Write triples to a file, atomically.

    - `.jsonl`: one object per triple;
    - `.csv`: one line per triple, with a header, UTF-8;
    - `.graphml`: each triple is an edge from head to tail with its relation, score, document and offsets. Mentions of one type
      whose names are equal except for case, spaces and compatible characters (Unicode NFKC) are one node, with the most frequent
      name. Characters that are invalid in XML become U+FFFD.

    Args:
        path: The output file; its extension selects the format.
        triples: Triples from `KnowledgeGraph`.

    Returns:
        The path.

    Raises:
        KerasftError: If the extension is not supported.

    References:
        - [Brandes et al., 2002](https://doi.org/10.1007/3-540-45848-4_59): GraphML

    Example:

    >>> triple = dict.fromkeys(FIELDS, 0) | {"head": "Ada", "relation": "works_for", "tail": "Acme"}
    >>> print(write_triples("graph.csv", [triple]).read_text().splitlines()[1])
    Ada,0,0,0,works_for,Acme,0,0,0,0,0
    """
    path = local_path(path)
    write = _WRITERS[graph_format(path)]
    with file_written_aside(path) as temporary:
        write(temporary, triples)
    return path


def graph_format(path: str | os.PathLike) -> str:
    """Return the extension of a path.

    Raises:
        KerasftError: If it is not supported.

    Example:

    >>> graph_format("graph.graphml")
    '.graphml'
    """
    suffix = local_path(path).suffix.lower()
    if suffix not in _WRITERS:
        raise bad_argument("output", f"a file that ends in {', '.join(_WRITERS)}", str(path), "Rename it.")
    return suffix


def _write_jsonl(path: pathlib.Path, triples: Iterable[Mapping[str, Any]]) -> None:
    lines = (json.dumps(dict(triple), ensure_ascii=False) + "\n" for triple in triples)
    path.write_text("".join(lines), "utf-8")


def _write_csv(path: pathlib.Path, triples: Iterable[Mapping[str, Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, FIELDS)
        writer.writeheader()
        writer.writerows(triples)


def _write_graphml(path: pathlib.Path, triples: Sequence[Mapping[str, Any]]) -> None:
    ElementTree.register_namespace("", _NAMESPACE)
    root = ElementTree.Element(_tag("graphml"))
    for domain, keys in (("node", _NODE_KEYS), ("edge", _EDGE_KEYS)):
        for name, kind in keys.items():
            facts = {"id": f"{domain}_{name}", "for": domain, "attr.name": name, "attr.type": kind}
            ElementTree.SubElement(root, _tag("key"), facts)
    graph = ElementTree.SubElement(root, _tag("graph"), {"id": "knowledge_graph", "edgedefault": "directed"})
    nodes = _nodes(triples)
    ids = {key: f"n{number}" for number, key in enumerate(nodes)}
    for key, names in nodes.items():
        node = ElementTree.SubElement(graph, _tag("node"), {"id": ids[key]})
        name = Counter(names.values()).most_common(1)[0][0]
        _add_data(node, "node", {"name": name, "type": key[1], "mentions": len(names)})
    for number, triple in enumerate(triples):
        ends = {"source": ids[_key(triple, "head")], "target": ids[_key(triple, "tail")]}
        edge = ElementTree.SubElement(graph, _tag("edge"), {"id": f"e{number}", **ends})
        _add_data(edge, "edge", {name: triple[name] for name in _EDGE_KEYS})
    ElementTree.indent(root)
    ElementTree.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def _tag(name: str) -> str:
    return f"{{{_NAMESPACE}}}{name}"


def _nodes(triples: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], dict[tuple, str]]:
    """Return nodes by name and type, with the spelling of each mention, in order of first mention."""
    nodes: dict[tuple[str, str], dict[tuple, str]] = {}
    for triple in triples:
        for role in ("head", "tail"):
            mention = (str(triple["document"]), triple[f"{role}_start"], triple[f"{role}_end"])
            nodes.setdefault(_key(triple, role), {})[mention] = triple[role]
    return nodes


def _key(triple: Mapping[str, Any], role: str) -> tuple[str, str]:
    name = unicodedata.normalize("NFKC", str(triple[role])).casefold()
    return " ".join(name.split()), str(triple[f"{role}_type"])


def _add_data(element: ElementTree.Element, domain: str, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        data = ElementTree.SubElement(element, _tag("data"), {"key": f"{domain}_{name}"})
        data.text = _NOT_XML.sub("\ufffd", str(value))


_WRITERS = {".jsonl": _write_jsonl, ".csv": _write_csv, ".graphml": _write_graphml}
