import numpy as np
import pytest

from kerasft.answers.masked_lm import fill_masks


@pytest.mark.parametrize(
    ("text", "words", "expected"),
    [
        ("C ## and ##ing [MASK] film", ["good"], "C ## and ##ing good film"),
        ("see issue ##3: pay [MASK] now", ["##ing"], "see issue ##3: paying now"),
        ("un[MASK] [MASK] ##", ["##ed", "##ing"], "uneding ##"),
        ("[MASK] film", ["##ing"], "ing film"),
        ("a  [MASK]", ["##"], "a  ##"),
        ("a\n[MASK] ## b", ["card"], "a\ncard ## b"),
        ("a [MASK] b [MASK] ##c", ["card"], "a card b [MASK] ##c"),
    ],
)
def test_only_a_filled_word_is_joined_and_the_users_own_characters_stay(text, words, expected):
    logits = 9 * np.eye(len(words))  # the n-th word is best for the n-th mask
    answer = fill_masks(text, logits, top_k=1, mask_token="[MASK]", token_text=words.__getitem__, prefix="##")
    assert answer["filled"] == expected
    assert [mask[0]["token"] for mask in answer["masks"]] == words


def test_scores_are_probabilities_and_equal_ones_stay_in_order():
    masks = fill_masks("_", np.array([[1.0, 2.0, 2.0, -1e30]]), top_k=9, mask_token="_", token_text=str)["masks"]
    assert [candidate["token"] for candidate in masks[0]] == ["1", "2", "0", "3"]
    assert sum(candidate["score"] for candidate in masks[0]) == pytest.approx(1)
    assert masks[0][3]["score"] == 0
