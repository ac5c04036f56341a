"""Texts with two entities, and entity markers; standard library only."""

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ..features import is_unicode

ENTITY_MARKERS = ("[E1]", "[/E1]", "[E2]", "[/E2]")
"""Marker tokens around head and tail entity, for `kerasft.vocabulary.add_tokens(..., ENTITY_MARKERS, special=True)`."""

_TAGS = ("<e1>", "</e1>", "<e2>", "</e2>")
_TAG = re.compile("|".join(_TAGS))


class Entity(NamedTuple):
    """Character offsets and type of an entity.

    Example:

    >>> Entity(4, 10)
    Entity(start=4, end=10, type=None)
    """

    start: int
    end: int
    type: str | None = None


class EntityPair(NamedTuple):
    """A text without markers, and the two entities of a relation.

    Example:

    >>> pair = EntityPair("The author of a keygen", head=Entity(4, 10), tail=Entity(16, 22))
    >>> pair.text[slice(*pair.tail[:2])]
    'keygen'
    """

    text: str
    head: Entity
    tail: Entity


def entity_pair(text: Any, head: Any = None, tail: Any = None, *, fail: Callable[..., Exception]) -> EntityPair:
    """Validate a text and its two entities.

    Args:
        text: The text; with tags `<e1>...</e1>` and `<e2>...</e2>` (head and tail) if `head` and `tail` are None.
        head: Character offsets `{"start": ..., "end": ...}`, optionally with `"type"`; or a tuple of these.
        tail: The same for the other entity. Entities may overlap, and occur in any order.
        fail: Creates the error: `fail(problem, fix=..., value=...)`.

    Returns:
        The text without tags, and its entities without surrounding whitespace.

    Example:

    >>> entity_pair("The <e1>author</e1> of a <e2>keygen</e2>", fail=ValueError)
    EntityPair(text='The author of a keygen', head=Entity(start=4, end=10, type=None), tail=Entity(start=16, end=22, type=None))
    """
    if not isinstance(text, str) or not is_unicode(text):
        raise fail("expected a valid Unicode string", fix="Use a text with two entities.", value=text)
    if (head is None) != (tail is None):
        raise fail("expected two entities, got one", fix="Provide both `head` and `tail`.", value=head or tail)
    if head is None:
        text, head, tail = _without_tags(text, fail)
    return EntityPair(text, _entity(text, head, fail), _entity(text, tail, fail))


def _without_tags(text: str, fail: Callable[..., Exception]) -> tuple[str, tuple[int, int], tuple[int, int]]:
    by_tag = {}
    pieces = []
    length = 0
    last = 0
    for match in _TAG.finditer(text):
        pieces.append(text[last : match.start()])
        length += len(pieces[-1])
        last = match.end()
        by_tag.setdefault(match.group(), []).append(length)
    if [len(by_tag.get(tag, ())) for tag in _TAGS] != [1] * len(_TAGS):
        fix = "Mark both entities once, as in 'The <e1>author</e1> of a <e2>keygen</e2>'."
        raise fail("the tags <e1>, </e1>, <e2>, </e2> must occur exactly once each", fix=fix, value=text)
    offsets = [by_tag[tag][0] for tag in _TAGS]
    return "".join(pieces) + text[last:], (offsets[0], offsets[1]), (offsets[2], offsets[3])


def _entity(text: str, entity: Any, fail: Callable[..., Exception]) -> Entity:
    kind = None
    if isinstance(entity, dict):
        start = entity.get("start")
        end = entity.get("end")
        kind = entity.get("type")
    elif isinstance(entity, tuple | list) and len(entity) in (2, 3):
        start, end = entity[:2]
        kind = entity[2] if len(entity) == 3 else None
    else:
        start = end = None
    start, end = _whole(start), _whole(end)
    fix = 'Use character offsets such as {"start": 4, "end": 10}: 0-based, end exclusive.'
    if start is None or end is None or not 0 <= start < end <= len(text) or not text[start:end].strip():
        raise fail(f"entity offsets out of range (0 to {len(text)})", fix=fix, value=entity)
    own = entity.get("text") if isinstance(entity, dict) else None
    if isinstance(own, str) and own.strip() != text[start:end].strip():
        raise fail(
            f"entity text {own!r} does not match the text at its offsets, {text[start:end]!r}", fix=fix, value=entity
        )
    start += len(text[start:end]) - len(text[start:end].lstrip())
    return Entity(start, start + len(text[start:end].strip()), kind if kind is None else str(kind))


