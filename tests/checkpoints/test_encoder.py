"""The encoder families in Hugging Face folders: defaults, refusals, heads of another form, tokenizers."""

import dataclasses
import json
import shutil

import keras
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import kerasft
from kerasft.backbones import DistilBertConfig, ElectraConfig, RobertaConfig, XlmRobertaConfig, config_of
from kerasft.checkpoints import save_huggingface
from kerasft.checkpoints.config_file import ConfigFile
from kerasft.checkpoints.families import FAMILIES
from kerasft.errors import CheckpointError, KerasftError
from kerasft.heads import form_of, masked_lm, question_answering, text_classifier, token_classifier
from tests import tiny
from tests.parity.encoder_cases import FOLDERS

SMALL = {"hidden_dim": 768, "num_layers": 12, "num_heads": 12, "intermediate_dim": 3072}


def copy(name, folder, **changes):
    """Copy a parity case with other fields in its config; a field of None is left out."""
    shutil.copytree(FOLDERS[name], folder, dirs_exist_ok=True)
    config = json.loads((folder / "config.json").read_text())
    config = {key: value for key, value in {**config, **changes}.items() if value is not None}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def config_file(folder, **fields):
    (folder / "config.json").write_text(json.dumps(fields))
    return ConfigFile(folder / "config.json")


@pytest.mark.parametrize(
    ("family", "expected"),
    [
        ("roberta", RobertaConfig(vocabulary_size=50265, max_sequence_length=510, num_segments=2,
                                  layer_norm_epsilon=1e-12, **SMALL)),
        ("xlm-roberta", XlmRobertaConfig(vocabulary_size=30522, max_sequence_length=510, num_segments=2,
                                         layer_norm_epsilon=1e-12, **SMALL)),
        ("distilbert", DistilBertConfig(vocabulary_size=30522, **{**SMALL, "num_layers": 6})),
        ("electra", ElectraConfig(vocabulary_size=30522, hidden_dim=256, num_layers=12, num_heads=4,
                                  intermediate_dim=1024, embedding_dim=128)),
    ],
)  # fmt: skip
def test_the_defaults_are_the_references(family, expected, tmp_path):
    assert FAMILIES[family].read_config(config_file(tmp_path)) == expected


@pytest.mark.parametrize("family", tiny.ENCODERS)
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("position_embedding_type", "relative_key"),
        ("is_decoder", True),
        ("add_cross_attention", True),
        ("pruned_heads", {"1": [0]}),
        ("quantization_config", {"bits": 4}),
        ("auto_map", {"AutoModel": "model.Model"}),
    ],
)
def test_other_graphs_are_refused(family, field, value, tmp_path):
    with pytest.raises(CheckpointError, match=f"field '{field}' must be"):
        FAMILIES[family].read_config(config_file(tmp_path, **{field: value}))


@pytest.mark.parametrize(
    ("family", "fields", "message"),
    [
        ("roberta", {"pad_token_id": -1}, "field 'pad_token_id' must be a whole number >= 0; received: -1"),
        ("roberta", {"pad_token_id": None}, "field 'pad_token_id' must be a whole number >= 0; received: None"),
        (
            "roberta",
            {"max_position_embeddings": 2},
            r"field 'max_position_embeddings' must be larger than pad_token_id \+ 1 = 2; received: 2",
        ),
        ("electra", {"embedding_size": 0}, "field 'embedding_size' must be a whole number >= 1; received: 0"),
        ("electra", {"hidden_act": "gelu_10"}, "field 'hidden_act' must be one of .*; received: 'gelu_10'"),
        ("distilbert", {"activation": "gelu_10"}, "field 'activation' must be one of .*; received: 'gelu_10'"),
        ("distilbert", {"sinusoidal_pos_embds": 1}, "field 'sinusoidal_pos_embds' must be true or false; received: 1"),
        ("distilbert", {"dim": 64, "hidden_size": 32}, "field 'hidden_size' must be 64; received: 32"),
        ("distilbert", {"dropout": 1.0}, r"field 'dropout' must be a number in \[0, 1\); received: 1.0"),
    ],
)
def test_fields_with_wrong_values_are_refused(family, fields, message, tmp_path):
    with pytest.raises(CheckpointError, match=message):
        FAMILIES[family].read_config(config_file(tmp_path, **fields))


