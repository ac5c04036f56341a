"""From documents to triples to files: sentences, pairs, directions, filters, offsets; GraphML that XML readers take."""

import csv
import itertools
import json
import re
from xml.etree import ElementTree

import pytest

from kerasft import DataError, KerasftError
from kerasft.pipelines import KnowledgeGraph, split_sentences, write_triples
from kerasft.pipelines.graph_files import FIELDS

TYPES = {"Ada": "PER", "Bob": "PER", "Acme Inc.": "ORG", "Acme  inc.": "ORG", "Paris": "LOC"}
TEXT = "Ada met Bob in Paris. Today Bob works for Acme Inc. there! And Paris is old."
NAMESPACE = {"g": "http://graphml.graphdrawing.org/xmlns"}


class Entities:
    """Finds the names of `TYPES`, as a token-classification pipeline would answer; remembers what it was asked."""

    def __init__(self):
        self.calls = []

    def __call__(self, texts, *, batch_size):
        self.calls.append((list(texts), batch_size))
        pattern = "|".join(map(re.escape, sorted(TYPES, key=len, reverse=True)))
        return [
            {
                "entities": [
                    {"start": m.start(), "end": m.end(), "label": TYPES[m.group()], "text": m.group(), "score": 1.0}
                    for m in re.finditer(pattern, text)
                ]
            }
            for text in texts
        ]


class Relations:
    """Answers by a table of (head, tail); remembers its items."""

    def __init__(self, table, labels, *, negative_label=None, otherwise="no_relation"):
        self.table, self.labels, self.items, self.otherwise = table, labels, [], otherwise
        self.negative_label = negative_label

    def __call__(self, items, *, batch_size):
        self.items += items
        return [self.answer(*item) for item in items]

    def answer(self, text, head, tail):
        names = tuple(text[part["start"] : part["end"]] for part in (head, tail))
        label, score = self.table.get(names, (self.otherwise, 0.99))
        return {"label": label, "score": score}


def undirected(**table):
    pairs = {
        ("Bob", "Acme Inc."): ("works_for", 0.9),
        ("Ada", "Paris"): ("lives_in", 0.4),
        ("Bob", "Ada"): ("knows", 0.8),
    }
    return Relations(pairs, ["works_for", "lives_in", "knows", "no_relation"], **table)


def short(triples):
    return [(triple["head"], triple["relation"], triple["tail"]) for triple in triples]


def test_triples_have_the_documents_offsets():
    relations = undirected()
    triples = KnowledgeGraph(Entities(), relations)([{"text": "Nothing here.", "id": "a"}, {"text": TEXT, "id": "b"}])
    assert short(triples) == [("Bob", "knows", "Ada"), ("Bob", "works_for", "Acme Inc.")]
    for triple in triples:
        assert tuple(triple) == FIELDS
        assert TEXT[triple["head_start"] : triple["head_end"]] == triple["head"]
        assert TEXT[triple["tail_start"] : triple["tail_end"]] == triple["tail"]
        assert triple["document"] == "b"
    assert (triples[1]["head_type"], triples[1]["tail_type"], triples[1]["score"]) == ("PER", "ORG", 0.9)
    assert len(relations.items) == 3 * 2 + 1 * 2  # both orders of three entities, and of two; none across sentences


def test_a_model_of_directions_is_asked_once_for_a_pair():
    labels = ["Employs(e1,e2)", "Employs(e2,e1)", "Other"]
    relations = Relations({("Bob", "Acme Inc."): ("Employs(e2,e1)", 0.7)}, labels, otherwise="Other")
    triples = KnowledgeGraph(Entities(), relations)(TEXT)
    assert short(triples) == [("Acme Inc.", "Employs", "Bob")]
    assert TEXT[triples[0]["head_start"] : triples[0]["head_end"]] == "Acme Inc."
    assert triples[0]["document"] == 0
    assert len(relations.items) == 3 + 1
    assert all(head["start"] < tail["start"] for _, head, tail in relations.items)


def test_filters():
    def triples(**options):
        return short(KnowledgeGraph(Entities(), undirected(), **options)(TEXT))

    assert ("Ada", "lives_in", "Paris") in triples(min_score=0.4)
    assert triples(min_score=0.85) == [("Bob", "works_for", "Acme Inc.")]
    assert triples(max_distance=5) == [("Bob", "knows", "Ada")]
    assert triples(types={"works_for": [("PER", "LOC")]}) == [("Bob", "knows", "Ada")]
    assert len(triples(types={"works_for": [("PER", "ORG"), ("PER", "LOC")]})) == 2


def test_entities_that_overlap_make_no_pair():
    relations = undirected()
    nested = [{"entities": [{"start": 0, "end": 9, "label": "ORG"}, {"start": 0, "end": 4, "label": "ORG"}]}]
    assert KnowledgeGraph(lambda texts, batch_size: nested, relations)("Acme Inc. grows") == []
    assert relations.items == []


def test_the_negative_label_may_be_named():
    table = {("Bob", "Acme Inc."): ("works_for", 0.9), ("Bob", "Ada"): ("nothing", 0.9)}
    relations = Relations(table, ["works_for", "nothing", "no_relation"], negative_label="nothing")
    found = short(KnowledgeGraph(Entities(), relations)(TEXT))
    assert ("Bob", "nothing", "Ada") not in found


