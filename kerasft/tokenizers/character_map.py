"""The effect of a fast tokenizer's normalizer and pre-tokenizer on each Unicode character, extracted from the tokenizer.

BERT's normalizer works character by character (clean, pad CJK, NFD without marks, lowercase), and its pre-tokenizer
splits by character class. Both use the Unicode tables of the installed `tokenizers` release, which differ from those
of ICU and Python for newer characters. So nothing is reimplemented here: all 1,114,112 code points are passed through the
tokenizer once (about 3 s), and the results are stored in a small two-level table for `tf.gather`.
"""

import functools
from typing import NamedTuple

import numpy as np
from tokenizers import normalizers, pre_tokenizers

CODE_POINTS = 0x110000
PAGE_SIZE = 256
ITSELF = -1
"""Placeholder in `CharacterMap.outputs` for the input character itself."""
NOTHING = -2
"""Padding of `CharacterMap.outputs` after the last code point of a short output."""


class CharacterMap(NamedTuple):
    """A two-level table from code point to normalized, word-separated code points.

    `outputs[pages[page_of_code[c // 256], c % 256]]` is the output for code point `c`: up to K code points, with a space
    at each word end. K is the length of the longest output, P the number of distinct pages, U of distinct outputs.

    Example:

    >>> table = character_map(normalizers.BertNormalizer())
    >>> [table.look_up(character) for character in ("A", "!", chr(0xC9), chr(0), chr(9))]
    ['a', ' ! ', 'e', '', ' ']
    """

    page_of_code: np.ndarray
    """int32, (4352,): the page of each block of 256 code points."""
    pages: np.ndarray
    """int32, (P, 256): rows of `outputs`."""
    outputs: np.ndarray
    """int32, (U, K): code points, `ITSELF` or `NOTHING`."""

    def look_up(self, character: str) -> str:
        """Return the output for one character, as in the graph."""
        code = ord(character)
        row = self.outputs[self.pages[self.page_of_code[code // PAGE_SIZE], code % PAGE_SIZE]]
        return "".join(character if output == ITSELF else chr(output) for output in row if output != NOTHING)


def character_map(normalizer: normalizers.BertNormalizer) -> CharacterMap:
    """Read the character table of BERT's normalizer followed by BERT's pre-tokenizer; cached for each setting.

    Args:
        normalizer: `tokenizers.normalizers.BertNormalizer`, in any setting.

    Returns:
        The table over all code points. Surrogates, which cannot occur in UTF-8, map to nothing.

    Example:

    >>> cased = normalizers.BertNormalizer(lowercase=False)
    >>> character_map(cased).look_up("A")
    'A'
    """
    return _cached_map(
        normalizer.clean_text, normalizer.handle_chinese_chars, normalizer.strip_accents, normalizer.lowercase
    )


@functools.lru_cache(maxsize=8)
def _cached_map(clean_text: bool, handle_chinese_chars: bool, strip_accents: bool | None, lowercase: bool):
    normalize = normalizers.BertNormalizer(clean_text, handle_chinese_chars, strip_accents, lowercase).normalize_str
    normalized = ["" if 0xD800 <= code < 0xE000 else normalize(chr(code)) for code in range(CODE_POINTS)]
    separated = _separated(set("".join(normalized)))
    row_of_output = {(ITSELF,): 0}  # output code points -> row, in order of first use
    rows = np.zeros(CODE_POINTS, np.int32)
    for code, text in enumerate(normalized):
        if text == chr(code) and text not in separated:
            continue  # unchanged, like most code points
        characters = "".join(separated.get(character, character) for character in text)
        output = tuple(ITSELF if ord(character) == code else ord(character) for character in characters)
        rows[code] = row_of_output.setdefault(output, len(row_of_output))
    outputs = np.full((len(row_of_output), max(map(len, row_of_output))), NOTHING, np.int32)  # (U, K)
    for output, row in row_of_output.items():
        outputs[row, : len(output)] = output
    pages, page_of_code = np.unique(rows.reshape(-1, PAGE_SIZE), axis=0, return_inverse=True)
    return CharacterMap(page_of_code.astype(np.int32).reshape(-1), pages, outputs)


def _separated(characters: set[str]) -> dict[str, str]:
    """Return the effect of BERT's pre-tokenizer on the characters that are not part of words."""
    # Each character is placed between two letters: the result shows whether it joins them, is a separate word, or is removed.
    pieces = pre_tokenizers.BertPreTokenizer().pre_tokenize_str("".join(f"x{character}" for character in characters))
    words = {word for word, _ in pieces}
    separate = {word for word in words if len(word) == 1} - {"x"}
    removed = characters - set("".join(words))
    return {character: f" {character} " for character in separate} | dict.fromkeys(removed, " ")
