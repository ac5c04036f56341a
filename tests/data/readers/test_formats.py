"""Every form in which others write data: read, or some of its rows skipped and counted, or refused with advice.

docs/data_formats.md has the same table."""

import json
import logging
import pathlib
import re
import threading
from typing import NamedTuple

import pytest

import kerasft
from kerasft.data.readers.invalid_rows import valid_rows
from kerasft.errors import KerasftError
from kerasft.features import Labels

DOCS = pathlib.Path(__file__).parents[3] / "docs" / "data_formats.md"


class Case(NamedTuple):
    form: str
    """As the table of docs/data_formats.md has it."""
    file: str
    content: object
    """Text; or an object, written as JSON, or as JSON lines where the file's name ends so."""
    task: str
    result: object
    """The rows; for a form that is refused, a pattern of the message."""
    skipped: int = 0
    said: str = ""
    """What the log must say."""


def classes(file):
    found = kerasft.tasks.settled(file, classes=True).source
    labels = kerasft.data.collect_labels(found)
    texts, y = kerasft.data.texts_and_labels(found, labels=labels)
    return [(text, labels[number]) for text, number in zip(texts, y)]


def topics(file):
    found = kerasft.tasks.settled(file, problem="multi_label").source
    labels = kerasft.data.collect_labels(found, problem="multi_label")
    texts, y = kerasft.data.texts_and_labels(found, labels=labels)
    return [(text, [label for label, holds in zip(labels, row) if holds]) for text, row in zip(texts, y)]


def scores(file):
    found = kerasft.tasks.settled(file, problem="regression").source
    texts, y = kerasft.data.texts_and_labels(found, labels=Labels(["score"], "regression"))
    return [(text, number) for text, (number,) in zip(texts, y.tolist())]


def tags(file, **options):
    found = kerasft.tasks.settled(file, task="token-classification")
    rows = kerasft.data.read_tags(found.source, columns=found.named, **options)
    return list(zip(rows.columns["text"], map(" ".join, rows.columns["tags"])))


def relations(file):
    found = kerasft.tasks.settled(file, task="relation-extraction").source
    pairs, y = kerasft.data.entity_pairs(found, labels=(labels := kerasft.data.collect_labels(found)))
    shown = [(pair.text[pair.head.start : pair.head.end], pair.text[pair.tail.start : pair.tail.end]) for pair in pairs]
    return [(head, labels[number], tail) for (head, tail), number in zip(shown, y)]


def questions(file):
    return [(question.question, *question.texts) for question in kerasft.data.read_squad(file)]


def targets(file):
    found = kerasft.tasks.settled(file, task="sequence-to-sequence").source
    return list(zip(*kerasft.data.sources_and_references(found)))


def scored_pairs(file):
    found = kerasft.tasks.settled(file, task="sentence-embedding", need_label=True).source
    pairs, numbers = kerasft.data.read_pairs(found)
    return [(*pair, number) for pair, number in zip(pairs, numbers.tolist())]


def masked(file):
    found = kerasft.tasks.settled(file, task="masked-lm")
    return kerasft.data.read_texts(found.source, columns=found.named)


def documents(file):
    found = kerasft.tasks.settled(file, task="causal-lm")
    return kerasft.data.read_documents(found.source, documents="line", columns=found.named)


READ = {
    "text-classification": classes,
    "multi-label": topics,
    "regression": scores,
    "token-classification": tags,
    "relation-extraction": relations,
    "question-answering": questions,
    "sequence-to-sequence": targets,
    "sentence-embedding": scored_pairs,
    "masked-lm": masked,
    "causal-lm": documents,
}

