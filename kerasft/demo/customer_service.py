"""A small synthetic customer-service dataset with intents and entity spans, in English.

`kerasft demo` trains on it: it needs no download, is the same on every platform, and is not solved by a bag of words. Two
of five texts mention two intents, and only word order, negation or scope determines which one is the label ("I don't want
to cancel my order, I want to change the address"). Each such pair occurs with either label, so a bag of words can only guess.
Half of the dev and test texts use a template that the training set lacks: a known frame with new intents. Accuracy: bag of
words 0.80, 2-layer BERT from random weights 0.98 (`tests/demo/test_customer_service.py` checks the former).
"""

import csv
import json
import random
import re
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypedDict

from kerasft.demo import customer_service_grammar as grammar
from kerasft.errors import whole_number
from kerasft.files import file_written_aside, local_path

INTENTS = tuple(grammar.SHARES)
"""The intents, most frequent first."""
ENTITY_LABELS = ("AMOUNT", "CITY", "DATE", "EMAIL", "ORDER", "PRODUCT")
"""The entity labels."""
SPLITS = ("train", "dev", "test")

_PARTS = {"dev": 0.15, "test": 0.15}
_CONTRAST_SHARE = 0.38
_MIN_ROWS, _MAX_ROWS = 400, 50_000

# A text under construction: pieces, each with its entity label, or None.
_Pieces = list[tuple[str, str | None]]


class LabelledSpan(TypedDict):
    """One span: `text[start:end]` is an entity with this label."""

    start: int
    end: int
    label: str


class Example(TypedDict):
    """One text with its intent, entities and split, and the id of the template that it was generated from."""

    text: str
    intent: str
    entities: list[LabelledSpan]
    split: str
    template: str


class _Choices:
    """Random choices by `random.Random.random`, the only method whose sequence is stable across Python versions."""

    def __init__(self, seed: int):
        self._random = random.Random(seed)

    def below(self, limit: int) -> int:
        return int(self._random.random() * limit)

    def pick(self, items: Sequence):
        return items[self.below(len(items))]

    def chance(self, probability: float) -> bool:
        return self._random.random() < probability

    def shuffled(self, items: Sequence) -> list:
        return [item for _, _, item in sorted((self._random.random(), i, item) for i, item in enumerate(items))]


def generate(*, rows: int = 6000, seed: int = 0) -> list[Example]:
    """Generate the dataset: the same arguments give the same texts on every platform.

    Args:
        rows: Total number of texts, 400 to 50,000: 70% train, 15% dev, 15% test, each with the intent distribution
            `customer_service_grammar.SHARES` (22% to 3%).
        seed: Random seed, a whole number >= 0.

    Returns:
        Examples in random order: dictionaries of `text`, `intent`, `entities` (each `start`, `end`, `label`: character
        offsets, end exclusive), `split` ("train", "dev" or "test") and `template`. Texts are unique. Half of the dev and
        test texts have a template that no training text has.

    Raises:
        KerasftError: If `rows` or `seed` is out of range.

    Example:

    >>> examples = generate(rows=400, seed=1)
    >>> len(examples), len({example["text"] for example in examples})
    (400, 400)
    >>> first = examples[0]
    >>> sorted(first)
    ['entities', 'intent', 'split', 'template', 'text']
    """
    rows = whole_number("rows", rows, "Use rows=6000.", least=_MIN_ROWS, most=_MAX_ROWS)
    seed = whole_number("seed", seed, "Use seed=0.", least=0)
    choices = _Choices(seed)
    seen: set[str] = set()
    examples = [_new_example(choices, seen, *slot) for slot in _slots(choices, rows)]
    return choices.shuffled(examples)


