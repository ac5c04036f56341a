"""Masks: which tokens, how many, new in every epoch or always the same; whole words; blocks that lose nothing."""

import numpy as np
import pytest

from kerasft import KerasftError
from kerasft.data import Batching, Masking, masked_lm
from tests import tiny

TEXTS = [f"she was very good to me {word} and i love it" for word in ("unlocking", "film", "payed", "moneying")] * 25
TOKENIZER = tiny.tokenizer()
MASK = TOKENIZER.mask_token_id


def epoch(dataset):
    """Inputs, targets and weights of all tokens that are no padding."""
    parts = [[], [], []]
    for features, y, weights in dataset:
        real = features["padding_mask"].numpy() == 1
        for part, values in zip(parts, (features["token_ids"], y, weights)):
            part.append(values.numpy()[real])
        assert (weights.numpy()[~real] == 0).all()
    return [np.concatenate(part) for part in parts]


def make(shuffle, **options):
    return masked_lm(TEXTS, TOKENIZER, **{"batch_size": 8, "shuffle": shuffle, "max_length": 32, **options})


@pytest.mark.parametrize("shuffle", [False, True])
def test_shares_are_those_asked_for(shuffle):
    dataset = make(shuffle)
    ids, y, weights = (np.concatenate(parts) for parts in zip(*(epoch(dataset) for _ in range(4 if shuffle else 1))))
    special = np.isin(y, TOKENIZER.all_special_ids)
    assert (weights[special] == 0).all()
    np.testing.assert_array_equal(ids[weights == 0], y[weights == 0])
    assert weights[~special].mean() == pytest.approx(0.15, abs=0.03)
    chosen = weights == 1
    assert (ids[chosen] == MASK).mean() == pytest.approx(0.8, abs=0.08)
    assert (ids[chosen] == y[chosen]).mean() == pytest.approx(0.1, abs=0.06)
    assert not np.isin(ids[chosen & (ids != MASK)], TOKENIZER.all_special_ids).any()


def test_training_masks_are_new_in_every_epoch_and_seeded():
    dataset = make(True)
    first, second = epoch(dataset), epoch(dataset)
    assert sorted(first[1]) == sorted(second[1])
    assert not np.array_equal(first[0], second[0])
    again = make(True)
    np.testing.assert_array_equal(epoch(again)[0], first[0])
    np.testing.assert_array_equal(epoch(again)[0], second[0])
    assert not np.array_equal(epoch(make(True, seed=1))[0], first[0])


def test_validation_masks_are_always_the_same():
    expected = epoch(make(False))
    for batch_size in (8, 3, Batching(tokens=100)):
        dataset = make(False, batch_size=batch_size)
        for _ in range(2):
            for received, values in zip(epoch(dataset), expected):
                np.testing.assert_array_equal(received, values)


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("packed", [False, True])
def test_whole_words_are_masked_together(shuffle, packed):
    masking = Masking(rate=0.4, whole_words=True, mask_share=1.0, random_share=0.0)
    begin = np.array([not token.startswith("##") for token in TOKENIZER.convert_ids_to_tokens(range(len(TOKENIZER)))])
    rows = 0
    for _, y, weights in make(shuffle, masking=masking, packed=packed):
        for ids, weight in zip(y.numpy(), weights.numpy()):
            inside = np.flatnonzero(~begin[ids])
            inside = inside[inside > 1]  # a word that a block's edge divides begins anew
            np.testing.assert_array_equal(weight[inside], weight[inside - 1])
            rows += 1
    assert rows == (len(TEXTS) if not packed else len(make(shuffle, packed=True, batch_size=1)))


def test_blocks_keep_every_token():
    ids, y, _ = epoch(make(False, packed=True, masking=Masking(rate=0.01)))
    assert len(ids) == len(y)
    separator, first = TOKENIZER.sep_token_id, TOKENIZER.cls_token_id
    plain = [token for text in TEXTS for token in TOKENIZER(text, add_special_tokens=False)["input_ids"]]
    assert y[~np.isin(y, [separator, first])].tolist() == plain
    lengths = [int(features["padding_mask"].numpy().sum()) for features, _, _ in make(False, packed=True, batch_size=1)]
    assert set(lengths[:-1]) == {32}
    assert sum(lengths) - 2 * len(lengths) == len(plain) + len(TEXTS) - 1  # a separator between two texts


def test_lines_and_documents_of_a_text_file(tmp_path):
    (tmp_path / "texts.txt").write_text("a good film\nlove it\n\nbad\n", encoding="utf-8")
    source = str(tmp_path / "texts.txt")
    assert len(masked_lm(source, TOKENIZER, batch_size=1)) == 3
    assert len(masked_lm(source, TOKENIZER, batch_size=1, packed=True, max_length=32)) == 1


def test_a_tokenizer_without_a_mask_is_refused():
    class Tokenizer:
        mask_token_id = None

    with pytest.raises(KerasftError, match="`tokenizer` must be a tokenizer with a mask token; received: 'Tokenizer'"):
        masked_lm(TEXTS, Tokenizer())


@pytest.mark.parametrize("rate", [0, 1, -0.1])
def test_a_rate_is_a_share(rate):
    with pytest.raises(KerasftError, match=r"`rate` must be a fraction in \(0, 1\); received: "):
        Masking(rate=rate)


def test_shares_sum_to_one_at_most():
    with pytest.raises(KerasftError, match=r"`mask_share and random_share` must be .* received: \(0.8, 0.3\)"):
        Masking(random_share=0.3)
