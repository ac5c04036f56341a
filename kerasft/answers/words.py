"""Splitting of raw texts into words with character offsets, independent of tokenizer and language."""

import bisect
import functools
import re
import unicodedata
from collections.abc import Iterable, Sequence

# Texts are mapped to shapes, one letter per character: d for digits, w for other word characters (including combining marks
# and joiners), c for characters of scripts without spaces, a space for whitespace; punctuation that can occur inside a word
# is unchanged, all other characters are p.
_INNER = "-.,'\u2019_&@#/:"
_WORD = re.compile(
    r"w+://[^ ]+"  # http://example.com/a?b=c
    r"|[@#]?[wd_]+(?:(?:[-.'\u2019&@/]|(?<=d)[,:](?=d))[wd_]+)*"  # O'Neil, e-mail, 3.5, 10:30, AT&T, @user, #tag, a@b.org
    r"|[^ ]"  # a punctuation mark, or a character of a script without spaces
)
_CLITICS = ("s", "m", "d", "re", "ve", "ll")
_UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "IDEOGRAPHIC", "THAI", "LAO", "KHMER", "MYANMAR")


def split_words(text: str) -> list[tuple[int, int]]:
    """Return character offsets of the words and punctuation marks of a text; they cover everything except whitespace.

    Similar to the Penn Treebank and CoNLL: punctuation inside a word is part of it ("e-mail", "3.5", "@user", an address);
    punctuation around it and clitics ("'s", "'m", "'ll") are separate. Each character of a script without spaces (Chinese,
    Japanese, Thai, ...) is a word.

    Example:

    >>> text = "Mr. O'Neil's e-mail: 3.5%!"
    >>> [text[start:end] for start, end in split_words(text)]
    ['Mr', '.', "O'Neil", "'s", 'e-mail', ':', '3.5', '%', '!']
    """
    shape = "".join(map(_shape, text))
    words = []
    for match in _WORD.finditer(shape):
        start, end = match.span()
        cut = max(text.rfind(mark, start + 1, end) for mark in "'\u2019")
        if cut > start and text[cut + 1 : end].lower() in _CLITICS:
            words += [(start, cut), (cut, end)]
        else:
            words.append((start, end))
    return words


def cut_words(words: Sequence[tuple[int, int]], places: Iterable[int]) -> list[tuple[int, int]]:
    """Split the words at these positions.

    Example:

    >>> cut_words([(0, 4), (5, 14)], [9, 4])
    [(0, 4), (5, 9), (9, 14)]
    """
    boundaries = sorted(set(places))
    result = []
    for start, end in words:
        inside = boundaries[bisect.bisect_right(boundaries, start) : bisect.bisect_left(boundaries, end)]
        result += zip([start, *inside], [*inside, end])
    return result


def is_inside_letters(text: str, place: int) -> bool:
    """Whether a position between two characters splits a run of letters or digits.

    Example:

    >>> is_inside_letters("Yorkshire", 4), is_inside_letters("York-based", 4)
    (True, False)
    """
    return 0 < place < len(text) and {_shape(text[place - 1]), _shape(text[place])} <= {"w", "d"}


@functools.cache
def _shape(character: str) -> str:
    if character.isspace():
        return " "
    if character in _INNER:
        return character
    if unicodedata.category(character)[0] in "PSC" and character not in "\u200c\u200d":  # joiners are part of words
        return "p"
    name = unicodedata.name(character, "")
    if unicodedata.category(character) in ("Lo", "Nl") and name.startswith(_UNSPACED):
        return "c"
    return "d" if character.isdecimal() else "w"
