"""Small generated data in the files of the public sets that the notebooks read."""

import csv
import json
import pathlib

import kerasft

ROWS = 400


def write(folder: pathlib.Path) -> None:
    """Write every set that a notebook reads, into `folder/banking77` and so on."""
    tasks = kerasft.demo.customer_service_tasks
    for name, task in (("squad", "question-answering"), ("semeval2010_task8", "relation-extraction")):
        tasks.write(folder / name, task, rows=ROWS)
    texts = tasks.write(folder / "tiny_shakespeare", "masked-lm", rows=ROWS)
    texts["train"].rename(folder / "tiny_shakespeare" / "input.txt")
    _intents(folder / "banking77")
    _tags(folder)
    _translations(folder / "tatoeba_en_fr")


def _intents(folder: pathlib.Path) -> None:
    for file in kerasft.demo.customer_service_tasks.write(folder, "text-classification", rows=ROWS).values():
        lines = file.read_text("utf-8").splitlines()
        rows = [(text, f"card_{intent}") for text, intent in csv.reader(lines[1:])]
        with file.open("w", encoding="utf-8", newline="") as opened:
            csv.writer(opened).writerows([("text", "category"), *rows])


def _tags(folder: pathlib.Path) -> None:
    files = kerasft.demo.customer_service_tasks.write(folder / "snips", "intent-and-slots", rows=ROWS)
    (folder / "wnut17").mkdir()
    for split, file in files.items():
        intents = [json.loads(line)["intent"] for line in file.read_text("utf-8").splitlines()]
        rows = kerasft.data.read_tags(file)
        cells = zip(rows.columns["text"], rows.columns["offsets"], rows.columns["tags"])
        words = [([text[start:end] for start, end in offsets], tags) for text, offsets, tags in cells]
        conll = "\n\n".join("\n".join(f"{word}\t{tag}" for word, tag in zip(*row)) for row in words)
        (folder / "wnut17" / f"{split}.conll").write_text(conll + "\n", "utf-8")
        sides = {
            "seq.in": [row[0] for row in words],
            "seq.out": [row[1] for row in words],
            "label": [[i] for i in intents],
        }
        for suffix, lines in sides.items():
            content = "".join(" ".join(line) + "\n" for line in lines)
            (folder / "snips" / f"{split}.{suffix}").write_text(content, "utf-8")


def _translations(folder: pathlib.Path) -> None:
    for file in kerasft.demo.customer_service_tasks.write(folder, "sequence-to-sequence", rows=ROWS).values():
        pairs = list(csv.reader(file.read_text("utf-8").splitlines()))[1:]
        short = [(" ".join(source.split()[:5]), " ".join(target.split()[:3])) for source, target in pairs]
        file.with_suffix(".tsv").write_text("".join("\t".join(pair) + "\n" for pair in short), "utf-8")
