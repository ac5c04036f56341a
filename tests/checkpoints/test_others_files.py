"""Checkpoints as other programs write them: optimizer slots, wrapper modules, other names of a graph, no model_type."""

import json
import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from safetensors.numpy import load_file, save_file

import kerasft
from kerasft.checkpoints.tf1_reader import Tf1Reader
from kerasft.cli import main
from kerasft.errors import CheckpointError
from kerasft.heads import masked_lm
from tests import tiny
from tests.checkpoints.test_formats import tf1_folder
from tests.tokenizers.tiny_files import old_files

SLOTS = {
    "Adam": ("{}/Adam", "{}/Adam_1", "beta1_power", "beta2_power"),
    "AdamWeightDecayOptimizer": ("{}/AdamWeightDecayOptimizer", "{}/AdamWeightDecayOptimizer_1"),
    "Google's AdamWeightDecayOptimizer": ("{}/adam_m", "{}/adam_v", "global_step"),
    "LAMB": ("{}/lamb_m", "{}/lamb_v", "{}/LAMB", "{}/LAMB_1"),
    "Adafactor": ("{}/vr", "{}/vc", "{}/Adafactor", "{}/adafactor/v"),
    "momentum": ("{}/Momentum", "{}/momentum"),
    "averages": ("{}/ExponentialMovingAverage", "{}/ExponentialMovingAverage/Adam"),
    "below a scope": ("training/Adam/{}/m", "training/Adam/{}/v", "training/Adam/iter"),
}


def rewrite(path, change):
    """Write a TensorFlow 1 checkpoint again with the variables that `change` makes of its own."""
    reader = tf.train.load_checkpoint(str(path))
    variables = change({name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()})
    names = list(variables)
    tf.raw_ops.SaveV2(
        prefix=str(path), tensor_names=names, shape_and_slices=[""] * len(names), tensors=[variables[n] for n in names]
    )


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    backbone, _ = kerasft.load_pretrained(tiny.bert_folder(tmp_path_factory.mktemp("plain")))
    return backbone


def check_equal(received, expected):
    for one, other in zip(received.weights, expected.weights, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy(), err_msg=one.path)


@pytest.mark.parametrize("optimizer", SLOTS)
def test_no_optimizers_slots_are_weights(tmp_path, optimizer):
    tf1_folder(tmp_path)
    weights = set(Tf1Reader(tmp_path))

    def with_slots(variables):
        slots = {}
        for name, value in variables.items():
            for slot in SLOTS[optimizer]:
                slots[slot.format(name)] = value + 1 if "{}" in slot else np.float32(0.9)
        return variables | slots

    rewrite(tmp_path / "bert_model.ckpt", with_slots)
    reader = Tf1Reader(tmp_path)
    assert set(reader) == weights
    assert (reader.read("cls.predictions.bias") == 1).all()


def test_norms_of_keras_are_norms(tmp_path, plain):
    tf1_folder(tmp_path)
    number = iter(range(100))

    def as_keras(variables):
        norms = sorted({name.rpartition("/")[0] for name in variables if "LayerNorm" in name})
        named = {norm: f"layer_normalization_{n}".removesuffix("_0") for norm, n in zip(norms, number)}
        return {
            "/".join([*name.split("/")[:-2], named[name.rpartition("/")[0]], name.split("/")[-1]])
            if "LayerNorm" in name
            else name: value
            for name, value in variables.items()
        }

    rewrite(tmp_path / "bert_model.ckpt", as_keras)
    check_equal(kerasft.load_pretrained(tmp_path)[0], plain)


def test_two_norms_in_one_place_are_refused(tmp_path):
    tf1_folder(tmp_path)
    other = "bert/embeddings/layer_normalization_7/gamma"
    rewrite(tmp_path / "bert_model.ckpt", lambda variables: {**variables, other: np.ones(16, "float32")})
    with pytest.raises(CheckpointError, match=r"are the same weight, 'bert\.embeddings\.LayerNorm\.weight'"):
        kerasft.load_pretrained(tmp_path)


def test_a_checkpoint_of_a_step_and_a_config_of_another_name(tmp_path, plain):
    tf1_folder(tmp_path)
    for path in tmp_path.glob("bert_model.ckpt.*"):  # as BioBERT's
        path.rename(tmp_path / path.name.replace("bert_model.ckpt", "model.ckpt-1000000"))
    check_equal(kerasft.load_pretrained(tmp_path)[0], plain)
    (tmp_path / "bert_config.json").rename(tmp_path / "bert_config_bio_58k_large.json")
    with pytest.raises(CheckpointError, match=r"no bert_config\.json found.*: bert_config_bio_58k_large\.json, "):
        kerasft.load_pretrained(tmp_path)


