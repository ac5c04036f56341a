"""Texts to token ids and back, of the standard library alone: WordPiece (BERT) and byte-level BPE (GPT-2, RoBERTa).

Reads `tokenizer.json` as Hugging Face's `tokenizers` writes it, and the template of `signature.json`. The classes of characters
are those of this Python's Unicode version; characters that are newer may be read otherwise than in training.
"""

import itertools
import json
import pathlib
import unicodedata

SPACES = frozenset("\t\n\x0b\x0c\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000") | {
    chr(c) for c in range(0x2000, 0x200B)
}
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
        signature = json.loads((folder / "signature.json").read_text("utf-8"))
        kind = content["model"]["type"]
        if kind not in _MODELS:
            raise ValueError(f"this tokenizer is of type {kind}; supported here: {', '.join(_MODELS)}")
        self._model = _MODELS[kind](content)
        self._template = signature.get("preprocessing", {}).get("template")
        self._max_length = signature["max_length"]
        added = content["added_tokens"]
        self._special = {token["id"] for token in added if token["special"]}
        self._added = {token["id"]: token["content"] for token in added}
        self._raw = [token for token in added if not token["normalized"]]
        normalize = self._model.normalize
        self._normalized = [token | {"content": normalize(token["content"])} for token in added if token["normalized"]]

    def encode(self, text: str, second: str | None = None) -> tuple[list[int], list[int]]:
        """Return ids and segment ids of a text, or of a pair, cut to the model's length; of a pair the longer text first."""
        template = self._template
        before, first = template["before"], self.ids(text)
        if second is None:
            room = self._max_length - len(before) - len(template["after_single"])
            row = before + first[:room] + template["after_single"]
            return row, [0] * len(row)
        other, between, after = self.ids(second), template["between"], template["after"]
        room = self._max_length - len(before) - len(between) - len(after)
        kept, kept_other = _longest_first(len(first), len(other), room)
        head, tail = before + first[:kept] + between, other[:kept_other] + after
        return head + tail, [0] * len(head) + [1] * len(tail)

    def ids(self, text: str) -> list[int]:
        """Return the ids of a text alone. Strings such as "[SEP]" in it become these tokens, as they do in training."""
        found = []
        for part, token in _split(text, self._raw):
            if token is not None:
                found.append(token)
                continue
            for piece, added in _split(self._model.normalize(part), self._normalized):
                found += self._model.ids(piece) if added is None else [added]
        return found

    def decode(self, ids: list[int]) -> str:
        """Return the text of ids, without special tokens."""
        return self._model.decode([token for token in ids if token not in self._special], self._added)


class _WordPiece:
    """https://arxiv.org/abs/1810.04805: clean, lower-case, split at spaces and punctuation, longest pieces from the left."""

    def __init__(self, content: dict):
        model, normalizer = content["model"], content["normalizer"]
        if normalizer["type"] != "BertNormalizer" or content["pre_tokenizer"]["type"] != "BertPreTokenizer":
            raise ValueError("a WordPiece tokenizer with BERT's normaliser and splitting was expected")
        self._vocabulary = model["vocab"]
        self._pieces = {number: piece for piece, number in self._vocabulary.items()}
        self._unknown = self._vocabulary[model["unk_token"]]
        self._prefix = model["continuing_subword_prefix"]
        self._longest = model["max_input_chars_per_word"]
        self._clean, self._lower = normalizer["clean_text"], normalizer["lowercase"]
        self._ideographs = normalizer["handle_chinese_chars"]
        strip = normalizer["strip_accents"]
        self._strip = self._lower if strip is None else strip

    def normalize(self, text: str) -> str:
        cleaned = []
        for char in text:
            if self._clean and _is_control(char):
                continue
            if self._clean and char in SPACES:
                cleaned.append(" ")
            elif self._ideographs and any(low <= ord(char) <= high for low, high in _IDEOGRAPHS):
                cleaned.append(f" {char} ")
            else:
                cleaned.append(char)
        text = "".join(cleaned)
        if self._strip:
            text = "".join(c for c in unicodedata.normalize("NFD", text) if unicodedata.category(c) != "Mn")
        # One by one: a whole text's last sigma would get another lower case.
        return "".join(char.lower() for char in text) if self._lower else text

    def ids(self, text: str) -> list[int]:
        found = []
        for word in _words(text):
            found += self._word(word)
        return found

    def _word(self, word: str) -> list[int]:
        if len(word) > self._longest:
            return [self._unknown]
        found, start = [], 0
        while start < len(word):
            for end in range(len(word), start, -1):
                piece = self._vocabulary.get((self._prefix if start else "") + word[start:end])
                if piece is not None:
                    break
            else:
                return [self._unknown]  # a word of which a part is in no vocabulary is unknown as a whole
            found.append(piece)
            start = end
        return found

    def decode(self, ids: list[int], added: dict[int, str]) -> str:
        return " ".join(added.get(token) or self._pieces[token] for token in ids).replace(f" {self._prefix}", "")


