"""Unigram, the tokenizer of SentencePiece, T5 and XLM-RoBERTa."""

import base64
import itertools
import unicodedata

from kerasft_characters import SPACES, Char

_WORD_START = "\u2581"
_BREAKS = ("Cc", "Zl", "Zp")


class Unigram:
    """Kudo 2018, https://arxiv.org/abs/1804.10959: the most likely segmentation of a word into pieces, by Viterbi."""

    def __init__(self, content: dict):
        model = content["model"]
        normalizer = content["normalizer"]
        splitting = content["pre_tokenizer"]
        self.pieces = {number: piece for number, (piece, _) in enumerate(model["vocab"])}
        self._scores = {piece: (number, score) for number, (piece, score) in enumerate(model["vocab"])}
        self._unknown = model["unk_id"]
        self._unknown_score = min(score for _, score in model["vocab"]) - 10
        self._longest = max(map(len, self.pieces.values()))
        kind = None if normalizer is None else normalizer["type"]
        if kind not in (None, "NFKC", "Precompiled"):
            raise ValueError(f"unsupported normalizer {kind}")
        self._map = _CharacterMap(normalizer["precompiled_charsmap"]) if kind == "Precompiled" else None
        self._nfkc = kind == "NFKC"
        steps = splitting.get("pretokenizers", [splitting])
        self._splits_at_spaces = steps[0]["type"] == "WhitespaceSplit"
        if steps[-1]["type"] != "Metaspace" or steps[-1]["prepend_scheme"] != "always" or model.get("byte_fallback"):
            raise ValueError(
                "expected a Unigram tokenizer with SentencePiece's pre-tokenizer and without byte fallback"
            )

    def normalize(self, text: str) -> list[Char]:
        """Return the normalized characters."""
        if self._map is not None:
            return self._map.normalize(text)
        if not self._nfkc:
            return [(char, position, position + 1) for position, char in enumerate(text)]
        normalized = unicodedata.normalize("NFKC", text)
        pieces = [(start, end, unicodedata.normalize("NFKC", text[start:end])) for start, end in _graphemes(text)]
        if "".join(piece for _, _, piece in pieces) != normalized:  # such as Hangul letters that form one syllable
            pieces = [(0, len(text), normalized)]
        return [(char, *_span(start + n, end)) for start, end, piece in pieces for n, char in enumerate(piece)]

    def tokens(self, text: str) -> list[tuple[int, int, int]]:
        """Return the ids of a normalized text, each with its start and end in characters."""
        if not self._splits_at_spaces:
            text = text.replace(" ", _WORD_START)
        matches = []
        for is_space, group in itertools.groupby(
            range(len(text)), key=lambda position: self._splits_at_spaces and text[position] in SPACES
        ):
            if is_space:
                continue
            start, *_, end = [*(positions := list(group)), positions[-1] + 1]
            added = int(not text.startswith(_WORD_START, start))
            marked = _WORD_START * added + text[start:end]
            begins = [position for position, char in enumerate(marked) if char == _WORD_START]
            for first, last in itertools.pairwise([*begins, len(marked)]):
                for token, low, high in self._word(marked[first:last]):
                    # The added mark is at the position of the first character.
                    low, high = (max(0, low + first - added), max(1, high + first - added))
                    matches.append((token, start + low, start + high))
        return matches

    def _word(self, word: str) -> list[tuple[int, int, int]]:
        # For each end: score, start of the last piece, its id.
        best: list[tuple] = [(0.0, 0, self._unknown)] + [(None, 0, 0)] * len(word)
        for start in range(len(word)):
            for end in range(start + 1, min(len(word), start + self._longest) + 1):
                token, score = self._scores.get(word[start:end], (self._unknown, None))
                if score is None and end == start + 1:
                    score = self._unknown_score
                if score is not None and (best[end][0] is None or best[start][0] + score > best[end][0]):
                    best[end] = (best[start][0] + score, start, token)
        pieces = []
        end = len(word)
        while end:
            _, start, token = best[end]
            # Consecutive unknown characters are one piece.
            while token == self._unknown and start and best[start][2] == self._unknown:
                start = best[start][1]
            if token == self._unknown:
                token = self._scores.get(word[start:end], (token,))[0]
            pieces.append((token, start, end))
            end = start
        return pieces[::-1]

    def decode(self, ids: list[int], added: dict[int, str]) -> str:
        """Return the text of ids."""
        pieces = "".join(added.get(token) or self.pieces[token] for token in ids)
        return pieces.replace(_WORD_START, " ").removeprefix(" ")


class _CharacterMap:
    """SentencePiece's compiled normalizer: a double-array trie of byte strings (darts-clone), and their replacements."""

    def __init__(self, encoded: str):
        content = base64.b64decode(encoded)
        size = int.from_bytes(content[:4], "little")
        self._trie = memoryview(content[4 : 4 + size]).cast("I")
        self._replacements = content[4 + size :]

    def normalize(self, text: str) -> list[Char]:
        """As in Hugging Face: replace a short grapheme as a whole if it starts with a known string, else each character."""
        result = []
        for start, end in _graphemes(text):
            grapheme = self._replaced(text[start:end]) if len(text[start:end].encode("utf-8", "replace")) < 6 else None
            if grapheme is not None:
                result += [(char, *_span(start + number, end)) for number, char in enumerate(grapheme)]
                continue
            for position in range(start, end):
                replaced = self._replaced(text[position])
                result += [
                    (char, position, position + 1) for char in (text[position] if replaced is None else replaced)
                ]
        return result

    def _replaced(self, text: str) -> str | None:
        """The replacement of the shortest known prefix; `None` if there is none."""
        node = self._offset(self._trie[0])
        for byte in text.encode("utf-8", "replace"):
            if byte == 0:
                return None
            node ^= byte
            unit = self._trie[node]
            if unit & 0x800000FF != byte:
                return None
            node ^= self._offset(unit)
            if unit >> 8 & 1:
                start = self._trie[node] & 0x7FFFFFFF
                return self._replacements[start : self._replacements.index(0, start)].decode()
        return None

    @staticmethod
    def _offset(unit: int) -> int:
        return (unit >> 10) << ((unit & 0x200) >> 6)


def _span(start: int, end: int) -> tuple[int, int]:
    start = min(start, end - 1)
    return start, start + 1


def _graphemes(text: str) -> list[tuple[int, int]]:
    """Characters with their combining marks, and "\\r\\n"; longer graphemes (Hangul, flags, emoji) do not occur in the map."""
    starts = []
    for position, char in enumerate(text):
        before = text[position - 1 : position]
        is_mark = unicodedata.category(char)[0] == "M" or char in "\u200c\u200d"
        joined = (
            before + char == "\r\n" if not is_mark else bool(before) and unicodedata.category(before) not in _BREAKS
        )
        if not joined:
            starts.append(position)
    return list(itertools.pairwise([*starts, len(text)]))