REVIEWS = [("a, b", "pos"), ("c", "neg")]
ANNA = [("Anna came", "B-PER O"), ("No", "O")]
SPANS = [{"start": 0, "end": 4, "label": "PER"}]
FOUNDED = [("Ann", "founded", "Acme"), ("Ann", "no_relation", "Rome"), ("Acme", "no_relation", "Rome")]
ENTITIES = [
    {"id": 7, "start_offset": 0, "end_offset": 3, "label": "PER"},
    {"id": 8, "start_offset": 12, "end_offset": 16, "label": "ORG"},
    {"id": 9, "start_offset": 20, "end_offset": 24, "label": "LOC"},
]
ENDS = [{"start": item["start_offset"], "end": item["end_offset"], "label": item["label"]} for item in ENTITIES]
ANN = "Ann founded Acme in Rome"
PARIS = {"id": "1", "question": "where?", "context": "In Paris", "answers": {"text": ["Paris"], "answer_start": [3]}}


def region(number, start, end, label):
    return {"id": number, "type": "labels", "value": {"start": start, "end": end, "labels": [label]}}


def studio(text, *results, cancelled=False):
    return {"id": 1, "data": {"text": text}, "annotations": [{"result": list(results), "was_cancelled": cancelled}]}


DELIMITED = [
    Case("CSV, commas", "a.csv", 'text,label\n"a, b",pos\nc,neg\n', "text-classification", REVIEWS),
    Case(
        "CSV, semicolons", "a.csv", "text;label\na, b;pos\nc;neg\n", "text-classification", REVIEWS, said="semicolons"
    ),
    Case(
        "CSV, tabs", "a.csv", "text\tlabel\na, b\tpos\nc\tneg\n", "text-classification", REVIEWS, said="delimiter: tabs"
    ),
    Case("CSV, vertical bars", "a.csv", "text|label\na, b|pos\nc|neg\n", "text-classification", REVIEWS, said="bars"),
    Case("CSV, first line `sep=;`", "a.csv", "sep=;\ntext;label\na, b;pos\nc;neg\n", "text-classification", REVIEWS),
    Case("TSV without tabs", "a.tsv", "text;label\na, b;pos\nc;neg\n", "text-classification", REVIEWS, said="no tabs"),
    Case(
        "Delimiter at the end of lines",
        "a.csv",
        'text,label\n"a, b",pos,\nc,neg\n',
        "text-classification",
        REVIEWS,
        said="the end of 1 row",
    ),
    Case(
        "Delimiter at the end of lines", "a.csv", "text;label;;\na, b;pos;;\nc;neg;\n", "text-classification", REVIEWS
    ),
    Case(
        "Delimiter at the end of lines", "a.tsv", "text\tlabel\na, b\tpos\t\nc\tneg\t\n", "text-classification", REVIEWS
    ),
    Case(
        "UTF-16",
        "a.csv",
        "text\tlabel\na, b\tpos\nc\tneg\n".encode("utf-16"),
        "text-classification",
        REVIEWS,
        said="16",
    ),
    Case(
        "Windows-1252",
        "a.csv",
        "text,label\ncafé,pos\n".encode("cp1252"),
        "text-classification",
        "iconv -f WINDOWS-1252",
    ),
    Case(
        "Backslash before quotes",
        "a.csv",
        'text,label\n"he said \\"hi\\", twice",pos\nc,neg\n',
        "text-classification",
        [('he said "hi", twice', "pos"), ("c", "neg")],
        said='\\\\"',
    ),
    Case(
        "Decimal commas",
        "a.csv",
        "text;score\na, b;0,5\nc;1,25\nd;2\n",
        "regression",
        [("a, b", 0.5), ("c", 1.25), ("d", 2.0)],
        said="decimal points",
    ),
    Case("Decimal commas", "a.csv", "text;score\na;1,234\nc;2,500\n", "regression", "with a point, without thousands"),
    Case("A broken row in a table", "a.csv", "text;label\na, b;pos\nx;y;z\nc;neg\n", "text-classification", REVIEWS, 1),
    Case("A quote that never closes", "a.csv", 'text,label\n"a,pos\nc,neg\n', "text-classification", "unclosed quote"),
]

