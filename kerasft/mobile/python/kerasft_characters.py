"""Character classes for the tokenizers, by this Python's Unicode version."""

import itertools
import unicodedata

SPACES = frozenset("\t\n\x0b\x0c\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000") | {
    chr(c) for c in range(0x2000, 0x200B)
}
"""Unicode whitespace. (`str.isspace` is also true for four control characters.)"""
Char = tuple[str, int, int]
"""A character of a normalized text, with its start and end in the original text."""


def text_of(chars: list[Char]) -> str:
    """Join the characters to a string."""
    return "".join(char for char, _, _ in chars)


def decomposed(chars: list[Char]) -> list[Char]:
    """Unicode normalization form NFD: decompose characters, and sort combining marks by their class."""
    decomposed_chars = [(each, *origin) for char, *origin in chars for each in unicodedata.normalize("NFD", char)]
    result = []
    for is_mark, group in itertools.groupby(decomposed_chars, key=lambda char: unicodedata.combining(char[0]) > 0):
        run = list(group)
        result += sorted(run, key=lambda char: unicodedata.combining(char[0])) if is_mark else run
    return result


def category(char: str) -> str:
    """ "L" for a letter, "N" for a number, " " for whitespace or the empty string, else "other"."""
    if not char or char in SPACES:
        return " "
    first = unicodedata.category(char)[0]
    return first if first in "LN" else "other"


def is_control(char: str) -> bool:
    """Whether BERT removes the character."""
    if char in "\t\n\r":
        return False
    return char in "\0\ufffd" or unicodedata.category(char) in ("Cc", "Cf", "Co")


def is_punctuation(char: str) -> bool:
    """Whether BERT treats the character as a separate word."""
    return (ord(char) < 128 and "!" <= char <= "~" and not char.isalnum()) or unicodedata.category(char)[0] == "P"


def is_word(char: str) -> bool:
    """Whether the character is part of a word, for added tokens that match whole words only."""
    return bool(char) and (char.isalnum() or char == "_" or unicodedata.category(char)[0] == "M")
