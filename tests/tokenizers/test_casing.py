"""A tokenizer whose casing is not its vocabulary's is noticed, with numbers."""

import json

import pytest

from kerasft import load_pretrained, tokenizers
from kerasft.tokenizers.casing import casing_problem
from tests import tiny


def loaded(folder, words, *, lower):
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words]
    (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n")
    settings = {"tokenizer_class": "BertTokenizer", "do_lower_case": lower}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return tokenizers.load(folder)


@pytest.mark.parametrize(
    ("words", "lower"),
    [(["good", "film"], True), (["good", "Film"], False), ([".", ","], False), (["[unused1]"], True)],
)
def test_what_fits_is_passed(tmp_path, words, lower):
    assert casing_problem(loaded(tmp_path, words, lower=lower)) is None


def test_a_cased_vocabulary_that_is_lowered(tmp_path):
    problem = casing_problem(loaded(tmp_path, ["good", "Good", "Film"], lower=True))
    assert "2 of the vocabulary's 3 tokens have capital letters" in problem


def test_an_uncased_vocabulary_that_is_not_lowered(tmp_path):
    problem = casing_problem(loaded(tmp_path, ["good", "film"], lower=False))
    assert "none of the vocabulary's 2 tokens has any: every word with a capital becomes [UNK]" in problem


def test_loading_warns(tmp_path):
    folder = tiny.bert_folder(tmp_path / "checkpoint")
    (folder / "tokenizer.json").unlink()
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    settings = {**settings, "tokenizer_class": "BertTokenizer", "do_lower_case": False}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    with pytest.warns(UserWarning, match="every word with a capital becomes"):
        load_pretrained(folder)
