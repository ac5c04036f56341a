"""GPT-2 and T5 against the reference implementation, whose numbers `make_decoders.py` wrote."""

import json
import shutil

import numpy as np
import pytest
import tensorflow as tf
from safetensors.numpy import load_file

import kerasft
from kerasft import tokenizers
from kerasft.backbones import config_of
from kerasft.backbones.relative_position import RelativeAttentionBias
from kerasft.checkpoints.families import family_of
from tests.parity.decoder_cases import FOLDERS, HERE, TOLERANCE, arrays, config, differences, features, load, worst

LOSS = kerasft.losses.SparseCategoricalCrossentropy()
SWEPT = ["gpt2/base", "t5/base", "t5/v1_1"]
TRAINED = [name for name, folder in FOLDERS.items() if (folder / "training.npz").is_file()]
OLD = [name for name in FOLDERS if "/old_" in name]


@pytest.mark.parametrize("name", FOLDERS)
def test_hidden_states_and_logits_equal_the_references(name):
    assert max(differences(name).values()) < TOLERANCE


@pytest.mark.parametrize("name", SWEPT)
def test_every_length_equals_the_references(name):
    assert max(differences(name, lengths=range(1, 13)).values()) < TOLERANCE


@pytest.mark.parametrize("name", ["gpt2/untied", "gpt2/classifier", "gpt2/old_names", "t5/v1_1", "t5/old_base"])
def test_a_backbone_leaves_the_head_out(name):
    found = arrays(name)
    outputs = kerasft.load_pretrained(FOLDERS[name])[0](features(name, found))
    for output, received in outputs.items():
        mask = features(name, found)[output.replace("sequence_output", "padding_mask")]
        assert worst(received, found[output], mask) < TOLERANCE


IGNORED = {
    "gpt2/gelu": {"activation_function": "gelu_new"},
    "gpt2/relu": {"activation_function": "gelu_new"},
    "gpt2/layer_norm_epsilon": {"layer_norm_epsilon": 1e-5},
    "gpt2/unscaled": {"scale_attn_weights": True},
    "gpt2/scaled_by_depth": {"scale_attn_by_inverse_layer_idx": False},
    "t5/distance": {"relative_attention_max_distance": 10},
    "t5/gelu": {"feed_forward_proj": "relu", "dense_act_fn": "relu"},
    "t5/gated_silu": {"feed_forward_proj": "gated-gelu", "dense_act_fn": "gelu_new"},
    "t5/layer_norm_epsilon": {"layer_norm_epsilon": 1e-6},
    "t5/tied_v1_1": {"scale_decoder_outputs": True},
}


@pytest.mark.parametrize("name", IGNORED)
def test_a_field_that_is_ignored_would_show(name, tmp_path):
    shutil.copytree(FOLDERS[name], tmp_path, dirs_exist_ok=True)
    (tmp_path / "config.json").write_text(json.dumps({**config(name), **IGNORED[name]}))
    found = arrays(name)
    inputs = features(name, found)
    assert worst(load(name, tmp_path)(inputs), found["logits"], inputs[list(inputs)[-1]]) > 20 * TOLERANCE


def test_the_tokenizers_of_the_cases_read_letters():
    for name in ("gpt2/base", "t5/base"):
        _, tokenizer = kerasft.load_pretrained(FOLDERS[name])
        assert tokenizer("abc")["input_ids"] == [3, 4, 5]


@pytest.mark.parametrize("case", np.load(HERE / "buckets.npz").files)
def test_buckets_of_relative_positions_equal_the_references(case):
    buckets, distance, bidirectional = (int(part) for part in case.split(","))
    layer = RelativeAttentionBias(
        num_heads=1, num_buckets=buckets, max_distance=distance, bidirectional=bool(bidirectional)
    )
    layer.build((None, None))
    layer.embeddings.assign(np.arange(buckets, dtype="float32")[:, None])  # the bias tells the bucket
    received = layer.between(tf.constant([300]), tf.range(601))
    np.testing.assert_array_equal(received[0, 0], np.load(HERE / "buckets.npz")[case])


