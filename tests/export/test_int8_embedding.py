"""The embedding table in int8 with a scale a row."""

import keras
import numpy as np

from kerasft.export.int8_embedding import Int8Embedding, with_int8_embeddings
from kerasft.heads import masked_lm
from tests import tiny


def test_no_number_is_off_by_more_than_half_a_step_of_its_row():
    table = np.random.default_rng(0).normal(0, [[0.01], [1.0], [100.0]], (3, 64)).astype("float32")
    received = Int8Embedding(table)(np.array([[0, 1, 2]])).numpy()[0]  # (3, 64)
    steps = np.abs(table).max(axis=1, keepdims=True) / 127
    assert (np.abs(received - table) <= 0.5001 * steps).all()


def test_a_row_of_zeros_stays_zero():
    assert Int8Embedding(np.zeros((2, 4), "float32"))(np.array([[1]])).numpy().tolist() == [[[0.0] * 4]]


def test_the_large_tables_alone_are_replaced_and_the_model_is_left_alone():
    model = tiny.classifier()
    before, batch = [layer.name for layer in model.layers], tiny.batch(["good film", "bad"])
    converted = with_int8_embeddings(model)
    assert isinstance(converted.get_layer("token_embedding"), Int8Embedding)
    assert not isinstance(converted.get_layer("segment_embedding"), Int8Embedding)
    assert [layer.name for layer in model.layers] == before
    assert isinstance(model.get_layer("token_embedding"), keras.layers.Embedding)
    np.testing.assert_allclose(converted.predict(batch, verbose=0), model.predict(batch, verbose=0), atol=0.02)


def test_halves_are_rounded_away_from_zero_as_the_converter_does():
    layer = Int8Embedding(np.array([[127.0, 10.5, -10.5, 0.4], [0.0, 0.0, 0.0, 0.0]], "float32"))
    assert layer.codes.numpy().tolist() == [[127, 11, -11, 0], [0, 0, 0, 0]]


def test_a_tied_table_is_replaced_too_and_still_makes_the_logits():
    model = masked_lm(tiny.backbone())
    converted = with_int8_embeddings(model)
    assert isinstance(converted.get_layer("token_embedding"), Int8Embedding)
    batch = tiny.batch(["good film", "bad"])
    np.testing.assert_allclose(converted(batch).numpy(), model(batch).numpy(), atol=0.02)
