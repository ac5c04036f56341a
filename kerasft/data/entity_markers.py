"""Two entities of a text, and the markers that show a model where they are."""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from transformers import PreTrainedTokenizerFast

from kerasft.errors import bad_argument
from kerasft.tokenizers.encoding import Encoded, is_unicode

ENTITY_MARKERS = ("[E1]", "[/E1]", "[E2]", "[/E2]")
"""Tokens around the first and around the second entity: `kerasft.vocabulary.add_tokens(..., ENTITY_MARKERS, special=True)`."""

_TAGS = ("<e1>", "</e1>", "<e2>", "</e2>")
_TAG = re.compile("|".join(_TAGS))
_CHUNK = 1000  # texts handed to the tokenizer at once, so that a large file's encodings are not all in memory


class Entity(NamedTuple):
    """Where an entity stands in its text, in characters, and what it is.

    Example:

    >>> Entity(4, 10)
    Entity(start=4, end=10, type=None)
    """

    start: int
    end: int
    type: str | None = None


class EntityPair(NamedTuple):
    """A text without markers, and the two entities in it whose relation is asked for.

    Example:

    >>> pair = EntityPair("The author of a keygen", head=Entity(4, 10), tail=Entity(16, 22))
    >>> pair.text[slice(*pair.tail[:2])]
    'keygen'
    """

    text: str
    head: Entity
    tail: Entity


def entity_pair(text: Any, head: Any = None, tail: Any = None, *, fail: Callable[..., Exception]) -> EntityPair:
    """Check a text and its two entities.

    Args:
        text: The text; with tags `<e1>...</e1>` and `<e2>...</e2>` (head and tail) if neither `head` nor `tail` is given.
        head: `{"start": ..., "end": ...}` in characters, with `"type"` if there is one; or a tuple of these.
        tail: The same of the other entity. The two may overlap, and come in any order.
        fail: Makes the error, `fail(problem, fix=..., value=...)`.

    Returns:
        The text without tags, and where its entities are, without space around them.

    Example:

    >>> entity_pair("The <e1>author</e1> of a <e2>keygen</e2>", fail=ValueError)
    EntityPair(text='The author of a keygen', head=Entity(start=4, end=10, type=None), tail=Entity(start=16, end=22, type=None))
    """
    if not isinstance(text, str) or not is_unicode(text):
        raise fail("this is no text", fix="Write a text in valid Unicode.", value=text)
    if (head is None) != (tail is None):
        raise fail("only one of the two entities is given", fix="Give `head` and `tail`.", value=head or tail)
    if head is None:
        text, head, tail = _without_tags(text, fail)
    return EntityPair(text, _entity(text, head, fail), _entity(text, tail, fail))


def _without_tags(text: str, fail: Callable[..., Exception]) -> tuple[str, tuple[int, int], tuple[int, int]]:
    found = {}
    pieces, length, last = [], 0, 0
    for match in _TAG.finditer(text):
        pieces.append(text[last : match.start()])
        length, last = length + len(pieces[-1]), match.end()
        found.setdefault(match.group(), []).append(length)
    if [len(found.get(tag, ())) for tag in _TAGS] != [1] * len(_TAGS):
        fix = "Mark both entities once, as in 'The <e1>author</e1> of a <e2>keygen</e2>'."
        raise fail("the text must have one each of the tags <e1>, </e1>, <e2>, </e2>", fix=fix, value=text)
    places = [found[tag][0] for tag in _TAGS]
    return "".join(pieces) + text[last:], (places[0], places[1]), (places[2], places[3])


def _entity(text: str, entity: Any, fail: Callable[..., Exception]) -> Entity:
    kind = None
    if isinstance(entity, dict):
        start, end, kind = entity.get("start"), entity.get("end"), entity.get("type")
    elif isinstance(entity, tuple | list) and len(entity) in (2, 3):
        start, end = entity[:2]
        kind = entity[2] if len(entity) == 3 else None
    else:
        start = end = None
    whole = all(isinstance(place, int) and not isinstance(place, bool) for place in (start, end))
    if not whole or not 0 <= start < end <= len(text) or not text[start:end].strip():
        fix = 'Write {"start": 4, "end": 10}: characters from 0, the end is the first one after the entity.'
        raise fail(f"an entity is no span of the text's {len(text)} characters", fix=fix, value=entity)
    start += len(text[start:end]) - len(text[start:end].lstrip())
    return Entity(start, start + len(text[start:end].strip()), kind if kind is None else str(kind))


def mark(pair: EntityPair) -> str:
    """Put the markers around the two entities: what the model reads.

    A start marker goes before the space that precedes the entity, so that byte-level tokenizers (RoBERTa's), which count that
    space to the word, read the words as without markers. A text's own "[E1]" is broken up: "[ E1]".

    Example:

    >>> mark(EntityPair("The author of a keygen", Entity(4, 10), Entity(16, 22)))
    'The[E1] author[/E1] of a[E2] keygen[/E2]'
    """
    text = pair.text
    places = []
    for entity, (start, end) in ((pair.head, ENTITY_MARKERS[:2]), (pair.tail, ENTITY_MARKERS[2:])):
        before_space = entity.start - (text[entity.start - 1 : entity.start] == " ")
        places += [(before_space, 1, start), (entity.end, 0, end)]  # one's end goes before the other's start
    pieces, last = [], 0
    for place, _, marker in sorted(places):
        pieces += [_broken_up(text[last:place]), marker]
        last = place
    return "".join(pieces) + _broken_up(text[last:])


def _broken_up(text: str) -> str:
    for marker in ENTITY_MARKERS:
        text = text.replace(marker, f"[ {marker[1:]}")
    return text


