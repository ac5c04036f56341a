"""The text classification head: problems, poolings, KerasHub's backbones, precision, files."""

import keras
import numpy as np
import pytest

from kerasft import KerasftError, Labels, multi_label, regression
from kerasft.backbones import ClassifierForm
from kerasft.heads import MaskedMean, form_of, text_classifier
from tests import tiny
from tests.heads.keras_hub_encoders import KERAS_HUB


@pytest.mark.parametrize(
    ("labels", "outputs", "problem"),
    [
        (["no", "yes"], 2, "single_label"),
        (multi_label(["toxic", "insult", "threat"]), 3, "multi_label"),
        (regression("score"), 1, "regression"),
        (regression("valence", "arousal"), 2, "regression"),
    ],
)
def test_problems(labels, outputs, problem):
    model = tiny.classifier(labels)
    assert model.output_shape == (None, outputs)
    assert model.labels == Labels.of(labels)
    assert model.labels.problem == problem


@pytest.mark.parametrize("family", KERAS_HUB)
def test_keras_hub_backbones_fit_save_and_train(family, tmp_path):
    backbone = KERAS_HUB[family]()
    model = text_classifier(backbone, ["a", "b", "c"])
    features = {name: np.ones((4, 5), "int32") for name in backbone.input}
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(features, np.array([0, 1, 2, 0]), verbose=0)
    expected = model.predict(features, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.predict(features, verbose=0), expected)
    assert list(loaded.labels) == ["a", "b", "c"]


@pytest.mark.parametrize("pooling", ["cls", "pooler", "mean", None])
def test_pooling_ignores_padding(pooling):
    model = tiny.classifier(pooling=pooling)
    short, padded = tiny.batch(["good film"]), tiny.batch(["good film", "a very very bad film with you and me"])
    alone = model.predict(short, verbose=0)
    together = model.predict(padded, verbose=0)[:1]
    np.testing.assert_allclose(alone, together, atol=1e-5)


def test_poolings_differ():
    backbone = tiny.backbone()
    batch = tiny.batch(["good film"])
    answers = []
    for pooling in ("cls", "pooler", "mean"):
        keras.utils.set_random_seed(0)
        answers.append(text_classifier(backbone, ["no", "yes"], pooling=pooling).predict(batch, verbose=0))
    assert not np.allclose(answers[0], answers[1])
    assert not np.allclose(answers[0], answers[2])


def test_the_default_pooling_is_the_pooler_where_there_is_one():
    model = tiny.classifier()
    assert model.get_layer("pooled_dense") in model.layers
    names = [layer.name for layer in text_classifier(KERAS_HUB["roberta"](), ["no", "yes"]).layers]
    assert "pooled_dense" not in names


@pytest.mark.parametrize(
    ("family", "pooling", "hidden_activation", "dropouts"),
    [
        ("bert", "pooler", None, ["classifier_dropout"]),
        ("roberta", "cls", "tanh", ["classifier_hidden_dropout", "classifier_dropout"]),
        ("xlm-roberta", "cls", "tanh", ["classifier_hidden_dropout", "classifier_dropout"]),
        ("electra", "cls", "gelu", ["classifier_hidden_dropout", "classifier_dropout"]),
        ("distilbert", "cls", "relu", ["classifier_dropout"]),
    ],
)
def test_the_default_is_the_form_that_the_family_was_published_with(
    family, pooling, hidden_activation, dropouts, tmp_path
):
    model = text_classifier(tiny.encoder(family), ["no", "yes"], dropout=0.3)
    assert form_of(model)[:2] == (pooling, hidden_activation)
    found = {layer.name: layer.rate for layer in model.layers if isinstance(layer, keras.layers.Dropout)}
    assert found == {"embeddings_dropout": 0.1, **dict.fromkeys(dropouts, 0.3)}
    if hidden_activation:
        hidden = model.get_layer("classifier_hidden")
        assert (hidden.units, hidden.activation) == (8, keras.activations.get(hidden_activation))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert form_of(loaded) == form_of(model)
    batch = tiny.batch_of(model)
    np.testing.assert_array_equal(loaded(batch), model(batch))


