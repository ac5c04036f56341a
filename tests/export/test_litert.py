"""LiteRT files: every weight type and shape equals the model; what can't be written is refused with a reason."""

import functools
import json
import logging
import shutil
import sys

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from kerasft import CheckpointError, ExportError, KerasftError, bundles, export, multi_label, pipelines, regression
from kerasft.export import litert as litert_function
from kerasft.heads import LabelledModel, Logits
from kerasft.inference.runners import litert_runner
from tests import tiny
from tests.checks import check_exporter
from tests.export.conftest import TEXTS, make_bundle, trained


@keras.saving.register_keras_serializable(package="kerasft_tests")
class Determinant(keras.layers.Layer):
    """Has no LiteRT operation."""

    def call(self, inputs):
        squares = keras.ops.reshape(inputs[:, :4], (-1, 2, 2))
        return inputs + keras.ops.reshape(keras.ops.linalg.det(squares), (-1, 1))


def broken_bundle(layer=None, bias=0.0):
    inputs = {name: keras.Input((None,), dtype="int32", name=name) for name in ("token_ids", "padding_mask")}
    vectors = keras.layers.Embedding(len(tiny.VOCABULARY), 4)(inputs["token_ids"])
    hidden = keras.ops.mean(vectors, axis=1)
    logits = Logits(2, ["no", "yes"], bias_initializer=keras.initializers.Constant(bias), name="logits")
    model = LabelledModel(inputs, logits(layer(hidden) if layer else hidden))
    return bundles.Bundle(
        model, tiny.tokenizer(), {"labels": ["no", "yes"], "problem": "single_label", "max_length": 16, "pair": False}
    )


@pytest.fixture(scope="module")
def phone(bundle, tmp_path_factory):
    folder = tmp_path_factory.mktemp("phone") / "litert"
    litert_function(bundle, folder, texts=TEXTS)
    return folder


@pytest.mark.parametrize(
    ("quantize", "sequence_length", "tolerance"),
    [(None, None, 1e-4), (None, 16, 1e-4), ("float16", None, 0.05), ("int8", None, 0.5), ("int8", 16, 0.5)],
)
def test_it_equals_the_model(bundle, tmp_path, quantize, sequence_length, tolerance):
    write = functools.partial(litert_function, quantize=quantize, sequence_length=sequence_length, min_agreement=0.8)
    report = check_exporter(write, bundle, tmp_path / "phone", TEXTS, tolerance=tolerance)
    assert report["agreement"] >= 0.8
    assert set(report["latency_ms"]) == {"threads_1", "threads_2"}
    runner = litert_runner(tmp_path / "phone" / "model.tflite")
    assert (runner.batch_size, runner.sequence_length) == ((1, 16) if sequence_length else (None, None))
    assert pipelines.load(tmp_path / "phone").max_length == (sequence_length or 24)


@pytest.mark.slow
def test_int8_is_smaller_than_float16_is_smaller_than_float32(tmp_path):
    model = trained(tiny.classifier(hidden_dim=64, intermediate_dim=256))
    bundle = bundles.Bundle(
        model, tiny.tokenizer(), {"labels": list(model.labels), "problem": "single_label", "max_length": 16}
    )
    sizes = [litert_function(bundle, tmp_path / "phone", quantize=q)["size_bytes"] for q in ("int8", "float16", None)]
    assert [path.name for path in tmp_path.iterdir()] == ["phone"]  # each replaced the one before
    weights = 4 * model.count_params()
    assert sizes[0] < 0.6 * sizes[1] + 30_000
    assert 0.5 * weights < sizes[1] < 0.6 * weights + 40_000
    assert weights < sizes[2] < 1.1 * weights + 60_000


def test_the_file_stands_alone(phone):
    interpreter = Interpreter(model_path=str(phone / "model.tflite"))
    signature = json.loads((phone / "signature.json").read_text())
    tensors = signature["signatures"]["serving_default"]
    names = interpreter.get_signature_list()["serving_default"]
    assert set(names["inputs"]) == set(tensors["inputs"]) == {"token_ids", "padding_mask", "segment_ids"}
    assert names["outputs"] == list(tensors["outputs"]) == ["logits"]
    assert tensors["inputs"]["token_ids"] == {"shape": [-1, -1], "dtype": "int32"}
    assert signature["labels"] == ["negative", "positive"]
    assert (signature["cls_token_id"], signature["sep_token_id"], signature["pad_token_id"]) == (2, 3, 0)


