"""The synthetic customer-service texts as a dataset for each task, without a download.

For demos, notebooks and tests; results on it say nothing about real data.
"""

import csv
import itertools
import json
from collections.abc import Callable, Iterable
from pathlib import Path

from kerasft.demo.customer_service import SPLITS, Example, generate
from kerasft.errors import bad_argument
from kerasft.files import file_written_aside, local_path
from kerasft.tasks import (
    CAUSAL_LM,
    INTENT_AND_SLOTS,
    MASKED_LM,
    QUESTION_ANSWERING,
    RELATION_EXTRACTION,
    SENTENCE_EMBEDDING,
    SEQUENCE_TO_SEQUENCE,
    TEXT_CLASSIFICATION,
    TOKEN_CLASSIFICATION,
)

_QUESTIONS = {
    "AMOUNT": "What amount of money is mentioned?",
    "CITY": "Which city is mentioned?",
    "DATE": "Which day is mentioned?",
    "EMAIL": "What is the email address?",
    "ORDER": "What is the order number?",
    "PRODUCT": "Which product is it about?",
}
# Sentences for each relation between two entities, with placeholders.
_RELATIONS = {
    "delivered_to(e1,e2)": (
        "The {PRODUCT} should go to {CITY}.",
        "Please ship the {PRODUCT} to my flat in {CITY}.",
        "I want the {PRODUCT} sent to {CITY} this time.",
        "My {PRODUCT} should be on its way to {CITY} by now!",
    ),
    "delivered_to(e2,e1)": (
        "My address in {CITY} is the one to ship the {PRODUCT} to.",
        "{CITY} is where I need the {PRODUCT} delivered.",
        "It is my office in {CITY} that ordered the {PRODUCT}.",
    ),
    "price_of(e1,e2)": (
        "I paid {AMOUNT} for the {PRODUCT}.",
        "{AMOUNT} is too much for a {PRODUCT}.",
        "You charged {AMOUNT} even though the {PRODUCT} is on sale.",
    ),
    "price_of(e2,e1)": (
        "The {PRODUCT} cost me {AMOUNT}.",
        "For this {PRODUCT}, I was charged {AMOUNT}.",
        "The {PRODUCT} is sold for {AMOUNT} elsewhere.",
    ),
    "Other": (
        "The {PRODUCT} is fine, but I'm moving to {CITY} soon.",
        "I live in {CITY} and would like to know more about the {PRODUCT}.",
        "I have {AMOUNT} in my account; is the {PRODUCT} in stock?",
        "The {PRODUCT} arrived broken, and you still owe me {AMOUNT} from last year.",
    ),
}


def write(folder: str | Path, task: str, *, rows: int = 2000, seed: int = 0) -> dict[str, Path]:
    """Write the dataset in the format of a task's recipe.

    Args:
        folder: Output folder; created if it does not exist. Existing files are overwritten.
        task: `"text-classification"` or `"few-shot"` (CSV of text and intent), `"token-classification"` (JSONL of text and
            character spans), `"intent-and-slots"` (the same with the intent), `"question-answering"` (SQuAD JSON),
            `"relation-extraction"` (JSONL of marked text and label), `"masked-lm"` or `"causal-lm"` (one text per line),
            `"sequence-to-sequence"` (CSV of text and keywords), `"sentence-embedding"` (CSV of two texts with the same
            intent).
        rows: Total number of texts, 400 to 50,000.
        seed: Random seed, a whole number >= 0.

    Returns:
        Path of each split's file, by split name: "train", "dev", "test".

    Raises:
        KerasftError: If the task is not one of these, or `rows` or `seed` is out of range.

    Example:

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write(folder, "sequence-to-sequence", rows=400)["dev"].name
    'dev.csv'
    """
    if task not in _WRITERS:
        raise bad_argument("task", f"one of {', '.join(_WRITERS)}", task, "Choose one of them.")
    suffix, writer = _WRITERS[task]
    examples = generate(rows=rows, seed=seed)
    folder = local_path(folder)
    files = {split: folder / f"{split}.{suffix}" for split in SPLITS}
    for split, path in files.items():
        with file_written_aside(path) as temporary:
            writer(temporary, [example for example in examples if example["split"] == split])
    return files