def _whole(offset: Any) -> int | None:
    """Return an offset as int: 4, or 4.0, since columns with missing values are floats."""
    if isinstance(offset, float) and offset.is_integer():
        return int(offset)
    return offset if isinstance(offset, int) and not isinstance(offset, bool) else None


def mark(pair: EntityPair) -> str:
    """Insert the markers around the two entities, for the model's input.

    Start markers are inserted before the space that precedes an entity, so that byte-level tokenizers (RoBERTa), which include
    this space in the word, tokenize words as without markers. An "[E1]" in the text itself is escaped: "[ E1]".

    Example:

    >>> mark(EntityPair("The author of a keygen", Entity(4, 10), Entity(16, 22)))
    'The[E1] author[/E1] of a[E2] keygen[/E2]'
    """
    text = pair.text
    insertions = []
    for entity, (start, end) in ((pair.head, ENTITY_MARKERS[:2]), (pair.tail, ENTITY_MARKERS[2:])):
        before_space = entity.start - (text[entity.start - 1 : entity.start] == " ")
        insertions += [(before_space, 1, start), (entity.end, 0, end)]  # end markers before start markers
    pieces = []
    last = 0
    for offset, _, marker in sorted(insertions):
        pieces += [_escaped(text[last:offset]), marker]
        last = offset
    return "".join(pieces) + _escaped(text[last:])


def _escaped(text: str) -> str:
    for marker in ENTITY_MARKERS:
        text = text.replace(marker, f"[ {marker[1:]}")
    return text


def marked_sample(text: str) -> str:
    """Return a model input for export checks: marked by its tags or markers, otherwise with each half as an entity.

    Example:

    >>> marked_sample("The <e1>author</e1> of a <e2>keygen</e2>"), marked_sample("good film")
    ('The[E1] author[/E1] of a[E2] keygen[/E2]', '[E1]good[/E1][E2] film[/E2]')
    """
    if all(tag in text for tag in _TAGS):
        return mark(entity_pair(text, fail=ValueError))
    if all(marker in text for marker in ENTITY_MARKERS):
        return text
    half = len(text) // 2
    start, end, start_2, end_2 = ENTITY_MARKERS
    return f"{start}{_escaped(text[:half])}{end}{start_2}{_escaped(text[half:])}{end_2}"


def shown_entity(text: str, entity: Entity) -> dict[str, Any]:
    """Return an entity as shown in predictions.

    Example:

    >>> shown_entity("The author", Entity(4, 10))
    {'text': 'author', 'start': 4, 'end': 10}
    """
    shown = {"text": text[entity.start : entity.end], "start": entity.start, "end": entity.end}
    return shown if entity.type is None else shown | {"type": entity.type}


def kept_tokens(
    ids: Sequence[int], own: Sequence[int], markers: Sequence[int], *, max_length: int
) -> tuple[list[int], bool]:
    """Select the tokens to keep if a text with markers is too long for the model.

    Args:
        ids: Token ids of the text, including special tokens.
        own: Positions of the text's tokens, in order; all others are special tokens, which are always kept.
        markers: Ids of the markers, in the order of `ENTITY_MARKERS`.
        max_length: Maximum number of tokens to keep.

    Returns:
        Positions of the tokens to keep, and whether tokens between the entities were dropped.

    Example:

    >>> kept_tokens([2, 7, 90, 8, 91, 92, 9, 93, 7, 3], range(1, 9), [90, 91, 92, 93], max_length=9)
    ([0, 2, 3, 4, 5, 6, 7, 8, 9], False)
    """
    if len(ids) <= max_length:
        return list(range(len(ids))), False
    special = sorted(set(range(len(ids))) - set(own))
    room = max_length - len(special)
    at = {ids[position]: number for number, position in enumerate(own) if ids[position] in markers}
    first, last = min(at.values()), max(at.values())
    spare = room - (last - first + 1)
    if spare >= 0:
        after = len(own) - 1 - last
        left = min(first, max(spare // 2, spare - after))
        window = range(first - left, first - left + room)
    else:
        (start, _), (start_2, end_2) = sorted((at[markers[i]], at[markers[i + 1]]) for i in (0, 2))
        second = min(room // 2, end_2 - start_2 + 1)
        window = {*range(start, start + room - second), *range(start_2, start_2 + second)}
    return sorted([*special, *(own[number] for number in window)]), spare < 0
