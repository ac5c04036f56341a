"""The sentence-embedding head on every encoder: the mean of the real tokens, of length 1, and back from a file."""

import keras
import numpy as np
import pytest

from kerasft import KerasftError
from kerasft.heads import sentence_embedding
from tests import tiny


@pytest.mark.parametrize("family", tiny.ENCODERS)
def test_is_the_mean_of_the_real_tokens(family):
    backbone = tiny.encoder(family)
    batch = tiny.batch_of(backbone)
    states = np.asarray(backbone(batch)["sequence_output"])
    mask = batch["padding_mask"][..., None]
    mean = (states * mask).sum(1) / mask.sum(1)
    np.testing.assert_allclose(sentence_embedding(backbone, normalize=False)(batch), mean, atol=1e-6)
    unit = mean / np.linalg.norm(mean, axis=1, keepdims=True)
    np.testing.assert_allclose(sentence_embedding(backbone)(batch), unit, atol=1e-6)


def test_comes_back_from_a_file(tmp_path):
    model = sentence_embedding(tiny.backbone(), pooling="cls")
    batch = tiny.batch(["a good film", "bad"])
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert (again.name, again.output_names) == ("sentence_embedding", ["embedding"])
    np.testing.assert_array_equal(again(batch), model(batch))


def test_is_float32_under_mixed_precision():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        assert sentence_embedding(tiny.backbone()).output.dtype == "float32"
    finally:
        keras.config.set_dtype_policy("float32")


def test_an_unknown_pooling_is_an_error():
    with pytest.raises(KerasftError, match=r"`pooling` must be one of .* received: 'max'"):
        sentence_embedding(tiny.backbone(), pooling="max")
