"""`load_pretrained` of local folders: weights accounted for, hostile files refused."""

import json
import logging
import struct

import keras
import ml_dtypes
import numpy as np
import pytest
import tensorflow as tf
from safetensors.numpy import load_file, save_file

import kerasft
from kerasft.errors import CheckpointError
from kerasft.features import POOLED_OUTPUT, SEQUENCE_OUTPUT
from tests import tiny

TEXTS = ["a good film", "bad"]


def rewrite(folder, change):
    """Apply `change` to the dictionary of tensors in a folder."""
    tensors = load_file(folder / "model.safetensors")
    save_file(change(tensors), folder / "model.safetensors")


def answer(backbone):
    return backbone(tiny.batch(TEXTS))[SEQUENCE_OUTPUT].numpy()


def test_folder_gives_a_backbone_and_its_tokenizer(tmp_path):
    backbone, tokenizer = kerasft.load_pretrained(tiny.bert_folder(tmp_path))
    outputs = backbone(tiny.batch(TEXTS))
    assert outputs[SEQUENCE_OUTPUT].shape == (2, 5, 16)
    assert outputs[POOLED_OUTPUT].shape == (2, 16)
    assert tokenizer(TEXTS[0])["input_ids"] == tiny.tokenizer()(TEXTS[0])["input_ids"]


def test_every_variable_gets_its_own_tensor(tmp_path):
    folder = tiny.bert_folder(tmp_path)
    backbone, _ = kerasft.load_pretrained(folder)
    tensors = load_file(folder / "model.safetensors")
    sums = sorted(float(np.sum(variable.numpy(), dtype="float64")) for variable in backbone.trainable_variables)
    np.testing.assert_allclose(sums, sorted(float(np.sum(value, dtype="float64")) for value in tensors.values()))


def test_prefix_and_old_norm_names_change_nothing(tmp_path):
    expected = answer(kerasft.load_pretrained(tiny.bert_folder(tmp_path / "plain"))[0])
    folder = tiny.bert_folder(tmp_path / "old", prefix="bert.")

    def old_names(tensors):
        return {
            name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): value
            for name, value in tensors.items()
        }

    rewrite(folder, old_names)
    np.testing.assert_array_equal(answer(kerasft.load_pretrained(str(folder))[0]), expected)


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16, np.float64])
def test_other_float_types_are_read_as_float32(tmp_path, dtype):
    folder = tiny.bert_folder(tmp_path)
    rewrite(folder, lambda tensors: {name: value.astype(dtype) for name, value in tensors.items()})
    backbone, _ = kerasft.load_pretrained(folder)
    stored = tiny.bert_tensors({})["embeddings.word_embeddings.weight"].astype(dtype).astype("float32")
    np.testing.assert_array_equal(backbone.get_layer("token_embedding").embeddings.numpy(), stored)


def test_integer_weights_are_refused(tmp_path):
    folder = tiny.bert_folder(tmp_path)
    rewrite(folder, lambda tensors: {name: value.astype("int8") for name, value in tensors.items()})
    with pytest.raises(CheckpointError, match="stored as I8; expected F32"):
        kerasft.load_pretrained(folder)


def test_missing_weights_are_listed(tmp_path):
    folder = tiny.bert_folder(tmp_path)
    rewrite(folder, lambda tensors: {name: value for name, value in tensors.items() if "layer.1.attention" not in name})
    with pytest.raises(
        CheckpointError, match=r"lacks weights .*encoder\.layer\.1\.attention\.self\.query\.weight.*more"
    ):
        kerasft.load_pretrained(folder)


def test_weights_without_a_place_are_listed(tmp_path):
    folder = tiny.bert_folder(tmp_path, num_hidden_layers=3)
    tiny.bert_folder(tmp_path / "two")
    (folder / "config.json").write_text((tmp_path / "two" / "config.json").read_text())
    with pytest.raises(CheckpointError, match=r"do not belong to the model of its config.json: encoder\.layer\.2\."):
        kerasft.load_pretrained(folder)


