"""LoRA, freezing and weight quantisation, on every family."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from safetensors import safe_open
from safetensors.numpy import save_file

import kerasft
from kerasft import adapters, backbones, heads
from kerasft.backbones.rebuild import inner_layers, rebuild
from kerasft.errors import CheckpointError, KerasftError
from tests import tiny

SIZES = {"vocabulary_size": 50, "num_layers": 2, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 16}
BACKBONES = {
    "bert": lambda: backbones.bert(backbones.BertConfig(**SIZES)),
    "electra": lambda: backbones.electra(backbones.ElectraConfig(**SIZES, embedding_dim=4)),
    "distilbert": lambda: backbones.distilbert(backbones.DistilBertConfig(**SIZES)),
    "roberta": lambda: backbones.roberta(backbones.RobertaConfig(**SIZES)),
    "gpt2": lambda: backbones.gpt2(backbones.GPT2Config(**SIZES)),
    "t5": lambda: backbones.t5(backbones.T5Config(**SIZES, num_decoder_layers=2, head_dim=4)),
}


def task_model(family):
    keras.utils.set_random_seed(0)
    backbone = BACKBONES[family]()
    build = (
        heads.sequence_to_sequence if family == "t5" else lambda x: heads.text_classifier(x, ["a", "b"], dropout=0.0)
    )
    return noisy(build(backbone))


def noisy(model, scale=0.3):
    """Weights that are large enough for every one of them to show."""
    rng = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(weight + scale * rng.normal(size=weight.shape))
    return model


def batch(model, rows=3):
    ids = np.random.default_rng(1).integers(5, 50, (rows, 6)).astype("int32")
    fill = {"segment_ids": 0 * ids}
    return {name: fill.get(name, np.ones_like(ids) if name.endswith("padding_mask") else ids) for name in model.input}


def trained_lora(family="bert", **options):
    model = adapters.enable_lora(task_model(family), **options)
    for weight in model.trainable_variables:
        weight.assign(weight + 0.1)
    return model


@pytest.mark.parametrize("family", BACKBONES)
def test_lora_trains_its_matrices_and_the_head_alone(family):
    model = task_model(family)
    features = batch(model)
    before = model(features).numpy()
    assert adapters.enable_lora(model, 2, alpha=4) is model
    np.testing.assert_array_equal(model(features), before)
    trained = {variable.path for variable in model.trainable_variables}
    head = {path for path in trained if path.startswith(("logits/", "classifier_"))}
    assert {path.split("/")[-1] for path in trained - head} == {"lora_kernel_a", "lora_kernel_b"}
    assert bool(head) == (family != "t5")
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model(features, training=True) ** 2)
    gradients = tape.gradient(loss, [variable.value for variable in model.trainable_variables])
    assert all(gradient is not None for gradient in gradients)
    assert any(np.abs(gradient).max() > 0 for gradient in gradients)


def test_a_step_changes_nothing_else():
    model = adapters.enable_lora(task_model("bert"), 2)
    before = {id(weight): weight.numpy() for weight in model.weights}
    model.compile(kerasft.optimizers.AdamW(0.1), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    for _ in range(2):  # B is zero in the first step, so A gets no gradient there
        model.train_on_batch(batch(model), np.array([0, 1, 1]))
    changed = {weight.path for weight in model.weights if np.any(before[id(weight)] != weight.numpy())}
    assert changed == {variable.path for variable in model.trainable_variables}
    assert len(changed) == 2 * 2 * 2 + 2


@pytest.mark.parametrize("family", BACKBONES)
def test_merged_it_answers_the_same(family):
    model = trained_lora(family, rank=2, alpha=6)
    merged = adapters.merge_lora(model)
    np.testing.assert_allclose(merged(batch(model)), model(batch(model)), rtol=1e-5, atol=1e-6)
    assert merged.count_params() == task_model(family).count_params()
    assert all(not getattr(layer, "lora_enabled", False) for _, layer in inner_layers(merged))
    assert type(merged) is type(model)


def test_lora_is_seen():
    model = task_model("bert")
    assert not adapters.has_lora(model)
    assert adapters.has_lora(adapters.enable_lora(model, 2))
    assert not adapters.has_lora(adapters.merge_lora(model))


def test_the_formula():
    """W' = W + alpha / rank * A B."""
    model = trained_lora(rank=2, alpha=6)
    old = dict(inner_layers(model))["transformer_layer_1/value"]
    new = dict(inner_layers(adapters.merge_lora(model)))["transformer_layer_1/value"]
    expected = old._kernel + 6 / 2 * old.lora_kernel_a.numpy() @ old.lora_kernel_b.numpy()
    np.testing.assert_allclose(new.kernel, expected, atol=1e-6)


def test_embeddings_and_chosen_layers():
    model = adapters.enable_lora(task_model("bert"), 2, layers=["token_embedding", "transformer_layer_1/.*"])
    adapted = {path for path, layer in inner_layers(model) if getattr(layer, "lora_enabled", False)}
    assert "token_embedding" in adapted
    assert "transformer_layer_1/intermediate" in adapted
    assert not any(path.startswith("transformer_layer_0") for path in adapted)
    np.testing.assert_allclose(adapters.merge_lora(model)(batch(model)), model(batch(model)), atol=1e-6)