class _ByteLevelBPE:
    """Radford et al. 2019: split by GPT-2's pattern, write each byte as a character, merge by rank."""

    def __init__(self, content: dict):
        model, splitting = content["model"], content["pre_tokenizer"]
        if splitting["type"] != "ByteLevel" or content["normalizer"] is not None:
            raise ValueError("a byte-level BPE tokenizer with GPT-2's splitting and no normaliser was expected")
        self._vocabulary = model["vocab"]
        self._pieces = {number: piece for piece, number in self._vocabulary.items()}
        pairs = (tuple(pair.split(" ") if isinstance(pair, str) else pair) for pair in model["merges"])
        self._ranks = {pair: rank for rank, pair in enumerate(pairs)}
        self._adds_space = splitting["add_prefix_space"]

    def normalize(self, text: str) -> str:
        return text

    def ids(self, text: str) -> list[int]:
        if self._adds_space and not text.startswith(" "):
            text = " " + text
        found, start = [], 0
        while start < len(text):
            end = _end_of_word(text, start)
            found += self._word([_BYTE_CHARACTERS[byte] for byte in text[start:end].encode("utf-8", "replace")])
            start = end
        return found

    def _word(self, parts: list[str]) -> list[int]:
        while len(parts) > 1:
            pairs = list(itertools.pairwise(parts))
            best = min(pairs, key=lambda pair: self._ranks.get(pair, len(self._ranks)))
            if best not in self._ranks:
                break
            place = pairs.index(best)
            parts[place : place + 2] = ["".join(best)]
        return [self._vocabulary[part] for part in parts if part in self._vocabulary]

    def decode(self, ids: list[int], added: dict[int, str]) -> str:
        pieces = (
            added[token].encode() if token in added else bytes(_CHARACTER_BYTES[char] for char in self._pieces[token])
            for token in ids
        )
        return b"".join(pieces).decode("utf-8", "replace")


_MODELS = {"WordPiece": _WordPiece, "BPE": _ByteLevelBPE}


def _longest_first(first: int, second: int, room: int) -> tuple[int, int]:
    if first + second <= room:
        return first, second
    shorter = min(first, second)
    longer = max(shorter, room - shorter)
    # If both are longer than half of the room they get half each, the longer one the odd place.
    low, high = (room // 2, room - room // 2) if shorter + longer > room else (shorter, longer)
    return (low, high) if first <= second else (high, low)


def _split(text: str, tokens: list[dict]) -> list[tuple[str, int | None]]:
    """Parts of a text: plain ones, and added tokens with their id; the longest that starts at a place, from left to right."""
    tokens = sorted((token for token in tokens if token["content"]), key=lambda token: -len(token["content"]))
    parts, done, place = [], 0, 0
    while place < len(text):
        token = next((each for each in tokens if text.startswith(each["content"], place)), None)
        if token is None:
            place += 1
            continue
        start, end = place, place + len(token["content"])
        place = end
        if token["single_word"] and (_is_word(text[start - 1 : start]) or _is_word(text[end : end + 1])):
            continue
        while token["lstrip"] and start > done and text[start - 1] in SPACES:
            start -= 1
        while token["rstrip"] and end < len(text) and text[end] in SPACES:
            end += 1
        if start > done:
            parts.append((text[done:start], None))
        parts.append((text[start:end], token["id"]))
        done = place = end
    return [*parts, (text[done:], None)] if done < len(text) else parts


def _words(text: str) -> list[str]:
    """Split at spaces; punctuation marks are words of their own."""
    words, word = [], ""
    for char in text:
        alone = _is_punctuation(char)
        if alone or char in SPACES:
            words += [word, char] if alone else [word]
            word = ""
        else:
            word += char
    return [each for each in [*words, word] if each]


def _end_of_word(text: str, start: int) -> int:
    r"""Where the word ends that begins here, by `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`."""
    for contraction in _CONTRACTIONS:
        if text.startswith(contraction, start):
            return start + len(contraction)
    first = start + 1 if text[start] == " " else start
    kind = _kind(text[first : first + 1])
    end = start if kind == " " else first
    while end < len(text) and _kind(text[end]) == kind:
        end += 1
    # The last space belongs to the word behind it, if one follows.
    return end - 1 if kind == " " and end < len(text) and end - start > 1 else end


def _kind(char: str) -> str:
    if not char or char in SPACES:
        return " "
    category = unicodedata.category(char)[0]
    return category if category in "LN" else "other"


def _is_control(char: str) -> bool:
    if char in "\t\n\r":
        return False
    return char in "\0\ufffd" or unicodedata.category(char) in ("Cc", "Cf", "Co")


def _is_punctuation(char: str) -> bool:
    return (ord(char) < 128 and "!" <= char <= "~" and not char.isalnum()) or unicodedata.category(char)[0] == "P"


def _is_word(char: str) -> bool:
    return bool(char) and (char.isalnum() or char == "_" or unicodedata.category(char)[0] == "M")


def _byte_characters() -> list[str]:
    """The bytes that are visible in Latin-1 stand for themselves, the others for the characters from U+0100 on."""
    seen = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = iter(range(0x100, 0x200))
    return [chr(byte if byte in seen else next(others)) for byte in range(256)]


_BYTE_CHARACTERS = _byte_characters()
_CHARACTER_BYTES = {char: byte for byte, char in enumerate(_BYTE_CHARACTERS)}
