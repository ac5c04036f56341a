"""Hostile data files of every task: whole ones with flipped bits or mutated JSON, and files of absurd size in few bytes."""

import gzip
import io
import json
import os
import pathlib
import random
import struct
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq
import tensorflow as tf

from tests.security.mutations import crc32c, flip, mutate

Case = tuple[str, str, pathlib.Path]

_SQUAD = {
    "data": [
        {
            "title": "t",
            "paragraphs": [
                {
                    "context": "In Paris, a good caf\u00e9.",
                    "qas": [
                        {"id": str(n), "question": "Where?", "answers": [{"text": "Paris", "answer_start": 3}]}
                        for n in "12"
                    ],
                }
            ],
        }
    ]
}
_LINES = {
    "text-classification": [{"text": f"a good film {n}", "label": "yes" if n % 2 else "no"} for n in range(20)],
    "multi-label": [{"text": f"a good film {n}", "labels": ["a", "b"][: 1 + n % 2]} for n in range(20)],
    "token-classification": [
        {"text": "Rome is good", "spans": [{"start": 0, "end": 4, "label": "LOC"}]},
        {"words": ["New", "York"], "tags": ["B-LOC", "I-LOC"]},
    ],
    "question-answering": [
        {"id": "1", "question": "Where?", "context": "In Paris.", "answers": {"text": ["Paris"], "answer_start": [3]}},
    ],
    "sentence-embedding": [{"sentence1": "a film", "sentence2": "a movie", "score": n / 5} for n in range(6)],
    "relation-extraction": [
        {"text": f"<e1>Ann</e1> met <e2>Bob</e2> {n}", "label": "knows" if n % 2 else "other"} for n in range(6)
    ],
    "sequence-to-sequence": [{"source": f"a good film {n}", "target": "ein guter Film"} for n in range(6)],
    "masked-lm": [{"text": f"a good film {n}"} for n in range(6)],
}


