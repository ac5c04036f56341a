"""A small customer-service data set that the package makes itself: intents and entity spans, in English.

It is what `kerasft demo` trains on, so it must need no download, be the same everywhere, and be worth a model. Two of five
texts name two intents, and only word order, negation or scope says which one is meant ("I don't want to cancel my order, I
want to change the address"); each such pair is said both ways, so there a bag of words can only guess. Half of the dev and
test texts combine a frame with an intent, or a pair of them, that the train part never combines. A bag of words gets 0.80,
a BERT of 2 layers trained from new weights 0.98 (`tests/demo/test_customer_service.py` checks the former).
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
"""The kinds of entity spans."""
SPLITS = ("train", "dev", "test")

_PARTS = {"dev": 0.15, "test": 0.15}
_CONTRAST_SHARE = 0.38
_MIN_ROWS, _MAX_ROWS = 400, 50_000

# A text under construction: pieces, each with the label of the entity that it is, or None.
_Pieces = list[tuple[str, str | None]]


class LabelledSpan(TypedDict):
    """One span: `text[start:end]` is an entity of kind `label`."""

    start: int
    end: int
    label: str


class Example(TypedDict):
    """One text with its intent, its entities, its split, and the id of the template that it was made from."""

    text: str
    intent: str
    entities: list[LabelledSpan]
    split: str
    template: str


class _Dice:
    """Random choices made of `random.Random.random` alone, the one method whose sequence Python promises to keep."""

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
    """Make the data set: the same arguments give the same texts on every platform.

    Args:
        rows: Number of texts over all splits, 400 to 50,000; 70 % are train, 15 % dev, 15 % test, each with the
            intents' shares (`customer_service_grammar.SHARES`, 22 % down to 3 %).
        seed: Seed of the generator, a whole number >= 0.

    Returns:
        Examples in random order: dictionaries of `text`, `intent`, `entities` (each `start`, `end`, `label`: character
        offsets, end exclusive), `split` ("train", "dev" or "test") and `template`. No text occurs twice. Every second
        text of dev and of test has a template that no train text has.

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
    rows = whole_number("rows", rows, "Give rows=6000.", least=_MIN_ROWS, most=_MAX_ROWS)
    seed = whole_number("seed", seed, "Give seed=0.", least=0)
    dice = _Dice(seed)
    seen: set[str] = set()
    examples = [_new_example(dice, seen, *slot) for slot in _slots(dice, rows)]
    return dice.shuffled(examples)


def write(folder: str | Path, *, rows: int = 6000, seed: int = 0) -> dict[str, Path]:
    """Write the data set as files: `train.csv`, `dev.csv`, `test.csv` (text, intent) and `*.entities.jsonl` beside them.

    Args:
        folder: Where to write; made if it is not there. Files of the same names are replaced.
        rows: As in `generate`.
        seed: As in `generate`.

    Returns:
        The path of each split's CSV file, by the split's name.

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
        with file_written_aside(path) as aside, aside.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(("text", "intent"))
            writer.writerows((example["text"], example["intent"]) for example in part)
        entities = folder / f"{split}.entities.jsonl"
        with file_written_aside(entities) as aside, aside.open("w", encoding="utf-8", newline="") as file:
            for example in part:
                row = {"text": example["text"], "entities": example["entities"]}
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
    return files


def _slots(dice: _Dice, rows: int) -> Iterator[tuple[str, str | None, str, bool]]:
    """Yield (intent, the intent it is contrasted with or None, split, whether held out) of every text to make."""
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
        for intent, other in _paired(dice, intents):
            yield intent, other, split, held_out


def _paired(dice: _Dice, intents: Sequence[str]) -> Iterator[tuple[str, str | None]]:
    """Match a share of the intents in twos: each pair is said both ways, so no word tells which of the two is meant."""
    waiting = dice.shuffled(intents)
    for _ in range(round(_CONTRAST_SHARE * len(intents) / 2)):
        intent = waiting.pop()
        partner = next((i for i, other in enumerate(waiting) if other != intent), None)
        if partner is None:
            yield intent, None
            continue
        other = waiting.pop(partner)
        yield intent, other
        yield other, intent
    yield from ((intent, None) for intent in waiting)


def _new_example(dice: _Dice, seen: set[str], intent: str, other: str | None, split: str, held_out: bool) -> Example:
    """Draw until the text is new."""
    while True:
        template, sentence = _sentence(dice, intent, other, held_out)
        text, entities = _join(_roughen(dice, _fill(dice, _dress(dice, sentence))))
        if text.lower() not in seen:
            seen.add(text.lower())
            return Example(text=text, intent=intent, entities=entities, split=split, template=template)


def _sentence(dice: _Dice, intent: str, other: str | None, held_out: bool) -> tuple[str, str]:
    """Return a template's id and its sentence, entities still in braces."""
    if other is None and not held_out and dice.chance(0.25):
        return f"sentence|{intent}", dice.pick(grammar.SENTENCES[intent])
    groups, intents = (grammar.PLAIN, [intent]) if other is None else (grammar.CONTRASTS, sorted((intent, other)))
    table, frame = dice.pick(_frames(groups, intents, held_out))
    sentence = frame.replace("{yes}", dice.pick(table[intent]))
    if other is not None:
        sentence = sentence.replace("{no}", dice.pick(table[other]))
    return "|".join((frame, *intents)), sentence