def marked_sample(text: str) -> str:
    """What the model reads of a text to try an export on: marked by its tags or markers, else each half as an entity.

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
    return f"{start}{_broken_up(text[:half])}{end}{start_2}{_broken_up(text[half:])}{end_2}"


def marker_ids(tokenizer: PreTrainedTokenizerFast) -> list[int]:
    """The ids of the four markers, for `kerasft.heads.relation_classifier`.

    Args:
        tokenizer: One that `kerasft.vocabulary.add_tokens(backbone, tokenizer, ENTITY_MARKERS, special=True)` made.

    Raises:
        KerasftError: If the tokenizer does not have them.

    Example:

    >>> import kerasft
    >>> _, marked = kerasft.vocabulary.add_tokens(backbone, tokenizer, ENTITY_MARKERS, special=True)
    >>> [id - len(tokenizer) for id in marker_ids(marked)]
    [0, 1, 2, 3]
    """
    vocabulary = tokenizer.get_vocab()
    missing = [marker for marker in ENTITY_MARKERS if marker not in vocabulary]
    if missing:
        fix = "Make it with kerasft.vocabulary.add_tokens(backbone, tokenizer, kerasft.data.ENTITY_MARKERS, special=True)."
        raise bad_argument(
            "tokenizer", f"one that has the markers {', '.join(ENTITY_MARKERS)}", f"none of {missing}", fix
        )
    return [vocabulary[marker] for marker in ENTITY_MARKERS]


class EncodedEntities(NamedTuple):
    """Marked texts as ids, and how many had to be cut.

    Example:

    >>> EncodedEntities(Encoded([[2, 5, 3]], [[0, 0, 0]]), num_split=0).encoded.num_truncated
    0
    """

    encoded: Encoded
    num_split: int
    """How many of the texts that were cut lost what stands between their entities."""


def encode_entities(
    tokenizer: PreTrainedTokenizerFast, pairs: Sequence[EntityPair], *, max_length: int
) -> EncodedEntities:
    """Tokenise marked texts; of one that is too long, keep a window around both entities.

    A window has equal parts of what stands before and after. Where the entities are further apart than `max_length`, the first
    one with what follows and the second one are kept, and what stands between is cut. No text loses a start marker.

    Args:
        tokenizer: A tokenizer with the markers.
        pairs: N texts with two entities each.
        max_length: Longest row in tokens, special tokens and markers included.

    Raises:
        KerasftError: If the tokenizer does not have the markers, or `max_length` leaves no room for them.

    Example:

    >>> import kerasft
    >>> _, marked = kerasft.vocabulary.add_tokens(backbone, tokenizer, ENTITY_MARKERS, special=True)
    >>> pair = EntityPair("we was a good bad film we love", Entity(9, 13), Entity(14, 17))
    >>> encoded, _ = encode_entities(marked, [pair], max_length=10)
    >>> marked.decode(encoded.token_ids[0])
    '[CLS] a [E1] good [/E1] [E2] bad [/E2] film [SEP]'
    """
    markers = marker_ids(tokenizer)
    least = tokenizer.num_special_tokens_to_add() + len(markers)
    if max_length < least:
        raise bad_argument("max_length", f"at least {least}, the markers included", max_length, "128 is usual.")
    token_ids, segment_ids, num_cut, num_split = [], [], 0, 0
    for start in range(0, len(pairs), _CHUNK):
        texts = [mark(pair) for pair in pairs[start : start + _CHUNK]]
        for encoding in tokenizer(texts, return_token_type_ids=True, verbose=False).encodings:
            kept, split = _kept(encoding, markers, max_length)
            num_cut += len(kept) < len(encoding.ids)
            num_split += split
            token_ids.append([encoding.ids[place] for place in kept])
            segment_ids.append([encoding.type_ids[place] for place in kept])
    return EncodedEntities(Encoded(token_ids, segment_ids, num_cut), num_split)


def _kept(encoding: Any, markers: Sequence[int], max_length: int) -> tuple[Iterable[int], bool]:
    """The places of the tokens to keep, and whether those between the entities had to go."""
    if len(encoding.ids) <= max_length:
        return range(len(encoding.ids)), False
    text = [place for place, owner in enumerate(encoding.sequence_ids) if owner is not None]
    special = [place for place, owner in enumerate(encoding.sequence_ids) if owner is None]
    room = max_length - len(special)
    at = {encoding.ids[place]: number for number, place in enumerate(text) if encoding.ids[place] in markers}
    first, last = min(at.values()), max(at.values())
    spare = room - (last - first + 1)
    if spare >= 0:
        after = len(text) - 1 - last
        left = min(first, max(spare // 2, spare - after))
        window = range(first - left, first - left + room)
    else:
        (start, _), (start_2, end_2) = sorted((at[markers[i]], at[markers[i + 1]]) for i in (0, 2))
        second = min(room // 2, end_2 - start_2 + 1)
        window = {*range(start, start + room - second), *range(start_2, start_2 + second)}
    return sorted([*special, *(text[number] for number in window)]), spare < 0


def cut_note(encoded: EncodedEntities, *, max_length: int) -> str | None:
    """Say in numbers what was cut; None if nothing was.

    Example:

    >>> cut_note(EncodedEntities(Encoded([[1], [2]], [[0], [0]], num_truncated=1), num_split=0), max_length=8)
    '1 of 2 texts were longer than max_length=8 tokens and were cut to a window around their entities.'
    """
    number, split = encoded.encoded.num_truncated, encoded.num_split
    if not number:
        return None
    note = f"{number} of {len(encoded.encoded.token_ids)} texts were longer than max_length={max_length} tokens and were cut"
    between = (
        f"; {split} of them, whose entities are too far apart for it, lost what stands between these" if split else ""
    )
    return f"{note} to a window around their entities{between}."