MARK = "\ufeff"
MARKED = [
    Case("Byte order mark", "a.csv", MARK + 'text,label\n"a, b",pos\n\nc,neg\n\n', "text-classification", REVIEWS),
    Case("Byte order mark", "a.tsv", MARK + "text\tlabel\na, b\tpos\n\n\nc\tneg\n", "text-classification", REVIEWS),
    Case(
        "Byte order mark",
        "a.csv",
        MARK + 'text,label\n"a, b",pos\n' + MARK + "text,label\nc,neg\n",
        "text-classification",
        REVIEWS,
        said="repeats the header",
    ),
    Case(
        "Byte order mark",
        "a.jsonl",
        MARK + '\n{"text": "a, b", "label": "pos"}\n\n{"text": "c", "label": "neg"}\n',
        "text-classification",
        REVIEWS,
    ),
    Case(
        "Byte order mark",
        "a.json",
        MARK + '\n[{"text": "a, b", "label": "pos"}, {"text": "c", "label": "neg"}]\n',
        "text-classification",
        REVIEWS,
    ),
    Case("Byte order mark", "a.conll", MARK + "\n\nAnna B-PER\ncame O\n \n\nNo O\n\n", "token-classification", ANNA),
    Case(
        "Byte order mark", "a.json", MARK + json.dumps({"data": [PARIS]}), "question-answering", [("where?", "Paris")]
    ),
    Case("Byte order mark", "a.txt", MARK + "one\n\n\ntwo\n", "masked-lm", ["one", "two"]),
    Case("Byte order mark", "a.txt", MARK + "one\n\n\ntwo\n", "causal-lm", ["one", "two"]),
]

JSON = [
    Case(
        "JSON: a list of objects",
        "a.json",
        [{"text": "a, b", "label": "pos"}, {"text": "c", "label": "neg"}],
        "text-classification",
        REVIEWS,
    ),
    Case(
        "JSON: a list of objects",
        "a.jsonl",
        '[{"text": "a, b", "label": "pos"},\n {"text": "c", "label": "neg"}]\n',
        "text-classification",
        REVIEWS,
        said="one JSON list",
    ),
    Case(
        "JSON lines in a .json file",
        "a.json",
        '{"text": "a, b", "label": "pos"}\n{"text": "c", "label": "neg"}\n',
        "text-classification",
        REVIEWS,
    ),
    Case(
        "JSON lines in a .json file",
        "a.json",
        f"{json.dumps(PARIS)}\n\n{json.dumps(PARIS | {'id': '2'})}\n",
        "question-answering",
        [("where?", "Paris")] * 2,
    ),
    Case(
        "JSON: an object of columns",
        "a.json",
        {"text": ["a, b", "c"], "label": ["pos", "neg"]},
        "text-classification",
        REVIEWS,
    ),
    Case(
        "JSON by pandas' `to_json`",
        "a.json",
        {"text": {"0": "a, b", "1": "c"}, "label": {"0": "pos", "1": "neg"}},
        "text-classification",
        REVIEWS,
    ),
    Case(
        "JSON by pandas' `to_json`",
        "a.json",
        {"columns": ["text", "label"], "index": [0, 1], "data": REVIEWS},
        "text-classification",
        REVIEWS,
    ),
    Case(
        "JSON by pandas' `to_json`",
        "a.json",
        {"0": {"text": "a, b", "label": "pos"}, "1": {"text": "c", "label": "neg"}},
        "text-classification",
        REVIEWS,
    ),
    Case(
        "JSON of several splits",
        "a.json",
        {"train": [{"text": "a"}], "test": [{"text": "b"}]},
        "text-classification",
        "several lists of objects.*--dev",
    ),
    Case(
        "SQuAD's JSON for another task",
        "a.json",
        {"data": [{"paragraphs": []}]},
        "text-classification",
        "kerasft train question-answering",
    ),
    Case(
        "A broken line in JSON lines",
        "a.jsonl",
        '{"text": "a, b", "label": "pos"}\n{"text":\n{"text": "c", "label": "neg"}\n',
        "text-classification",
        REVIEWS,
        1,
    ),
]