def _frames(groups: Sequence, intents: list[str], held_out: bool) -> list[tuple[dict, str]]:
    """The frames that fit, on the wanted side of the split.

    Each intent, and each pair of intents, holds one of the frames that fit all intents out of train: what is unseen is
    the combination, never a word. Which one, a checksum says and not the dice: it is the same under every seed.
    """
    fitting = [(table, frame) for table, frames in groups if set(intents) <= set(table) for frame in frames]
    universal = [frame for table, frame in fitting if len(table) == len(INTENTS)]
    reserved = universal[zlib.crc32("|".join(intents).encode()) % len(universal)]
    return [(table, frame) for table, frame in fitting if (frame == reserved) == held_out]


def _dress(dice: _Dice, sentence: str) -> str:
    """Put a greeting, a neutral context sentence and a closing around the sentence, each sometimes."""
    sentences = [sentence]
    if dice.chance(0.25):
        sentences.append(dice.pick(grammar.CONTEXTS))
    sentences = [text[0].upper() + text[1:] for text in sentences]
    if dice.chance(0.25):
        sentences.insert(0, dice.pick(grammar.GREETINGS).capitalize())
    if dice.chance(0.25):
        sentences.append(dice.pick(grammar.CLOSINGS).capitalize())
    end = dice.pick((". ", ". ", "! ", " - "))
    text = "".join(text + (" " if text[-1] == "?" else end) for text in sentences).rstrip(" -")
    return text if dice.chance(0.7) else text.rstrip(".!")


def _fill(dice: _Dice, text: str) -> _Pieces:
    """Replace `{ORDER}` and the like by entities."""
    pieces = re.split(r"\{([A-Z]+)\}", text)
    return [(_entity(dice, piece), piece) if i % 2 else (piece, None) for i, piece in enumerate(pieces) if piece]


def _entity(dice: _Dice, label: str) -> str:
    if label == "ORDER":
        number = 10_000 + dice.below(90_000)
        return dice.pick((f"#{number}", f"{number}", f"AB-{number}", f"no. {number}"))
    if label == "AMOUNT":
        euros, cents = 5 + dice.below(400), dice.below(100)
        return dice.pick((f"{euros} euros", f"${euros}", f"€{euros}.{cents:02d}", f"{euros}.{cents:02d} EUR"))
    if label == "DATE":
        day, month = 1 + dice.below(28), dice.pick(grammar.MONTHS)
        return dice.pick(
            (f"{day} {month}", f"{month} {day}", dice.pick(grammar.WEEKDAYS), f"{day}/{1 + dice.below(12)}")
        )
    if label == "EMAIL":
        return f"{dice.pick(grammar.FIRST_NAMES)}{dice.below(100)}@{dice.pick(grammar.MAIL_HOSTS)}"
    return dice.pick(grammar.CITIES if label == "CITY" else grammar.PRODUCTS)


def _roughen(dice: _Dice, pieces: _Pieces) -> _Pieces:
    """Write as people do: all lower or upper case, no apostrophes, now and then a typing error (never in an entity)."""
    if dice.chance(0.25):
        pieces = [(text.lower(), label) for text, label in pieces]
    elif dice.chance(0.04):
        pieces = [(text.upper(), label) for text, label in pieces]
    if dice.chance(0.1):
        pieces = [(text if label else text.replace("'", ""), label) for text, label in pieces]
    if dice.chance(0.12):
        at = dice.below(len(pieces))
        text, label = pieces[at]
        pieces = [*pieces[:at], (text if label else _with_typo(dice, text), label), *pieces[at + 1 :]]
    return pieces


def _with_typo(dice: _Dice, text: str) -> str:
    """Drop, double or swap a letter inside one word of six letters or more, if there is one."""
    words = [match.span() for match in re.finditer(r"[A-Za-z]{6,}", text)]
    if not words:
        return text
    start, end = dice.pick(words)
    at = start + 1 + dice.below(end - start - 2)
    middle = dice.pick(("", text[at] * 2, text[at + 1] + text[at]))
    rest = text[at + 2 :] if len(middle) == 2 and middle != text[at] * 2 else text[at + 1 :]
    return text[:at] + middle + rest


def _join(pieces: _Pieces) -> tuple[str, list[LabelledSpan]]:
    text, entities = "", []
    for piece, label in pieces:
        if label:
            entities.append(LabelledSpan(start=len(text), end=len(text) + len(piece), label=label))
        text += piece
    return text, entities
