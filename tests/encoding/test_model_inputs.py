import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasft
from kerasft.errors import DataError, KerasftError
from tests import tiny

TEXTS = ["a good film", "we love the movie", "", "na\u00efve \u4e2d\u6587"]
LABELS = [1, 0, 0, 1]


def test_the_ids_are_those_of_the_tokenizer_and_of_the_pipelines():
    features = kerasft.encode(tiny.tokenizer(), TEXTS)
    expected = tiny.batch(TEXTS)
    assert list(features) == ["token_ids", "padding_mask", "segment_ids"]
    for name, value in features.items():
        assert value.dtype == np.int32
        np.testing.assert_array_equal(value, expected[name])


def test_pairs_have_segments_and_the_longer_text_is_cut(caplog):
    features = kerasft.encode(
        tiny.tokenizer(), ["a good film", "bad"], ["good", "the movie was bad " * 9], max_length=12
    )
    assert features["segment_ids"][0].tolist() == [0, 0, 0, 0, 0, 1, 1] + [0] * 5
    assert features["token_ids"].shape == (2, 12)
    assert "1 of 2 texts (50.0 %) are longer than 12 tokens (max_length) and were truncated." in caplog.text


def test_length_and_inputs_are_as_asked():
    features = kerasft.encode(
        tiny.tokenizer(), TEXTS, max_length=16, length=16, inputs=tiny.encoder("distilbert").input
    )
    assert {name: value.shape for name, value in features.items()} == {"token_ids": (4, 16), "padding_mask": (4, 16)}


def test_any_iterable_of_texts_is_taken():
    expected = kerasft.encode(tiny.tokenizer(), TEXTS)["token_ids"]
    for texts in (tuple(TEXTS), np.array(TEXTS), np.array(TEXTS, object), iter(TEXTS)):
        np.testing.assert_array_equal(kerasft.encode(tiny.tokenizer(), texts)["token_ids"], expected)
    assert kerasft.encode(tiny.tokenizer(), "a film")["token_ids"].shape == (1, 4)


@pytest.mark.parametrize(
    ("texts", "options", "message"),
    [
        ([], {}, "expected at least one text"),
        ([("a", "b")], {}, "Pass the second texts of pairs as second="),
        ([["a", "film"]], {}, "kerasft.data.token_classification"),
        (["a", None], {}, "texts, line 2: expected a string, got NoneType"),
        (["\ud800"], {}, "lone surrogate"),
        (5, {}, "`texts` must be a list of texts"),
        (["a"], {"second": ["b", "c"]}, r"`second` must be as many as texts \(1\); received: 2"),
        (["a"], {"max_length": 33}, "`max_length` must be at most 32"),
        (["a"], {"max_length": 8, "length": 4}, "`length` must be at least max_length=8; received: 4"),
        (["a"], {"inputs": ["input_ids"]}, "`inputs` must be names among token_ids, padding_mask, segment_ids"),
    ],
)
def test_what_cannot_be_encoded_is_refused(texts, options, message):
    with pytest.raises(KerasftError, match=message):
        kerasft.encode(tiny.tokenizer(), texts, **options)


def test_a_model_is_trained_and_asked_by_arrays_and_datasets_alike():
    model = tiny.classifier(dropout=0.0)
    model.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True), run_eagerly=True)
    dataset = tf.data.Dataset.from_tensor_slices((TEXTS, LABELS)).batch(2)
    mapped = dataset.map(kerasft.encode_map(tiny.tokenizer(), max_length=16), num_parallel_calls=2)
    assert mapped.element_spec[0]["token_ids"].shape.as_list() == [None, None]
    features = kerasft.encode(tiny.tokenizer(), TEXTS, max_length=16)
    np.testing.assert_allclose(model.predict(mapped, verbose=0), model.predict(features, verbose=0), atol=1e-5)
    assert model.evaluate(mapped, verbose=0) == pytest.approx(
        model.evaluate(features, np.array(LABELS), verbose=0), abs=1e-5
    )
    model.fit(mapped, shuffle=False, verbose=0)


def test_pairs_weights_and_a_fixed_length_pass_through_the_map():
    elements = ((TEXTS, TEXTS[::-1]), LABELS, [1.0, 2.0, 3.0, 4.0])
    function = kerasft.encode_map(tiny.tokenizer(), max_length=16, length=16)
    dataset = tf.data.Dataset.from_tensor_slices(elements).batch(4, drop_remainder=True).map(function)
    assert dataset.element_spec[0]["segment_ids"].shape.as_list() == [4, 16]
    ((features, labels, weights),) = dataset
    expected = kerasft.encode(tiny.tokenizer(), TEXTS, TEXTS[::-1], max_length=16, length=16)
    for name, value in expected.items():
        np.testing.assert_array_equal(features[name], value)
    assert labels.numpy().tolist() == LABELS
    assert weights.numpy().tolist() == [1.0, 2.0, 3.0, 4.0]
    (features,) = tf.data.Dataset.from_tensor_slices(TEXTS).batch(4).map(kerasft.encode_map(tiny.tokenizer()))
    np.testing.assert_array_equal(features["token_ids"], tiny.batch(TEXTS)["token_ids"])


@pytest.mark.parametrize("elements", [TEXTS, [1, 2], {"text": TEXTS}, ((TEXTS, TEXTS, TEXTS), LABELS)])
def test_elements_that_are_no_batches_of_texts_are_refused(elements):
    dataset = tf.data.Dataset.from_tensor_slices(elements)
    dataset = dataset if elements is TEXTS else dataset.batch(2)
    with pytest.raises(KerasftError, match=r"Call dataset.batch\(32\) first"):
        dataset.map(kerasft.encode_map(tiny.tokenizer()))


def test_arguments_are_checked_before_the_graph():
    with pytest.raises(KerasftError, match="`max_length`"):
        kerasft.encode_map(tiny.tokenizer(), max_length=1)
    with pytest.raises(DataError):
        kerasft.encode(tiny.tokenizer(), [b"bytes"])
