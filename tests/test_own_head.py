"""Models with a head of the user's, from `save_bundle` to the phone; and the examples of docs/own_head.md."""

import importlib
import json
import logging
import pathlib
import re
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import kerasft
from kerasft.answers import probabilities
from kerasft.cli.main import main
from kerasft.errors import CheckpointError, KerasftError
from tests import tiny
from tests.heads.own_heads import BACKBONES, HEADS, TAGS, classifier_ending_in, own, recurrent_tagger

PAGE = pathlib.Path(__file__).parent.parent / "docs" / "own_head.md"
TEXTS = ["a good film", "we love the movie", "bad"]
QUESTION = ("what film?", "a good film and a bad movie")
LABELS = ["no", "yes"]
PAIRED = list(zip(HEADS, list(BACKBONES) * 2))  # each head, and each backbone twice
EXPORTED = [(head, "kerasft") for head in HEADS] + list(
    zip(HEADS, [name for name in BACKBONES if name != "kerasft"] * 3)
)


def saved(folder, model, task, labels=None, **options):
    return kerasft.save_bundle(
        folder, model, tiny.tokenizer(), task=task, labels=labels, **{"max_length": 16, **options}
    )


def encoded(model, texts=TEXTS, second=None):
    return kerasft.encode(tiny.tokenizer(), texts, second, max_length=16, inputs=model.input)


def expected_answers(head, model, labels, bundle):
    """The pipeline's answers and what the user's `model.predict` says, as arrays."""
    pipeline = kerasft.pipelines.load(bundle)
    if head in ("spans", "start_and_end"):
        (found,) = pipeline.find([QUESTION])
        outputs = model.predict(encoded(model, [QUESTION[0]], [QUESTION[1]]), verbose=0)
        start, end = (
            (outputs["start_logits"], outputs["end_logits"])
            if head == "start_and_end"
            else (outputs[..., 0], outputs[..., 1])
        )
        return np.array([found.no_answer]), np.array([start[0].item(0) + end[0].item(0)])
    if head == "tags":
        _, rows, _ = pipeline.tagger.raw(["a good film"], batch_size=1)
        return rows[0], model.predict(encoded(model, ["a good film"]), verbose=0)[0, 1:-1]
    if head == "vectors":
        return pipeline.embed(TEXTS), model.predict(encoded(model), verbose=0)
    pair = head == "pairs"
    items = [(text, "good") for text in TEXTS] if pair else TEXTS
    logits = model.predict(encoded(model, TEXTS, ["good"] * 3 if pair else None), verbose=0)
    return pipeline.predict_probabilities(items), probabilities(logits, kerasft.Labels.of(labels))


@pytest.mark.parametrize(("head", "backbone"), PAIRED)
def test_the_loaded_pipeline_answers_as_the_model_does(head, backbone, tmp_path):
    model, task, labels = own(head, backbone, nested=True)
    bundle = saved(tmp_path / "own", model, task, labels, pair=head == "pairs")
    answers, expected = expected_answers(head, model, labels, bundle)
    np.testing.assert_allclose(answers, expected, atol=1e-5)
    loaded = kerasft.load_bundle(bundle)
    assert loaded.task == task
    assert loaded.labels == (None if labels is None else labels)
    again = kerasft.save_bundle(
        tmp_path / "again", loaded.model, loaded.tokenizer, pair=head == "pairs"
    )  # it knows its task
    assert kerasft.load_bundle(again).metadata["task"] == task


@pytest.mark.slow
@pytest.mark.parametrize(("head", "backbone"), EXPORTED)
def test_every_export_agrees(head, backbone, tmp_path, monkeypatch):
    model, task, labels = own(head, backbone, nested=True)
    bundle = saved(tmp_path / "own", model, task, labels, pair=head == "pairs")
    reports = [
        kerasft.export.saved_model(bundle),
        kerasft.export.litert(bundle),
        kerasft.export.litert(bundle, quantize="int8"),
    ]
    assert max(report["max_difference"] for report in reports[:2]) < 1e-4
    assert reports[2]["max_difference"] < 0.2
    folder = pathlib.Path(reports[1]["folder"])
    answers, expected = expected_answers(head, model, labels, folder)
    np.testing.assert_allclose(answers, expected, atol=1e-4)
    monkeypatch.syspath_prepend(folder / "python")  # the runner of an app, on the answers that were stored
    count, different, largest = importlib.import_module("kerasft_runner").check_golden(folder)
    assert count
    assert not different
    assert largest < 1e-4


def test_the_litert_folder_agrees(tmp_path):
    model, task, labels = own("classes", "BertBackbone")
    report = kerasft.export.litert(saved(tmp_path / "own", model, task, labels), quantize="int8", texts=TEXTS)
    assert report["agreement"] == 1.0
    assert kerasft.pipelines.load(report["folder"])("a good film")["label"] in labels


