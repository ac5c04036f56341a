"""One target and one weight for each token, beside the ids, in every kind of batch."""

import numpy as np
import pytest

from kerasft.data.batches.batching import Batching, TokenTargets
from kerasft.data.batches.token_dataset import make_store, token_dataset
from kerasft.encoding.token_store import Encoder
from tests import tiny

TEXTS = ["a good film", "bad", "she was very good to me"] * 5


def stores(folder):
    encoder = Encoder(tiny.tokenizer(), 16)
    return [make_store(encoder, TEXTS, pairs=None, folder=place) for place in (None, folder)]


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("width", [None, 2])
def test_targets_stay_with_their_tokens(tmp_path, shuffle, width):
    for store in stores(tmp_path):
        ids = np.concatenate([tiny.tokenizer()(text)["input_ids"] for text in TEXTS]).astype("int32")
        values = ids * 2 if width is None else np.stack([ids * 2, ids * 3], axis=-1)
        targets = TokenTargets(values, (ids % 3).astype("float32"))
        dataset = token_dataset(store, Batching(size=4), y=targets, shuffle=shuffle, seed=1)
        seen = 0
        for features, y, weights in dataset:
            real = features["padding_mask"].numpy()
            tokens = features["token_ids"].numpy() * real
            expected = tokens * 2 if width is None else np.stack([tokens * 2, tokens * 3], axis=-1)
            np.testing.assert_array_equal(y, expected)
            np.testing.assert_array_equal(weights, tokens % 3 * real)
            seen += len(real)
        assert seen == len(TEXTS)


def test_shapes_are_static_where_they_can_be(tmp_path):
    store = stores(tmp_path)[0]
    count = int(store.lengths.sum())
    targets = TokenTargets(np.zeros(count, "int32"), np.ones(count, "float32"))
    batching = Batching(size=4, drop_remainder=True, fixed_length=True)
    dataset = token_dataset(store, batching, y=targets, shuffle=True, seed=0)
    _, y, weights = dataset.element_spec
    assert y.shape == weights.shape == (4, 16)