# --- training ---------------------------------------------------------------------------------------------------------


def train_step(name, model, found, step):
    """Return the loss and the gradient of every weight; PyTorch's label -100 is our weight 0."""
    labels = found[f"labels_{step}"].astype("int32")
    inputs = features(name, found, suffix=f"_{step}")
    with tf.GradientTape() as tape:
        loss = LOSS(np.maximum(labels, 0), model(inputs), (labels >= 0).astype("float32"))
    return float(loss), tape.gradient(loss, [variable.value for variable in model.trainable_variables])


def named_weights(model):
    """The weights under the names that the reference has."""
    family = family_of(config_of(model))
    weights = {family.prefix + name: weight for name, weight in family.weights(model).items()}
    for head in family.heads.values():
        weights |= head.weights(model) if head.task == model.name else {}
    return weights


def gradient_difference(name, model, found):
    """The largest difference of a gradient at the first step."""
    gradients = train_step(name, model, found, 0)[1]
    pairs = zip(model.trainable_variables, gradients, strict=True)
    of_variable = {id(variable): tf.convert_to_tensor(gradient).numpy() for variable, gradient in pairs}
    expected = {key.partition(":")[2]: value for key, value in found.items() if key.startswith("gradient:")}
    weights = named_weights(model)
    assert weights.keys() == expected.keys()
    received = {key: of_variable[id(weight.variable)] for key, weight in weights.items()}
    return max(worst(received[key].T if weights[key].transposed else received[key], expected[key]) for key in weights)


def losses(name, model, found):
    """The losses of ten steps by our optimizer."""
    optimizer = kerasft.optimizers.AdamW(**json.loads(str(found["options"])))
    received = []
    for step in range(len(found["losses"])):
        loss, gradients = train_step(name, model, found, step)
        optimizer.apply(gradients, model.trainable_variables)
        received.append(loss)
    return np.array(received)


@pytest.mark.parametrize("name", TRAINED)
def test_loss_and_gradients_of_one_step_equal_the_references(name):
    model, found = load(name), arrays(name, "training.npz")
    assert abs(train_step(name, model, found, 0)[0] - found["losses"][0]) < 1e-4
    assert gradient_difference(name, model, found) < 1e-4


@pytest.mark.parametrize("name", TRAINED)
def test_ten_steps_follow_the_references_losses(name):
    found = arrays(name, "training.npz")
    assert worst(losses(name, load(name), found), found["losses"]) < 1e-4


# --- writing ----------------------------------------------------------------------------------------------------------


# The others differ from these in a number of the config only.
ALIKE = ("relu", "epsilon", "unscaled", "reordered", "one_head", "positions", "distance", "published_buckets")
WRITTEN = [name for name in FOLDERS if not name.endswith(ALIKE)]


@pytest.mark.parametrize("name", WRITTEN)
def test_what_is_written_is_what_was_read(name, tmp_path):
    model, tokenizer = load(name), tokenizers.load(FOLDERS[name])
    folder = kerasft.checkpoints.save_huggingface(tmp_path / "written", model, tokenizer)
    written, read = (load_file(folder / "model.safetensors"), as_float32(FOLDERS[name] / "model.safetensors"))
    if name not in OLD:  # those hold tensors twice, and some that are no weights
        assert written.keys() == read.keys()
    prefix = family_of(config_of(model)).prefix
    for key, value in written.items():
        np.testing.assert_array_equal(value, read[key if key in read else key.removeprefix(prefix)], err_msg=key)
    inputs = features(name, arrays(name))
    again = load(name, folder)
    tf.nest.map_structure(np.testing.assert_array_equal, again(inputs), model(inputs))
    assert config_of(again) == config_of(model)


def as_float32(path):
    return {key: value.astype("float32") for key, value in load_file(path).items()}