def _jsonl(rows: list[dict]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def _csv(rows: list[dict], delimiter: str = ",") -> bytes:
    cells = [[value if isinstance(value, str) else json.dumps(value) for value in row.values()] for row in [*rows]]
    quoted = [[f'"{cell}"'.replace('["', "['").replace('"]', "']") for cell in row] for row in cells]
    return "\n".join(delimiter.join(row) for row in [list(rows[0]), *quoted]).encode() + b"\n"


def _parquet(table: pa.Table, groups: int = 1) -> bytes:
    content = io.BytesIO()
    with pq.ParquetWriter(content, table.schema) as writer:
        for _ in range(groups):
            writer.write_table(table)
    return content.getvalue()


def record(content: bytes, length: int | None = None) -> bytes:
    """A TFRecord, perhaps with a length that it does not have."""
    head = struct.pack("<Q", len(content) if length is None else length)
    checksums = (((crc := crc32c(part)) >> 15 | crc << 17) + 0xA282EAD8 & 0xFFFFFFFF for part in (head, content))
    first, second = (struct.pack("<I", checksum) for checksum in checksums)
    return head + first + content + second


def _example(**features: list[bytes]) -> bytes:
    values = {name: tf.train.Feature(bytes_list=tf.train.BytesList(value=value)) for name, value in features.items()}
    return tf.train.Example(features=tf.train.Features(feature=values)).SerializeToString()


def whole_files() -> Iterator[tuple[str, str, bytes]]:
    """Task, ending and content of a file that kerasft reads."""
    for task, rows in _LINES.items():
        yield task, "jsonl", _jsonl(rows)
        if task not in ("token-classification", "question-answering"):
            yield task, "csv", _csv(rows)
            yield task, "tsv", _csv(rows, "\t")
    table = pa.Table.from_pylist(_LINES["text-classification"])
    yield "text-classification", "parquet", _parquet(table)
    yield "text-classification", "csv.gz", gzip.compress(_csv(_LINES["text-classification"]), mtime=0)
    records = [_example(text=[b"a good film"], label=[b"yes" if n % 2 else b"no"]) for n in range(4)]
    yield "text-classification", "tfrecord", b"".join(map(record, records))
    yield "token-classification", "conll", b"EU NNP B-ORG\nrejects VBZ O\n\nRome NNP B-LOC\n" * 5
    yield "question-answering", "json", json.dumps(_SQUAD).encode()
    yield "masked-lm", "txt", b"a good film\nbad\n\nplease pay\n"


def absurd_files() -> Iterator[tuple[str, str, bytes]]:
    """Task, name and content of files that ask for much more than they are."""
    for task, ending in (
        ("text-classification", "csv"),
        ("text-classification", "tsv"),
        ("sequence-to-sequence", "tsv"),
    ):
        comma = b"," if ending == "csv" else b"\t"
        names = b"source,target" if task == "sequence-to-sequence" else b"text,label"
        head = names.replace(b",", comma) + b"\n"
        yield task, f"cell.{ending}", head + b"a" * 50_000_000 + comma + b"x\nb" + comma + b"y\n"
        yield task, f"quote.{ending}", head + b'"' + (b"a" + comma + b"b\n") * 1_000_000
        yield task, f"quotes.{ending}", head + b'"a""' * 2_000_000 + comma + b"x\n"
        header = comma.join(b"c%d" % number for number in range(100_000))
        yield task, f"columns.{ending}", header + b"\n" + comma.join([b"a"] * 100_000) + b"\n"
        yield task, f"labels.{ending}", head + b"".join(b"a%sx%d\n" % (comma, number) for number in range(200_000))
        yield task, f"nul.{ending}", head + b"a\0b" + comma + b"x\n"
        yield task, f"spaces.{ending}", head + b" " * 20_000_000 + comma + b"x\n"
    yield "multi-label", "labels.csv", b"text,labels\n" + b"".join(b"a,%d|%d\n" % (n, -n) for n in range(100_000))
    many = b"|".join(b"l%d" % number for number in range(9000))
    yield "multi-label", "wide.csv", b"text,labels\na," + many + b"\n" + b"a,l1\n" * 200_000
    brackets = b"[" * 100_000 + b"]" * 100_000
    for task in ("text-classification", "token-classification", "question-answering", "sentence-embedding"):
        yield task, "deep.jsonl", b'{"text": ' + brackets + b"}\n"
        yield task, "deep_900.jsonl", b'{"text": ' + b"[" * 900 + b"]" * 900 + b', "label": "x"}\n'
        yield task, "number.jsonl", b'{"text": "a", "label": ' + b"9" * 100_000 + b"}\n"
        yield task, "cell.jsonl", json.dumps({"text": "a" * 50_000_000, "label": "x"}).encode() + b"\n"
        yield task, "list.jsonl", json.dumps({"text": ["a"] * 5_000_000, "label": "x"}).encode() + b"\n"
        keys = (json.dumps({f"k{row}_{n}": 1 for n in range(500)}).encode() for row in range(500))
        yield task, "keys.jsonl", b"\n".join(keys)
        keys = json.dumps({f"k{n}": 1 for n in range(9000)}).encode() + b"\n"
        yield task, "cells.jsonl", keys + b"{}\n" * 2_000_000
        yield task, "surrogate.jsonl", b'{"text": "\\ud800", "label": "x"}\n'
        yield task, "infinite.jsonl", b'{"text": "a", "label": 1e999}\n{"text": "b", "label": NaN}\n'
        yield task, "written.jsonl", json.dumps({"text": "a", "label": "[" * 90_000}).encode() + b"\n"
    yield "token-classification", "sentence.conll", b"a O\n" * 2_000_000
    yield "token-classification", "columns.conll", b"a " * 2_000_000 + b"O\n"
    yield "token-classification", "types.conll", b"".join(b"a B-t%d\n\n" % number for number in range(100_000))
    yield "token-classification", "word.conll", b"a" * 50_000_000 + b" O\n"
    spans = [{"start": n, "end": n + 1, "label": "x"} for n in range(0, 200_000, 2)]
    yield "token-classification", "spans.jsonl", json.dumps({"text": "a " * 100_000, "spans": spans}).encode()
    yield "question-answering", "deep.json", brackets
    context = "a " * 500_000
    answers = [{"text": "b", "answer_start": 1}] * 100_000
    entry = {"context": context, "qas": [{"id": "1", "question": "q", "answers": answers}]}
    yield "question-answering", "answers.json", json.dumps({"data": [{"paragraphs": [entry]}]}).encode()
    questions = [{"id": str(n), "question": "q", "answers": [{"text": "a", "answer_start": 0}]} for n in range(2000)]
    yield (
        "question-answering",
        "context.json",
        json.dumps({"data": [{"paragraphs": [{"context": "a " * 2_000_000, "qas": questions}]}]}).encode(),
    )
    table = pa.table({"text": pa.array(["a" * 1_000_000] * 100), "label": pa.array(["x"] * 100)})
    yield "text-classification", "texts.parquet", _parquet(table, 100)
    yield "text-classification", "nothing.parquet", _parquet(pa.table({"text": pa.nulls(400_000_000)}))
    yield "text-classification", "cut.parquet", b"PAR1" + b"\xff" * 100 + b"PAR1"
    yield "text-classification", "length.tfrecord", record(b"a", 2**40)
    yield "text-classification", "lengths.tfrecord", record(b"a", 2**62)
    yield "text-classification", "values.tfrecord", record(_example(text=[b""] * 5_000_000))
    yield "text-classification", "bomb.csv.gz", gzip.compress(bytes(2_000_000_000), 1)
    yield "text-classification", "bomb.tfrecord.gz", gzip.compress(bytes(2_000_000_000), 1)
    yield "text-classification", "cut.csv.gz", gzip.compress(b"text,label\na,x\n")[:-6]
    yield "text-classification", "empty.csv", b""
    yield "masked-lm", "line.txt", b"a" * 50_000_000
    yield "masked-lm", "lines.txt", b"a\n" * 3_000_000


def data_cases(folder: pathlib.Path, generator: random.Random, scale: float) -> Iterator[Case]:
    """Write the files, one after the other; a share of them below a scale of 1."""
    kinds = list(whole_files())
    for task, name, content in absurd_files():
        if scale >= 1 or generator.random() < scale:
            yield f"{task}: of absurd size", task, _written(folder / name, content)
    for task, ending, _ in kinds:
        if scale < 1 and generator.random() > scale:
            continue
        path = folder / f"pipe.{ending}"
        os.mkfifo(path)
        yield "pipe or device for a data file", task, path
        path = folder / f"zero.{ending}"
        path.symlink_to("/dev/zero")
        yield "pipe or device for a data file", task, path
    for number in range(max(len(kinds), round(500 * scale)) if scale > 0.1 else 6):
        task, ending, content = kinds[number % len(kinds)] if scale > 0.1 else generator.choice(kinds)
        path = _written(folder / f"changed_{number}.{ending}", content)
        if "json" in ending and generator.random() < 0.6:
            path.write_bytes(_mutated(content, ending, generator))
        else:
            flip(path, generator, generator.choice((1, 3, 10)))
        yield f"{task}: changed", task, path


def _mutated(content: bytes, ending: str, generator: random.Random) -> bytes:
    if ending == "json":
        return json.dumps(mutate(json.loads(content), generator, 2)).encode()
    rows = [json.loads(line) for line in content.splitlines()]
    row = generator.randrange(len(rows))
    rows[row] = mutate(rows[row], generator, 2)
    return _jsonl(rows)


def _written(path: pathlib.Path, content: bytes) -> pathlib.Path:
    path.write_bytes(content)
    return path
