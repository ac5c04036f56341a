"""Dropping tokens: what stays, and that kept texts are cut as before."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kerasft import tokenizers
from kerasft.errors import KerasftError
from kerasft.tokenizers.prune import prune
from tests.tokenizers.test_offsets import ANY_TEXT
from tests.tokenizers.tiny_files import FAMILIES, STRANGE, TEXTS, tokenizer


def tokens_of(learnt, text):
    return learnt.convert_ids_to_tokens(learnt(text)["input_ids"])


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=40, deadline=None)
@given(words=st.lists(st.sampled_from(" ".join(TEXTS[:4]).split()), max_size=5), other=ANY_TEXT)
def test_kept_texts_are_cut_as_before_and_nothing_becomes_unknown(family, words, other):
    old = tokenizer(family)
    text = " ".join(words)
    new, old_ids = prune(old, tokens_of(old, text))
    assert tokens_of(new, text) == tokens_of(old, text)
    assert [old_ids[index] for index in new(text)["input_ids"]] == old(text)["input_ids"]
    assert new.convert_ids_to_tokens(range(len(new))) == old.convert_ids_to_tokens(old_ids)
    assert len(new) < len(old)
    if old.unk_token_id not in old(other)["input_ids"]:
        assert new.unk_token_id not in new(other)["input_ids"]


@pytest.mark.parametrize("family", FAMILIES)
def test_it_is_saved_and_loaded(tmp_path, family):
    new, _ = prune(tokenizer(family), [])
    tokenizers.save(new, tmp_path)
    again = tokenizers.load(tmp_path)
    for text in TEXTS + STRANGE:
        assert again(text, "good") == new(text, "good")
    assert again.special_tokens_map == tokenizer(family).special_tokens_map
    assert again.model_max_length == tokenizer(family).model_max_length


@pytest.mark.parametrize("family", FAMILIES)
def test_added_tokens_stay(family):
    old = tokenizers.train(TEXTS, FAMILIES[family], family=family, vocabulary_size=330)
    old.add_tokens(["<e1>", "<e2>"])
    new, old_ids = prune(old, [])
    assert new.convert_tokens_to_ids(["<e1>", "<e2>"]) == [len(new) - 2, len(new) - 1]
    assert old_ids[-2:] == [len(old) - 2, len(old) - 1]
    assert "<e1>" in new.tokenize("a<e1>good")


def test_a_character_without_a_token_keeps_the_tokens_that_have_it():
    from tokenizers import models

    old = tokenizers.train(TEXTS, vocabulary_size=200)
    vocabulary = old.get_vocab()
    vocabulary["東京"] = vocabulary.pop("京")  # the character 京 is left without a token of its own
    old.backend_tokenizer.model = models.WordPiece(vocabulary, unk_token="[UNK]")
    old.backend_tokenizer.normalizer.handle_chinese_chars = False
    new, _ = prune(old, [])
    assert "東京" in new.get_vocab()
    assert new.tokenize("東京") == old.tokenize("東京") == ["東京"]


def test_a_wanted_token_must_be_there():
    with pytest.raises(KerasftError, match=r"`keep` must be tokens of the vocabulary; received: \['nonsense'\]"):
        prune(tokenizer("bert"), ["nonsense"])


def test_another_model_is_refused():
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    words = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.WordLevel({"a": 0}, unk_token="a")))
    with pytest.raises(
        KerasftError, match=r"`tokenizer` must be one of WordPiece, BPE, Unigram; received: 'WordLevel'"
    ):
        prune(words, [])