WORDS = [
    Case("CoNLL columns", "a.conll", "Anna B-PER\ncame O\n\nNo O\n", "token-classification", ANNA),
    Case(
        "CoNLL with comments (MultiCoNER)",
        "a.conll",
        "# id 1c\tdomain=x\nAnna _ _ B-PER\ncame _ _ O\n\n# id 2\nNo _ _ O\n",
        "token-classification",
        ANNA,
        said="2 comment lines",
    ),
    Case(
        "CoNLL of Label Studio",
        "a.conll",
        "-DOCSTART- -X- O\nAnna -X- _ B-PER\ncame -X- _ O\n\nNo -X- _ O\n",
        "token-classification",
        ANNA,
    ),
    Case(
        "CoNLL-U with entities (Universal NER)",
        "a.iob2",
        "# sent_id = 1\n# text = Anna came\n1\tAnna\tB-PER\t_\t_\n2\tcame\tO\t_\t_\n\n# sent_id = 2\n1\tNo\tO\t_\t_\n",
        "token-classification",
        ANNA,
        said="tags from column 2",
    ),
    Case(
        "CoNLL-U",
        "a.conllu",
        "# text = It's\n1-2\tIt's" + "\t_" * 8 + "\n1\tIt\tit\tPRON\tPRP\t_\t0\tx\t_\t_\n"
        "2\t's\tbe\tAUX\tVBZ\t_\t1\tx\t_\t_\n\n1\tNo\tno\tINTJ\tUH\t_\t0\tx\t_\t_\n",
        "token-classification",
        "no entity column.*--label 3 --scheme IO",
    ),
    Case(
        "A sentence with a broken line",
        "a.conll",
        "Anna B-PER\ncame O\n\nBen\nleft O\n\nNo O\n",
        "token-classification",
        ANNA,
        1,
    ),
    Case(
        "A sentence with a broken line",
        "a.conll",
        "Anna\tB-PER\ncame\tO\n\nBen\t\nleft\tO\n\nNo\tO\n",
        "token-classification",
        ANNA,
        1,
    ),
    Case(
        "A sentence with a broken line",
        "a.jsonl",
        [
            {"tokens": ["Anna", "came"], "tags": ["B-PER", "O"]},
            {"tokens": ["x"], "tags": ["O", "O"]},
            {"tokens": ["No"], "tags": ["O"]},
        ],
        "token-classification",
        ANNA,
        1,
    ),
    Case(
        "One word a row, with sentence ids",
        "a.csv",
        "Sentence #,Word,POS,Tag\nSentence: 1,Anna,X,B-PER\n,came,X,O\nSentence: 2,No,X,O\n",
        "token-classification",
        ANNA,
        said="sentences from 'Sentence #'",
    ),
    Case(
        "One word a row, with sentence ids",
        "a.tsv",
        "sentence_id\tword\ttag\n1\tAnna\tB-PER\n1\tcame\tO\n2\tNo\tO\n",
        "token-classification",
        ANNA,
    ),
    Case(
        "One word a row, with sentence ids",
        "a.tsv",
        "Sentence #\tWord\tTag\nSentence: 1\tAnna\tB-PER\n\tcame\tO\nSentence: 2\tNo\tO\n",
        "token-classification",
        ANNA,
    ),
    Case(
        "One word a row, with sentence ids",
        "a.csv",
        "sentence_id,word,tag\n1,Anna,B-PER\n1,came,O\n2,x,\n2,y,O\n3,No,O\n",
        "token-classification",
        ANNA,
        1,
    ),
    Case(
        "One word a row, without sentence ids",
        "a.csv",
        "word,tag\nAnna,B-PER\ncame,O\n",
        "token-classification",
        'Add a column "sentence_id"',
    ),
    Case(
        "Lists written into a table",
        "a.csv",
        "tokens,ner_tags\n\"['Anna', 'came']\",\"['B-PER', 'O']\"\n['No'],['O']\n",
        "token-classification",
        ANNA,
    ),
    Case(
        "Lists written into a table",
        "a.tsv",
        "tokens\tner_tags\n['Anna', 'came']\t['B-PER', 'O']\n['No']\t['O']\n",
        "token-classification",
        ANNA,
    ),
    Case(
        "Tags that are numbers, without names",
        "a.jsonl",
        [{"tokens": ["Anna", "came"], "ner_tags": [1, 0]}],
        "token-classification",
        "--label-names O,B-PER,.*dataset_info.json",
    ),
]

