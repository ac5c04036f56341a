"""What the examples of the pages find in their folder: tiny models under the names of published ones, and small data files."""

import csv
import json
import pathlib

import kerasft
from tests import tiny

TEXTS = ["a good film", "a bad film", "we love the movie", "my card is lost"]
LABELLED = [("a good film", "positive"), ("a bad movie", "negative"), ("great", "positive"), ("poor card", "negative")]
TAGGED = "EU B-ORG\nis O\nin O\nParis B-LOC\n\nAda B-PER\nLovelace I-PER\nin O\nLondon B-LOC\n\n"
TRANSLATED = [("where is my card", "ou est ma carte"), ("a good film", "un bon film"), ("I love it", "je l'aime")]
QUESTION = {
    "id": "1",
    "question": "where is it?",
    "context": "the card is in Berlin.",
    "answers": [{"text": "Berlin", "answer_start": 15}],
}
RELATIONS = [
    {"text": "The <e1>lamp</e1> goes to <e2>Porto</e2>.", "label": "delivered_to(e1,e2)"},
    {"text": "The <e1>lamp</e1> is in <e2>Porto</e2>.", "label": "Other"},
]


def table(path: pathlib.Path, header: tuple, rows: list, delimiter: str = ",") -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=delimiter).writerows([header, *rows] if header else rows)


def json_lines(path: pathlib.Path, rows: list[dict]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


def checkpoints(folder: pathlib.Path) -> None:
    """Folders with the names of hub ids: a local folder goes before the hub."""
    for name in ("bert-base-uncased", "bert-base-cased", "google-bert/bert-base-uncased", "old_folder"):
        tiny.bert_folder(folder / name, max_position_embeddings=64)
        settings = folder / name / "tokenizer_config.json"
        settings.write_text(settings.read_text().replace('"model_max_length": 32', '"model_max_length": 64'))
    kerasft.checkpoints.save_huggingface(
        folder / "textattack/bert-base-uncased-SST-2", tiny.classifier(), tiny.tokenizer()
    )
    kerasft.checkpoints.new_gpt2(folder / "gpt2", TEXTS, vocabulary_size=300, num_layers=1, hidden_dim=64)
    words = [text for pair in TRANSLATED for text in pair] * 4
    kerasft.checkpoints.new_t5(folder / "t5-small", words, vocabulary_size=60, num_layers=1, hidden_dim=64)


def data_files(folder: pathlib.Path) -> None:
    for name in ("train", "dev", "test", "held_out"):
        table(folder / f"{name}.csv", ("text", "label"), LABELLED * 4)
        table(folder / f"{name}.tsv", (), TRANSLATED * 4, delimiter="\t")
        (folder / f"{name}.conll").write_text(TAGGED * 4, "utf-8")
        json_lines(folder / f"{name}.jsonl", RELATIONS * 4)
        json_lines(folder / f"{name}.json", [{**QUESTION, "id": f"{name} {number}"} for number in range(4)])
    for name in ("texts.txt", "input.txt"):
        (folder / name).write_text("\n".join(TEXTS * 4) + "\n", "utf-8")
    table(folder / "faq.csv", ("text", "answer"), [(text, "ask us") for text in TEXTS])


def bundles(folder: pathlib.Path) -> None:
    saved = folder / "saved_models"
    for name in ("reviews", "banking77"):
        kerasft.save_bundle(saved / name, tiny.classifier(), tiny.tokenizer(), max_length=32)
    model, tokenizer = kerasft.load_task_model(folder / "gpt2")
    kerasft.save_bundle(saved / "writer", model, tokenizer)
    model, tokenizer = kerasft.load_task_model(folder / "t5-small")
    kerasft.save_bundle(saved / "english_french", model, tokenizer)
    tagger = kerasft.heads.token_classifier(tiny.backbone(), ["O", "B-PRODUCT", "I-PRODUCT", "B-CITY", "I-CITY"])
    kerasft.save_bundle(saved / "entities", tagger, tiny.tokenizer(), max_length=32)


def make(folder: pathlib.Path) -> None:
    """Fill a folder with all of it."""
    checkpoints(folder)
    data_files(folder)
    bundles(folder)