def test_weights_of_another_shape_are_listed(tmp_path):
    folder = tiny.bert_folder(tmp_path, intermediate_size=32)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "intermediate_size": 24}))
    with pytest.raises(
        CheckpointError, match=r"intermediate\.dense\.weight \(expected \(24, 16\), received \(32, 16\)\)"
    ):
        kerasft.load_pretrained(folder)


def test_a_missing_pooler_is_drawn_and_said(tmp_path):
    folder = tiny.bert_folder(tmp_path)
    expected = answer(kerasft.load_pretrained(folder)[0])
    rewrite(folder, lambda tensors: {name: value for name, value in tensors.items() if "pooler" not in name})
    with pytest.warns(UserWarning, match=r"initialized randomly: pooler\.dense\.weight, pooler\.dense\.bias"):
        backbone, _ = kerasft.load_pretrained(folder)
    np.testing.assert_array_equal(answer(backbone), expected)


def test_a_task_head_is_left_out_and_said(tmp_path, caplog):
    folder = tiny.bert_folder(tmp_path, prefix="bert.")
    head = {"classifier.weight": np.zeros((2, 16), "float32"), "classifier.bias": np.zeros(2, "float32")}
    constants = {"bert.embeddings.position_ids": np.arange(32)[None]}
    rewrite(folder, lambda tensors: {**tensors, **head, **constants})
    with caplog.at_level(logging.WARNING, logger="kerasft"):
        kerasft.load_pretrained(folder)
    assert "unexpected, ignored: classifier.bias, classifier.weight\n" in caplog.text
    assert "position_ids" not in caplog.text


def shard(folder, names=("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")):
    """Split a folder's weights in two files with an index."""
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    weight_map = {name: names[index % 2] for index, name in enumerate(tensors)}
    for file in set(names):
        save_file({name: tensors[name] for name in tensors if weight_map[name] == file}, folder / file)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))


def test_shards_are_one_checkpoint(tmp_path):
    expected = answer(kerasft.load_pretrained(tiny.bert_folder(tmp_path))[0])
    shard(tmp_path)
    np.testing.assert_array_equal(answer(kerasft.load_pretrained(tmp_path)[0]), expected)


def test_a_missing_shard_is_named(tmp_path):
    shard(tiny.bert_folder(tmp_path))
    (tmp_path / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"shard 'model-00002-of-00002\.safetensors' is missing"):
        kerasft.load_pretrained(tmp_path)


@pytest.mark.parametrize(
    "name", ["../outside.safetensors", "/etc/passwd", "a/b.safetensors", "..\\x", "..", "", None, 3]
)
def test_a_shard_outside_the_folder_is_refused(tmp_path, name):
    folder = tiny.bert_folder(tmp_path / "inside")
    (folder / "model.safetensors").rename(tmp_path / "outside.safetensors")
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"x": name}}))
    with pytest.raises(CheckpointError, match=r"must be a file name inside the folder|not a safetensors index"):
        kerasft.load_pretrained(folder)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"weight_map": 3}', '{"weight_map": {"x": {}}}', "\x00"])
def test_a_damaged_index_is_refused(tmp_path, text):
    tiny.bert_folder(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    (tmp_path / "model.safetensors.index.json").write_text(text)
    with pytest.raises(CheckpointError, match=r"index\.json"):
        kerasft.load_pretrained(tmp_path)


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-1],
        lambda data: data[:100],
        lambda data: b"",
        lambda data: struct.pack("<Q", 2**60) + data[8:],
        lambda data: struct.pack("<Q", len(data)) + data[8:],
        lambda data: b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
        lambda data: data + b"more",
    ],
    ids=["cut by a byte", "cut", "empty", "huge header", "header of the file's size", "Git LFS pointer", "appended"],
)
def test_a_damaged_weight_file_is_refused(tmp_path, damage):
    path = tiny.bert_folder(tmp_path) / "model.safetensors"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(CheckpointError, match="not a readable safetensors file of"):
        kerasft.load_pretrained(tmp_path)


