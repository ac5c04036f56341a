"""The leaner graph answers as the model does, and is only as lean as the head allows."""

import keras
import numpy as np
import pytest

from kerasft import backbones, heads
from kerasft.export.int8_embedding import with_int8_embeddings
from kerasft.export.litert_graph import CenteredLayerNormalization, LeanEncoderLayer, for_litert
from tests import tiny, tiny_t5
from tests.export.conftest import trained

SIZES = {"num_layers": 2, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 16, "max_sequence_length": 16}
TEXTS = ["a good film", "the bad movie was not what we love", "please pay me"]


def difference(model, lean, batch):
    first, second = model(batch), lean(batch)
    if not isinstance(first, dict):
        first, second = {"": first}, {"": second}
    return max(float(np.abs(np.array(first[name]) - np.array(second[name])).max()) for name in first)


def blocks(model):
    return [layer.first_token_only for layer in model.layers if isinstance(layer, LeanEncoderLayer)]


@pytest.mark.parametrize("family", list(tiny.ENCODERS))
def test_every_encoder_answers_the_same_and_computes_the_first_token_only(family):
    model = trained(heads.text_classifier(tiny.encoder(family), ["no", "yes"]))
    ids = np.array([[3, 4, 5, 6, 1], [3, 4, 1, 1, 1]], "int32")
    batch = {name: (ids if name.endswith("token_ids") else (ids != 1).astype("int32")) for name in model.input}
    batch |= {name: np.zeros_like(ids) for name in batch if name == "segment_ids"}
    lean = for_litert(model)
    assert blocks(lean) == [False, True]
    assert difference(model, lean, batch) < 1e-5
    assert lean.labels == model.labels


def test_a_head_that_reads_all_tokens_gets_all():
    model = trained(tiny.classifier(pooling="mean"))
    lean = for_litert(model)
    assert blocks(lean) == [False, False]
    assert difference(model, lean, tiny.batch(TEXTS)) < 1e-5


def test_a_head_with_two_outputs_and_a_backbone_get_all_tokens():
    backbone = trained(tiny.backbone())
    both = heads.intent_and_slots(tiny.backbone(), ["play", "book"], ["O", "B-song", "I-song"])
    for model in (backbone, trained(both)):
        lean = for_litert(model)
        assert blocks(lean) == [False, False]
        assert difference(model, lean, tiny.batch(TEXTS)) < 1e-5


def test_with_int8_embeddings_and_shared_weights():
    model = trained(tiny.classifier())
    lean = for_litert(model)
    assert any(isinstance(layer, CenteredLayerNormalization) for layer in lean.layers)
    assert {id(weight) for weight in lean.weights} == {id(weight) for weight in model.weights}
    int8 = with_int8_embeddings(model)
    for both in (with_int8_embeddings(lean), for_litert(int8)):
        assert blocks(both) == [False, True]
        assert difference(int8, both, tiny.batch(TEXTS)) < 1e-5


def test_what_it_does_not_know_stays_as_it_is():
    inputs = keras.Input((4, 6))
    norms = [
        keras.layers.LayerNormalization(axis=1),
        keras.layers.LayerNormalization(scale=False),
        keras.layers.LayerNormalization(dtype="float16"),
    ]
    outputs = inputs
    for norm in norms:
        outputs = norm(outputs)
    lean = for_litert(keras.Model(inputs, outputs))
    assert [layer for layer in lean.layers if isinstance(layer, keras.layers.LayerNormalization)] == norms


def test_other_tasks_answer_the_same():
    ids = np.array([[3, 4, 5, 6], [5, 4, 3, 7]], "int32")
    for model in (
        heads.token_classifier(tiny.backbone(), ["O", "B-x", "I-x"]),
        heads.question_answering(tiny.backbone()),
        heads.masked_lm(tiny.backbone()),
        heads.causal_lm(backbones.gpt2(backbones.GPT2Config(vocabulary_size=30, **SIZES))),
        tiny_t5.model(),
    ):
        batch = {name: (ids if name.endswith("token_ids") else np.ones_like(ids)) for name in model.input}
        batch |= {name: np.zeros_like(ids) for name in batch if name == "segment_ids"}
        lean = for_litert(model)
        assert not any(blocks(lean))
        assert difference(model, lean, batch) < 2e-5


@pytest.mark.parametrize("reloaded", [False, True])
def test_a_new_axis_needs_no_slice(reloaded, tmp_path):
    inputs = keras.Input((None, 3))
    new = [inputs[..., None], inputs[:, None], inputs[:, :, None, :], inputs[:, None, ..., None]]
    model = keras.Model(inputs, [*new, inputs[:, 0, None], inputs[:, 1:]])
    if reloaded:
        model.save(tmp_path / "model.keras")
        model = keras.models.load_model(tmp_path / "model.keras")
    lean = for_litert(model)
    values = np.arange(12, dtype="float32").reshape(2, 2, 3)
    for before, after in zip(model(values), lean(values), strict=True):
        np.testing.assert_array_equal(after, before)
    assert sum(type(operation).__name__ == "GetItem" for operation in lean.operations) == 2


def test_a_model_from_a_file_computes_the_first_token_only_too(tmp_path):
    tiny.classifier(pooling="cls").save(tmp_path / "model.keras")
    lean = for_litert(keras.models.load_model(tmp_path / "model.keras"))
    assert lean.get_layer("transformer_layer_1").first_token_only
