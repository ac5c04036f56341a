"""The other formats: TensorFlow 1, PyTorch's own, Fairseq's; which one is taken; the report and `allow`."""

import argparse
import importlib.util
import json
import logging
import re
import sys
import types

import numpy as np
import pytest
import tensorflow as tf
from safetensors.numpy import load_file, save_file

import kerasft
from kerasft.checkpoints import torch_reader
from kerasft.checkpoints.fairseq_reader import load_tokenizer
from kerasft.checkpoints.tf1_reader import Tf1Reader
from kerasft.checkpoints.uninitialized import Unfilled
from kerasft.errors import CheckpointError
from tests import tiny

needs_torch = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None, reason="PyTorch, which these formats are read by, is not installed"
)


def tf1_folder(folder):
    """Write the tiny BERT as Google's code did; returns its tensors under Hugging Face's names."""
    tiny.bert_folder(folder)
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    fields = json.loads((folder / "config.json").read_text())
    (folder / "config.json").unlink()
    for field in ("model_type", "architectures"):
        del fields[field]
    (folder / "bert_config.json").write_text(json.dumps(fields))
    named = {"global_step": np.int64(7), "bert/pooler/dense/kernel/adam_v": np.ones((16, 16), "float32")}
    for name, value in tensors.items():
        *parts, last = name.split(".")
        if parts[-1].endswith("_embeddings"):
            parts, last = parts[:-1], parts[-1]
        elif parts[-1] == "LayerNorm":
            last = {"weight": "gamma", "bias": "beta"}[last]
        elif last == "weight":
            last, value = "kernel", value.T
        variable = "/".join(["bert", *parts, last]).replace("/layer/", "/layer_")
        named[variable] = value
    named["cls/predictions/output_bias"] = np.ones(len(tiny.VOCABULARY), "float32")
    named["cls/seq_relationship/output_weights"] = np.ones((2, 16), "float32")
    tf.raw_ops.SaveV2(
        prefix=str(folder / "bert_model.ckpt"),
        tensor_names=list(named),
        shape_and_slices=[""] * len(named),
        tensors=list(named.values()),
    )
    return tensors


def test_googles_bert_loads_equal_to_its_twin(tmp_path):
    tensors = tf1_folder(tmp_path / "tf1")
    backbone, tokenizer = kerasft.load_pretrained(tmp_path / "tf1")
    twin, _ = kerasft.load_pretrained(tiny.bert_folder(tmp_path / "twin"))
    for received, expected in zip(backbone.weights, twin.weights, strict=True):
        np.testing.assert_array_equal(received.numpy(), expected.numpy())
    assert len(backbone.checkpoint_report.loaded) == len(tensors)
    assert set(backbone.checkpoint_report.unexpected) == {"cls.predictions.bias", "cls.seq_relationship.weight"}
    assert tokenizer("a good film")["input_ids"] == tiny.tokenizer()("a good film")["input_ids"]


def test_a_damaged_tf1_checkpoint_is_one_sentence(tmp_path):
    tf1_folder(tmp_path)
    (tmp_path / "bert_model.ckpt.data-00000-of-00001").write_bytes(b"cut")
    with pytest.raises(CheckpointError, match=r"bert_model\.ckpt\.index cannot be read as a TensorFlow 1 checkpoint"):
        kerasft.load_pretrained(tmp_path)
    (tmp_path / "bert_model.ckpt.index").write_bytes(b"garbage")
    with pytest.raises(CheckpointError, match=r"bert_model\.ckpt\.index cannot be read as a TensorFlow 1 checkpoint"):
        kerasft.load_pretrained(tmp_path)


def test_two_tf1_checkpoints_are_one_too_many(tmp_path):
    for name in ("model.ckpt-100", "model.ckpt-200"):
        (tmp_path / f"{name}.index").write_bytes(b"")
    with pytest.raises(CheckpointError, match=r"received: model\.ckpt-100, model\.ckpt-200"):
        Tf1Reader(tmp_path)


