"""Words of raw texts, in every language."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerasft.answers.words import cut_words, is_inside_letters, split_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Mr. O'Neil's e-mail: 3.5%!", ["Mr", ".", "O'Neil", "'s", "e-mail", ":", "3.5", "%", "!"]),
        ("I'm at http://a.com/x?b=c @user #tag", ["I", "'m", "at", "http://a.com/x?b=c", "@user", "#tag"]),
        ("1,234 red,blue 10:30", ["1,234", "red", ",", "blue", "10:30"]),
        ("\u6211\u7231\u5317\u4eac\u3002", ["\u6211", "\u7231", "\u5317", "\u4eac", "\u3002"]),
        (
            "\u0939\u093f\u0928\u094d\u0926\u0940 \u092e\u0947\u0902",
            ["\u0939\u093f\u0928\u094d\u0926\u0940", "\u092e\u0947\u0902"],
        ),
        ("c\u0301d a\x00b", ["c\u0301d", "a", "\x00", "b"]),
        ("it\u2019s wait...what", ["it", "\u2019s", "wait", ".", ".", ".", "what"]),
        ("", []),
        (" \t\n", []),
    ],
)
def test_words_of_a_text(text, words):
    assert [text[start:end] for start, end in split_words(text)] == words


@given(st.text(max_size=60))
def test_every_character_but_white_space_is_in_one_word(text):
    words = split_words(text)
    covered = [place for start, end in words for place in range(start, end)]
    assert covered == [place for place, character in enumerate(text) if not character.isspace()]


def test_cutting_at_places():
    assert cut_words([(0, 4), (5, 14)], [9, 4, 5, 0]) == [(0, 4), (5, 9), (9, 14)]
    assert is_inside_letters("ab", 1)
    assert not any(is_inside_letters("ab", place) for place in (0, 2))
    assert not is_inside_letters("\u5317\u4eac", 1)