@pytest.mark.filterwarnings("ignore:Skipping variable loading for optimizer")  # a merged model has other variables
def test_a_keras_file_and_a_bundle_hold_the_merged_model(tmp_path):
    model = adapters.enable_lora(tiny.classifier(), 2)
    for weight in model.trainable_variables:
        weight.assign(weight + 0.1)
    features = tiny.batch(["good film", "bad"])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded(features), model(features), atol=1e-6)
    bundle = kerasft.load_bundle(kerasft.save_bundle(tmp_path / "bundle", model, tiny.tokenizer()))
    np.testing.assert_allclose(bundle.model(features), model(features), atol=1e-6)
    assert list(bundle.labels) == ["negative", "positive"]


@pytest.mark.parametrize("family", BACKBONES)
def test_adapters_are_saved_and_loaded(tmp_path, family):
    model = trained_lora(family, rank=2, alpha=6)
    file = adapters.save_adapters(model, tmp_path / "new" / "adapters.safetensors")
    other = adapters.load_adapters(task_model(family), file)
    np.testing.assert_array_equal(other(batch(model)), model(batch(model)))
    assert {v.path for v in other.trainable_variables} == {v.path for v in model.trainable_variables}
    again = adapters.load_adapters(adapters.enable_lora(task_model(family), 2, alpha=6), file)
    np.testing.assert_array_equal(again(batch(model)), model(batch(model)))
    with safe_open(file, "np") as opened:
        metadata = opened.metadata()
    assert (metadata["rank"], metadata["alpha"]) == ("2", "6.0")
    assert set(json.loads(metadata["layers"])) == {
        path for path, x in inner_layers(model) if getattr(x, "lora_enabled", 0)
    }


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: adapters.enable_lora(task_model("bert"), 3),
            r"rank and alpha must match the model: \(3, 3.0\); received: \(2",
        ),
        (
            lambda: adapters.enable_lora(task_model("bert"), 2, layers=["key"]),
            r"layers must match the model: .*key.*; received",
        ),
        (lambda: task_model("gpt2"), r"layers must match the model: \[\]; received: \['transformer_layer_0/query'"),
        (
            lambda: tiny.classifier(["a", "b", "c"]),
            r"tensors must match the model: .*\(16, 3\).*; received: .*\(8, 2\)",
        ),
    ],
)
def test_adapters_of_another_model_are_refused(tmp_path, make, message):
    file = adapters.save_adapters(trained_lora(rank=2), tmp_path / "adapters.safetensors")
    with pytest.raises(CheckpointError, match=message):
        adapters.load_adapters(make(), file)


@pytest.mark.parametrize("damage", ["cut", "text", "foreign", "missing", "metadata"])
def test_a_damaged_file_is_one_sentence(tmp_path, damage):
    file = adapters.save_adapters(trained_lora(rank=2), tmp_path / "adapters.safetensors")
    if damage == "missing":
        file.unlink()
    elif damage == "foreign":
        save_file({"a": np.zeros(2, "float32")}, file)
    elif damage == "metadata":
        save_file({"a": np.zeros(2, "float32")}, file, {"format": "kerasft-lora-1", "rank": "two"})
    else:
        file.write_bytes(file.read_bytes()[:100] if damage == "cut" else b"not a file of numbers")
    with pytest.raises(CheckpointError, match=r"adapters\.safetensors: not a readable adapter file"):
        adapters.load_adapters(task_model("bert"), file)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rank": 0}, "`rank` must be a whole number >= 1; received: 0"),
        ({"rank": True}, "`rank` must be a whole number >= 1; received: True"),
        ({"alpha": 0}, "`alpha` must be a number above 0; received: 0"),
        ({"alpha": "16"}, "`alpha` must be a number above 0; received: '16'"),
        ({"alpha": float("inf")}, "`alpha` must be a number above 0; received: inf"),
        ({"layers": [1]}, "`layers` must be regular expressions; received: 1"),
        ({"layers": ["nothing"]}, r"`layers` must be patterns that match some of \[.*'query'.*received: \['nothing'\]"),
        ({"layers": ["("]}, r"`layers` must be regular expressions; received: '\('"),
    ],
)
def test_bad_arguments(options, message):
    with pytest.raises(KerasftError, match=message):
        adapters.enable_lora(task_model("bert"), **options)


def test_lora_is_put_on_once_and_is_needed():
    with pytest.raises(KerasftError, match="`model` must be without LoRA; received: 'text_classifier'"):
        adapters.enable_lora(trained_lora())
    with pytest.raises(KerasftError, match="`model` must be one with LoRA; received: 'text_classifier'"):
        adapters.merge_lora(task_model("bert"))
    with pytest.raises(KerasftError, match="`model` must be one with LoRA; received: 'text_classifier'"):
        adapters.save_adapters(task_model("bert"), "adapters.safetensors")