def test_integers_in_a_tf1_checkpoint_are_refused(tmp_path):
    tf.raw_ops.SaveV2(
        prefix=str(tmp_path / "bert_model.ckpt"), tensor_names=["x"], shape_and_slices=[""], tensors=[np.arange(3)]
    )
    with pytest.raises(CheckpointError, match="must be of a float type; received: int64"):
        Tf1Reader(tmp_path).read("x")


def test_safetensors_come_first_and_bin_last_without_pytorch(tmp_path, monkeypatch):
    folder = tiny.bert_folder(tmp_path)
    (folder / "pytorch_model.bin").write_bytes(b"")
    (folder / "tf_model.h5").write_bytes(b"")
    kerasft.load_pretrained(folder)
    (folder / "model.safetensors").unlink()
    monkeypatch.setattr(torch_reader, "is_available", lambda: False)
    with pytest.raises(CheckpointError, match=r"tf_model\.h5: not a readable HDF5"):
        kerasft.load_pretrained(folder)
    (folder / "tf_model.h5").unlink()
    with pytest.raises(CheckpointError, match=r"PyTorch, which is not installed. Install it \(pip install torch\)"):
        kerasft.load_pretrained(folder)


def bin_folder(folder, content=None):
    """Write the tiny BERT as `pytorch_model.bin`, or any content under that name."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    tiny.bert_folder(folder)
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    if content is None:
        content = {name: torch.tensor(value).to(torch.bfloat16) for name, value in tensors.items()}
    torch.save(content, folder / "pytorch_model.bin")
    return tensors


@needs_torch
def test_pytorchs_own_format_is_read(tmp_path):
    bin_folder(tmp_path)
    backbone, _ = kerasft.load_pretrained(tmp_path)
    assert len(backbone.checkpoint_report.loaded) == 39


class Malicious:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@needs_torch
def test_a_pickle_that_would_run_code_is_refused(tmp_path):
    bin_folder(tmp_path / "checkpoint", {"x": Malicious(tmp_path / "written")})
    with pytest.raises(CheckpointError, match=r"contains more than tensors \(_?io\.open\).*nothing was run"):
        kerasft.load_pretrained(tmp_path / "checkpoint")
    assert not (tmp_path / "written").exists()


@needs_torch
@pytest.mark.parametrize("content", [[1, 2], {"x": 3}, {3: None}])
def test_a_pickle_without_tensors_is_refused(tmp_path, content):
    bin_folder(tmp_path, content)
    with pytest.raises(CheckpointError, match="must contain named tensors only"):
        kerasft.load_pretrained(tmp_path)


@needs_torch
def test_a_damaged_pickle_is_refused(tmp_path):
    bin_folder(tmp_path)
    path = tmp_path / "pytorch_model.bin"
    valid = path.read_bytes()
    for damaged in (b"", b"garbage", valid[:-1000], valid[:100]):
        path.write_bytes(damaged)
        with pytest.raises(CheckpointError, match="not a readable PyTorch file of"):
            kerasft.load_pretrained(tmp_path)


def fairseq_folder(folder, *, fused=True, args=None):
    """Write a tiny RoBERTa as Fairseq does."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    folder.mkdir(parents=True, exist_ok=True)
    fairseq_tokenizer_files(folder)
    generator = torch.Generator().manual_seed(0)
    encoder = "decoder.sentence_encoder."
    shapes = {
        f"{encoder}embed_tokens.weight": (11, 8),
        f"{encoder}embed_positions.weight": (18, 8),
        f"{encoder}emb_layer_norm.weight": (8,),
        f"{encoder}emb_layer_norm.bias": (8,),
        "decoder.lm_head.weight": (11, 8),
        "decoder.lm_head.bias": (11,),
        "decoder.lm_head.dense.weight": (8, 8),
        "decoder.lm_head.dense.bias": (8,),
        "decoder.lm_head.layer_norm.weight": (8,),
        "decoder.lm_head.layer_norm.bias": (8,),
    }
    for index in range(2):
        block = f"{encoder}layers.{index}."
        shapes |= {f"{block}self_attn.in_proj_weight": (24, 8), f"{block}self_attn.in_proj_bias": (24,)}
        for name, shape in {"self_attn.out_proj": (8, 8), "fc1": (12, 8), "fc2": (8, 12)}.items():
            shapes |= {f"{block}{name}.weight": shape, f"{block}{name}.bias": shape[:1]}
        for name in ("self_attn_layer_norm", "final_layer_norm"):
            shapes |= {f"{block}{name}.weight": (8,), f"{block}{name}.bias": (8,)}
    model = {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}
    model["decoder.lm_head.weight"] = model[f"{encoder}embed_tokens.weight"]
    model["decoder.version"] = torch.tensor([3.0])
    if not fused:
        for name in [name for name in model if ".in_proj_" in name]:
            start, _, last = name.rpartition("in_proj_")
            for part, piece in zip("qkv", model.pop(name).chunk(3)):
                model[f"{start}{part}_proj.{last}"] = piece.clone()
    args = args or argparse.Namespace(
        encoder_attention_heads=2, activation_fn="gelu", dropout=0.2, attention_dropout=0.1
    )
    torch.save({"args": args, "model": model, "extra_state": {"epoch": 1}}, folder / "model.pt")
    return model


