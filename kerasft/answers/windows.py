"""Long texts as overlapping windows of tokens: where these begin, and which window answers which token; numpy only."""

from collections.abc import Sequence

import numpy as np

Offsets = Sequence[tuple[int, int]]


def window_begins(length: int, room: int, stride: int) -> list[int]:
    """Where the windows of a text begin; the last one ends with the text.

    Args:
        length: Tokens of the text.
        room: Tokens of a window.
        stride: Tokens that two windows share, < `room`.

    Example:

    >>> window_begins(10, room=4, stride=1), window_begins(0, room=4, stride=1)
    ([0, 3, 6], [0])
    """
    count = 1 + max(0, -(-(length - room) // (room - stride)))
    return [index * (room - stride) for index in range(count)]


def answering_windows(length: int, parts: Sequence[tuple[int, int]]) -> np.ndarray:
    """Which window answers each token of a text, int64 (T,): the one in which it has most context.

    A token's context in a window is the number of tokens between it and the nearer end of the window, unless the text itself
    ends there. Of two windows with the same the first one answers.

    Args:
        length: Tokens of the text, T.
        parts: Of each window where it begins in the text, and how many of the text's tokens it holds.

    Example:

    >>> answering_windows(6, [(0, 4), (2, 4)]).tolist()
    [0, 0, 0, 1, 1, 1]
    """
    unbounded = np.iinfo(np.int64).max
    context = np.full(length, -1)
    answered_by = np.zeros(length, np.int64)
    for window, (begin, count) in enumerate(parts):
        place = np.arange(count)
        left = place if begin else np.full(count, unbounded)
        right = place[::-1] if begin + count < length else np.full(count, unbounded)
        here = np.minimum(left, right)
        better = here > context[begin : begin + count]
        context[begin : begin + count][better] = here[better]
        answered_by[begin : begin + count][better] = window
    return answered_by


def trimmed_offsets(text: str, offsets: Offsets) -> list[tuple[int, int]]:
    """Offsets without the white space that byte-level and SentencePiece tokens take in; (0, 0) where nothing else is left.

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
    """The number of the first token of each word, int64 (words,); -1 for a word that gives no token.

    That is the first token that begins in the word, or else the one that covers it with its neighbour.

    Args:
        words: Offsets of the words, in order.
        tokens: Offsets of the tokens, as `trimmed_offsets` gives them.

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
        for place in (inside, at):
            if place < len(real) and real[place][0] < end and real[place][1] > start:
                first[index] = real[place][2]
                break
    return first