@pytest.mark.parametrize("family", BACKBONES)
@pytest.mark.parametrize("below", [0, 1, 2])
def test_freezing_by_depth(family, below):
    model = adapters.freeze(task_model(family), below=below)
    trained = {variable.path.split("/")[0] for variable in model.trainable_variables}
    assert not any("embedding" in name for name in trained)
    blocks = {int(name[-1]) for name in trained if "_layer_" in name and name[-1].isdigit()}
    assert blocks == set(range(below, 2))
    assert any("attention_bias" in name for name in trained) == (family == "t5" and below == 0)


@pytest.mark.parametrize("below", [-1, 3, True, 1.0])
def test_freezing_more_than_there_is(below):
    with pytest.raises(KerasftError, match=f"`below` must be a whole number from 0 to 2; received: {below}"):
        adapters.freeze(task_model("bert"), below=below)


def test_freezing_what_has_no_blocks():
    inputs = keras.Input((2,))
    with pytest.raises(KerasftError, match=r"`model` must be with layers transformer_layer_0.*received: 'other'"):
        adapters.freeze(keras.Model(inputs, keras.layers.Dense(1)(inputs), name="other"), below=1)


@pytest.mark.parametrize(("family", "mode", "tolerance"), [("bert", "int8", 0.05), ("gpt2", "int4", 0.6)])
def test_quantised_it_answers_nearly_the_same(monkeypatch, family, mode, tolerance):
    monkeypatch.setitem(SIZES, "num_layers", 1)
    model = task_model(family)
    before = model(batch(model)).numpy()
    small = adapters.quantize(model, mode)
    after = small(batch(model)).numpy()
    assert 0 < np.abs(after - before).mean() < tolerance * np.abs(before).mean()
    np.testing.assert_array_equal(model(batch(model)), before)  # the model itself stays
    modes = {path: getattr(layer, "quantization_mode", None) for path, layer in inner_layers(small)}
    assert modes["token_embedding"] == mode
    assert modes["logits"] is None
    assert sum(found == mode for found in modes.values()) >= 5
    kernels = [weight for weight in small.weights if weight.name == "kernel" and "logits" not in weight.path]
    assert {weight.dtype for weight in kernels} == {"int8"}  # two int4 numbers share a byte


def test_quantising_a_model_with_lora(monkeypatch):
    monkeypatch.setitem(SIZES, "num_layers", 1)
    model = trained_lora(rank=2)
    difference = np.abs(adapters.quantize(model)(batch(model)) - model(batch(model)).numpy())
    assert 0 < difference.max() < 0.2


def test_another_mode_is_refused():
    with pytest.raises(KerasftError, match="`mode` must be 'int8' or 'int4'; received: 'float8'"):
        adapters.quantize(task_model("bert"), "float8")


@pytest.mark.parametrize("family", BACKBONES)
def test_a_rebuilt_model_is_the_same(family):
    model = task_model(family)
    copy = rebuild(model)
    np.testing.assert_array_equal(copy(batch(model)), model(batch(model)))
    assert (type(copy), copy.name, copy.layers[0] is model.layers[0]) == (type(model), model.name, False)


def test_a_path_that_cannot_be_written_is_one_sentence(tmp_path):
    model = trained_lora()
    (tmp_path / "file").write_text("")
    for path in (tmp_path, tmp_path / "file" / "adapters.safetensors"):
        with pytest.raises(KerasftError, match="`file` must be a writable file; received: "):
            adapters.save_adapters(model, path)


def test_hugging_face_gets_the_merged_kernels(tmp_path):
    tokenizer = tiny.tokenizer()
    model = noisy(adapters.enable_lora(tiny.classifier(dropout=0.0), rank=2), 0.1)
    kerasft.checkpoints.save_huggingface(tmp_path / "exchange", model, tokenizer)
    copy, _ = kerasft.load_task_model(tmp_path / "exchange")
    inputs = tiny.batch(["a good film", "bad"])
    np.testing.assert_allclose(copy.predict(inputs, verbose=0), model.predict(inputs, verbose=0), atol=1e-6)


@pytest.mark.parametrize("mode", ["int8", "int4"])
def test_a_quantised_model_is_not_written_or_changed(tmp_path, mode):
    tokenizer = tiny.tokenizer()
    model = adapters.quantize(tiny.classifier(), mode)
    for use in (
        lambda: kerasft.save_bundle(tmp_path / "new", model, tokenizer),
        lambda: kerasft.checkpoints.save_huggingface(tmp_path / "new", model, tokenizer),
        lambda: kerasft.vocabulary.add_tokens(model, tokenizer, ["<e1>"]),
        lambda: adapters.quantize(model, mode),
        lambda: adapters.enable_lora(model),
    ):
        with pytest.raises(KerasftError, match=f"`model` must be a model without quantized weights; received: '{mode}"):
            use()
    assert not (tmp_path / "new").exists()