def fairseq_tokenizer_files(folder):
    (folder / "dict.txt").write_text("".join(f"{number} 1\n" for number in (3, 0, 1, 2, 4, 5)))
    (folder / "encoder.json").write_text(json.dumps({"a": 0, "b": 1, "ab": 2, "c": 3, "Ġ": 4, "Ġa": 5}))
    (folder / "vocab.bpe").write_text("#version: 0.2\na b\nĠ a\n")


def test_fairseqs_dictionary_gives_the_ids(tmp_path):
    fairseq_tokenizer_files(tmp_path)
    tokenizer = load_tokenizer(tmp_path)
    assert tokenizer("ab a c")["input_ids"] == [0, 7, 9, 8, 4, 2]
    (tmp_path / "encoder.json").write_text("[]")
    with pytest.raises(CheckpointError, match="the tokenizer files are corrupted"):
        load_tokenizer(tmp_path)
    (tmp_path / "vocab.bpe").unlink()
    with pytest.raises(CheckpointError, match=r"missing: vocab\.bpe\. Copy them from Fairseq's gpt2_bpe"):
        load_tokenizer(tmp_path)


@needs_torch
def test_fairseqs_roberta_is_read_whole(tmp_path):
    stored = fairseq_folder(tmp_path / "fused")
    fairseq_folder(tmp_path / "apart", fused=False)
    model, tokenizer = kerasft.load_task_model(tmp_path / "fused")
    again, _ = kerasft.load_task_model(tmp_path / "apart")
    assert model.name == "masked_lm"
    assert model.checkpoint_report.unexpected == ("lm_head.decoder.weight",)  # tied
    for one, other in zip(model.weights, again.weights, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())
    layer = model.get_layer("transformer_layer_1")
    expected = stored["decoder.sentence_encoder.layers.1.self_attn.in_proj_weight"][8:16].numpy()
    np.testing.assert_array_equal(layer.key.kernel.numpy().T, expected)
    assert tokenizer.model_max_length == 16


@needs_torch
def test_fairseqs_arguments_may_be_plain_values_only(tmp_path):
    fairseq_folder(tmp_path / "checkpoint", args=argparse.Namespace(hook=Malicious(tmp_path / "written")))
    with pytest.raises(CheckpointError, match="contains more than tensors"):
        kerasft.load_pretrained(tmp_path / "checkpoint")
    assert not (tmp_path / "written").exists()


