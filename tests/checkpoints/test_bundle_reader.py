"""The backbone of a bundle of any head: the same hidden states, and a start for another task."""

import logging

import keras
import numpy as np
import pytest

import kerasft
from kerasft import KerasftError, adapters, heads
from kerasft.backbones import GPT2Config, T5Config, gpt2, t5
from kerasft.checkpoints import backbone_of, load_pretrained, restore_head
from tests import tiny
from tests.export.conftest import trained

HEADS = {
    "text_classifier": lambda backbone: heads.text_classifier(backbone, ["no", "yes"]),
    "token_classifier": lambda backbone: heads.token_classifier(backbone, ["O", "B-X"]),
    "question_answering": heads.question_answering,
    "masked_lm": heads.masked_lm,
    "sentence_embedding": heads.sentence_embedding,
}


@pytest.mark.parametrize("name", HEADS)
def test_a_bundle_is_a_start_for_another_task(name, tmp_path, caplog):
    backbone = trained(tiny.backbone())
    folder = kerasft.save_bundle(tmp_path / "bundle", HEADS[name](backbone), tiny.tokenizer(), max_length=16)
    with caplog.at_level(logging.WARNING, "kerasft"):
        again, tokenizer = load_pretrained(folder)
    batch = tiny.batch(["a good film", "bad"])
    np.testing.assert_allclose(again(batch)["sequence_output"], backbone(batch)["sequence_output"], atol=1e-6)
    assert tokenizer("a good film")["input_ids"] == tiny.tokenizer()("a good film")["input_ids"]
    kept = name == "text_classifier"  # the only head that reads BERT's pooler
    assert (again.checkpoint_report.missing == ()) == kept
    assert ("has no weights for pooled_dense" in caplog.text) != kept
    assert heads.text_classifier(again, ["a", "b"])(batch).shape == (2, 2)


@pytest.mark.parametrize("family", tiny.ENCODERS)
def test_every_encoder(family):
    backbone = trained(tiny.encoder(family))
    batch = tiny.batch_of(backbone)
    again = backbone_of(heads.sentence_embedding(backbone))
    np.testing.assert_allclose(again(batch)["sequence_output"], backbone(batch)["sequence_output"], atol=1e-6)


def test_decoders():
    sizes = {"vocabulary_size": 30, "num_layers": 1, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 12}
    backbone = trained(gpt2(GPT2Config(**sizes)))
    batch = {name: np.array([[5, 6, 7]]) for name in backbone.input} | {"padding_mask": np.ones((1, 3), int)}
    again = backbone_of(heads.causal_lm(backbone))
    np.testing.assert_allclose(again(batch)["sequence_output"], backbone(batch)["sequence_output"], atol=1e-6)
    encoder_decoder = trained(t5(T5Config(**sizes, num_decoder_layers=1, head_dim=4)))
    again = backbone_of(heads.sequence_to_sequence(encoder_decoder))
    batch = {name: np.ones((1, 3), "int32") for name in encoder_decoder.input}
    for name, value in encoder_decoder(batch).items():
        np.testing.assert_allclose(again(batch)[name], value, atol=1e-6)


def test_lora_is_merged():
    model = tiny.classifier()
    adapters.enable_lora(model, 2)
    trained(model)
    batch = tiny.batch(["a good film"])
    again = backbone_of(model)
    assert not any(weight.name.startswith("lora_") for weight in again.weights)
    head = heads.text_classifier(again, ["negative", "positive"])
    head.get_layer("logits").set_weights(model.get_layer("logits").get_weights())
    np.testing.assert_allclose(head(batch), model(batch), atol=1e-4)


def test_a_foreign_backbone_is_refused():
    inputs = {name: keras.Input((None,), dtype="int32", name=name) for name in ("token_ids", "padding_mask")}
    backbone = keras.Model(inputs, keras.layers.Embedding(10, 4, name="table")(inputs["token_ids"]))
    with pytest.raises(KerasftError, match=r"`model` must be a backbone from kerasft.load_pretrained"):
        backbone_of(heads.sentence_embedding(backbone))


@pytest.mark.slow
def test_the_same_labels_go_on_with_the_head(tmp_path):
    trained_model = heads.text_classifier(trained(tiny.backbone()), ["no", "yes"])
    folder = kerasft.save_bundle(tmp_path / "bundle", trained_model, tiny.tokenizer(), max_length=16)
    batch = tiny.batch(["a good film", "bad"])

    def restored(labels, **options):
        model = heads.text_classifier(load_pretrained(folder)[0], labels, **options)
        before = model(batch)
        done = restore_head(model, folder)
        unchanged = np.allclose(model(batch), before)
        return (
            done,
            unchanged,
            model.output_shape == trained_model.output_shape
            and np.allclose(model(batch), trained_model(batch), atol=1e-6),
        )

    assert restored(["no", "yes"]) == (True, False, True)
    assert restored(["no", "yes"], dropout=0.3) == (True, False, True)
    for labels in (["yes", "no"], ["no", "yes", "oh"], kerasft.features.Labels(["no", "yes"], "multi_label")):
        assert restored(labels)[:2] == (False, True)
    assert restored(["no", "yes"], pooling="mean")[:2] == (False, True)
    assert not restore_head(trained_model, "bert-base-uncased")