TOOLS = [
    Case(
        "doccano: spans",
        "a.jsonl",
        [{"id": 1, "text": "Anna came", "label": [[0, 4, "PER"]]}, {"id": 2, "text": "No", "label": []}],
        "token-classification",
        ANNA,
    ),
    Case(
        "doccano: spans",
        "a.jsonl",
        [{"text": "Anna came", "entities": ENTITIES[:1]}],
        "token-classification",
        "splits a word in 'Anna came'",
    ),
    Case(
        "doccano: spans",
        "a.jsonl",
        [{"text": ANN, "entities": ENTITIES, "relations": [], "Comments": []}],
        "token-classification",
        [(ANN, "B-PER O B-ORG O B-LOC")],
    ),
    Case(
        "doccano: classes",
        "a.jsonl",
        [{"id": 1, "text": "a, b", "label": ["pos"]}, {"id": 2, "text": "c", "label": ["neg"]}],
        "text-classification",
        REVIEWS,
    ),
    Case(
        "doccano: classes",
        "a.jsonl",
        [{"text": "a", "label": ["x", "y"]}, {"text": "b", "label": ["x"]}, {"text": "c", "label": []}],
        "multi-label",
        [("a", ["x", "y"]), ("b", ["x"]), ("c", [])],
    ),
    Case(
        "doccano: classes",
        "a.jsonl",
        [{"text": "a", "label": ["x", "y"]}],
        "text-classification",
        "--problem multi_label",
    ),
    Case(
        "doccano: texts",
        "a.jsonl",
        [{"id": 1, "text": "hello", "label": ["bonjour", "salut"]}],
        "sequence-to-sequence",
        [("hello", ["bonjour", "salut"])],
    ),
    Case(
        "doccano: relations",
        "a.jsonl",
        [{"text": ANN, "entities": ENTITIES, "relations": [{"id": 0, "from_id": 7, "to_id": 8, "type": "founded"}]}],
        "relation-extraction",
        FOUNDED,
        said="labeled 'no_relation'",
    ),
    Case(
        "Prodigy: spans",
        "a.jsonl",
        [
            {
                "text": "Anna came",
                "_task_hash": 1,
                "tokens": [],
                "spans": [SPANS[0] | {"token_start": 0, "token_end": 0}],
                "answer": "accept",
            },
            {"text": "Ben", "spans": SPANS, "answer": "reject"},
            {"text": "x", "spans": [], "answer": "ignore"},
            {"text": "No", "answer": "accept"},
        ],
        "token-classification",
        ANNA,
        said="2 of 4 Prodigy rows were not accepted",
    ),
    Case(
        "Prodigy: classes",
        "a.jsonl",
        [
            {"text": "a, b", "options": [{"id": "pos", "text": "P"}], "accept": ["pos"], "answer": "accept"},
            {"text": "x", "options": [], "accept": [], "answer": "ignore"},
            {"text": "c", "options": [], "accept": ["neg"], "answer": "accept"},
        ],
        "text-classification",
        REVIEWS,
    ),
    Case(
        "Prodigy: classes",
        "a.jsonl",
        [
            {
                "text": "a",
                "options": [{"id": 1, "text": "x"}, {"id": 2, "text": "y"}],
                "accept": [1, 2],
                "answer": "accept",
            },
            {
                "text": "b",
                "options": [{"id": 1, "text": "x"}, {"id": 2, "text": "y"}],
                "accept": [1],
                "answer": "accept",
            },
        ],
        "multi-label",
        [("a", ["x", "y"]), ("b", ["x"])],
    ),
    Case(
        "Prodigy: classes",
        "a.jsonl",
        [{"text": "a", "label": "RUDE", "answer": "accept"}, {"text": "b", "label": "RUDE", "answer": "reject"}],
        "text-classification",
        [("a", "RUDE"), ("b", "not RUDE")],
        said="'not RUDE'",
    ),
    Case(
        "Prodigy: classes",
        "a.jsonl",
        [
            {"text": "a, b", "label": "pos", "answer": "accept"},
            {"text": "x", "label": "pos", "answer": "reject"},
            {"text": "c", "label": "neg", "answer": "accept"},
        ],
        "text-classification",
        REVIEWS,
        said="1 of 3",
    ),
    Case(
        "Prodigy: relations",
        "a.jsonl",
        [
            {
                "text": ANN,
                "spans": ENDS,
                "answer": "accept",
                "relations": [{"head": 0, "child": 2, "head_span": ENDS[0], "child_span": ENDS[1], "label": "founded"}],
            }
        ],
        "relation-extraction",
        FOUNDED,
    ),
    Case(
        "Label Studio: JSON",
        "a.json",
        [studio("Anna came", region("a", 0, 4, "PER")), studio("x", cancelled=True), studio("No")],
        "token-classification",
        ANNA,
        said="2 annotated tasks of 3",
    ),
    Case(
        "Label Studio: JSON",
        "a.json",
        [
            studio("a, b", {"type": "choices", "value": {"choices": ["pos"]}}),
            studio("c", {"type": "choices", "value": {"choices": ["neg"]}}),
        ],
        "text-classification",
        REVIEWS,
    ),
    Case(
        "Label Studio: JSON",
        "a.json",
        [
            studio(
                ANN,
                region("a", 0, 3, "PER"),
                region("b", 12, 16, "ORG"),
                region("c", 20, 24, "LOC"),
                {"type": "relation", "from_id": "a", "to_id": "b", "labels": ["founded"]},
            )
        ],
        "relation-extraction",
        FOUNDED,
    ),
    Case(
        "Label Studio: JSON-MIN",
        "a.json",
        [
            {"id": 1, "text": "Anna came", "label": [{"start": 0, "end": 4, "text": "Anna", "labels": ["PER"]}]},
            {"id": 2, "text": "No", "label": []},
        ],
        "token-classification",
        ANNA,
    ),
    Case(
        "spaCy: text and entities",
        "a.json",
        [["Anna came", {"entities": [[0, 4, "PER"]]}], ["No", {"entities": []}]],
        "token-classification",
        ANNA,
    ),
    Case(
        "spaCy: text and entities",
        "a.jsonl",
        [["Anna came", {"entities": [[0, 4, "PER"]]}], ["No", {"entities": []}]],
        "token-classification",
        ANNA,
    ),
    Case(
        "spaCy: text and categories",
        "a.jsonl",
        [["a, b", {"cats": {"pos": 1.0, "neg": 0.0}}], ["c", {"cats": {"pos": 0, "neg": 1}}]],
        "text-classification",
        REVIEWS,
        said="categories",
    ),
    Case(
        "spaCy: text and categories",
        "a.jsonl",
        [{"text": "a", "cats": {"x": 1, "y": 1}}, {"text": "b", "cats": {"x": 1, "y": 0}}],
        "multi-label",
        [("a", ["x", "y"]), ("b", ["x"])],
    ),
    Case("spaCy's .spacy", "a.spacy", "x", "token-classification", "Convert it to JSONL"),
]