def test_allow_takes_what_would_be_an_error(tmp_path, caplog):
    folder = tiny.bert_folder(tmp_path)
    tensors = load_file(folder / "model.safetensors")
    del tensors["encoder.layer.1.output.dense.bias"]
    save_file({**tensors, "adapter.down": np.ones(3, "float32")}, folder / "model.safetensors")
    with pytest.raises(CheckpointError, match="lacks weights"):
        kerasft.load_pretrained(folder)
    with pytest.raises(CheckpointError, match=r"do not belong to the model of its config.json: adapter\.down"):
        kerasft.load_pretrained(folder, allow=("encoder.layer.1.*",))
    with (
        caplog.at_level(logging.INFO, logger="kerasft"),
        pytest.warns(UserWarning, match=r"initialized randomly: encoder\.layer\.1\.output\.dense\.bias"),
    ):
        backbone, _ = kerasft.load_pretrained(folder, allow=("encoder.layer.1.*", "adapter.*"))
    report = backbone.checkpoint_report
    assert (len(report.loaded), report.missing, report.unexpected) == (
        38,
        ("encoder.layer.1.output.dense.bias",),
        ("adapter.down",),
    )
    assert f"{folder}: 38 weights loaded, 1 missing, 1 unexpected, 0 reshaped" in caplog.text
    assert "missing, initialized randomly: encoder.layer.1.output.dense.bias" in str(report)
    assert not backbone.get_layer("transformer_layer_1").feedforward_output.bias.numpy().any()  # its initial value


def test_axes_of_length_one_are_dropped_and_said(tmp_path):
    folder = tiny.bert_folder(tmp_path)
    tensors = load_file(folder / "model.safetensors")
    tensors["pooler.dense.bias"] = tensors["pooler.dense.bias"][None]
    save_file(tensors, folder / "model.safetensors")
    backbone, _ = kerasft.load_pretrained(folder)
    assert backbone.checkpoint_report.reshaped == ("pooler.dense.bias",)


def test_nothing_is_left_without_a_value():
    unfilled = Unfilled()
    with unfilled.scope():
        backbone = tiny.backbone()
    unfilled.draw_all_but([])
    for weight in backbone.weights:
        assert np.isfinite(weight.numpy()).all()
        assert np.abs(weight.numpy()).max() <= 1.0


@pytest.mark.parametrize("version", ["2.5.1", "2.9.1", "2.4.0+cpu"])
def test_an_old_pytorch_reads_no_file_of_a_stranger(monkeypatch, tmp_path, version):
    monkeypatch.setattr(torch_reader, "is_available", lambda: True)
    monkeypatch.setitem(sys.modules, "torch", types.SimpleNamespace(__version__=version))
    (tmp_path / "pytorch_model.bin").write_bytes(b"PK\x03\x04")
    with pytest.raises(
        CheckpointError, match=rf"PyTorch must be 2\.10 or later to read it; received: {re.escape(version)}"
    ):
        torch_reader.load_tensors(tmp_path / "pytorch_model.bin")


@pytest.mark.parametrize(
    ("layout", "is_meta", "nbytes", "refused"),
    [
        ("torch.strided", False, 4, False),
        ("torch.strided", False, 4 * 10**9, True),  # one number, said to be a million
        ("torch.strided", True, 4, True),
        ("torch.sparse_coo", False, 4, True),
    ],
)
def test_a_tensors_numbers_stand_in_its_file(tmp_path, layout, is_meta, nbytes, refused):
    path = tmp_path / "pytorch_model.bin"
    path.write_bytes(bytes(100))
    tensor = types.SimpleNamespace(layout=layout, is_meta=is_meta, nbytes=nbytes, shape=(10,))
    if not refused:
        torch_reader.check_tensor(tensor, "x", path)
        return
    with pytest.raises(CheckpointError, match=r"tensor 'x' must be dense and within this file of 100 bytes"):
        torch_reader.check_tensor(tensor, "x", path)