NEW_PROCESS = """
import sys, json, kerasft
print(json.dumps(kerasft.pipelines.load(sys.argv[1]).predict_logits(["a good film"]).tolist()))
"""


@pytest.mark.slow
def test_a_new_process_needs_none_of_the_users_code(tmp_path):
    model, task, labels = own("classes", "BertBackbone", nested=True)
    folder = saved(tmp_path / "own", model, task, labels)
    ran = subprocess.run([sys.executable, "-c", NEW_PROCESS, str(folder)], capture_output=True, text=True, check=True)
    np.testing.assert_allclose(
        json.loads(ran.stdout), model.predict(encoded(model, ["a good film"]), verbose=0), atol=1e-5
    )


def test_a_fixed_length_is_that_of_pipelines_and_exports(tmp_path):
    model, task, labels = own("classes", length=16)
    bundle = saved(tmp_path / "own", model, task, labels, max_length=None)
    assert kerasft.load_bundle(bundle).max_length == 16
    padded = kerasft.encode(tiny.tokenizer(), TEXTS, max_length=16, length=16)
    answers = kerasft.pipelines.load(bundle).predict_logits(TEXTS)
    np.testing.assert_allclose(answers, model.predict(padded, verbose=0), atol=1e-5)
    with pytest.raises(KerasftError, match="`max_length` must be 16, the fixed length"):
        saved(tmp_path / "other", model, task, labels, max_length=8)
    with pytest.raises(KerasftError, match="`sequence_length` must be 16, the fixed length"):
        kerasft.export.litert(bundle, sequence_length=8)


@pytest.mark.slow
@pytest.mark.parametrize("export", [kerasft.export.saved_model, kerasft.export.litert])
def test_a_fixed_length_is_exported(export, tmp_path):
    model, task, labels = own("classes", length=16)
    assert export(saved(tmp_path / "own", model, task, labels, max_length=None))["max_difference"] < 1e-4


@pytest.mark.slow
def test_recurrent_layers_are_exported_with_a_fixed_length(tmp_path):
    bundle = saved(tmp_path / "own", recurrent_tagger(), "token-classification", TAGS)
    assert kerasft.export.saved_model(bundle)["max_difference"] < 1e-4
    assert kerasft.export.litert(bundle, sequence_length=16)["max_difference"] < 1e-4
    with pytest.raises(kerasft.ExportError, match=r"an LSTM, GRU or another loop .* Give sequence_length=128"):
        kerasft.export.litert(bundle)


def test_a_mean_over_padding_is_warned_of(tmp_path, caplog):
    backbone = tiny.backbone()
    mean = layers.GlobalAveragePooling1D()(backbone.output["sequence_output"])
    model = keras.Model(backbone.input, layers.Dense(2)(mean))
    saved(tmp_path / "own", model, "text-classification", LABELS)
    assert "with the number of padding tokens" in caplog.text
    assert "MaskedMean" in caplog.text


def test_nothing_is_said_of_a_model_that_is_well_made(tmp_path, caplog):
    with caplog.at_level(logging.WARNING, "kerasft"):
        model, task, labels = own("classes")
        saved(tmp_path / "own", model, task, labels)
    assert not [record for record in caplog.records if record.name.startswith("kerasft")]


@keras.saving.register_keras_serializable(package="tests")
class Registered(layers.Layer):
    def call(self, inputs):
        return keras.ops.softmax(inputs)


class Unregistered(layers.Layer):
    def call(self, inputs):
        return inputs


@keras.saving.register_keras_serializable(package="tests")
class Forgetful(layers.Layer):
    def __init__(self, factor=1.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, inputs):
        return inputs * self.factor

    def get_config(self):
        return layers.Layer.get_config(self)


@keras.saving.register_keras_serializable(package="tests")
class Demanding(Forgetful):
    def __init__(self, factor, **kwargs):
        super().__init__(factor, **kwargs)


def twice(x):
    return x * 2


def test_a_registered_layer_of_the_users_is_loaded_with_trust(tmp_path, caplog):
    model = classifier_ending_in(lambda state: layers.Dense(2)(Registered()(state)))
    bundle = saved(tmp_path / "own", model, "text-classification", LABELS)
    assert re.search(r"trust=True .*Registered", caplog.text)
    with pytest.raises(CheckpointError, match="Registered, which is not one of the classes"):
        kerasft.load_bundle(bundle)
    pipeline = kerasft.pipelines.load(bundle, trust=True)
    np.testing.assert_allclose(pipeline.predict_logits(TEXTS), model.predict(encoded(model), verbose=0), atol=1e-5)