@pytest.mark.parametrize("labels", [multi_label(["a", "b", "c"]), regression("x", "y")])
def test_other_problems(tmp_path, labels):
    folder = make_bundle(tmp_path / "bundle", labels)
    report = litert_function(folder, texts=TEXTS)
    written = folder.with_name("bundle.litert")  # beside the bundle, where the command line puts it too
    assert report["folder"] == str(written)
    assert report["agreement"] > 0.999
    assert json.loads((written / "signature.json").read_text())["problem"] == labels.problem


@pytest.mark.slow
def test_several_lengths_share_one_file(bundle, tmp_path):
    litert_function(bundle, tmp_path / "one", sequence_length=24, texts=TEXTS)
    report = litert_function(bundle, tmp_path / "phone", sequence_length=[24, 8, 16], texts=TEXTS)
    assert report["max_difference"] < 1e-4
    one, several = (litert_runner(tmp_path / name / "model.tflite") for name in ("one", "phone"))
    assert (one.lengths, several.lengths, several.batch_size) == ((24,), (8, 16, 24), 1)
    assert [several.length_for(tokens) for tokens in (1, 8, 9, 24, 30)] == [8, 8, 16, 24, 24]
    signature = json.loads((tmp_path / "phone" / "signature.json").read_text())
    assert list(signature["signatures"]) == ["length_8", "length_16", "length_24"]
    assert signature["signatures"]["length_8"]["inputs"]["token_ids"]["shape"] == [1, 8]
    assert signature["lengths"] == [8, 16, 24]
    loaded = pipelines.load(tmp_path / "phone")
    expected = pipelines.load(bundle)
    assert loaded.max_length == 24
    for text in ("a good film", "", "please pay me my money"):
        assert loaded(text)["label"] == expected(text)["label"]


def test_the_golden_rows_are_this_files_answers(phone, bundle):
    rows = [json.loads(line) for line in (phone / "golden.jsonl").read_text("utf-8").splitlines()]
    assert len(rows) >= 50
    runner = litert_runner(phone / "model.tflite")
    for row in rows:
        encoded = bundle.tokenizer(row["text"], truncation=True, max_length=24)
        assert row["token_ids"] == encoded["input_ids"]
        features = {name: np.array([row[name]], np.int32) for name in ("token_ids", "segment_ids")}
        features["padding_mask"] = np.ones_like(features["token_ids"])
        assert runner.run(features)["logits"][0] == pytest.approx(row["outputs"]["logits"], abs=1e-5)


@pytest.mark.slow
def test_a_file_that_lost_too_much_is_refused(bundle, tmp_path):
    scores = iter([0.9, 0.88])
    message = r"scores 0.8800, the Keras model 0.9000: 2.00 points less; max_drop is 1"
    with pytest.raises(ExportError, match=message):
        litert_function(bundle, tmp_path / "phone", quantize="int8", texts=TEXTS, gold=lambda runner: next(scores))
    assert list(tmp_path.iterdir()) == []
    scores = iter([0.9, 0.88])
    litert_function(
        bundle, tmp_path / "phone", quantize="int8", texts=TEXTS, gold=lambda runner: next(scores), max_drop=2.0
    )


@pytest.mark.parametrize("quantize", ["int4", "int8_full"])
def test_googles_quantizer(bundle, tmp_path, quantize, caplog):
    pytest.importorskip("litert_quantizer", reason='needs pip install "kerasft[mobile]"')
    arguments = {"calibration": TEXTS * 4} if quantize == "int8_full" else {}
    caplog.set_level(logging.INFO)
    report = litert_function(
        bundle, tmp_path / "phone", quantize=quantize, sequence_length=16, texts=TEXTS, min_agreement=0.8, **arguments
    )
    assert not [record for record in caplog.records if record.name == "root"]  # the quantizer tells each step there
    assert report["max_difference"] < 0.5
    products = [row["types"] for row in report["operators"] if row["operator"] == "FULLY_CONNECTED"]
    if quantize == "int8_full":
        assert any(types.endswith("int8") for types in products)


def test_pairs(tmp_path):
    folder = make_bundle(tmp_path / "bundle", pair=True)
    assert litert_function(folder)["max_difference"] < 1e-4  # the built-in sample, as pairs
    assert pipelines.load(f"{folder}.litert")("good", "bad") == pytest.approx(pipelines.load(folder)("good", "bad"))