def test_a_checkpoint_of_tensorflow_2_is_refused(tmp_path):
    tf1_folder(tmp_path)
    for path in tmp_path.glob("bert_model.ckpt.*"):
        path.unlink()
    tf.train.Checkpoint(x=tf.Variable([1.0])).write(str(tmp_path / "bert_model.ckpt"))
    with pytest.raises(CheckpointError, match="was written by TensorFlow 2"):
        kerasft.load_pretrained(tmp_path)


def test_a_tf1_checkpoint_claims_no_more_than_it_holds(tmp_path):
    tf1_folder(tmp_path)
    path = tmp_path / "bert_model.ckpt.data-00000-of-00001"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match="is outside the data files"):
        kerasft.load_pretrained(tmp_path)


def renamed(folder, rename, **more):
    """Give the tensors of a checkpoint other names, and add some."""
    path = folder / "model.safetensors"
    save_file({**{rename(name): value for name, value in load_file(path).items()}, **more}, path)
    return folder


@pytest.mark.parametrize(
    "rename",
    [
        "module.{}",
        "model.{}",
        "_orig_mod.{}",
        "module._orig_mod.{}",
        "module.bert.{}",
        "model.bert.{}",
        "bert._orig_mod.{}",
        "net.encoder.{}",
    ],
)
def test_modules_around_a_model_are_left_out_and_said(tmp_path, plain, rename):
    folder = renamed(tiny.bert_folder(tmp_path), rename.format)
    with pytest.warns(UserWarning, match="prefixes of wrapper modules were removed from 39 tensor names"):
        backbone, _ = kerasft.load_pretrained(folder)
    check_equal(backbone, plain)


def test_a_wrapped_models_head_is_read_too(tmp_path):
    head = {"module.classifier.weight": np.ones((2, 16), "float32"), "module.classifier.bias": np.zeros(2, "float32")}
    counter = {"n_averaged": np.array(3)}  # of torch.optim.swa_utils.AveragedModel
    folder = tiny.bert_folder(tmp_path, architectures=["BertForTokenClassification"])
    with pytest.warns(UserWarning, match="wrapper modules"):
        model, _ = kerasft.load_task_model(renamed(folder, "module.bert.{}".format, **head, **counter))
    assert (model.name, model.checkpoint_report.unexpected) == (
        "token_classifier",
        ("pooler.dense.weight", "pooler.dense.bias")[::-1],
    )


def test_a_wrapper_around_half_of_the_names_does_not_hide_two_tensors_of_one_name(tmp_path):
    folder = tiny.bert_folder(tmp_path)
    twice = {"module.pooler.dense.bias": np.ones(16, "float32")}
    with pytest.raises(CheckpointError, match=r"'module\.pooler\.dense\.bias' are both 'pooler\.dense\.bias'|are both"):
        kerasft.load_pretrained(renamed(folder, str, **twice))


def test_one_weight_twice_is_the_same_numbers_or_refused(tmp_path, plain):
    folder = tiny.bert_folder(tmp_path)
    norm = load_file(folder / "model.safetensors")["embeddings.LayerNorm.weight"]
    renamed(folder, "bert.{}".format, **{"bert.embeddings.LayerNorm.gamma": norm})
    check_equal(kerasft.load_pretrained(folder)[0], plain)
    renamed(folder, str, **{"bert.embeddings.LayerNorm.gamma": norm + 1})
    with pytest.raises(CheckpointError, match="contains a weight under two names, with different values"):
        kerasft.load_pretrained(folder)


SAME_GRAPH = [
    ("camembert", "Camembert", "xlm-roberta", "roberta."),
    ("data2vec-text", "Data2VecText", "xlm-roberta", "data2vec_text."),
    ("ernie", "Ernie", "bert", "ernie."),
]


@pytest.mark.parametrize(("model_type", "class_prefix", "known", "prefix"), SAME_GRAPH)
def test_other_names_of_a_known_graph(tmp_path, model_type, class_prefix, known, prefix):
    model = masked_lm(tiny.encoder(known, vocabulary_size=len(tiny.VOCABULARY)))
    folder = kerasft.checkpoints.save_huggingface(tmp_path / "other", model, tiny.tokenizer())
    fields = json.loads((folder / "config.json").read_text())
    fields |= {"model_type": model_type, "architectures": [f"{class_prefix}ForMaskedLM"], "pad_token_id": 1}
    (folder / "config.json").write_text(json.dumps(fields))
    renamed(folder, lambda name: re.sub("^(bert|roberta)[.]", prefix, name))
    again, _ = kerasft.load_task_model(folder)
    check_equal(again, model)
    batch = tiny.batch_of(model)
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(again(batch)), keras.ops.convert_to_numpy(model(batch)))


