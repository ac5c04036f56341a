"""Tagging schemes: encoding, decoding, validation, repair and conversion of spans as one tag per word.

    words   Mr   Smith  of    New   York  City
    IOB1    O    I-PER  O     I-LOC I-LOC I-LOC     B- only between adjacent spans of one type
    IOB2    O    B-PER  O     B-LOC I-LOC I-LOC     every span starts with B- (also called BIO)
    IOBES   O    S-PER  O     B-LOC I-LOC E-LOC     S- for single words, E- for ends (also called BIOES, BILOU with L, U)

IOB1 is from Ramshaw and Marcus 1995 (cmp-lg/9505040); IOB2 is used in CoNLL-2002. Tags are decoded as by conlleval (Tjong Kim
Sang and Buchholz 2000) and seqeval's default mode: any tag sequence has spans, and a valid sequence has the same spans in every
scheme.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from ..errors import bad_argument

OUTSIDE = "O"
SCHEMES = ("IOB1", "IOB2", "IOBES")
_ALIASES = {"IOB": "IOB1", "BIO": "IOB2", "BIOES": "IOBES", "BILOU": "IOBES", "IOBE": "IOBES"}
_PREFIXES = {"IOB1": "IB", "IOB2": "BI", "IOBES": "BIES"}
_BILOU = {"L": "E", "U": "S"}


class Span(NamedTuple):
    """A span of words, `start` to `end` (exclusive), with its type.

    Example:

    >>> Span(1, 3, "LOC").end
    3
    """

    start: int
    end: int
    label: str


def scheme_name(scheme: str) -> str:
    """Return the canonical name of a scheme, one of `SCHEMES`.

    Raises:
        KerasftError: If it is unknown.

    Example:

    >>> scheme_name("BIOES"), scheme_name("iob2")
    ('IOBES', 'IOB2')
    """
    name = str(scheme).upper()
    name = _ALIASES.get(name, name)
    if name not in SCHEMES:
        raise bad_argument("scheme", f"one of {SCHEMES} (or {tuple(_ALIASES)})", scheme, "Choose one of them.")
    return name


def normalize(tag: str, scheme: str) -> str | None:
    """Return a tag with the scheme's prefixes (BILOU's L and U become E and S), or None if it is invalid in the scheme.

    Example:

    >>> normalize("U-PER", "IOBES"), normalize("O", "IOB2"), normalize("E-PER", "IOB2"), normalize("PER", "IOB2")
    ('S-PER', 'O', None, None)
    """
    if tag == OUTSIDE:
        return tag
    prefix, dash, label = tag.partition("-")
    if scheme == "IOBES":
        prefix = _BILOU.get(prefix, prefix)
    if not dash or not label or len(prefix) != 1 or prefix not in _PREFIXES[scheme]:
        return None
    return f"{prefix}-{label}"


def spans_of(tags: Sequence[str]) -> list[Span]:
    """Return the spans of a tag sequence in any scheme, valid or not, decoded as by conlleval.

    A span continues if the tag is I- or E- with the type of the previous tag, which is B- or I-. Every other tag except O
    starts a span.

    Example:

    >>> spans_of(["B-LOC", "I-LOC", "I-PER", "O", "E-PER"])
    [Span(start=0, end=2, label='LOC'), Span(start=2, end=3, label='PER'), Span(start=4, end=5, label='PER')]
    """
    spans: list[Span] = []
    before = OUTSIDE
    label_before = ""
    for index, tag in enumerate(tags):
        prefix, _, label = tag.partition("-")
        if prefix != OUTSIDE:
            if prefix in "IE" and before in "BI" and label == label_before:
                spans[-1] = spans[-1]._replace(end=index + 1)
            else:
                spans.append(Span(index, index + 1, label))
        before, label_before = prefix, label
    return spans


def tags_of(spans: Iterable[Span], length: int, scheme: str = "IOB2") -> list[str]:
    """Return the tags of `length` words with these non-overlapping spans.

    Args:
        spans: The spans, in any order.
        length: Number of words.
        scheme: One of `SCHEMES`.

    Example:

    >>> tags_of([Span(0, 1, "PER"), Span(1, 4, "LOC")], 5, "IOBES")
    ['S-PER', 'B-LOC', 'I-LOC', 'E-LOC', 'O']
    >>> tags_of([Span(0, 1, "PER"), Span(1, 2, "PER")], 3, "IOB1")
    ['I-PER', 'B-PER', 'O']
    """
    tags = [OUTSIDE] * length
    before = None
    for span in sorted(spans):
        tags[span.start : span.end] = [f"I-{span.label}"] * (span.end - span.start)
        touching = before is not None and before.end == span.start and before.label == span.label
        if scheme != "IOB1" or touching:
            tags[span.start] = f"B-{span.label}"
        if scheme == "IOBES":
            tags[span.end - 1] = f"{'S' if span.end - span.start == 1 else 'E'}-{span.label}"
        before = span
    return tags


def first_invalid(tags: Sequence[str], scheme: str) -> int | None:
    """Return the index of the first invalid tag, or None if the sequence is valid.

    Args:
        tags: Tags from `normalize`.
        scheme: One of `SCHEMES`.

    Example:

    >>> first_invalid(["O", "I-PER"], "IOB2"), first_invalid(["O", "I-PER"], "IOB1")
    (1, None)
    >>> first_invalid(["B-PER", "O"], "IOBES")  # the span has no end
    0
    """
    before = None
    for index, tag in enumerate(tags):
        if not is_legal(before, tag, scheme):
            return index - 1 if index and is_legal(None, tag, scheme) and _is_open(before, scheme) else index
        before = tag
    return len(tags) - 1 if tags and not is_legal(before, None, scheme) else None


def is_legal(before: str | None, tag: str | None, scheme: str) -> bool:
    """Whether a tag may follow another one; None means the start or end of the text.

    Example:

    >>> is_legal("B-PER", "I-PER", "IOB2"), is_legal("B-PER", "I-LOC", "IOB2"), is_legal("B-PER", None, "IOBES")
    (True, False, False)
    """
    prefix, _, label = (tag or OUTSIDE).partition("-")
    before_prefix, _, before_label = (before or OUTSIDE).partition("-")
    same = label == before_label
    if scheme == "IOB1":
        return prefix != "B" or (same and before_prefix in "BI")
    if scheme == "IOB2":
        return prefix != "I" or (same and before_prefix in "BI")
    if before_prefix in "BI":  # a span that has not ended
        return prefix in "IE" and same
    return prefix not in "IE"


def _is_open(tag: str, scheme: str) -> bool:
    return scheme == "IOBES" and tag[0] in "BI"


def repair(tags: Sequence[str], scheme: str) -> list[str]:
    """Return the valid sequence with the spans that conlleval decodes from these tags.

    Example:

    >>> repair(["I-PER", "I-LOC", "B-LOC"], "IOB2")
    ['B-PER', 'B-LOC', 'B-LOC']
    """
    return tags_of(spans_of(tags), len(tags), scheme)


def scheme_of(labels: Iterable[str]) -> str:
    """Infer the tagging scheme of a model from its labels.

    IOBES if a label starts with E- or S-; IOB1 if a type has I- but no B-, which IOB2 requires; otherwise IOB2.

    Raises:
        KerasftError: If a label is not a tag, or O is missing.

    Example:

    >>> scheme_of(["O", "B-PER", "I-PER"]), scheme_of(["O", "S-PER", "B-PER"]), scheme_of(["O", "I-PER"])
    ('IOB2', 'IOBES', 'IOB1')
    """
    labels = list(labels)
    known = set(labels)
    scheme = "IOB2"
    if any(label.startswith(("E-", "S-", "L-", "U-")) for label in labels):
        scheme = "IOBES"
    elif any(label.startswith("I-") and f"B{label[1:]}" not in known for label in labels):
        scheme = "IOB1"
    wrong = [label for label in labels if normalize(label, scheme) is None]
    if wrong or OUTSIDE not in known:
        raise bad_argument(
            "labels",
            "tags: O, and prefixes with types such as B-PER and I-PER",
            wrong or labels,
            "Collect them with kerasft.data.collect_tags(...).",
        )
    return scheme


def legal_transitions(labels: Sequence[str], scheme: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which labels may start a text, follow each other, and end it: bool (C,), (C, C), (C,).

    Example:

    >>> legal_transitions(["O", "B-X", "I-X"], "IOB2")[1].tolist()
    [[True, True, False], [True, True, True], [True, True, True]]
    """
    start = np.array([is_legal(None, label, scheme) for label in labels])
    between = np.array([[is_legal(before, label, scheme) for label in labels] for before in labels])
    return start, between, np.array([is_legal(label, None, scheme) for label in labels])