def test_an_operation_that_litert_has_not_is_named(tmp_path, capfd):
    with pytest.raises(ExportError, match=r"operations that are not built in: MatrixDeterminant"):
        litert_function(broken_bundle(Determinant()), tmp_path / "phone")
    assert list(tmp_path.iterdir()) == []


def test_a_lambda_is_named(tmp_path):
    layer = keras.layers.Lambda(lambda hidden: hidden * 2, name="twice")
    with pytest.raises(ExportError, match=r"its layer 'twice' is a Lambda"):
        litert_function(broken_bundle(layer), tmp_path / "phone")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_answers_nan_is_not_kept(tmp_path):
    with pytest.raises(CheckpointError, match="must be finite; received: NaN or infinity"):
        litert_function(broken_bundle(bias=float("nan")), tmp_path / "phone")
    assert list(tmp_path.iterdir()) == []


def test_too_little_agreement_is_refused(bundle, tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules["kerasft.export.verify"], "agreement", lambda *_: 0.5)
    with pytest.raises(ExportError, match=r"agrees with the Keras model on 0.500 of 5 texts; min_agreement is 0.9"):
        litert_function(bundle, tmp_path / "phone", quantize="int8", texts=TEXTS)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("cut", [0, 100, -1000])
def test_a_damaged_file_is_refused(phone, tmp_path, cut):
    shutil.copytree(phone, tmp_path / "phone")
    path = tmp_path / "phone" / "model.tflite"
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(CheckpointError, match=r"model.tflite is corrupted: its SHA-256 is"):
        pipelines.load(tmp_path / "phone")


def test_a_file_that_is_not_litert_is_refused(tmp_path):
    (tmp_path / "model.tflite").write_bytes(b"not a model at all")
    with pytest.raises(CheckpointError, match=r"model.tflite cannot be read as a LiteRT file"):
        litert_runner(tmp_path / "model.tflite")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"quantize": "int2"}, r"`quantize` must be one of .*; received: 'int2'"),
        ({"max_drop": -1}, r"`max_drop` must be points >= 0; received: -1"),
        ({"sequence_length": []}, r"`sequence_length` must be at least one length; received: \[\]"),
        ({"sequence_length": [8, 25]}, r"`sequence_length` must be a whole number from 3 to 24 .*; received: 25"),
        ({"calibration": ["a"]}, r"`calibration` must be omitted unless quantize=.int8_full.; received: '1 texts'"),
        (
            {"quantize": "int8_full", "calibration": ["a"], "sequence_length": 8},
            r"`calibration` must be at least 16 texts",
        ),
        ({"quantize": "int8_full", "calibration": ["a"] * 16}, r"`sequence_length` must be a single fixed length"),
        ({"sequence_length": 25}, r"`sequence_length` must be a whole number from 3 to 24 .*; received: 25"),
        ({"sequence_length": 0}, r"`sequence_length` must be .*; received: 0"),
        ({"min_agreement": 90}, r"`min_agreement` must be a fraction from 0 to 1; received: 90"),
        ({"texts": []}, r"`texts` must be one or more texts, or None; received: \[\]"),
        ({"texts": ["a"], "gold": [0, 1]}, r"`gold` must be as long as texts \(1\); received: 2"),
    ],
)
def test_bad_arguments(bundle, tmp_path, arguments, message):
    with pytest.raises(KerasftError, match=message):
        litert_function(bundle, tmp_path / "phone", **arguments)


def test_the_bundle_itself_is_never_overwritten(bundle_folder, bundle, tmp_path):
    with pytest.raises(KerasftError, match=r"`folder` must be a new folder or an export to replace"):
        litert_function(bundle, bundle_folder)
    with pytest.raises(KerasftError, match=r"`folder` must be a path, for a bundle in memory; received: None"):
        litert_function(bundle)
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(KerasftError, match="It contains other files"):
        litert_function(bundle, tmp_path)


@pytest.mark.slow
def test_mixed_precision_gives_float32_logits(tmp_path):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = trained(tiny.classifier())
    finally:
        keras.config.set_dtype_policy("float32")
    metadata = {"labels": list(model.labels), "problem": "single_label", "max_length": 16}
    report = export.saved_model(bundles.Bundle(model, tiny.tokenizer(), metadata), tmp_path / "served", texts=TEXTS)
    assert report["max_difference"] < 1e-3
    assert np.isfinite(report["max_difference"])