INVALID = [
    Case(
        "Rows without text or label",
        "a.csv",
        'text,label\n"a, b",pos\n,pos\nx,\nc,neg\n',
        "text-classification",
        REVIEWS,
        2,
    ),
    Case(
        "Rows without text or label",
        "a.jsonl",
        [
            {"text": "a, b", "label": "pos"},
            {"text": None, "label": "x"},
            {"label": "x"},
            {"text": "y", "label": None},
            {"text": 3, "label": "x"},
            {"text": "c", "label": "neg"},
        ],
        "text-classification",
        REVIEWS,
        4,
    ),
    Case(
        "Rows without text or label",
        "a.jsonl",
        [{"text": "a", "label": ["x"]}, {"text": " ", "label": ["x"]}],
        "multi-label",
        [("a", ["x"])],
        1,
    ),
    Case(
        "Rows without text or label", "a.csv", "text,score\na,1.5\nb,\nc,high\nd,nan\n", "regression", [("a", 1.5)], 3
    ),
    Case(
        "Rows without text or label",
        "a.jsonl",
        [
            {"text": "Anna came", "spans": SPANS},
            {"text": "", "spans": []},
            {"text": "x", "spans": [{"start": 0, "end": 9, "label": "PER"}]},
            {"text": "No", "spans": []},
        ],
        "token-classification",
        ANNA,
        2,
    ),
    Case(
        "Rows without text or label",
        "a.jsonl",
        [
            {"text": "<e1>Ann</e1> is <e2>Bo</e2>", "label": "is"},
            {"text": "Ann", "label": "is"},
            {"text": "<e1>A</e1> <e2>B</e2>", "label": ""},
            {"text": "<e1>A</e1> <e2>B</e2>", "label": "no"},
        ],
        "relation-extraction",
        [("Ann", "is", "Bo"), ("A", "no", "B")],
        2,
    ),
    Case(
        "Rows without text or label",
        "a.jsonl",
        [
            PARIS,
            PARIS | {"id": "2", "question": ""},
            PARIS | {"id": "3", "answers": {"text": ["Rome"], "answer_start": [3]}},
            PARIS,
        ],
        "question-answering",
        [("where?", "Paris")],
        3,
    ),
    Case(
        "Rows without text or label",
        "a.json",
        {
            "data": [
                {
                    "paragraphs": [
                        {
                            "context": "In Paris",
                            "qas": [
                                {"id": 1, "question": "where?", "answers": [{"text": "Paris", "answer_start": 3}]},
                                {"id": 2, "question": None, "answers": []},
                            ],
                        }
                    ]
                }
            ]
        },
        "question-answering",
        [("where?", "Paris")],
        1,
    ),
    Case(
        "Rows without text or label",
        "a.jsonl",
        [{"source": "a", "target": "b"}, {"source": "", "target": "b"}, {"source": "c", "target": None}],
        "sequence-to-sequence",
        [("a", ["b"])],
        2,
    ),
    Case(
        "Rows without text or label",
        "a.csv",
        "text,text_pair,score\na,b,0.5\n,b,0.5\na,b,x\n",
        "sentence-embedding",
        [("a", "b", 0.5)],
        2,
    ),
    Case("Rows without text or label", "a.csv", "text\none\n   \ntwo\n", "masked-lm", ["one", "two"], 1),
    Case(
        "Rows without text or label",
        "a.jsonl",
        [{"prompt": "a", "completion": "b"}, {"prompt": "a", "completion": ""}],
        "causal-lm",
        [("a", "b")],
        1,
    ),
    Case(
        "Several labels joined by a bar",
        "a.csv",
        "text,label\na,x\nb,y\nc,x|y\n",
        "text-classification",
        [("a", "x"), ("b", "y"), ("c", "x|y")],
        said="--problem multi_label",
    ),
    Case(
        "Several labels joined by a bar",
        "a.csv",
        'text,label\na,"Paris, France"\nb,"Lyon, France"\n',
        "text-classification",
        [("a", "Paris, France"), ("b", "Lyon, France")],
    ),
    Case("Other kinds of files", "a.xls", "x", "text-classification", "Save it as CSV UTF-8, or as .xlsx"),
    Case("Other kinds of files", "a.txt", "good\tpos\n", "text-classification", "rename it to .csv or .tsv"),
    Case("Other kinds of files", "a.xml", "<a/>", "text-classification", "Convert it to CSV or JSON lines"),
    Case("Other kinds of files", "a.pkl", "x", "text-classification", "to_parquet"),
]

