"""The same data function with every kind of tokenizer."""

import numpy as np
import pytest

from kerasft import data
from kerasft.encoding.encoded import encode
from kerasft.errors import DataError
from tests.tokenizers.tiny_files import FAMILIES, TEXTS, tokenizer

ROWS = [(text, "good" if index % 2 else "bad") for index, text in enumerate(TEXTS)]
PAIRS = [(text, "a good film", label) for text, label in ROWS]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("rows", [ROWS, PAIRS], ids=["single", "pairs"])
def test_features_are_the_tokenizers_own(family, rows):
    learnt = tokenizer(family)
    features, y = next(iter(data.text_classification(rows, learnt, labels=["bad", "good"], batch_size=12)))
    expected = learnt(*map(list, list(zip(*rows))[:-1]), padding=True, return_tensors="np")
    length = expected["input_ids"].shape[1]
    np.testing.assert_array_equal(features["token_ids"][:, :length], expected["input_ids"])
    np.testing.assert_array_equal(features["padding_mask"][:, :length], expected["attention_mask"])
    assert ("segment_ids" in features) == (family == "bert")
    padded = features["padding_mask"].numpy() == 0
    assert set(features["token_ids"].numpy()[padded]) <= {learnt.pad_token_id}
    assert y.numpy().tolist() == [0, 1] * 6


@pytest.mark.parametrize("family", FAMILIES)
def test_an_empty_text_has_an_answer(family):
    features = next(iter(data.text_classification(["", "a film"], tokenizer(family), batch_size=2)))
    assert features["padding_mask"].numpy().sum(1)[0] == tokenizer(family).num_special_tokens_to_add()
    alone = encode(tokenizer(family), [""], max_length=8).pad([0], tokenizer(family).pad_token_id)
    assert alone["token_ids"].shape[1] >= 1


@pytest.mark.parametrize("family", FAMILIES)
def test_nul_is_read_and_half_a_surrogate_pair_refused(family):
    rows = [("nul\0here", "good"), ("a film", "bad")]
    features, _ = next(iter(data.text_classification(rows, tokenizer(family), labels=["bad", "good"])))
    assert features["token_ids"].shape[0] == 2
    with pytest.raises(DataError, match="lone surrogate"):
        data.text_classification([("half \ud83d", "good"), ("a", "bad")], tokenizer(family), labels=["bad", "good"])
