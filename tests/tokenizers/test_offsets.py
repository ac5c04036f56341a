"""Character offsets: text[start:end] is what a token stands for, on any text."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tokenizers.tiny_files import FAMILIES, STRANGE, tokenizer

# Surrogates are refused before a tokenizer sees them (test_encoding.py).
PIECES = st.sampled_from([*STRANGE, "film", " ", "e\u0301", "👍🏽", "שלום", "\0", "<mask>", "[SEP]", "</s>", "Ω"])
ANY_TEXT = st.lists(PIECES | st.text(st.characters(exclude_categories=["Cs"]), max_size=6), max_size=8).map("".join)


def pieces(family: str, text: str) -> list[tuple[str, str, int, int]]:
    """(token, piece of text, start, end), without special tokens around."""
    learnt = tokenizer(family)
    encoded = learnt(text, add_special_tokens=False, return_offsets_mapping=True)
    tokens = learnt.convert_ids_to_tokens(encoded["input_ids"])
    return [(token, text[a:b], a, b) for token, (a, b) in zip(tokens, encoded["offset_mapping"], strict=True)]


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=150, deadline=None)
@given(text=ANY_TEXT)
def test_offsets_lie_in_the_text_and_never_go_back(family, text):
    place = 0
    for token, _, start, end in pieces(family, text):
        assert 0 <= start <= end <= len(text), (token, start, end)
        assert start >= place, (token, start, place)
        place = start


@pytest.mark.parametrize("family", ["gpt2", "roberta"])
@settings(max_examples=150, deadline=None)
@given(text=ANY_TEXT)
def test_bytes_cover_every_character(family, text):
    """The union of the offsets is the text, but for the spaces that RoBERTa leaves out."""
    covered = set()
    for _, _, start, end in pieces(family, text):
        covered.update(range(start, end))
    left = "".join(character for place, character in enumerate(text) if place not in covered)
    assert left == "" or (family == "roberta" and left.isspace()), left


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=150, deadline=None)
@given(text=ANY_TEXT)
def test_a_known_token_is_what_the_text_has_there(family, text):
    learnt = tokenizer(family)
    for token, piece, _, _ in pieces(family, text):
        spelt = token.removeprefix("##").replace("▁", "").replace("Ġ", "")
        if token == learnt.unk_token or token in learnt.all_special_tokens or not spelt.isascii():
            continue
        found = unicodedata.normalize("NFKC", piece).strip()
        # One character can become several tokens ("½" becomes three), each with the whole character's offsets.
        assert spelt in found, (token, piece)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("text", ["a good film", "Café 東京!", "שלום film", "👩‍👩‍👧‍👦 good", "e\u0301a film"])
def test_words_are_found_by_their_offsets(family, text):
    for word in text.split():
        start = text.index(word)
        inside = [(a, b) for _, _, a, b in pieces(family, text) if a < start + len(word) and b > start]
        assert min(a for a, _ in inside) in (start, start - (family == "gpt2" and start > 0))
        assert max(b for _, b in inside) == start + len(word)


def test_gpt2_counts_the_space_before_a_word_and_roberta_does_not():
    assert [piece for _, piece, _, _ in pieces("gpt2", "a good film")] == ["a", " good", " film"]
    assert [piece for _, piece, _, _ in pieces("roberta", "a good film")] == ["a", "good", "film"]
