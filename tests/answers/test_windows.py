"""Where windows begin, which one answers a token, and which token stands for a word."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kerasft.answers.windows import answering_windows, first_tokens, trimmed_offsets, window_begins


def test_where_windows_begin():
    assert window_begins(4, room=4, stride=3) == [0]
    assert window_begins(5, room=4, stride=3) == [0, 1]
    assert window_begins(9, room=4, stride=0) == [0, 4, 8]


@given(st.integers(0, 60), st.integers(2, 12), st.data())
def test_a_token_is_answered_where_it_has_most_context(length, room, data):
    stride = data.draw(st.integers(0, room - 1))
    begins = window_begins(length, room, stride)
    parts = [(begin, min(room, length - begin)) for begin in begins]
    answered_by = answering_windows(length, parts)

    def context(token, part):
        begin, count = part
        sides = [token - begin] * (begin > 0) + [begin + count - 1 - token] * (begin + count < length)
        inside = begin <= token < begin + count
        return min(sides, default=length) if inside else -1

    for token, window in enumerate(answered_by):
        each = [context(token, part) for part in parts]
        assert window == np.argmax(each)


def test_white_space_belongs_to_no_token():
    assert trimmed_offsets(" a\u00a0 b", [(0, 2), (2, 4), (4, 5), (1, 1)]) == [(1, 2), (0, 0), (4, 5), (0, 0)]


def test_first_tokens_of_words():
    assert first_tokens([], [(0, 3)]).tolist() == []
    assert first_tokens([(0, 3)], []).tolist() == [-1]
    assert first_tokens([(0, 3), (4, 5), (5, 7)], [(0, 1), (1, 3), (4, 7)]).tolist() == [0, 2, 2]
    assert first_tokens([(0, 3), (3, 4), (5, 6)], [(0, 2), (2, 4), (0, 0), (5, 6)]).tolist() == [0, 1, 3]
