"""The command `kerasft graph`, with two tiny models as they come out of the recipes."""

import csv
import json
from xml.etree import ElementTree

import pytest

import kerasft
from kerasft.data import ENTITY_MARKERS, marker_ids
from tests import tiny
from tests.cli.conftest import json_lines
from tests.export.conftest import trained

TEXT = "We love the film. Please pay my card! Was it you?"


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    folder = tmp_path_factory.mktemp("graph")
    tags = ["O", "B-THING", "I-THING", "B-PER", "I-PER"]
    tagger = trained(kerasft.heads.token_classifier(tiny.backbone(), tags), seed=8)  # one that finds entities in TEXT
    kerasft.save_bundle(folder / "entities", tagger, tiny.tokenizer(), max_length=24, settings={"scheme": "IOB2"})
    backbone, tokenizer = kerasft.vocabulary.add_tokens(tiny.backbone(), tiny.tokenizer(), ENTITY_MARKERS, special=True)
    model = kerasft.heads.relation_classifier(backbone, ["r(e1,e2)", "r(e2,e1)"], markers=marker_ids(tokenizer))
    kerasft.save_bundle(folder / "relations", trained(model), tokenizer, max_length=24)
    (folder / "documents.jsonl").write_text(json.dumps({"text": TEXT, "id": "x"}) + "\n" + json.dumps({"text": TEXT}))
    (folder / "documents.txt").write_text(f"{TEXT}\n\n{TEXT}\n")
    return folder


@pytest.fixture
def words(folders):
    return ["graph", "--entities", folders / "entities", "--relations", folders / "relations", "--min-score", "0"]


@pytest.mark.slow
def test_documents_become_triples_in_every_form(folders, words, run):
    code, out, err = run(*words, "--file", folders / "documents.jsonl", "--output", folders / "graph.jsonl")
    assert code == 0, err
    triples = json_lines((folders / "graph.jsonl").read_text("utf-8"))
    assert out == f"{len(triples)} triples from 2 documents: {folders / 'graph.jsonl'}\n"
    assert triples
    assert {triple["document"] for triple in triples} == {"x", 1}
    for triple in triples:
        assert TEXT[triple["head_start"] : triple["head_end"]] == triple["head"]
        assert triple["relation"] == "r"
    assert run(*words, "--file", folders / "documents.txt", "--output", folders / "graph.csv")[0] == 0
    with (folders / "graph.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(triples)
    assert {row["document"] for row in rows} == {"0", "2"}  # the lines' numbers: the empty one counts
    assert run(*words, "--file", folders / "documents.txt", "--output", folders / "graph.graphml")[0] == 0
    edges = ElementTree.parse(folders / "graph.graphml").iter("{http://graphml.graphdrawing.org/xmlns}edge")
    assert len(list(edges)) == len(triples)


def test_types_filter_triples(folders, words, run):
    options = ("--file", folders / "documents.txt", "--output", folders / "none.jsonl", "--type", "r=NOBODY,NOTHING")
    assert run(*words, *options)[0] == 0
    assert (folders / "none.jsonl").read_text() == ""


def test_wrong_input(folders, words, fails):
    documents = ("--file", folders / "documents.txt")
    assert "`output` must be a file that ends in .jsonl, .csv, .graphml" in fails(
        *words, *documents, "--output", "a.png"
    )
    output = ("--output", folders / "never.csv")
    assert "`--file` must be an existing file" in fails(*words, "--file", "no.txt", *output)
    assert "`--type` must be RELATION=HEAD,TAIL; received: 'r=A'" in fails(*words, *documents, *output, "--type", "r=A")
    assert "`types` must be for relations of the model: r; received: 'q'" in fails(
        *words, *documents, *output, "--type", "q=A,B"
    )
    swapped = ["graph", "--entities", folders / "relations", "--relations", folders / "entities"]
    assert "`--entities` must be a bundle for token-classification; received: " in fails(*swapped, *documents, *output)
    (folders / "no_text.jsonl").write_text('{"id": 1}\n')
    assert "no column detected as the text" in fails(*words, "--file", folders / "no_text.jsonl", *output)
    (folders / "null.jsonl").write_text('{"text": "a"}\n{"text": null}\n')
    assert "null.jsonl, line 2: expected a string in column 'text'" in fails(
        *words, "--file", folders / "null.jsonl", *output
    )
    (folders / "latin.txt").write_bytes(b"caf\xe9\n")
    assert "invalid UTF-8 at byte 3" in fails(*words, "--file", folders / "latin.txt", *output)
    assert not (folders / "never.csv").exists()