def test_an_ernie_with_ids_of_tasks_is_refused(tmp_path):
    folder = tiny.bert_folder(tmp_path, model_type="ernie", use_task_id=True, task_type_vocab_size=3)
    with pytest.raises(CheckpointError, match="field 'use_task_id' must be False; received: True"):
        kerasft.load_pretrained(folder)


def test_camemberts_sentencepiece_file(tmp_path):
    folder = old_files("xlm-roberta", tmp_path, {"tokenizer_class": "CamembertTokenizer"})
    tokenizer = kerasft.tokenizers.load(folder)
    first, last = tokenizer.convert_tokens_to_ids(["<s>", "</s>"])
    assert (first, last, tokenizer.pad_token_id, tokenizer.unk_token_id) == (5, 6, 1, 3)
    ids = tokenizer("a good film")["input_ids"]
    assert (ids[0], ids[-1]) == (5, 6)
    assert tokenizer.mask_token_id == len(tokenizer) - 1


@pytest.mark.filterwarnings("ignore:.*wrapper modules")
@pytest.mark.parametrize("prefix", ["bert.", "module.bert."])
def test_without_a_model_type_the_names_tell_and_it_is_said(tmp_path, plain, prefix):
    folder = tiny.bert_folder(tmp_path, prefix=prefix, model_type=None, architectures=None)
    with pytest.warns(UserWarning, match="field 'model_type' is missing; assuming 'bert', since the tensor names"):
        backbone, _ = kerasft.load_pretrained(folder)
    check_equal(backbone, plain)


@pytest.mark.parametrize(
    ("classes", "told"),
    [
        (["BertModel"], True),
        (["TFBertForMaskedLM"], True),
        (["BertGenerationEncoder"], False),
        (None, False),
        ("x", False),
    ],
)
def test_without_a_model_type_the_class_tells_or_it_is_an_error(tmp_path, classes, told):
    folder = tiny.bert_folder(tmp_path, model_type=None, architectures=classes)
    if told:
        with pytest.warns(UserWarning, match="assuming 'bert', since its 'architectures' are"):
            kerasft.load_pretrained(folder)
    else:  # a BERT and a RoBERTa have these names
        with pytest.raises(
            CheckpointError, match=r"'model_type' is missing, and .* Add it, such as \"model_type\": \"bert\""
        ):
            kerasft.load_pretrained(folder)


def test_a_distilbert_is_no_bert(tmp_path):
    model = masked_lm(tiny.encoder("distilbert", vocabulary_size=len(tiny.VOCABULARY)))
    folder = kerasft.checkpoints.save_huggingface(tmp_path / "distilbert", model, tiny.tokenizer())
    fields = json.loads((folder / "config.json").read_text())
    del fields["model_type"], fields["architectures"]
    (folder / "config.json").write_text(json.dumps(fields))
    with pytest.warns(UserWarning, match="assuming 'distilbert'"):
        kerasft.load_pretrained(folder)


def test_weights_of_no_graph_of_ours_say_how_to_go_on(tmp_path, capsys):
    folder = tiny.bert_folder(tmp_path / "crf", architectures=["BertForTokenClassification"])
    head = {"classifier.weight": np.ones((2, 16), "float32"), "classifier.bias": np.zeros(2, "float32")}
    crf = {"crf.transitions": np.ones((2, 2), "float32"), "crf.start_transitions": np.ones(2, "float32")}
    renamed(folder, "bert.{}".format, **head, **crf)
    with pytest.raises(
        CheckpointError,
        match=r"do not belong to the model of its config.json: crf\..*allow=\('crf\.\*',\) in Python; or `kerasft convert",
    ):
        kerasft.load_task_model(folder)
    model, _ = kerasft.load_task_model(folder, allow=("crf.*",))
    assert {"crf.transitions", "crf.start_transitions"} <= set(model.checkpoint_report.unexpected)
    assert main.main(["convert", str(folder), str(tmp_path / "new"), "--allow", "crf.*"]) == 0
    again, _ = kerasft.load_task_model(tmp_path / "new")
    check_equal(again, model)


def test_a_checkpoint_of_another_family_is_not_drawn_at_random(tmp_path):
    folder = renamed(tiny.bert_folder(tmp_path), lambda name: name.replace("e", "x"))
    with pytest.raises(CheckpointError, match="contains no weights of a 'bert' model; it contains: ") as caught:
        kerasft.load_pretrained(folder)
    assert "allow" not in str(caught.value)
