"""Overlapping windows of long texts: their offsets, and which window predicts which token; numpy only."""

from collections.abc import Sequence

import numpy as np

Offsets = Sequence[tuple[int, int]]


def window_begins(length: int, room: int, stride: int) -> list[int]:
    """Return the start positions of the windows of a text; the last window ends with the text.

    Args:
        length: Number of tokens in the text.
        room: Number of tokens in a window.
        stride: Overlap of consecutive windows in tokens, < `room`.

    Example:

    >>> window_begins(10, room=4, stride=1), window_begins(0, room=4, stride=1)
    ([0, 3, 6], [0])
    """
    count = 1 + max(0, -(-(length - room) // (room - stride)))
    return [index * (room - stride) for index in range(count)]


def answering_windows(length: int, parts: Sequence[tuple[int, int]]) -> np.ndarray:
    """Return the index of the window that predicts each token, where the token has the most context, int64 (T,).

    The context of a token in a window is its distance to the nearer end of the window, ignoring ends that are also ends of the
    text. For ties, the first window is used.

    Args:
        length: Number of tokens in the text, T.
        parts: Start position and number of text tokens of each window.

    Example:

    >>> answering_windows(6, [(0, 4), (2, 4)]).tolist()
    [0, 0, 0, 1, 1, 1]
    """
    unbounded = np.iinfo(np.int64).max
    context = np.full(length, -1)
    answered_by = np.zeros(length, np.int64)
    for window, (begin, count) in enumerate(parts):
        position = np.arange(count)
        left = position if begin else np.full(count, unbounded)
        right = position[::-1] if begin + count < length else np.full(count, unbounded)
        distance = np.minimum(left, right)
        better = distance > context[begin : begin + count]
        context[begin : begin + count][better] = distance[better]
        answered_by[begin : begin + count][better] = window
    return answered_by


def trimmed_offsets(text: str, offsets: Offsets) -> list[tuple[int, int]]:
    """Remove the whitespace in byte-level and SentencePiece tokens from their offsets; (0, 0) if nothing is left.

    Example:

    >>> trimmed_offsets("In Rome ", [(0, 2), (2, 7), (7, 8)])
    [(0, 2), (3, 7), (0, 0)]
    """
    result = []
    for start, end in offsets:
        while start < end and text[start].isspace():
            start += 1
        while end > start and text[end - 1].isspace():
            end -= 1
        result.append((start, end) if end > start else (0, 0))
    return result


def first_tokens(words: Offsets, tokens: Offsets) -> np.ndarray:
    """Return the index of the first token of each word, int64 (words,); -1 for words without tokens.

    This is the first token that starts in the word, or, if there is none, a token that covers it together with a neighboring
    word.

    Args:
        words: Offsets of the words, in order.
        tokens: Offsets of the tokens, from `trimmed_offsets`.

    Example:

    >>> first_tokens([(0, 3), (4, 6), (7, 8), (8, 9)], [(0, 2), (2, 3), (4, 6), (7, 9)]).tolist()
    [0, 2, 3, 3]
    >>> first_tokens([(0, 1), (2, 3)], [(2, 3)]).tolist()
    [-1, 0]
    """
    first = np.full(len(words), -1, np.int64)
    real = [(start, end, number) for number, (start, end) in enumerate(tokens) if end > start]
    at = 0
    for index, (start, end) in enumerate(words):
        while at < len(real) and real[at][1] <= start:
            at += 1
        inside = at
        while inside < len(real) and real[inside][0] < start:
            inside += 1
        for candidate in (inside, at):
            if candidate < len(real) and real[candidate][0] < end and real[candidate][1] > start:
                first[index] = real[candidate][2]
                break
    return first