def test_any_form_can_be_asked_for():
    forms = {
        ("mean", None): ClassifierForm("mean", None, False),
        ("mean", "relu"): ClassifierForm("mean", "relu", True),
        ("cls", None): ClassifierForm("cls", None, False),
        (None, "tanh"): ClassifierForm("cls", "tanh", True),
    }
    for (pooling, activation), form in forms.items():
        model = text_classifier(
            tiny.encoder("distilbert"), ["no", "yes"], pooling=pooling, hidden_activation=activation
        )
        assert form_of(model) == form
    bert = text_classifier(tiny.encoder("bert"), ["no", "yes"], hidden_activation="gelu")
    assert form_of(bert) == ClassifierForm("pooler", "gelu", True)


def test_masked_mean_of_a_row_without_tokens_is_zero():
    assert MaskedMean()(np.ones((1, 3, 2), "float32"), np.zeros((1, 3))).numpy().tolist() == [[0.0, 0.0]]


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_logits_are_float32_under_mixed_precision(policy):
    keras.config.set_dtype_policy(policy)
    try:
        logits = tiny.classifier(pooling="mean")(tiny.batch(["good film"]))
    finally:
        keras.config.set_dtype_policy("float32")
    assert logits.dtype == "float32"
    assert np.isfinite(logits).all()


def test_freezing_a_layer_of_the_backbone_freezes_it_in_the_model():
    backbone = tiny.backbone()
    model = text_classifier(backbone, ["no", "yes"])
    before = len(model.trainable_variables)
    backbone.get_layer("transformer_layer_0").trainable = False
    assert len(model.trainable_variables) == before - 16
    assert model.get_layer("transformer_layer_0").trainable is False


def test_layer_names_are_part_of_the_file_format():
    names = [layer.name for layer in tiny.classifier(pooling="mean").layers]
    wanted = [
        "token_ids", "padding_mask", "segment_ids", "token_embedding", "position_embedding", "segment_embedding",
        "embeddings_layer_norm", "attention_bias", "transformer_layer_0", "transformer_layer_1", "pooling",
        "classifier_dropout", "logits",
    ]  # fmt: skip
    assert set(wanted) <= set(names)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"pooling": "max"}, "`pooling` must be one of .*; received: 'max'"),
        ({"hidden_activation": "sine"}, "`hidden_activation` must be .*; received: 'sine'"),
        ({"dropout": 1.0}, r"`dropout` must be a rate in \[0, 1\); received: 1.0"),
        ({"labels": ["one"]}, r"`labels` must be two or more classes; received: \['one'\]"),
        ({"labels": ["a", "b", "a"]}, r"`labels` must be unique names; received: \['a'\]"),
        ({"labels": "positive"}, "`labels` must be a list of names; received: 'positive'"),
        ({"labels": ["a", ""]}, "`labels` must be one or more non-empty names"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(KerasftError, match=message):
        text_classifier(tiny.backbone(num_layers=1), **{"labels": ["no", "yes"], **arguments})


def test_wrong_backbones():
    with pytest.raises(KerasftError, match="`backbone` must be a functional encoder with named inputs"):
        text_classifier(keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]), ["no", "yes"])
    with pytest.raises(KerasftError, match="`backbone` must be an encoder that outputs hidden states"):
        text_classifier(tiny.classifier(), ["no", "yes"])
    with pytest.raises(KerasftError, match="`pooling` must be 'cls' or 'mean' for a backbone without a pooler"):
        text_classifier(KERAS_HUB["roberta"](), ["no", "yes"], pooling="pooler")
    with pytest.raises(KerasftError, match=r"`problem` must be one of .*; received: 'ranking'"):
        Labels(["a", "b"], "ranking")