def test_many_documents_are_read_by_and_by():
    entities = Entities()
    documents = itertools.chain(["Ada."] * 100, [""])
    assert KnowledgeGraph(entities, undirected())(documents, batch_size=7) == []
    assert [(len(texts), size) for texts, size in entities.calls] == [(64, 7), (36, 7)]


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("", []),
        (" \n ", []),
        ("One. Two? Three!  Four", ["One.", "Two?", "Three!", "Four"]),
        ("Mr. A. Smith of Acme Inc. left. He is 3.5 m tall.", ["Mr. A. Smith of Acme Inc. left.", "He is 3.5 m tall."]),
        ('He said "Go!" and left. "Why?" She stayed.', ['He said "Go!" and left.', '"Why?"', "She stayed."]),
        ("Wait... what? Yes (no.) Oh", ["Wait... what?", "Yes (no.)", "Oh"]),
        ("A title\n\nA text of\ntwo lines.", ["A title", "A text of\ntwo lines."]),
        ("\u4f60\u597d\u3002\u518d\u89c1\uff01", ["\u4f60\u597d\u3002", "\u518d\u89c1\uff01"]),
        ("See e.g. Ada, i.e. her. Ok.", ["See e.g. Ada, i.e. her.", "Ok."]),
        ("...", ["..."]),
    ],
)
def test_sentences(text, sentences):
    spans = split_sentences(text)
    assert [text[start:end] for start, end in spans] == sentences
    assert "".join("".join(sentences).split()) == "".join(text.split())  # nothing is lost


def test_jsonl_and_csv_hold_the_triples(tmp_path):
    triples = KnowledgeGraph(Entities(), undirected())({"text": TEXT, "id": 'x,"y"\n'})
    lines = write_triples(tmp_path / "new" / "graph.jsonl", triples).read_text("utf-8").splitlines()
    assert [json.loads(line) for line in lines] == triples
    with write_triples(tmp_path / "graph.csv", triples).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert rows == [{name: str(value) for name, value in triple.items()} for triple in triples]
    assert write_triples(tmp_path / "graph.csv", []).read_text().strip() == ",".join(FIELDS)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["graph.csv", "new"]


def graph_of(path):
    root = ElementTree.parse(path).getroot()
    keys = {key.get("id"): key.get("attr.name") for key in root.findall("g:key", NAMESPACE)}

    def read(kind):
        found = root.findall(f"g:graph/g:{kind}", NAMESPACE)
        return [dict(item.attrib) | {keys[data.get("key")]: data.text for data in item} for item in found]

    return read("node"), read("edge")


def test_graphml_merges_mentions_and_escapes_names(tmp_path):
    text = "Bob works for Acme Inc. today. Then Bob left Acme  inc. and Bob <&> Ada."
    relations = Relations(
        {("Bob", "Acme Inc."): ("r<\u0000&>", 0.9), ("Bob", "Acme  inc."): ("left", 0.8)},
        ["r<\u0000&>", "left", "no_relation"],
    )
    triples = KnowledgeGraph(Entities(), relations)([text, text])
    nodes, edges = graph_of(write_triples(tmp_path / "graph.graphml", triples))
    assert [(node["name"], node["type"], node["mentions"]) for node in nodes] == [
        ("Bob", "PER", str(len({(t["document"], t["head_start"]) for t in triples}))),
        ("Acme Inc.", "ORG", "4"),
    ]
    assert len(edges) == len(triples)
    assert {edge["relation"] for edge in edges} == {"r<\ufffd&>", "left"}
    ids = [item["id"] for item in nodes + edges]
    assert len(ids) == len(set(ids))
    for edge, triple in zip(edges, triples):
        assert (edge["source"], edge["target"]) == (nodes[0]["id"], nodes[1]["id"])
        assert float(edge["score"]) == triple["score"]
        assert int(edge["tail_end"]) == triple["tail_end"]


def test_an_empty_graph_is_valid(tmp_path):
    assert graph_of(write_triples(tmp_path / "graph.graphml", [])) == ([], [])


def test_a_file_appears_whole_or_not_at_all(tmp_path):
    path = tmp_path / "graph.csv"
    path.write_text("old")
    with pytest.raises(ValueError, match="fields not in fieldnames"):
        write_triples(path, [{"nonsense": 1}])
    assert path.read_text() == "old"
    assert [item.name for item in tmp_path.iterdir()] == ["graph.csv"]


def test_wrong_arguments(tmp_path):
    with pytest.raises(
        KerasftError, match=r"`output` must be a file that ends in .jsonl, .csv, .graphml; received: .*png"
    ):
        write_triples(tmp_path / "graph.png", [])
    for options, message in (
        ({"max_distance": -1}, "`max_distance` must be a number of characters >= 0, or None; received: -1"),
        ({"min_score": 2}, "`min_score` must be a probability from 0 to 1; received: 2"),
        ({"types": {"hates": []}}, "`types` must be for relations of the model: knows, .*; received: 'hates'"),
    ):
        with pytest.raises(KerasftError, match=message):
            KnowledgeGraph(Entities(), undirected(), **options)
    graph = KnowledgeGraph(Entities(), undirected())
    with pytest.raises(DataError, match="documents, line 2: expected a text; received: 7"):
        graph(["Ada", 7])
    with pytest.raises(DataError, match=r"documents: expected a text or a sequence of texts; received: b'Ada'"):
        graph(b"Ada")