CASES = [*DELIMITED, *MARKED, *JSON, *WORDS, *TOOLS, *INVALID]


def write(folder, case):
    content, path = case.content, folder / case.file
    if not isinstance(content, str | bytes):
        lines = case.file.endswith(".jsonl")
        content = "".join(json.dumps(item) + "\n" for item in content) if lines else json.dumps(content)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.form}-{case.task}-{case.file}".replace(" ", "_"))
def test_a_form_is_read_or_skipped_or_refused(case, tmp_path, caplog):
    file = write(tmp_path, case)
    if isinstance(case.result, str):
        with pytest.raises(KerasftError, match=f"(?s){case.result}"):
            READ[case.task](file)
        return
    if case.skipped:
        with pytest.raises(KerasftError, match=r"--skip-invalid \(kerasft.data.skip_invalid\)"):
            READ[case.task](file)
    with kerasft.data.skip_invalid() as skipped:
        assert READ[case.task](file) == case.result
    assert len(skipped) == case.skipped
    assert all(row.file.startswith(file) and row.reason for row in skipped.rows)
    assert re.search(case.said, caplog.text)
    if not case.said.startswith("--problem"):
        assert "multi_label" not in caplog.text


def test_the_page_has_every_form():
    page = DOCS.read_text("utf-8")
    missing = {case.form for case in CASES if f"| {case.form} |" not in page}
    assert not missing