@pytest.mark.parametrize(
    ("last", "message"),
    [
        (
            lambda state: layers.Dense(2)(Unregistered()(state)),
            r"Unregistered.* Decorate each with @keras.saving.register_keras_serializable",
        ),
        (
            lambda state: layers.Dense(2)(Forgetful(3.0)(state)),
            r"Keras saves completely; received: 'outputs that differ by",
        ),
        (lambda state: layers.Dense(2)(Demanding(3.0)(state)), r"Keras can save and load; received: .*get_config"),
        (
            lambda state: layers.Dense(2, activation=lambda x: x * 2)(state),
            "without lambdas, whose Python code cannot be saved.*named function",
        ),
        (
            lambda state: layers.Dense(2, activation=twice)(state),
            "registered with Keras; received: .*the function 'twice'.* Decorate each with @keras",
        ),
        (
            lambda state: Registered()(layers.Dense(2)(state)),
            r"outputs logits; received: 'outputs that are >= 0 and sum to 1",
        ),
    ],
)
def test_what_does_not_come_back_is_refused_when_it_is_saved(last, message, tmp_path):
    with pytest.raises(KerasftError, match=message):
        saved(tmp_path / "own", classifier_ending_in(last), "text-classification", LABELS)
    assert not (tmp_path / "own").exists()


def test_lengths_and_vocabularies_that_do_not_fit_are_refused(tmp_path):
    model, task, labels = own("classes", "BertBackbone")
    tokenizer = kerasft.tokenizers.train(["a good film"] * 3, "bpe", vocabulary_size=270, max_length=64)
    with pytest.raises(KerasftError, match="`tokenizer` must be a tokenizer with ids below the model's"):
        kerasft.save_bundle(tmp_path / "own", model, tokenizer, task=task, labels=labels)
    backbone = tiny.backbone(max_sequence_length=8)
    short = keras.Model(backbone.input, layers.Dense(2)(backbone.output["sequence_output"][:, 0]))
    with pytest.raises(KerasftError, match=r"max_length=16 tokens.*must be at most 8, the number of positions"):
        saved(tmp_path / "own", short, "text-classification", LABELS)


def test_a_model_of_kerasfts_heads_knows_its_own(tmp_path):
    model = tiny.classifier(LABELS)
    assert saved(tmp_path / "own", model, "text-classification", LABELS)
    with pytest.raises(KerasftError, match="`task` must be omitted, or 'text-classification', for text_classifier"):
        saved(tmp_path / "other", model, "token-classification", LABELS)
    with pytest.raises(KerasftError, match="`labels` must be omitted"):
        saved(tmp_path / "other", model, "text-classification", ["a", "b"])
    with pytest.raises(KerasftError, match=r'pass task= \(such as "text-classification"\)'):
        kerasft.save_bundle(tmp_path / "other", own()[0], tiny.tokenizer())


def test_hugging_face_has_no_such_head(tmp_path):
    model, task, labels = own("classes")
    bundle = kerasft.load_bundle(saved(tmp_path / "own", model, task, labels))
    with pytest.raises(KerasftError, match="Hugging Face has no class for its head"):
        kerasft.checkpoints.save_huggingface(tmp_path / "exchange", bundle.model, bundle.tokenizer)
    backbone, _ = kerasft.load_pretrained(str(tmp_path / "own"))
    states = keras.Model(model.input, model.get_layer("transformer_layer_0").output)
    expected = states(tiny.batch(TEXTS))
    np.testing.assert_allclose(backbone(tiny.batch(TEXTS))["sequence_output"], expected, atol=1e-5)


@pytest.mark.slow
def test_the_command_line_takes_it(tmp_path, capsys):
    model, task, labels = own("classes")
    bundle = saved(tmp_path / "own", model, task, labels)
    data = tmp_path / "dev.csv"
    data.write_text("text,label\n" + "".join(f"{text},{label}\n" for text, label in zip(TEXTS, labels)))
    assert main(["predict", str(bundle), "a good film"]) == 0
    assert main(["evaluate", str(bundle), "--data", str(data)]) == 0
    assert main(["export", str(bundle), "--quantize", "int8", "--verify", str(data), "--min-agreement", "0"]) == 0
    assert (tmp_path / "own.litert.int8" / "model.tflite").is_file()


@pytest.mark.slow
def test_the_pages_examples_run_and_the_first_is_short(tmp_path, monkeypatch):
    first, second = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    tiny.bert_folder(tmp_path / "bert-base-uncased", max_position_embeddings=64)
    settings = tmp_path / "bert-base-uncased" / "tokenizer_config.json"
    settings.write_text(settings.read_text().replace('"model_max_length": 32', '"model_max_length": 64'))
    monkeypatch.chdir(tmp_path)
    names = {"tf": tf}
    exec(compile(first, str(PAGE), "exec"), names)
    exec(compile(second, str(PAGE), "exec"), names)
    assert names["report"]["agreement"] >= 0.9
    assert len([line for line in first.splitlines() if line.strip()]) <= 20