@pytest.mark.parametrize("family", tiny.ENCODERS)
def test_a_written_config_is_read_back(family, tmp_path):
    config = dataclasses.replace(
        config_of(tiny.encoder(family)), activation="relu", hidden_dropout=0.2, attention_dropout=0.3
    )
    fields = FAMILIES[family].write_config(config)
    assert FAMILIES[family].read_config(config_file(tmp_path, **fields)) == config


@pytest.mark.parametrize("family", tiny.ENCODERS)
def test_every_weight_has_one_name(family):
    backbone = tiny.encoder(family)
    for model in (
        backbone,
        text_classifier(backbone, ["no", "yes"]),
        token_classifier(backbone, ["O", "PER"]),
        question_answering(backbone),
        masked_lm(backbone),
    ):
        weights = list(FAMILIES[family].weights(model).values())
        weights += [x for head in FAMILIES[family].heads.values() if head.task == model.name
                    for x in head.weights(model).values()]  # fmt: skip
        assert sorted(id(weight.variable) for weight in weights) == sorted(map(id, model.trainable_variables))


@pytest.mark.parametrize(
    ("name", "rates"),
    [
        ("distilbert/ForSequenceClassification", {"seq_classif_dropout": 0.4, "dropout": 0.2, "qa_dropout": 0.3}),
        ("distilbert/ForTokenClassification", {"dropout": 0.4, "seq_classif_dropout": 0.2, "qa_dropout": 0.3}),
        ("distilbert/ForQuestionAnswering", {"qa_dropout": 0.4, "seq_classif_dropout": 0.2, "dropout": 0.3}),
        ("roberta/ForSequenceClassification", {"classifier_dropout": 0.4, "hidden_dropout_prob": 0.2}),
        ("electra/ForTokenClassification", {"classifier_dropout": None, "hidden_dropout_prob": 0.4}),
    ],
)
def test_each_head_has_the_dropout_of_its_own_field(name, rates, tmp_path):
    model, tokenizer = kerasft.load_task_model(copy(name, tmp_path / "read", **rates))
    layer = "question_answering_dropout" if model.name == "question_answering" else "classifier_dropout"
    assert model.get_layer(layer).rate == 0.4
    again, _ = kerasft.load_task_model(save_huggingface(tmp_path / "written", model, tokenizer))
    assert again.get_layer(layer).rate == 0.4


@pytest.mark.parametrize("family", tiny.ENCODERS)
def test_an_untied_language_model_is_refused(family, tmp_path):
    folder = copy(f"{family}/ForMaskedLM", tmp_path, tie_word_embeddings=False)
    with pytest.raises(CheckpointError, match="field 'tie_word_embeddings' must be True; received: False"):
        kerasft.load_task_model(folder)


def test_a_heads_second_names_and_unused_weights_are_passed_over(tmp_path):
    # bert-base-uncased holds all of these beside what its class BertForMaskedLM uses.
    folder = copy("bert/ForMaskedLM", tmp_path)
    tensors = load_file(folder / "model.safetensors")
    more = {
        "cls.predictions.decoder.weight": tensors["bert.embeddings.word_embeddings.weight"],
        "cls.predictions.decoder.bias": tensors["cls.predictions.bias"],
        "cls.seq_relationship.weight": np.zeros((2, 8), "float32"),
        "bert.pooler.dense.weight": np.zeros((8, 8), "float32"),
        "bert.embeddings.position_ids": np.arange(12)[None],
    }
    save_file({**tensors, **more}, folder / "model.safetensors")
    expected = kerasft.load_task_model(FOLDERS["bert/ForMaskedLM"])[0]
    received = kerasft.load_task_model(folder)[0]
    for one, other in zip(expected.get_weights(), received.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_head_without_its_weights_is_refused(tmp_path):
    folder = copy("roberta/ForSequenceClassification", tmp_path)
    tensors = load_file(folder / "model.safetensors")
    del tensors["classifier.dense.weight"]
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"lacks weights .*classifier\.dense\.weight"):
        kerasft.load_task_model(folder)


