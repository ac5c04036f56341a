"""What tokenizers ask of characters. Their classes are those of this Python's Unicode version."""

import itertools
import unicodedata

SPACES = frozenset("\t\n\x0b\x0c\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000") | {
    chr(c) for c in range(0x2000, 0x200B)
}
"""Unicode's white space, and no more: `str.isspace` also takes four control characters for it."""
Char = tuple[str, int, int]
"""A character of a normalized text, and the place of what it stands for in the text as it was: first, and one after the last."""


def text_of(chars: list[Char]) -> str:
    """The characters as a string."""
    return "".join(char for char, _, _ in chars)


def decomposed(chars: list[Char]) -> list[Char]:
    """Unicode's form NFD: characters in their parts, marks of one base in the order of their class."""
    parts = [(each, *origin) for char, *origin in chars for each in unicodedata.normalize("NFD", char)]
    result = []
    for is_marked, group in itertools.groupby(parts, key=lambda part: unicodedata.combining(part[0]) > 0):
        marks = list(group)
        result += sorted(marks, key=lambda part: unicodedata.combining(part[0])) if is_marked else marks
    return result


def category(char: str) -> str:
    """ "L" for a letter, "N" for a number, " " for white space or nothing, else "other"."""
    if not char or char in SPACES:
        return " "
    first = unicodedata.category(char)[0]
    return first if first in "LN" else "other"


def is_control(char: str) -> bool:
    """Whether BERT drops it."""
    if char in "\t\n\r":
        return False
    return char in "\0\ufffd" or unicodedata.category(char) in ("Cc", "Cf", "Co")


def is_punctuation(char: str) -> bool:
    """Whether BERT takes it for a word of its own."""
    return (ord(char) < 128 and "!" <= char <= "~" and not char.isalnum()) or unicodedata.category(char)[0] == "P"


def is_word(char: str) -> bool:
    """Whether it is of a word, where an added token must be a word of its own."""
    return bool(char) and (char.isalnum() or char == "_" or unicodedata.category(char)[0] == "M")