def best_legal_path(scores: np.ndarray, labels: Sequence[str], scheme: str) -> np.ndarray:
    """Return the valid sequence of labels with the greatest sum of scores (Viterbi 1967), int64 (W,).

    Unlike in a CRF, there are no learned transition scores: valid transitions have score 0, invalid ones are excluded.

    Args:
        scores: One score per word and label, such as log-probabilities, (W, C).
        labels: The C labels.
        scheme: One of `SCHEMES`.

    Returns:
        Label indices. For ties, the lower index at the last difference is used.

    Example:

    >>> best_legal_path(np.log([[0.5, 0.3, 0.2], [0.1, 0.2, 0.7]]), ["O", "B-X", "I-X"], "IOB2").tolist()
    [1, 2]
    """
    scores = np.asarray(scores, "float64")
    if not len(scores):
        return np.zeros(0, np.int64)
    start, between, end = (np.where(legal, 0.0, -np.inf) for legal in legal_transitions(labels, scheme))
    total = scores[0] + start  # (C,)
    came_from = np.zeros(scores.shape, np.int64)
    for index in range(1, len(scores)):
        paths = total[:, None] + between  # (C, C): from, to
        came_from[index] = paths.argmax(0)
        total = paths.max(0) + scores[index]
    path = np.zeros(len(scores), np.int64)
    path[-1] = (total + end).argmax()
    for index in range(len(scores) - 1, 0, -1):
        path[index - 1] = came_from[index, path[index]]
    return path
