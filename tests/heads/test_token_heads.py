"""The heads with answers a token: token classification, question answering, masked language model."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasft import KerasftError, Labels, multi_label
from kerasft.backbones import GPT2Config, gpt2
from kerasft.heads import OutputBias, masked_lm, question_answering, token_classifier
from tests import tiny
from tests.heads.keras_hub_encoders import KERAS_HUB

TAGS = ["O", "B-PER", "I-PER"]
HEADS = {
    "token_classifier": (lambda backbone: token_classifier(backbone, TAGS), 3),
    "question_answering": (question_answering, 2),
    "masked_lm": (masked_lm, 30),
}
LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def check_trains_saves_and_loads(model, batch, outputs, folder):
    """Float32 logits a token; a step moves every weight; the file answers the same and has the same weights."""
    logits = model(batch)
    assert logits.shape == (*batch["token_ids"].shape, outputs)
    assert logits.dtype == "float32"
    before = [variable.numpy() for variable in model.trainable_variables]
    model.compile(keras.optimizers.SGD(1.0), LOSS, run_eagerly=True)  # compiling would take seconds
    labels = np.random.default_rng(0).integers(0, outputs, batch["token_ids"].shape)
    model.fit(batch, labels, sample_weight=batch["padding_mask"].astype("float32"), epochs=1, verbose=0)
    still = [
        variable.path
        for old, variable in zip(before, model.trainable_variables, strict=True)
        if np.array_equal(old, variable)
    ]
    assert not still, still
    model.save(folder / "model.keras")
    loaded = keras.models.load_model(folder / "model.keras")
    assert [v.path for v in loaded.trainable_variables] == [v.path for v in model.trainable_variables]
    np.testing.assert_array_equal(loaded(batch), model(batch))
    return loaded


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("family", tiny.ENCODERS)
def test_every_family_trains_saves_and_loads(family, head, tmp_path):
    build, outputs = HEADS[head]
    model = build(tiny.encoder(family))
    assert model.name == head
    loaded = check_trains_saves_and_loads(model, tiny.batch_of(model), outputs, tmp_path)
    assert loaded.name == head


@pytest.mark.parametrize("head", ["token_classifier", "question_answering"])
@pytest.mark.parametrize("family", KERAS_HUB)
def test_keras_hub_backbones_train_save_and_load(family, head, tmp_path):
    build, outputs = HEADS[head]
    model = build(KERAS_HUB[family]())
    check_trains_saves_and_loads(model, tiny.batch_of(model), outputs, tmp_path)


@pytest.mark.parametrize("labels", [TAGS, multi_label(TAGS)])
def test_labels_come_back_from_a_file(labels, tmp_path):
    model = token_classifier(tiny.encoder("bert"), labels)
    assert model.labels == Labels.of(labels)
    model.save(tmp_path / "model.keras")
    assert keras.models.load_model(tmp_path / "model.keras").labels == Labels.of(labels)


@pytest.mark.parametrize("family", tiny.ENCODERS)
def test_the_language_models_matrix_is_the_token_embedding(family, tmp_path):
    model = masked_lm(tiny.encoder(family))
    model.save(tmp_path / "model.keras")
    for one in (model, keras.models.load_model(tmp_path / "model.keras")):
        batch = tiny.batch_of(one)
        table = one.get_layer("token_embedding").embeddings
        assert sum(v.shape[0] == 30 and v.ndim == 2 for v in one.trainable_variables) == 1
        states = keras.Model(one.input, one.get_layer("masked_lm_layer_norm").output)(batch)
        bias = one.get_layer("logits").bias
        bias.assign(np.arange(30.0))
        np.testing.assert_allclose(one(batch), states @ tf.transpose(table) + np.arange(30.0), atol=1e-5)


def test_the_language_models_embedding_learns_from_both_its_uses():
    model = masked_lm(tiny.encoder("bert"))
    batch = tiny.batch_of(model)
    with tf.GradientTape() as tape:
        loss = LOSS(np.zeros((3, 7)), model(batch))
    gradient = tf.convert_to_tensor(tape.gradient(loss, model.get_layer("token_embedding").embeddings.value))
    unseen = sorted(set(range(30)) - set(batch["token_ids"].ravel()))
    assert np.abs(gradient.numpy()[unseen]).min() > 0  # as output
    assert np.abs(gradient.numpy()[batch["token_ids"][0]]).min() > 0


@pytest.mark.parametrize(
    ("family", "activation"), [("bert", "relu"), ("distilbert", "relu"), ("roberta", "gelu"), ("electra", "gelu")]
)
def test_the_language_models_activation_is_the_published_one(family, activation):
    layer = masked_lm(tiny.encoder(family, activation="relu")).get_layer("masked_lm_dense")
    assert layer.activation is keras.activations.get(activation)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("head", HEADS)
def test_logits_are_float32_under_mixed_precision(head, policy):
    keras.config.set_dtype_policy(policy)
    try:
        model = HEADS[head][0](tiny.encoder("roberta"))
        logits = model(tiny.batch_of(model))
    finally:
        keras.config.set_dtype_policy("float32")
    assert logits.dtype == "float32"
    assert np.isfinite(logits).all()


@pytest.mark.parametrize("head", HEADS)
def test_padding_changes_nothing(head):
    model = HEADS[head][0](tiny.encoder("roberta"))
    batch = tiny.batch_of(model)
    alone = model({name: value[1:2, :5] for name, value in batch.items()})
    np.testing.assert_allclose(alone[0], model(batch)[1, :5], atol=1e-5)


def test_dropouts_are_where_they_are_asked_for():
    assert token_classifier(tiny.encoder("bert"), TAGS, dropout=0.3).get_layer("classifier_dropout").rate == 0.3
    names = [layer.name for layer in question_answering(tiny.encoder("bert")).layers]
    assert "question_answering_dropout" not in names
    model = question_answering(tiny.encoder("bert"), dropout=0.2)
    assert model.get_layer("question_answering_dropout").rate == 0.2


def test_layer_names_are_part_of_the_file_format():
    heads = {
        head: [layer.name for layer in build(tiny.encoder("distilbert")).layers if layer.weights][5:]
        for head, (build, _) in HEADS.items()
    }
    assert heads == {
        "token_classifier": ["logits"],
        "question_answering": ["logits"],
        "masked_lm": ["masked_lm_dense", "masked_lm_layer_norm", "logits"],
    }


def test_the_output_bias_comes_back_from_its_config():
    layer = OutputBias.from_config(OutputBias(name="logits").get_config())
    assert (layer.name, layer.compute_dtype) == ("logits", "float32")
    assert layer(np.ones((2, 3))).numpy().tolist() == [[1.0] * 3] * 2


@pytest.mark.parametrize(
    "build", [lambda b: token_classifier(b, TAGS, dropout=-0.1), lambda b: question_answering(b, dropout=-0.1)]
)
def test_wrong_rates(build):
    with pytest.raises(KerasftError, match=r"`dropout` must be a rate in \[0, 1\); received: -0.1"):
        build(tiny.encoder("bert"))


def test_wrong_labels_and_backbones():
    with pytest.raises(KerasftError, match=r"`labels` must be unique names; received: \['O'\]"):
        token_classifier(tiny.encoder("bert"), ["O", "O"])
    plain = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)], name="plain")
    for build in (HEADS["token_classifier"][0], question_answering):
        with pytest.raises(KerasftError, match="`backbone` must be a functional encoder with named inputs"):
            build(plain)
    with pytest.raises(KerasftError, match=r"must be a backbone from kerasft.load_pretrained.*received: 'plain'"):
        masked_lm(plain)


def test_a_decoder_has_no_masked_language_model():
    sizes = {"vocabulary_size": 9, "num_layers": 1, "num_heads": 1, "hidden_dim": 4, "intermediate_dim": 4}
    with pytest.raises(KerasftError, match="`backbone` must be an encoder; received: 'gpt2'"):
        masked_lm(gpt2(GPT2Config(**sizes)))
