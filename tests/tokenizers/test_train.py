"""New vocabularies."""

import hashlib
import subprocess
import sys

import pytest

from kerasft import tokenizers
from kerasft.errors import DataError, KerasftError
from tests.tokenizers.tiny_files import FAMILIES, STRANGE, TEXTS, tokenizer


@pytest.mark.parametrize("family", FAMILIES)
def test_it_reads_its_texts_without_unknown_tokens(family):
    learnt = tokenizer(family)
    assert all(learnt.unk_token_id not in learnt(text)["input_ids"] for text in TEXTS)
    assert len(learnt) <= 330
    assert max(learnt.get_vocab().values()) == len(learnt) - 1
    assert "film" in {token.strip("▁Ġ") for token in learnt.get_vocab()}


def test_bytes_know_every_text():
    for text in STRANGE:
        assert (
            tokenizer("gpt2").decode(tokenizer("gpt2")(text)["input_ids"], clean_up_tokenization_spaces=False) == text
        )


def test_the_order_of_special_tokens_is_the_published_one():
    first = {family: tokenizer(family).convert_ids_to_tokens(range(3)) for family in FAMILIES}
    assert first["bert"] == ["[PAD]", "[UNK]", "[CLS]"]
    assert first["gpt2"][0] == "<|endoftext|>"
    assert first["roberta"] == first["xlm-roberta"] == ["<s>", "<pad>", "</s>"]
    assert first["t5"] == ["<pad>", "</s>", "<unk>"]


def test_the_same_texts_give_the_same_tokenizer_in_another_process():
    code = (
        "import hashlib; from tests.tokenizers import tiny_files as t\n"
        "print(*(hashlib.md5(t.tokenizer(f).backend_tokenizer.to_str().encode()).hexdigest() for f in t.FAMILIES))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    here = [hashlib.md5(tokenizer(family).backend_tokenizer.to_str().encode()).hexdigest() for family in FAMILIES]
    assert run.stdout.split() == here


def test_lowercase_and_length_are_honoured():
    learnt = tokenizers.train(TEXTS, lowercase=True, max_length=64, vocabulary_size=200)
    assert learnt.tokenize("FILM") == ["film"]
    assert learnt.model_max_length == 64


def test_files_and_texts(tmp_path):
    path = tmp_path / "texts.txt"
    path.write_text("\n".join(TEXTS), "utf-8")
    vocabularies = [tokenizers.train(source, vocabulary_size=200).get_vocab() for source in (str(path), [path], TEXTS)]
    assert vocabularies[0] == vocabularies[1] == vocabularies[2]


def test_a_rare_character_is_unknown_beyond_a_thousand():
    common = "".join(chr(0x4E00 + index) for index in range(1200))
    learnt = tokenizers.train([common[:900] * 2, common], vocabulary_size=4000)
    assert learnt.tokenize(common[0]) == [common[0]]
    assert len(learnt) == 1000 + 5
    assert learnt.unk_token in learnt.tokenize(" ".join(common[900:]))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kind": "words"}, r"`kind` must be one of 'wordpiece', 'bpe', 'unigram'; received: 'words'"),
        ({"kind": "bpe", "family": "bert"}, r"`family` must be one of \('gpt2', 'roberta'\).*; received: 'bert'"),
        ({"kind": "bpe", "lowercase": True}, r"`lowercase` must be False for kind='bpe'; received: True"),
        ({"kind": "bpe", "vocabulary_size": 100}, r"`vocabulary_size` must be at least 257 .*; received: 100"),
        ({"kind": "unigram", "vocabulary_size": 5}, r"`vocabulary_size` must be at least \d+ .*; received: 5"),
        ({"source": [" ", ""]}, r"`texts` must be one or more non-empty texts; received: \[' ', ''\]"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(KerasftError, match=message):
        tokenizers.train(**{"source": TEXTS, **arguments})


@pytest.mark.parametrize("text", ["half \ud83d", 3, None])
def test_bad_texts(text):
    with pytest.raises(DataError, match="texts, line 2: expected a valid Unicode string"):
        tokenizers.train(["good", text])


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(DataError, match=r"no\.txt: not readable as a UTF-8 text file"):
        tokenizers.train(tmp_path / "no.txt")
