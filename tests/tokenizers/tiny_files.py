"""Tokenizers of a few dozen tokens, learnt from these texts, and their older files without tokenizer.json."""

import functools
import json
import pathlib
import struct

from kerasft import tokenizers

TEXTS = [
    "a good film, and a good story",
    "the worst film of the year: bad acting, bad story",
    "Café déjà vu 東京 שלום",
    "she said: it's fine, isn't it?",
] * 3
FAMILIES = {"bert": "wordpiece", "gpt2": "bpe", "roberta": "bpe", "t5": "unigram", "xlm-roberta": "unigram"}
STRANGE = [
    "",
    " ",
    "good film",
    "  two  spaces\tand a tab\n",
    "👩‍👩‍👧‍👦 family 👍🏽!",
    "e\u0301 cafe\u0301 ñ \u0130",
    "東京タワー 你好 한국어",
    "שלום עולם مرحبا",
    "nul\0here",
    "\u200bzero\ufeff",
    "ﬁ ligature ① ²",
    "a\u2028b\xa0c",
    "\U0001f600" * 3,
]


@functools.cache
def tokenizer(family: str):
    """A tiny tokenizer; do not change it."""
    return tokenizers.train(TEXTS, FAMILIES[family], family=family, vocabulary_size=330)


def old_files(family: str, folder: pathlib.Path, settings: dict | None = None) -> pathlib.Path:
    """Write the tiny tokenizer of a family as its older files alone."""
    folder.mkdir(parents=True, exist_ok=True)
    model = json.loads(tokenizer(family).backend_tokenizer.to_str())["model"]
    if family == "bert":
        lines = sorted(model["vocab"], key=model["vocab"].get)
        (folder / "vocab.txt").write_text("".join(f"{line}\n" for line in lines), "utf-8")
    elif family in ("gpt2", "roberta"):
        (folder / "vocab.json").write_text(json.dumps(model["vocab"]), "utf-8")
        merges = "".join(f"{' '.join(merge)}\n" for merge in model["merges"])
        (folder / "merges.txt").write_text("#version: 0.2\n" + merges, "utf-8")
    else:
        own = 3 if family == "t5" else 5
        pieces = [("<pad>", 0.0, 3), ("</s>", 0.0, 3), ("<unk>", 0.0, 2)] if family == "t5" else _FAIRSEQ
        pieces = [*pieces, *((text, score, 1) for text, score in model["vocab"][own:])]
        name = "spiece.model" if family == "t5" else "sentencepiece.bpe.model"
        (folder / name).write_bytes(sentencepiece_bytes(pieces))
    if settings is not None:
        (folder / "tokenizer_config.json").write_text(json.dumps(settings), "utf-8")
    return folder


_FAIRSEQ = [("<unk>", 0.0, 2), ("<s>", 0.0, 3), ("</s>", 0.0, 3)]


def sentencepiece_bytes(
    pieces: list[tuple[str, float, int]], *, model_type: int = 1, character_map: bytes = b""
) -> bytes:
    """Write SentencePiece's protocol buffer."""
    parts = []
    for text, score, kind in pieces:
        piece = _field(1, text.encode()) + bytes([21]) + struct.pack("<f", score) + bytes([24, kind])
        parts.append(_field(1, piece))
    parts.append(_field(2, bytes([24, model_type])))
    parts.append(_field(3, _field(2, character_map)))
    return b"".join(parts)


def _field(number: int, content: bytes) -> bytes:
    length, size = b"", len(content)
    while size > 127:
        length, size = length + bytes([size & 127 | 128]), size >> 7
    return bytes([number << 3 | 2]) + length + bytes([size]) + content
