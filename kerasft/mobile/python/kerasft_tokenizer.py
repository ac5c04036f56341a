"""Tokenize and decode texts with the standard library only: WordPiece (BERT), byte-level BPE (GPT-2, RoBERTa), Unigram (T5).

Reads `tokenizer.json` of Hugging Face's `tokenizers`; special tokens of the template are not added. Character classes are those
of this Python's Unicode version; newer characters may be tokenized differently than in training.
"""

import itertools
import json
import pathlib
import unicodedata

from kerasft_characters import SPACES, Char, category, decomposed, is_control, is_punctuation, is_word, text_of
from kerasft_unigram import Unigram

_IDEOGRAPHS = (
    (0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B81F), (0x2B920, 0x2CEAF), (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)  # fmt: skip
_CONTRACTIONS = ("'s", "'t", "'re", "'ve", "'m", "'ll", "'d")


class Tokenizer:
    """The tokenizer of a mobile bundle.

    Args:
        folder: The bundle's folder.
    """

    def __init__(self, folder: str | pathlib.Path):
        folder = pathlib.Path(folder)
        content = json.loads((folder / "tokenizer.json").read_text("utf-8"))
        kind = content["model"]["type"]
        if kind not in _MODELS:
            raise ValueError(f"unsupported tokenizer type {kind}; expected one of {', '.join(_MODELS)}")
        self._model = _MODELS[kind](content)
        added = content["added_tokens"]
        self._special = {token["id"] for token in added if token["special"]}
        self._added = {token["id"]: token["content"] for token in added}
        self._raw = [token for token in added if not token["normalized"]]
        self._normalized = [
            token | {"content": text_of(self._model.normalize(token["content"]))}
            for token in added
            if token["normalized"]
        ]

    def ids(self, text: str) -> list[int]:
        """Return the ids of a text, without a template. Strings such as "[SEP]" become special tokens, as in training."""
        return [token for token, _, _ in self.tokens(text)]

    def tokens(self, text: str) -> list[tuple[int, int, int]]:
        """Return the ids of a text, without a template, each with its start and end in characters."""
        tokens = []
        for start, end, token in _split(text, self._raw):
            if token is not None:
                tokens.append((token, start, end))
                continue
            chars = self._model.normalize(text[start:end])
            normal = text_of(chars)
            for low, high, added in _split(normal, self._normalized):
                pieces = self._model.tokens(normal[low:high]) if added is None else [(added, 0, high - low)]
                for token, first, last in pieces:
                    if first == last:  # the space that byte-level BPE adds before a text
                        tokens.append((token, start, start))
                    else:
                        tokens.append((token, start + chars[low + first][1], start + chars[low + last - 1][2]))
        return tokens

    @property
    def size(self) -> int:
        """Number of tokens, including added tokens."""
        return max(*self._added, *self._model.pieces) + 1

    @property
    def continuation(self) -> str | None:
        """Prefix of tokens that continue a word; None if there is none."""
        return getattr(self._model, "prefix", None)

    def token_text(self, token: int) -> str:
        """Return the text of a single token, such as "##ing"."""
        text = self._model.decode([token], self._added).strip()
        return text or self._added.get(token) or self._model.pieces[token]

    def decode(self, ids: list[int]) -> str:
        """Return the text of ids, without special tokens."""
        # A model may have more outputs than tokens, like T5; these have no text.
        known = [token for token in ids if token in self._added or token in self._model.pieces]
        return self._model.decode([token for token in known if token not in self._special], self._added)


class _WordPiece:
    """https://arxiv.org/abs/1810.04805: clean, lowercase, split at spaces and punctuation, longest match first."""

    def __init__(self, content: dict):
        model, normalizer = content["model"], content["normalizer"]
        if normalizer["type"] != "BertNormalizer" or content["pre_tokenizer"]["type"] != "BertPreTokenizer":
            raise ValueError("expected a WordPiece tokenizer with BERT's normalizer and pre-tokenizer")
        self._vocabulary = model["vocab"]
        self.pieces = {number: piece for piece, number in self._vocabulary.items()}
        self._unknown = self._vocabulary[model["unk_token"]]
        self.prefix = model["continuing_subword_prefix"]
        self._longest = model["max_input_chars_per_word"]
        self._clean, self._lower = normalizer["clean_text"], normalizer["lowercase"]
        self._ideographs = normalizer["handle_chinese_chars"]
        strip = normalizer["strip_accents"]
        self._strip = self._lower if strip is None else strip

    def normalize(self, text: str) -> list[Char]:
        chars = []
        for position, char in enumerate(text):
            if self._clean and is_control(char):
                continue
            if self._clean and char in SPACES:
                char = " "
            elif self._ideographs and any(low <= ord(char) <= high for low, high in _IDEOGRAPHS):
                char = f" {char} "
            chars += [(each, position, position + 1) for each in char]
        if self._strip:
            chars = [char for char in decomposed(chars) if unicodedata.category(char[0]) != "Mn"]
        # Character by character: `str.lower` of a complete text treats a final sigma differently.
        return [(each, *origin) for char, *origin in chars for each in char.lower()] if self._lower else chars

    def tokens(self, text: str) -> list[tuple[int, int, int]]:
        return [token for start, end in _words(text) for token in self._word(text[start:end], start)]

    def _word(self, word: str, offset: int) -> list[tuple[int, int, int]]:
        unknown = [(self._unknown, offset, offset + len(word))]
        if len(word) > self._longest:
            return unknown
        pieces, start = [], 0
        while start < len(word):
            for end in range(len(word), start, -1):
                piece = self._vocabulary.get((self.prefix if start else "") + word[start:end])
                if piece is not None:
                    break
            else:
                return unknown  # if any piece is not in the vocabulary, the whole word is unknown
            pieces.append((piece, offset + start, offset + end))
            start = end
        return pieces

    def decode(self, ids: list[int], added: dict[int, str]) -> str:
        return " ".join(added.get(token) or self.pieces[token] for token in ids).replace(f" {self.prefix}", "")


class _ByteLevelBPE:
    """Radford et al. 2019: split by GPT-2's pattern, represent each byte as a character, merge by rank."""

    def __init__(self, content: dict):
        model, splitting = content["model"], content["pre_tokenizer"]
        if splitting["type"] != "ByteLevel" or content["normalizer"] is not None:
            raise ValueError("expected a byte-level BPE tokenizer with GPT-2's pre-tokenizer and no normalizer")
        self._vocabulary = model["vocab"]
        self.pieces = {number: piece for piece, number in self._vocabulary.items()}
        pairs = (tuple(pair.split(" ") if isinstance(pair, str) else pair) for pair in model["merges"])
        self._ranks = {pair: rank for rank, pair in enumerate(pairs)}
        self._adds_space = splitting["add_prefix_space"]

    def normalize(self, text: str) -> list[Char]:
        return [(char, position, position + 1) for position, char in enumerate(text)]

    def tokens(self, text: str) -> list[tuple[int, int, int]]:
        added = int(self._adds_space and not text.startswith(" "))
        text = " " * added + text
        pieces, start = [], 0
        while start < len(text):
            end = _end_of_word(text, start)
            encoded = [char.encode("utf-8", "replace") for char in text[start:end]]
            # The character position of each byte; -1 for an added space.
            positions = [start + number - added for number, char in enumerate(encoded) for _ in char]
            offset = 0
            for symbol in self._merged([_BYTE_CHARACTERS[byte] for char in encoded for byte in char]):
                if symbol in self._vocabulary:
                    last = positions[offset + len(symbol) - 1]
                    pieces.append((self._vocabulary[symbol], max(0, positions[offset]), last + 1))
                offset += len(symbol)
            start = end
        return pieces

    def _merged(self, symbols: list[str]) -> list[str]:
        while len(symbols) > 1:
            pairs = list(itertools.pairwise(symbols))
            best = min(pairs, key=lambda pair: self._ranks.get(pair, len(self._ranks)))
            if best not in self._ranks:
                break
            index = pairs.index(best)
            symbols[index : index + 2] = ["".join(best)]
        return symbols

    def decode(self, ids: list[int], added: dict[int, str]) -> str:
        pieces = (
            added[token].encode() if token in added else bytes(_CHARACTER_BYTES[char] for char in self.pieces[token])
            for token in ids
        )
        return b"".join(pieces).decode("utf-8", "replace")


_MODELS = {"WordPiece": _WordPiece, "BPE": _ByteLevelBPE, "Unigram": Unigram}


def _split(text: str, tokens: list[dict]) -> list[tuple[int, int, int | None]]:
    """Split a text at added tokens, longest match first: start, end, and the token's id or None."""
    tokens = sorted((token for token in tokens if token["content"]), key=lambda token: -len(token["content"]))
    segments = []
    done = 0
    position = 0
    while position < len(text):
        token = next((each for each in tokens if text.startswith(each["content"], position)), None)
        if token is None:
            position += 1
            continue
        start, end = position, position + len(token["content"])
        position = end
        if token["single_word"] and (is_word(text[start - 1 : start]) or is_word(text[end : end + 1])):
            continue
        while token["lstrip"] and start > done and text[start - 1] in SPACES:
            start -= 1
        while token["rstrip"] and end < len(text) and text[end] in SPACES:
            end += 1
        if start > done:
            segments.append((done, start, None))
        segments.append((start, end, token["id"]))
        done = position = end
    return [*segments, (done, len(text), None)] if done < len(text) else segments


def _words(text: str) -> list[tuple[int, int]]:
    """Start and end of each word; punctuation characters are separate words."""
    words, start = [], 0
    for position, char in enumerate(text):
        separate = is_punctuation(char)
        if separate or char in SPACES:
            words += [(start, position), (position, position + 1)] if separate else [(start, position)]
            start = position + 1
    return [(start, end) for start, end in [*words, (start, len(text))] if end > start]


def _end_of_word(text: str, start: int) -> int:
    r"""The end of the word at `start`, by `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`."""
    for contraction in _CONTRACTIONS:
        if text.startswith(contraction, start):
            return start + len(contraction)
    first = start + 1 if text[start] == " " else start
    kind = category(text[first : first + 1])
    end = start if kind == " " else first
    while end < len(text) and category(text[end]) == kind:
        end += 1
    # The last space belongs to the following word, if any.
    return end - 1 if kind == " " and end < len(text) and end - start > 1 else end


def _byte_characters() -> list[str]:
    """The character of each byte: printable Latin-1 characters for themselves, characters from U+0100 for the others."""
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = iter(range(0x100, 0x200))
    return [chr(byte if byte in printable else next(others)) for byte in range(256)]


_BYTE_CHARACTERS = _byte_characters()
_CHARACTER_BYTES = {char: byte for byte, char in enumerate(_BYTE_CHARACTERS)}