def write(folder: str | Path, *, rows: int = 6000, seed: int = 0) -> dict[str, Path]:
    """Write the dataset to `train.csv`, `dev.csv` and `test.csv` (text, intent), and the entities to `*.entities.jsonl`.

    Args:
        folder: Output folder; created if it does not exist. Existing files are overwritten.
        rows: See `generate`.
        seed: See `generate`.

    Returns:
        Path of each split's CSV file, by split name.

    Raises:
        KerasftError: If `rows` or `seed` is out of range.

    Example:

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     files = write(folder, rows=400)
    ...     print(files["dev"].name, files["dev"].read_text(encoding="utf-8").splitlines()[0])
    dev.csv text,intent
    """
    examples = generate(rows=rows, seed=seed)
    folder = local_path(folder)
    files = {split: folder / f"{split}.csv" for split in SPLITS}
    for split, path in files.items():
        part = [example for example in examples if example["split"] == split]
        with file_written_aside(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(("text", "intent"))
            writer.writerows((example["text"], example["intent"]) for example in part)
        entities = folder / f"{split}.entities.jsonl"
        with file_written_aside(entities) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
            for example in part:
                row = {"text": example["text"], "entities": example["entities"]}
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
    return files


def _slots(choices: _Choices, rows: int) -> Iterator[tuple[str, str | None, str, bool]]:
    """Yield intent, contrasted intent or None, split, and whether the template is held out, for each text to generate."""
    counts = {intent: round(rows * share) for intent, share in grammar.SHARES.items()}
    counts[INTENTS[0]] += rows - sum(counts.values())
    groups: dict[tuple[str, bool], list[str]] = {}
    for intent, count in counts.items():
        sizes = {split: round(count * part) for split, part in _PARTS.items()}
        groups.setdefault(("train", False), []).extend([intent] * (count - sum(sizes.values())))
        for split, size in sizes.items():
            groups.setdefault((split, True), []).extend([intent] * ((size + 1) // 2))
            groups.setdefault((split, False), []).extend([intent] * (size // 2))
    for (split, held_out), intents in groups.items():
        for intent, other in _paired(choices, intents):
            yield intent, other, split, held_out


def _paired(choices: _Choices, intents: Sequence[str]) -> Iterator[tuple[str, str | None]]:
    """Pair a share of the intents with another one, each pair with either label, so that no word reveals the label."""
    remaining = choices.shuffled(intents)
    for _ in range(round(_CONTRAST_SHARE * len(intents) / 2)):
        intent = remaining.pop()
        partner = next((i for i, other in enumerate(remaining) if other != intent), None)
        if partner is None:
            yield intent, None
            continue
        other = remaining.pop(partner)
        yield intent, other
        yield other, intent
    yield from ((intent, None) for intent in remaining)


def _new_example(
    choices: _Choices, seen: set[str], intent: str, other: str | None, split: str, held_out: bool
) -> Example:
    """Sample until the text is unique."""
    while True:
        template, sentence = _sentence(choices, intent, other, held_out)
        text, entities = _join(_add_noise(choices, _fill(choices, _add_context(choices, sentence))))
        if text.lower() not in seen:
            seen.add(text.lower())
            return Example(text=text, intent=intent, entities=entities, split=split, template=template)


def _sentence(choices: _Choices, intent: str, other: str | None, held_out: bool) -> tuple[str, str]:
    """Return a template's id and its sentence, with entity placeholders."""
    if other is None and not held_out and choices.chance(0.25):
        return f"sentence|{intent}", choices.pick(grammar.SENTENCES[intent])
    groups, intents = (grammar.PLAIN, [intent]) if other is None else (grammar.CONTRASTS, sorted((intent, other)))
    table, frame = choices.pick(_frames(groups, intents, held_out))
    sentence = frame.replace("{yes}", choices.pick(table[intent]))
    if other is not None:
        sentence = sentence.replace("{no}", choices.pick(table[other]))
    return "|".join((frame, *intents)), sentence


def _frames(groups: Sequence, intents: list[str], held_out: bool) -> list[tuple[dict, str]]:
    """Return the frames for these intents, either the held-out one or the others.

    Each intent or pair of intents holds out one of the frames that fit all intents, so the combination is unseen in
    training, but no word is. A checksum selects it, so that it is the same for every seed.
    """
    fitting = [(table, frame) for table, frames in groups if set(intents) <= set(table) for frame in frames]
    universal = [frame for table, frame in fitting if len(table) == len(INTENTS)]
    reserved = universal[zlib.crc32("|".join(intents).encode()) % len(universal)]
    return [(table, frame) for table, frame in fitting if (frame == reserved) == held_out]


def _add_context(choices: _Choices, sentence: str) -> str:
    """Randomly add a greeting, a neutral context sentence and a closing to the sentence."""
    sentences = [sentence]
    if choices.chance(0.25):
        sentences.append(choices.pick(grammar.CONTEXTS))
    sentences = [text[0].upper() + text[1:] for text in sentences]
    if choices.chance(0.25):
        sentences.insert(0, choices.pick(grammar.GREETINGS).capitalize())
    if choices.chance(0.25):
        sentences.append(choices.pick(grammar.CLOSINGS).capitalize())
    end = choices.pick((". ", ". ", "! ", " - "))
    text = "".join(text + (" " if text[-1] == "?" else end) for text in sentences).rstrip(" -")
    return text if choices.chance(0.7) else text.rstrip(".!")


def _fill(choices: _Choices, text: str) -> _Pieces:
    """Replace placeholders such as `{ORDER}` by entities."""
    pieces = re.split(r"\{([A-Z]+)\}", text)
    return [(_entity(choices, piece), piece) if i % 2 else (piece, None) for i, piece in enumerate(pieces) if piece]


def _entity(choices: _Choices, label: str) -> str:
    if label == "ORDER":
        number = 10_000 + choices.below(90_000)
        return choices.pick((f"#{number}", f"{number}", f"AB-{number}", f"no. {number}"))
    if label == "AMOUNT":
        euros, cents = 5 + choices.below(400), choices.below(100)
        return choices.pick((f"{euros} euros", f"${euros}", f"€{euros}.{cents:02d}", f"{euros}.{cents:02d} EUR"))
    if label == "DATE":
        day, month = 1 + choices.below(28), choices.pick(grammar.MONTHS)
        return choices.pick(
            (f"{day} {month}", f"{month} {day}", choices.pick(grammar.WEEKDAYS), f"{day}/{1 + choices.below(12)}")
        )
    if label == "EMAIL":
        return f"{choices.pick(grammar.FIRST_NAMES)}{choices.below(100)}@{choices.pick(grammar.MAIL_HOSTS)}"
    return choices.pick(grammar.CITIES if label == "CITY" else grammar.PRODUCTS)


def _add_noise(choices: _Choices, pieces: _Pieces) -> _Pieces:
    """Add noise: all lowercase or uppercase, no apostrophes, sometimes a typo (not in an entity)."""
    if choices.chance(0.25):
        pieces = [(text.lower(), label) for text, label in pieces]
    elif choices.chance(0.04):
        pieces = [(text.upper(), label) for text, label in pieces]
    if choices.chance(0.1):
        pieces = [(text if label else text.replace("'", ""), label) for text, label in pieces]
    if choices.chance(0.12):
        index = choices.below(len(pieces))
        text, label = pieces[index]
        pieces = [*pieces[:index], (text if label else _with_typo(choices, text), label), *pieces[index + 1 :]]
    return pieces


def _with_typo(choices: _Choices, text: str) -> str:
    """Delete, double or swap a letter inside a word of six or more letters, if there is one."""
    words = [match.span() for match in re.finditer(r"[A-Za-z]{6,}", text)]
    if not words:
        return text
    start, end = choices.pick(words)
    index = start + 1 + choices.below(end - start - 2)
    middle = choices.pick(("", text[index] * 2, text[index + 1] + text[index]))
    rest = text[index + 2 :] if len(middle) == 2 and middle != text[index] * 2 else text[index + 1 :]
    return text[:index] + middle + rest


def _join(pieces: _Pieces) -> tuple[str, list[LabelledSpan]]:
    text, entities = "", []
    for piece, label in pieces:
        if label:
            entities.append(LabelledSpan(start=len(text), end=len(text) + len(piece), label=label))
        text += piece
    return text, entities