def test_no_weights_but_others_is_said(tmp_path):
    tiny.bert_folder(tmp_path)
    (tmp_path / "model.safetensors").rename(tmp_path / "flax_model.msgpack")
    with pytest.raises(CheckpointError, match=r"no weights found; .* found only flax_model\.msgpack"):
        kerasft.load_pretrained(tmp_path)


def test_another_family_is_refused(tmp_path):
    tiny.bert_folder(tmp_path, model_type="deberta-v2")
    with pytest.raises(CheckpointError, match=r"'model_type' must be one of 'bert', .*; received: 'deberta-v2'"):
        kerasft.load_pretrained(tmp_path)


def test_a_tokenizer_larger_than_the_embedding_is_refused(tmp_path):
    tiny.bert_folder(tmp_path, vocab_size=100)
    with pytest.raises(CheckpointError, match=r"below the config's vocab_size \(100\); received: 159"):
        kerasft.load_pretrained(tmp_path)


def test_the_tokenizer_knows_the_number_of_positions(tmp_path):
    _, tokenizer = kerasft.load_pretrained(tiny.bert_folder(tmp_path, max_position_embeddings=10))
    assert tokenizer.model_max_length == 10


@pytest.mark.parametrize("name", ["./no_such_folder", "/no/such/folder", "a b", "a/b/c", ""])
def test_a_name_that_is_nothing_is_refused(name):
    with pytest.raises(CheckpointError, match="`name` must be an existing folder, a hub id or a KerasHub preset"):
        kerasft.load_pretrained(name)


def test_dtype_and_global_policy_are_honoured(tmp_path):
    folder = tiny.bert_folder(tmp_path)
    expected = answer(kerasft.load_pretrained(folder)[0])
    backbone, _ = kerasft.load_pretrained(folder, dtype="mixed_bfloat16")
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        by_policy, _ = kerasft.load_pretrained(folder)
    finally:
        keras.config.set_dtype_policy("float32")
    for model in (backbone, by_policy):
        assert {variable.dtype for variable in model.trainable_variables} == {"float32"}
        received = model(tiny.batch(TEXTS))[SEQUENCE_OUTPUT]
        assert received.dtype == tf.bfloat16
        assert np.max(np.abs(tf.cast(received, tf.float32) - expected)) < 0.1


def test_weights_are_made_under_a_strategy(tmp_path):
    folder = tiny.bert_folder(tmp_path)
    expected = answer(kerasft.load_pretrained(folder)[0])
    strategy = tf.distribute.MirroredStrategy(["CPU:0"])
    with strategy.scope():
        backbone, _ = kerasft.load_pretrained(folder)
    assert isinstance(backbone.get_layer("pooled_dense").kernel.value, tf.distribute.DistributedValues)
    np.testing.assert_array_equal(answer(backbone), expected)


@pytest.mark.parametrize("field", ["vocab_size", "max_position_embeddings", "intermediate_size", "num_hidden_layers"])
@pytest.mark.parametrize("size", [10**7, 2**31, 10**18])
def test_a_config_asks_for_no_more_than_the_file_holds(tmp_path, field, size):
    folder = tiny.bert_folder(tmp_path)
    fields = json.loads((folder / "config.json").read_text()) | {field: size}
    (folder / "config.json").write_text(json.dumps(fields))
    with pytest.raises(
        CheckpointError,
        match=r"config\.json (has a config that requires more weights|describes a model|requires \d+ layers)",
    ):
        kerasft.load_pretrained(folder)


@pytest.mark.parametrize("layers", [100, 2**31])
def test_more_layers_than_tensors_are_refused_before_they_are_made(tmp_path, layers):
    folder = tiny.bert_folder(tmp_path)
    fields = json.loads((folder / "config.json").read_text()) | {"num_hidden_layers": layers}
    (folder / "config.json").write_text(json.dumps(fields))
    with pytest.raises(CheckpointError, match=rf"requires {layers} layers, but the weight file contains \d+ tensors"):
        kerasft.load_pretrained(folder)
