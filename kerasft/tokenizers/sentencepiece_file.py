"""Read a SentencePiece model file (`spiece.model`, `sentencepiece.bpe.model`): its pieces, scores and normalizer.

The file is a protocol buffer, https://github.com/google/sentencepiece/blob/master/src/sentencepiece_model.proto. Only four
fields are needed, so they are read from the wire format (https://protobuf.dev/programming-guides/encoding/) directly, without
`sentencepiece` or generated protobuf code.
"""

import pathlib
import struct
from collections.abc import Iterator
from typing import NamedTuple

from kerasft import security
from kerasft.errors import CheckpointError
from kerasft.security.varint import varint

UNIGRAM = 1
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = 1, 2, 3, 4, 5, 6
"""Piece types."""

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_PIECES, _TRAINER, _NORMALIZER = 1, 2, 3
_PIECE_TEXT, _PIECE_SCORE, _PIECE_TYPE = 1, 2, 3
_TRAINER_MODEL_TYPE = 3
_NORMALIZER_MAP = 2


class Piece(NamedTuple):
    """One token."""

    text: str
    score: float
    kind: int
    """`NORMAL`, `UNKNOWN`, `CONTROL`, `USER_DEFINED`, `UNUSED` or `BYTE`."""


class SentencePieceModel(NamedTuple):
    """Content of a SentencePiece model file.

    Example:

    >>> SentencePieceModel([Piece("<unk>", 0.0, UNKNOWN), Piece("▁a", -1.5, NORMAL)], b"").unknown_id
    0
    """

    pieces: list[Piece]
    """Pieces in id order."""
    character_map: bytes
    """The compiled normalizer, a trie; empty: no normalization."""

    @property
    def unknown_id(self) -> int:
        """The id of the unknown token."""
        return next(index for index, piece in enumerate(self.pieces) if piece.kind == UNKNOWN)


def read(path: pathlib.Path) -> SentencePieceModel:
    """Read a SentencePiece Unigram model.

    Raises:
        CheckpointError: If the file is corrupted, or is not a Unigram model.

    Example:

    >>> path = pathlib.Path("spiece.model")
    >>> _ = path.write_bytes(bytes([10, 9, 10, 5]) + b"<unk>" + bytes([24, 2]))
    >>> read(path).pieces
    [Piece(text='<unk>', score=0.0, kind=2)]
    """
    pieces = []
    model_type = UNIGRAM
    character_map = b""
    try:
        for field, value in _fields(security.read_bounded(path)):
            if field == _PIECES:
                piece = dict(_fields(value))
                score = struct.unpack("<f", piece.get(_PIECE_SCORE, bytes(4)))[0]
                pieces.append(Piece(piece[_PIECE_TEXT].decode(), score, piece.get(_PIECE_TYPE, NORMAL)))
            elif field == _TRAINER:
                model_type = dict(_fields(value)).get(_TRAINER_MODEL_TYPE, UNIGRAM)
            elif field == _NORMALIZER:
                character_map = dict(_fields(value)).get(_NORMALIZER_MAP, b"")
    except (ValueError, KeyError, TypeError, AttributeError, struct.error) as error:
        raise CheckpointError(
            f"{path}: not a readable SentencePiece model ({error}). It may be truncated, or a Git LFS pointer; copy it again."
        ) from error
    if model_type != UNIGRAM or not any(piece.kind == UNKNOWN for piece in pieces):
        raise CheckpointError(
            f"{path}: must be a Unigram model with an unknown token; received: model type {model_type}, "
            f"{len(pieces)} pieces. Create tokenizer.json with the library that wrote it."
        )
    return SentencePieceModel(pieces, character_map)


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    position = 0
    while position < len(data):
        tag, position = varint(data, position)
        wire = tag & 7
        if wire == _VARINT:
            value, position = varint(data, position)
        elif wire in (_FIXED64, _FIXED32, _BYTES):
            size, position = varint(data, position) if wire == _BYTES else (8 if wire == _FIXED64 else 4, position)
            value, position = data[position : position + size], position + size
            if position > len(data):
                raise ValueError(f"a field of {size} bytes extends past the end of the file")
        else:
            raise ValueError(f"wire type {wire}")
        yield tag >> 3, value
