"""SavedModels and LiteRT files: operations that only compute, tables that stay within the file."""

import pathlib

import numpy as np
import pytest
import tensorflow as tf

import kerasft
from kerasft import security
from kerasft.errors import CheckpointError
from tests import tiny


@pytest.fixture(scope="module")
def bundle():
    return kerasft.make_bundle(tiny.classifier(), tiny.tokenizer(), max_length=12)


@pytest.fixture(scope="module")
def litert(bundle, tmp_path_factory):
    folder = kerasft.export.litert(bundle, tmp_path_factory.mktemp("phone") / "phone", sequence_length=8)["folder"]
    return pathlib.Path(folder, "model.tflite").read_bytes()


def saved(folder, function):
    module = tf.Module()
    module.run = tf.function(function, input_signature=[tf.TensorSpec((), tf.string)])
    tf.saved_model.save(module, str(folder), signatures=module.run)
    return folder


def write(text):
    tf.io.write_file("stolen", text)
    return {"x": text}


def python(text):
    return {"x": tf.ensure_shape(tf.numpy_function(lambda x: x, [text], tf.string), ())}


def in_a_branch(text):
    return {"x": tf.cond(text == "now", lambda: tf.io.read_file(text), lambda: text)}


def in_a_loop(text):
    return {"x": tf.while_loop(lambda x: x != "", lambda x: [tf.io.read_file(x)], [text])[0]}


def in_a_dataset(text):
    return {"x": tf.data.TextLineDataset(text).reduce("", lambda old, new: old + new)}


def matching(text):
    return {"x": tf.strings.reduce_join(tf.io.matching_files(text))}


def restores(text):
    return {"x": tf.raw_ops.RestoreV2(prefix=text, tensor_names=["x"], shape_and_slices=[""], dtypes=[tf.string])[0]}


@pytest.mark.parametrize("program", [write, python, in_a_branch, in_a_loop, in_a_dataset, matching, restores])
def test_a_program_that_does_more_than_compute_is_not_loaded(tmp_path, monkeypatch, program):
    folder = saved(tmp_path / "served", program)
    monkeypatch.setattr("tensorflow.saved_model.load", lambda *args: pytest.fail("TensorFlow saw it"))
    with pytest.raises(CheckpointError, match="do more than compute, or are unknown"):
        kerasft.inference.runners.saved_model_runner(folder)
    with pytest.raises(CheckpointError, match="do more than compute, or are unknown"):
        kerasft.inference.runners.text_signature(folder)


def test_a_program_that_computes_passes(tmp_path):
    security.check_saved_model(saved(tmp_path / "served", lambda text: {"x": tf.strings.lower(text)}))


def test_a_trusted_program_is_loaded(tmp_path):
    with security.trust():
        security.check_saved_model(saved(tmp_path / "served", write))


def test_a_flipped_bit_is_passed_or_a_sentence(litert, tmp_path):
    generator = np.random.default_rng(0)
    refused = 0
    for place in generator.integers(8, len(litert), 300):
        changed = bytearray(litert)
        changed[place] ^= 1 << int(generator.integers(8))
        path = tmp_path / "model.tflite"
        path.write_bytes(changed)
        try:
            security.check_litert_file(path)
        except CheckpointError:
            refused += 1
    assert refused > 0


@pytest.mark.parametrize("cut", [0, 4, 100, 1000, -1000])
def test_a_cut_file_is_a_sentence(litert, tmp_path, cut):
    (tmp_path / "model.tflite").write_bytes(litert[:cut])
    with pytest.raises(CheckpointError, match="cannot be read as a LiteRT file"):
        security.check_litert_file(tmp_path / "model.tflite")
