"""Rule-based sentence splitting, with offsets."""

import re

_END = re.compile(r"(?P<point>[.!?\u2026]+)[\"'\u201d\u2019\u00bb)\]]*(?=\s)|[\u3002\uff01\uff1f]+|\n[^\S\n]*\n")
_LAST_WORD = re.compile(r"[^\W\d_][\w.]*$")
_ABBREVIATED = """
mr mrs ms dr prof st sr jr rev hon gen col capt lt sgt gov sen rep pres inc ltd co corp bros dept univ vs etc cf al fig figs eq
nos vol pp ed eds approx est jan feb mar apr jun jul aug sep sept oct nov dec e.g i.e a.m p.m u.s u.k
"""
ABBREVIATIONS = frozenset(_ABBREVIATED.split())
"""Abbreviations that do not end a sentence: lowercase, without the final period."""


def split_sentences(text: str) -> list[tuple[int, int]]:
    """Find the sentences of a text.

    A sentence ends at `.`, `!`, `?` or an ellipsis, with closing quotes or brackets, before a space; at Chinese and Japanese
    full stops; and at a blank line. It does not end at the period of an abbreviation (`ABBREVIATIONS`) or an initial
    ("J. Smith"), before a word that starts with a lowercase letter, or at a single line break.

    Args:
        text: Any text.

    Returns:
        Start and end of each sentence in characters, without surrounding whitespace.

    Example:

    >>> text = "Dr. Wu, of Acme Inc., left. He (J. Wu) paid $3.50!"
    >>> [text[start:end] for start, end in split_sentences(text)]
    ['Dr. Wu, of Acme Inc., left.', 'He (J. Wu) paid $3.50!']
    """
    ends = [match.end() for match in _END.finditer(text) if _ends_here(text, match)]
    spans = []
    for start, end in zip([0, *ends], [*ends, len(text)]):
        sentence = text[start:end]
        if sentence.strip():
            start += len(sentence) - len(sentence.lstrip())
            spans.append((start, start + len(sentence.strip())))
    return spans


def _ends_here(text: str, match: re.Match) -> bool:
    if match["point"] is None:
        return True
    following = text[match.end() :].lstrip()[:1] if match.end() < len(text) else ""
    if following.islower():
        return False
    word = _LAST_WORD.search(text, max(0, match.start() - 20), match.start())
    if match["point"] != "." or match.group() != "." or word is None:
        return True
    return len(word.group()) > 1 and word.group().lower() not in ABBREVIATIONS
