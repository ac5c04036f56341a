"""The tokenizer in the graph gives the ids of the fast tokenizer: on hostile, random, long and paired texts."""

import copy

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from kerasft import KerasftError
from kerasft.encoding.encoded import encode
from kerasft.tasks.samples import SAMPLE_TEXTS
from kerasft.tokenizers.character_map import character_map
from kerasft.tokenizers.in_graph import InGraphTokenizer, unsupported_reason
from tests import tiny

STRINGS = tf.TensorSpec((None,), tf.string)
PIECES = st.sampled_from(
    [
        "[SEP]",
        "[CLS]",
        "[MASK]",
        "[PAD]",
        "[UNK]",
        "[SE",
        "P]",
        "[sep]",
        "\0",
        "\ufffd",
        "\u00ad",
        "\U000f0000",
        "\U000f0003",
    ]
    + [
        "e\u0301",
        "\u0130",
        "\u1e9e",
        "\u4e2d",
        "\uac00",
        "##s",
        "good",
        "x" * 100,
        "\u00e9" * 101,
        "\u2028",
        "\x85",
        "\t",
    ]
)
HOSTILE = st.lists(st.text(max_size=12) | PIECES, max_size=6).map("".join)


def traced(tokenizer, max_length, columns=1):
    graph = InGraphTokenizer(tokenizer, max_length).__call__
    return tf.function(graph, input_signature=[STRINGS] * columns, autograph=False)


def check_equal(tokenizer, graph, texts, max_length):
    expected = encode(tokenizer, texts, max_length=max_length).pad(range(len(texts)), tokenizer.pad_token_id)
    columns = zip(*texts) if isinstance(texts[0], tuple) else [texts]
    received = graph(*(tf.constant(list(column)) for column in columns))
    for name, values in expected.items():
        np.testing.assert_array_equal(received[name], values, err_msg=f"{name} of {texts!r}")


@pytest.fixture(scope="module")
def single():
    return traced(tiny.tokenizer(), 24)


@pytest.fixture(scope="module")
def paired():
    return traced(tiny.tokenizer(), 11, columns=2)


@pytest.fixture(scope="module")
def cased_tokenizer():
    tokenizer = copy.deepcopy(tiny.tokenizer())
    tokenizer.backend_tokenizer.normalizer = normalizers.BertNormalizer(lowercase=False, handle_chinese_chars=False)
    return tokenizer


@pytest.mark.parametrize("text", SAMPLE_TEXTS)
def test_each_sample_text(single, text):
    check_equal(tiny.tokenizer(), single, [text], 24)


def test_a_batch_is_padded_as_the_tokenizer_pads(single, paired):
    check_equal(tiny.tokenizer(), single, list(SAMPLE_TEXTS), 24)
    check_equal(tiny.tokenizer(), paired, list(zip(SAMPLE_TEXTS, reversed(SAMPLE_TEXTS))), 11)


@settings(max_examples=150, deadline=None)
@given(text=HOSTILE)
def test_any_text(single, text):
    check_equal(tiny.tokenizer(), single, [text], 24)


@settings(max_examples=100, deadline=None)
@given(first=HOSTILE, second=HOSTILE)
def test_any_pair_is_cut_longest_first(paired, first, second):
    check_equal(tiny.tokenizer(), paired, [(first, second)], 11)


@pytest.mark.parametrize("max_length", [5, 6, 7, 12])
def test_truncation_of_pairs_at_every_length(max_length):
    texts = [("good " * first, "bad " * second) for first in range(10) for second in range(10)]
    check_equal(tiny.tokenizer(), InGraphTokenizer(tiny.tokenizer(), max_length), texts, max_length)


def test_a_cased_tokenizer(cased_tokenizer):
    check_equal(cased_tokenizer, InGraphTokenizer(cased_tokenizer, 24), [*SAMPLE_TEXTS, "Good GOOD \u00c9"], 24)


def test_a_fixed_length():
    features = InGraphTokenizer(tiny.tokenizer(), 8)(tf.constant(["good", "bad " * 20]), length=8)
    assert {values.shape for values in features.values()} == {(2, 8)}


def test_bytes_that_are_not_utf8_are_dropped(single):
    broken = single(tf.constant([b"go\xffod"]))["token_ids"]
    np.testing.assert_array_equal(broken, single(tf.constant(["good"]))["token_ids"])


def test_the_character_table_covers_every_code_point():
    normalizer, split = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    table = character_map(normalizer)
    for code in [*range(0x3000), 0xD7A3, 0xF900, 0xFB01, 0x1F600, 0x2F800, 0xE0001, 0x10FFFF]:
        character = chr(code)
        expected = [word for word, _ in split.pre_tokenize_str(normalizer.normalize_str(f"a{character}b"))]
        assert f"a{table.look_up(character)}b".split() == expected, hex(code)


def test_bpe_is_refused():
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.BPE()))
    with pytest.raises(KerasftError, match="its model is BPE, not WordPiece"):
        InGraphTokenizer(tokenizer, 16)


@pytest.mark.parametrize(
    ("part", "value", "reason"),
    [
        ("normalizer", normalizers.NFKC(), "its normalizer is NFKC"),
        ("normalizer", normalizers.BertNormalizer(clean_text=False), "not BertNormalizer with clean_text"),
        ("pre_tokenizer", pre_tokenizers.Whitespace(), "its pre-tokenizer is Whitespace"),
    ],
)
def test_other_parts_are_refused(part, value, reason):
    tokenizer = copy.deepcopy(tiny.tokenizer())
    setattr(tokenizer.backend_tokenizer, part, value)
    assert reason in unsupported_reason(tokenizer)


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        (AddedToken("<new>", normalized=True), "'<new>' is matched in normalized text"),
        (AddedToken("<new>", normalized=False, single_word=True), "as a whole word only"),
        (AddedToken("newword", normalized=False), "'newword' looks like an ordinary word"),
        (AddedToken("[SEP]]", normalized=False), "overlap"),
    ],
)
def test_added_tokens_that_a_graph_would_miss_are_refused(token, reason):
    tokenizer = copy.deepcopy(tiny.tokenizer())
    tokenizer.add_tokens([token])
    assert reason in unsupported_reason(tokenizer)


def test_an_added_special_token_is_found():
    tokenizer = copy.deepcopy(tiny.tokenizer())
    tokenizer.add_special_tokens({"additional_special_tokens": ["<url>"]}, replace_extra_special_tokens=False)
    check_equal(tokenizer, InGraphTokenizer(tokenizer, 24), ["see<url>now", "<ur l> <url><url>"], 24)


def test_left_padding_is_refused():
    tokenizer = copy.deepcopy(tiny.tokenizer())
    tokenizer.padding_side = "left"
    assert unsupported_reason(tokenizer) == "it pads or truncates on the left"


def test_a_length_without_room_is_refused():
    with pytest.raises(
        KerasftError, match=r"`max_length` must be large enough for special tokens and text; received: 3"
    ):
        InGraphTokenizer(tiny.tokenizer(), 3)
