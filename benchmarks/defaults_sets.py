"""Small subsets of public data sets, one a kind of task, for `defaults_sweep.py`.

Where a set has a dev split, the dev rows come from it; elsewhere they are train rows that are not trained on.
No test row is read.
"""

import csv
import json
import pathlib
import random
from collections.abc import Callable

Row = dict[str, str]


def write_set(name: str, data: pathlib.Path, folder: pathlib.Path) -> tuple[str, str, dict]:
    """Write the files of a set.

    Args:
        name: A key of `SETS`.
        data: Folder with one folder a public data set.
        folder: Where to write.

    Returns:
        The task, the metric that settings are compared by, and the options that say what the data are.
    """
    task, metric, make, options = SETS[name]
    folder.mkdir(parents=True, exist_ok=True)
    return task, metric, {**make(data, folder), **options}


def _tsv(path: pathlib.Path, text: int, label: int, *, pair: int | None = None, header: bool = False) -> list[Row]:
    quoting = csv.QUOTE_MINIMAL if path.suffix == ".csv" else csv.QUOTE_NONE
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file, delimiter="," if path.suffix == ".csv" else "\t", quoting=quoting))[header:]
    made = [{"text": row[text], "label": row[label]} for row in rows]
    if pair is not None:
        made = [
            {"text": row["text"], "text_pair": cells[pair], "label": row["label"]} for row, cells in zip(made, rows)
        ]
    return made


def _drawn(rows: list, count: int, *, words: int | None = None, text=lambda row: row["text"]) -> tuple[list, list]:
    """`count` rows drawn by a fixed seed, and the others; with `words`, of the texts that have at most so many."""
    short = [row for row in rows if words is None or len(text(row).split()) <= words]
    mixed = random.Random(0).sample(short, len(short))
    return mixed[:count], mixed[count:]


def _write(folder: pathlib.Path, train: list[Row], dev: list[Row]) -> dict[str, str]:
    files = {}
    for part, rows in (("train", train), ("dev", dev)):
        path = folder / f"{part}.jsonl"
        path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
        files[part] = str(path)
    return files


def _split_table(folder_name: str, train: int, dev: int, *, files: tuple, **columns) -> Callable:
    def make(data: pathlib.Path, folder: pathlib.Path) -> dict:
        drawn, rest = _drawn(_tsv(data / folder_name / files[0], **columns), train, words=WORDS)
        if len(files) == 2:
            rest = _drawn(_tsv(data / folder_name / files[1], **columns), dev, words=WORDS)[0]
        return _write(folder, drawn, rest[:dev])

    return make


def _intents(classes: int, each: int, dev: int) -> Callable:
    """CLINC150's first intents: `each` train rows of a class, and dev rows of the official dev split."""

    def make(data: pathlib.Path, folder: pathlib.Path) -> dict:
        splits = json.loads((data / "clinc150" / "data_full.json").read_text("utf-8"))
        names = sorted({label for _, label in splits["train"]})[:: 150 // classes][:classes]
        train = [{"text": text, "label": label} for text, label in splits["train"] if label in names]
        kept = [row for name in names for row in [row for row in train if row["label"] == name][:each]]
        rows = [{"text": text, "label": label} for text, label in splits["val"] if label in names]
        return _write(folder, kept, _drawn(rows, dev)[0])

    return make


def _relations(data: pathlib.Path, folder: pathlib.Path) -> dict:
    lines = (data / "semeval2010_task8" / "train.jsonl").read_text("utf-8").splitlines()
    train, rest = _drawn([json.loads(line) for line in lines], 1000, words=WORDS)
    return _write(folder, train, rest[:300])


def _entities(data: pathlib.Path, folder: pathlib.Path) -> dict:
    files = {}
    for part, count in (("train", 506), ("dev", 250)):
        sentences = (data / "wnut17" / f"{part}.conll").read_text("utf-8").strip().split("\n\n")
        path = folder / f"{part}.conll"
        path.write_text("\n\n".join(_drawn(sentences, count, words=2 * WORDS, text=str)[0]) + "\n", "utf-8")
        files[part] = str(path)
    return files


def _slots(data: pathlib.Path, folder: pathlib.Path) -> dict:
    files = {}
    for part, count in (("train", 500), ("dev", 300)):
        columns = [(data / "snips" / f"{part}.{end}").read_text("utf-8").splitlines() for end in _SNIPS]
        rows = _drawn(list(zip(*columns)), count)[0]
        for end, cells in zip(_SNIPS, zip(*rows)):
            (folder / f"{part}.{end}").write_text("\n".join(cells) + "\n", "utf-8")
        files[part] = str(folder / part)
    return files


def _questions(data: pathlib.Path, folder: pathlib.Path) -> dict:
    """Questions about short paragraphs, so that each is one window."""
    files = {}
    for part, count in (("train", 600), ("dev", 200)):
        rows = []
        for article in json.loads((data / "squad" / f"{part}.json").read_text("utf-8"))["data"]:
            for paragraph in article["paragraphs"]:
                if len(paragraph["context"]) < 500:
                    rows += [{**question, "context": paragraph["context"]} for question in paragraph["qas"]]
        path = folder / f"{part}.jsonl"
        path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in _drawn(rows, count)[0]), "utf-8")
        files[part] = str(path)
    return files


WORDS = 16  # longer texts are left out: they take longer and say no more about a rate
_SNIPS = ("seq.in", "seq.out", "label")
_SST2 = {"files": ("train.tsv", "dev.tsv"), "text": 0, "label": 1, "header": True}
_COLA = {"files": ("train.tsv", "dev.tsv"), "text": 3, "label": 1}
_RTE = {"files": ("train.tsv", "dev.tsv"), "text": 1, "pair": 2, "label": 3, "header": True}
_STSB = {"files": ("en-train.csv", "en-dev.csv"), "text": 0, "pair": 1, "label": 2}
_CLASSES = ("text-classification", "accuracy")

# name -> (task, metric, what writes its files, options)
SETS = {
    "sst2_300": (*_CLASSES, _split_table("sst2", 300, 300, **_SST2), {}),
    "sst2_1500": (*_CLASSES, _split_table("sst2", 1500, 300, **_SST2), {}),
    "cola_1000": (*_CLASSES, _split_table("cola", 1000, 300, **_COLA), {}),
    "rte_500": (*_CLASSES, _split_table("rte", 500, 277, **_RTE), {}),
    "sms_spam_400": (*_CLASSES, _split_table("sms_spam", 400, 300, files=("sms.tsv",), text=1, label=0), {}),
    "banking77_1500": (
        *_CLASSES,
        _split_table("banking77", 1500, 300, files=("train.csv",), text=0, label=1, header=True),
        {},
    ),
    "clinc150_240": (*_CLASSES, _intents(10, 24, 200), {}),
    "stsb_pairs_800": (
        "text-classification",
        "spearman",
        _split_table("stsb", 800, 300, **_STSB),
        {"problem": "regression"},
    ),
    "stsb_embedding_800": (
        "sentence-embedding",
        "spearman",
        _split_table("stsb", 800, 300, **_STSB),
        {"max_score": 5.0},
    ),
    "wnut17_506": ("token-classification", "entity_f1", _entities, {}),
    "snips_500": ("intent-and-slots", "slot_f1", _slots, {}),
    "semeval_1000": ("relation-extraction", "accuracy", _relations, {}),
    "squad_600": ("question-answering", "f1", _questions, {"max_length": 160, "stride": 32}),
}