def test_what_is_skipped_is_listed(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text,label\n" + "good,a\n,a\nbad,b\n" * 10)
    with kerasft.data.skip_invalid() as skipped:
        assert len(kerasft.tasks.settled(str(path)).source) == 20
        assert len(kerasft.tasks.settled(str(path)).source) == 20  # read twice, counted once
    said = skipped.report(tmp_path / "run")
    assert said.startswith("10 rows were skipped")
    assert f"{path}, line 3:" in said
    assert "... and 5 more" in said
    listed = [json.loads(line) for line in (tmp_path / "run" / "skipped_rows.jsonl").read_text().splitlines()]
    assert [row["line"] for row in listed] == list(range(3, 33, 3))
    assert kerasft.data.Skipped().report(tmp_path / "run") == ""
    assert not (tmp_path / "run" / "skipped_rows.jsonl").exists()


def test_a_file_without_a_valid_row_is_an_error(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text,label\n,a\n,b\n")
    with kerasft.data.skip_invalid(), pytest.raises(KerasftError, match="none of 2 rows is valid"):
        kerasft.tasks.settled(str(path))


def test_finding_the_invalid_rows_silences_no_other_thread(caplog):
    rows = kerasft.data.Rows.of({"text": ["good", "", "bad"]}, "a.csv")
    logger = logging.getLogger("kerasft")

    def check(one):
        logger.warning("of a row")
        thread = threading.Thread(target=logger.warning, args=("of another thread",))
        thread.start()
        thread.join()
        if not one.columns["text"][0]:
            raise one.error(0, "expected a non-empty,", fix="Fill it in.")

    with kerasft.data.skip_invalid() as skipped:
        assert len(valid_rows(rows, check)) == 2
        assert len(valid_rows(rows.take([1]), check, allow_none=True)) == 0
    assert len(skipped) == 1
    assert set(caplog.messages) == {"of another thread"}


def test_unknown_labels_are_not_skipped():
    with (
        kerasft.data.skip_invalid() as skipped,
        pytest.raises(KerasftError, match="unknown label; expected one of") as error,
    ):
        kerasft.data.texts_and_labels([("a", "x"), ("b", "z")], labels=["x", "y"])
    assert "--skip-invalid" not in str(error.value)
    assert not len(skipped)