def test_roberta_has_a_pooler_where_its_checkpoint_has_one(tmp_path):
    assert config_of(kerasft.load_pretrained(FOLDERS["roberta/base"])[0]).pooler
    backbone, _ = kerasft.load_pretrained(FOLDERS["roberta/ForMaskedLM"])  # and no warning of weights drawn at random
    assert not config_of(backbone).pooler


@pytest.mark.parametrize("family", tiny.ENCODERS)
def test_a_classifier_of_another_form_is_not_written(family, tmp_path):
    backbone, tokenizer = kerasft.load_pretrained(FOLDERS[f"{family}/ForSequenceClassification"])
    options = [{"pooling": "mean"}, {"hidden_activation": "sigmoid"}, {"pooling": "mean", "hidden_activation": "tanh"}]
    for option in options:
        model = text_classifier(backbone, ["no", "yes"], **option)
        with pytest.raises(KerasftError, match="`model` must be supported by Hugging Face's classes"):
            save_huggingface(tmp_path / "written", model, tokenizer)
    assert not (tmp_path / "written").exists()


@pytest.mark.parametrize("family", tiny.ENCODERS)
def test_a_new_classifier_is_written_in_the_published_form(family, tmp_path):
    backbone, tokenizer = kerasft.load_pretrained(FOLDERS[f"{family}/ForSequenceClassification"])
    model = text_classifier(backbone, ["negative", "positive"])
    save_huggingface(tmp_path / "written", model, tokenizer)
    again, _ = kerasft.load_task_model(tmp_path / "written")
    assert (form_of(again), list(again.labels)) == (form_of(model), ["negative", "positive"])
    expected = load_file(FOLDERS[f"{family}/ForSequenceClassification"] / "model.safetensors")
    assert load_file(tmp_path / "written" / "model.safetensors").keys() == expected.keys()


@pytest.mark.parametrize(
    ("name", "wanted"),
    [("distilbert/base", False), ("roberta/base", False), ("roberta/segments", True), ("electra/base", True)],
)
def test_the_tokenizer_makes_what_the_model_reads(name, wanted):
    # The DistilBERT folder holds a WordPiece vocabulary alone, whose tokenizer by itself makes segment ids too.
    backbone, tokenizer = kerasft.load_pretrained(FOLDERS[name])
    assert ("token_type_ids" in tokenizer.model_input_names) == wanted == ("segment_ids" in backbone.input)
    rows = [{"text": "a b c", "label": "x"}, {"text": "d", "label": "y"}]
    data = kerasft.data.text_classification(rows, tokenizer, labels=["x", "y"], batch_size=2, max_length=6)
    features, _ = next(iter(data))
    assert set(features) == set(backbone.input)
    assert np.isfinite(backbone(features)["sequence_output"]).all()


@pytest.mark.slow
def test_a_task_model_trains_on_and_is_written(tmp_path):
    model, tokenizer = kerasft.load_task_model(FOLDERS["distilbert/ForSequenceClassification"])
    rows = [{"text": text, "label": label} for text, label in [("a b c", "O"), ("d e", "B-PER")] * 4]
    data = kerasft.data.text_classification(rows, tokenizer, labels=model.labels, batch_size=4, max_length=8)
    loss = kerasft.losses.SparseCategoricalCrossentropy()
    model.compile(keras.optimizers.Adam(0.01), loss, run_eagerly=True)
    keras.utils.set_random_seed(0)
    before = model.evaluate(data, verbose=0)
    model.fit(data, epochs=8, shuffle=False, verbose=0)
    assert model.evaluate(data, verbose=0) < before
    again, _ = kerasft.load_task_model(save_huggingface(tmp_path / "written", model, tokenizer))
    np.testing.assert_allclose(again.predict(data, verbose=0), model.predict(data, verbose=0), atol=1e-6)


def test_a_head_of_the_users_own_is_not_written_as_a_backbone(tmp_path):
    backbone, tokenizer = kerasft.load_pretrained(FOLDERS["distilbert/base"])
    model = keras.Model(backbone.input, keras.layers.Dense(3)(backbone.output["sequence_output"]), name="own_head")
    with pytest.raises(KerasftError, match=r"`model` must be a backbone or one of text_classifier, .*'own_head'"):
        save_huggingface(tmp_path / "written", model, tokenizer)
    assert not (tmp_path / "written").exists()
