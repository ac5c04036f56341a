"""Encoding of texts with entity markers, truncated to a window around the entities."""

from collections.abc import Sequence
from typing import NamedTuple

from transformers import PreTrainedTokenizerFast

from kerasft.answers.marked_texts import ENTITY_MARKERS, EntityPair, kept_tokens, mark
from kerasft.encoding.encoded import Encoded
from kerasft.errors import bad_argument
from kerasft.truncation import warn_truncated

_CHUNK = 1000  # texts per call of the tokenizer, so that the encodings of a large file are not all in memory


def marker_ids(tokenizer: PreTrainedTokenizerFast) -> list[int]:
    """Return the ids of the four entity markers, for `kerasft.heads.relation_classifier`.

    Args:
        tokenizer: A tokenizer from `kerasft.vocabulary.add_tokens(backbone, tokenizer, ENTITY_MARKERS, special=True)`.

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
            "tokenizer",
            f"a tokenizer with the markers {', '.join(ENTITY_MARKERS)}",
            f"a tokenizer without {missing}",
            fix,
        )
    return [vocabulary[marker] for marker in ENTITY_MARKERS]


class EncodedEntities(NamedTuple):
    """Encoded texts with entity markers, and how many lost tokens between their entities.

    Example:

    >>> EncodedEntities(Encoded([[2, 5, 3]], [[0, 0, 0]]), num_split=0).encoded.num_truncated
    0
    """

    encoded: Encoded
    num_split: int
    """Number of texts truncated between their entities."""


def encode_entities(
    tokenizer: PreTrainedTokenizerFast, pairs: Sequence[EntityPair], *, max_length: int
) -> EncodedEntities:
    """Tokenize texts with entity markers; truncate long texts to a window around both entities.

    The window has the same number of tokens before and after the entities. If the entities are further apart than
    `max_length`, tokens between them are removed. Start markers are always kept.

    Args:
        tokenizer: A tokenizer with the markers.
        pairs: N texts with two entities each.
        max_length: Maximum number of tokens per row, including special tokens and markers.

    Raises:
        KerasftError: If the tokenizer does not have the markers, or `max_length` is too small for them.

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
    """Like `encode_entities`, for texts that already contain the markers.

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
            own = [position for position, sequence in enumerate(encoding.sequence_ids) if sequence is not None]
            kept, split = kept_tokens(encoding.ids, own, markers, max_length=max_length)
            num_cut += len(kept) < len(encoding.ids)
            num_split += split
            token_ids.append([encoding.ids[position] for position in kept])
            segment_ids.append([encoding.type_ids[position] for position in kept])
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
