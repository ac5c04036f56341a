"""Encoding of texts with entity markers, cropped to a window around the entities."""

from collections.abc import Sequence
from typing import NamedTuple

from transformers import PreTrainedTokenizerFast

from kerasft.answers.marked_texts import ENTITY_MARKERS, EntityPair, kept_tokens, mark
from kerasft.encoding.encoded import Encoded
from kerasft.errors import bad_argument
from kerasft.truncation import warn_truncated

_CHUNK = 1000  # texts handed to the tokenizer at once, so that a large file's encodings are not all in memory


def marker_ids(tokenizer: PreTrainedTokenizerFast) -> list[int]:
    """The ids of the four markers, for `kerasft.heads.relation_classifier`.

    Args:
        tokenizer: One that `kerasft.vocabulary.add_tokens(backbone, tokenizer, ENTITY_MARKERS, special=True)` made.

    Raises:
        KerasftError: If the tokenizer does not have them.

    Example:

    >>> from kerasft.demo import tiny
    >>> tokenizer, backbone = tiny.tokenizer(), tiny.backbone()
    >>> import kerasft
    >>> _, marked = kerasft.vocabulary.add_tokens(backbone, tokenizer, ENTITY_MARKERS, special=True)
    >>> [id - len(tokenizer) for id in marker_ids(marked)]
    [0, 1, 2, 3]
    """
    vocabulary = tokenizer.get_vocab()
    missing = [marker for marker in ENTITY_MARKERS if marker not in vocabulary]
    if missing:
        fix = "Add them with kerasft.vocabulary.add_tokens(backbone, tokenizer, kerasft.data.ENTITY_MARKERS, special=True)."
        raise bad_argument(
            "tokenizer", f"one with the markers {', '.join(ENTITY_MARKERS)}", f"one without {missing}", fix
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
    """Number of truncated texts that lost tokens between their entities."""


def encode_entities(
    tokenizer: PreTrainedTokenizerFast, pairs: Sequence[EntityPair], *, max_length: int
) -> EncodedEntities:
    """Tokenize marked texts; of one that is too long, keep a window around both entities.

    A window has equal parts of what stands before and after. Where the entities are further apart than `max_length`, the first
    one with what follows and the second one are kept, and what stands between is cut. No text loses a start marker.

    Args:
        tokenizer: A tokenizer with the markers.
        pairs: N texts with two entities each.
        max_length: Longest row in tokens, special tokens and markers included.

    Raises:
        KerasftError: If the tokenizer does not have the markers, or `max_length` leaves no room for them.

    Example:

    >>> from kerasft.demo import tiny
    >>> tokenizer, backbone = tiny.tokenizer(), tiny.backbone()
    >>> import kerasft
    >>> _, marked = kerasft.vocabulary.add_tokens(backbone, tokenizer, ENTITY_MARKERS, special=True)
    >>> from kerasft.data import Entity
    >>> pair = EntityPair("we was a good bad film we love", Entity(9, 13), Entity(14, 17))
    >>> encoded, _ = encode_entities(marked, [pair], max_length=10)
    >>> marked.decode(encoded.token_ids[0])
    '[CLS] a [E1] good [/E1] [E2] bad [/E2] film [SEP]'
    """
    return encode_marked(tokenizer, [mark(pair) for pair in pairs], max_length=max_length)


def encode_marked(tokenizer: PreTrainedTokenizerFast, texts: Sequence[str], *, max_length: int) -> EncodedEntities:
    """Do what `encode_entities` does, with texts that have their markers.

    Example:

    >>> from kerasft.demo import tiny
    >>> tokenizer, backbone = tiny.tokenizer(), tiny.backbone()
    >>> import kerasft
    >>> _, marked = kerasft.vocabulary.add_tokens(backbone, tokenizer, ENTITY_MARKERS, special=True)
    >>> encode_marked(marked, ["[E1]we[/E1] love[E2] film[/E2]"], max_length=16).encoded.lengths
    [9]
    """
    markers = marker_ids(tokenizer)
    least = tokenizer.num_special_tokens_to_add() + len(markers)
    if max_length < least:
        raise bad_argument("max_length", f"at least {least}, including the markers", max_length, "128 is usual.")
    token_ids = []
    segment_ids = []
    num_cut = 0
    num_split = 0
    for start in range(0, len(texts), _CHUNK):
        chunk = list(texts[start : start + _CHUNK])
        for encoding in tokenizer(chunk, return_token_type_ids=True, verbose=False).encodings:
            own = [place for place, owner in enumerate(encoding.sequence_ids) if owner is not None]
            kept, split = kept_tokens(encoding.ids, own, markers, max_length=max_length)
            num_cut += len(kept) < len(encoding.ids)
            num_split += split
            token_ids.append([encoding.ids[place] for place in kept])
            segment_ids.append([encoding.type_ids[place] for place in kept])
    return EncodedEntities(Encoded(token_ids, segment_ids, num_cut), num_split)


def warn_of_truncation(encoded: EncodedEntities, *, max_length: int) -> None:
    """Log how many texts were truncated, if any were.

    Example:

    >>> warn_of_truncation(EncodedEntities(Encoded([[1], [2]], [[0], [0]], num_truncated=0), num_split=0), max_length=8)
    """
    truncated = encoded.encoded.num_truncated
    split = encoded.num_split
    about = {"total": len(encoded.encoded.token_ids), "limit": max_length}
    warn_truncated(truncated - split, **about, where=" to a window around their entities")
    warn_truncated(split, **about, where=" between their entities, which are too far apart for one window")
