"""SavedModels: both signatures equal the model; the strings are left out where the ids would differ."""

import functools
import json
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from tokenizers import normalizers

from kerasft import CheckpointError, ExportError, bundles, multi_label, pipelines, regression, tokenizers
from kerasft.answers import probabilities
from kerasft.export import saved_model as saved_model_function
from kerasft.heads import text_classifier
from kerasft.inference.runners import saved_model_runner, text_signature
from kerasft.tasks.samples import SAMPLE_TEXTS
from tests import tiny
from tests.checks import check_exporter
from tests.export.conftest import TEXTS, make_bundle, trained


@pytest.fixture(scope="module")
def served(bundle, tmp_path_factory):
    folder = tmp_path_factory.mktemp("served") / "saved_model"
    saved_model_function(bundle, folder)
    return folder


@pytest.mark.parametrize("sequence_length", [None, 16])
def test_it_equals_the_model(bundle, tmp_path, sequence_length):
    write = functools.partial(saved_model_function, sequence_length=sequence_length)
    report = check_exporter(write, bundle, tmp_path / "served", TEXTS)
    assert report["strings"] == "included"
    assert report["strings_max_difference"] < 1e-4


@pytest.mark.slow
def test_both_signatures_agree_on_hostile_texts(bundle, served):
    pipeline = pipelines.load(served)
    by_ids = pipeline.predict_logits(list(SAMPLE_TEXTS))
    np.testing.assert_allclose(text_signature(served)(list(SAMPLE_TEXTS))["logits"], by_ids, atol=1e-4)


def test_probability_is_an_output(bundle, served):
    signature = tf.saved_model.load(str(served)).signatures["serve_texts"]
    outputs = signature(texts=tf.constant(TEXTS))
    expected = probabilities(outputs["logits"].numpy(), bundle.labels)
    np.testing.assert_allclose(outputs["probability"], expected, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("labels", [["a", "b"], multi_label(["a", "b"])])
def test_probability_is_at_the_temperature(tmp_path, labels):
    folder = make_bundle(tmp_path / "bundle", labels, settings={"temperature": 2.5})
    saved_model_function(folder, tmp_path / "served", texts=TEXTS)
    outputs = tf.saved_model.load(str(tmp_path / "served")).signatures["serve_texts"](texts=tf.constant(TEXTS))
    expected = pipelines.load(folder).predict_probabilities(TEXTS)
    np.testing.assert_allclose(outputs["probability"], expected, atol=1e-4)
    unscaled = probabilities(outputs["logits"].numpy(), bundles.load_bundle(folder).labels)  # logits stay as they are
    assert np.abs(unscaled - expected).max() > 0.01


@pytest.mark.parametrize(
    ("labels", "names"), [(multi_label(["a", "b"]), ["logits", "probability"]), (regression("x"), ["logits"])]
)
def test_outputs_of_other_problems(tmp_path, labels, names):
    folder = make_bundle(tmp_path / "bundle", labels)
    report = saved_model_function(folder, texts=TEXTS)
    assert report["agreement"] > 0.999
    loaded = tf.saved_model.load(report["folder"])
    assert sorted(loaded.signatures["serving_default"].structured_outputs) == names


@pytest.mark.slow
def test_pairs_of_strings(tmp_path):
    folder = make_bundle(tmp_path / "bundle", pair=True)
    report = saved_model_function(folder)
    assert report["strings"] == "included"
    assert report["strings_max_difference"] < 1e-4


def test_every_weight_is_stored_once(served, bundle):
    stored = tf.train.list_variables(str(served / "variables" / "variables"))
    number = sum(int(np.prod(shape)) for name, shape in stored if "VARIABLE_VALUE" in name)
    assert number == bundle.model.count_params()


def test_it_loads_in_a_new_process_without_kerasft(served):
    code = (
        "import sys, tensorflow as tf, tensorflow_text\n"
        f"loaded = tf.saved_model.load({str(served)!r})\n"
        "print(loaded.signatures['serve_texts'](texts=tf.constant(['a good film']))['logits'].numpy().tolist())\n"
        "assert 'kerasft' not in sys.modules\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    expected = text_signature(served)(["a good film"])["logits"]
    np.testing.assert_allclose(np.array(json.loads(result.stdout.splitlines()[-1])), expected, atol=1e-5)


def test_strings_are_left_out_where_the_tokenizer_is_not_supported(bundle_folder, tmp_path, caplog):
    loaded = bundles.load_bundle(bundle_folder)
    other = tokenizers.load(bundle_folder)
    other.backend_tokenizer.normalizer = normalizers.NFKC()
    report = saved_model_function(
        bundles.Bundle(loaded.model, other, loaded.metadata), tmp_path / "served", texts=TEXTS
    )
    assert report["strings"].startswith("left out: its normalizer is NFKC")
    assert "takes token ids only, not strings" in caplog.text
    assert text_signature(tmp_path / "served") is None
    assert "strings_max_difference" not in report


def test_strings_are_left_out_where_the_ids_differ(bundle, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "kerasft.tokenizers.in_graph.InGraphTokenizer._words", lambda self, texts: tf.strings.split(texts)
    )
    report = saved_model_function(bundle, tmp_path / "served", texts=["Good"])
    assert report["strings"].startswith("left out: its ids differ for the text 'I still have not")


def test_a_tolerance_that_is_not_met(bundle, tmp_path):
    with pytest.raises(ExportError, match=r"differs from the Keras model by .* \(5 texts\); maximum: -1"):
        saved_model_function(bundle, tmp_path / "served", texts=TEXTS, tolerance=-1.0)
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_folder_is_refused(served, tmp_path):
    (tmp_path / "saved_model.pb").write_bytes((served / "saved_model.pb").read_bytes()[:500])
    with pytest.raises(CheckpointError, match=r"saved_model.pb cannot be read as a SavedModel"):
        saved_model_runner(tmp_path)


def test_a_model_without_segments(tmp_path):
    inputs = {name: keras.Input((None,), dtype="int32", name=name) for name in ("token_ids", "padding_mask")}
    backbone = keras.Model(inputs, keras.layers.Embedding(len(tiny.VOCABULARY), 4)(inputs["token_ids"]))
    model = trained(text_classifier(backbone, ["no", "yes"], pooling="mean"))
    metadata = {"labels": ["no", "yes"], "problem": "single_label", "max_length": 16}
    bundle = bundles.Bundle(model, tiny.tokenizer(), metadata)
    check_exporter(saved_model_function, bundle, tmp_path / "served", TEXTS)