def _write_csv(path: Path, header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def _write_jsonl(path: Path, rows: Iterable[dict]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")


def _intents(path: Path, examples: list[Example]) -> None:
    _write_csv(path, ("text", "intent"), ((example["text"], example["intent"]) for example in examples))


def _spans(path: Path, examples: list[Example]) -> None:
    _write_jsonl(path, ({"text": example["text"], "spans": example["entities"]} for example in examples))


def _intents_and_spans(path: Path, examples: list[Example]) -> None:
    fields = ({"text": e["text"], "intent": e["intent"], "spans": e["entities"]} for e in examples)
    _write_jsonl(path, fields)


def _questions(path: Path, examples: list[Example]) -> None:
    """Write passages of three texts, with a question for each entity label that occurs once."""
    with_entities = [example for example in examples if example["entities"]]
    paragraphs = []
    for number, start in enumerate(range(0, len(with_entities) - 2, 3)):
        context, spans = "", []
        for example in with_entities[start : start + 3]:
            offset = len(context) + bool(context)
            context = f"{context} {example['text']}" if context else example["text"]
            spans += [
                (entity["label"], offset + entity["start"], offset + entity["end"]) for entity in example["entities"]
            ]
        kinds = [label for label, _, _ in spans]
        questions = [
            {
                "id": f"{with_entities[start]['split']}-{number}-{label}",
                "question": _QUESTIONS[label],
                "answers": [{"text": context[first:last], "answer_start": first}],
            }
            for label, first, last in spans
            if kinds.count(label) == 1
        ]
        if questions:
            paragraphs.append({"context": context, "qas": questions})
    content = {"version": "1.1", "data": [{"title": "Customer service", "paragraphs": paragraphs}]}
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf-8")


def _relations(path: Path, examples: list[Example]) -> None:
    """Write sentences that express a relation between two entities of the texts."""
    values: dict[str, list[str]] = {}
    for example in examples:
        for entity in example["entities"]:
            values.setdefault(entity["label"], []).append(example["text"][entity["start"] : entity["end"]])
    values = {label: list(dict.fromkeys(texts)) for label, texts in values.items()}
    sentences = [(label, sentence) for label, group in _RELATIONS.items() for sentence in group]
    rows = []
    for number, (label, sentence) in zip(range(len(examples)), itertools.cycle(sentences)):
        names = sorted((name for name in values if f"{{{name}}}" in sentence), key=lambda n: sentence.index(f"{{{n}}}"))
        for index, name in enumerate(names, 1):
            # Different steps per entity, so that each value occurs with many others.
            value = values[name][(number * (2 * index + 1) + number // len(sentences)) % len(values[name])]
            sentence = sentence.replace(f"{{{name}}}", f"<e{index}>{value}</e{index}>")
        rows.append({"text": sentence, "label": label})
    _write_jsonl(path, rows)


def _lines(path: Path, examples: list[Example]) -> None:
    path.write_text("".join(f"{example['text']}\n" for example in examples), "utf-8")


def _keywords(path: Path, examples: list[Example]) -> None:
    rows = []
    for example in examples:
        parts = [example["intent"].replace("_", " ")]
        parts += [example["text"][entity["start"] : entity["end"]] for entity in example["entities"]]
        rows.append((example["text"], ", ".join(parts)))
    _write_csv(path, ("source", "target"), rows)


def _same_intent(path: Path, examples: list[Example]) -> None:
    unpaired: dict[str, str] = {}
    pairs = []
    for example in examples:
        if example["intent"] in unpaired:
            pairs.append((unpaired.pop(example["intent"]), example["text"]))
        else:
            unpaired[example["intent"]] = example["text"]
    _write_csv(path, ("text", "text_pair"), pairs)


_WRITERS: dict[str, tuple[str, Callable[[Path, list[Example]], None]]] = {
    TEXT_CLASSIFICATION.name: ("csv", _intents),
    "few-shot": ("csv", _intents),
    TOKEN_CLASSIFICATION.name: ("jsonl", _spans),
    INTENT_AND_SLOTS.name: ("jsonl", _intents_and_spans),
    QUESTION_ANSWERING.name: ("json", _questions),
    RELATION_EXTRACTION.name: ("jsonl", _relations),
    MASKED_LM.name: ("txt", _lines),
    CAUSAL_LM.name: ("txt", _lines),
    SEQUENCE_TO_SEQUENCE.name: ("csv", _keywords),
    SENTENCE_EMBEDDING.name: ("csv", _same_intent),
}
