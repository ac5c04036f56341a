"""What loaded before there were checks loads with them: models of every kind, saved and loaded through `kerasft.security`."""

import keras
import keras_hub
import numpy as np
import pytest

import kerasft
from kerasft import multi_label, regression, security
from kerasft.backbones import GPT2Config, gpt2
from kerasft.errors import KerasftError
from kerasft.heads import causal_lm, sentence_embedding, text_classifier, token_classifier
from tests import tiny, tiny_t5
from tests.environments.test_steps import ENCODER_HEADS
from tests.heads.keras_hub_encoders import KERAS_HUB, SIZES


def small_gpt2():
    sizes = {"num_layers": 1, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 16, "max_sequence_length": 16}
    return gpt2(GPT2Config(vocabulary_size=len(tiny.VOCABULARY), **sizes))


def with_policy(policy):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        return tiny.classifier()
    finally:
        keras.config.set_dtype_policy(before)


def with_lora(merge):
    model = tiny.classifier()
    kerasft.adapters.enable_lora(model, 2)
    return kerasft.adapters.merge_lora(model) if merge else model


def trained():
    model = tiny.classifier()
    schedule = kerasft.optimizers.WarmupLinearDecay(1e-3, 10)
    model.compile(
        optimizer=kerasft.optimizers.AdamW(schedule, global_clipnorm=1.0),
        loss=kerasft.losses.SparseCategoricalFocalCrossentropy(),
        weighted_metrics=[kerasft.metrics.F1Score(num_classes=2)],
    )
    with kerasft.quantization_aware.quantization_aware(model):
        model.fit(tiny.batch(["a good film", "bad"]), np.array([1, 0]), verbose=0)
    return model


def classifier(backbone, **form):
    return text_classifier(backbone, ["no", "yes"], **form)


HUB_SIZES = {"vocabulary_size": 50, **SIZES}
HUB = {
    **KERAS_HUB,
    "bert": lambda: keras_hub.models.BertBackbone(**HUB_SIZES),
    "xlm-roberta": lambda: keras_hub.models.XLMRobertaBackbone(**HUB_SIZES),
}
DECODER_SIZES = {"vocabulary_size": 50, "num_layers": 1, "hidden_dim": 8, "intermediate_dim": 16}
GROUPED = {**DECODER_SIZES, "num_query_heads": 2, "num_key_value_heads": 1}
DECODERS = {
    "gpt2": lambda: keras_hub.models.GPT2Backbone(**HUB_SIZES),
    "opt": lambda: keras_hub.models.OPTBackbone(**HUB_SIZES),
    "bloom": lambda: keras_hub.models.BloomBackbone(**DECODER_SIZES, num_heads=2),
    "falcon": lambda: keras_hub.models.FalconBackbone(
        **{**DECODER_SIZES, "intermediate_dim": 32}, num_attention_heads=2
    ),
    "qwen": lambda: keras_hub.models.QwenBackbone(**GROUPED),
    "gemma": lambda: keras_hub.models.GemmaBackbone(**GROUPED, head_dim=4),
    "gemma3": lambda: keras_hub.models.Gemma3Backbone(**GROUPED, head_dim=4, image_size=16),
    "mistral": lambda: keras_hub.models.MistralBackbone(**GROUPED),
    "phi3": lambda: keras_hub.models.Phi3Backbone(**GROUPED),
    "xlnet": lambda: keras_hub.models.XLNetBackbone(
        **{name: value for name, value in HUB_SIZES.items() if name != "max_sequence_length"}
    ),
}
MODELS = {
    "several labels": lambda: tiny.classifier(multi_label(["a", "b"])),
    "numbers": lambda: tiny.classifier(regression("stars")),
    "mean pooling": lambda: classifier(tiny.backbone(), pooling="mean", hidden_activation="relu"),
    "last token": lambda: classifier(tiny.backbone(), pooling="last"),
    "tanh GELU": lambda: tiny.classifier(activation=kerasft.activations.gelu_tanh),
    "not normalised": lambda: sentence_embedding(tiny.backbone(), normalize=False),
    "LoRA": lambda: with_lora(merge=False),
    "LoRA, merged": lambda: with_lora(merge=True),
    "mixed bfloat16": lambda: with_policy("mixed_bfloat16"),
    "mixed float16": lambda: with_policy("mixed_float16"),
    "GPT-2": lambda: causal_lm(small_gpt2()),
    "GPT-2's classifier": lambda: classifier(small_gpt2()),
    "T5": tiny_t5.model,
    **{f"KerasHub's {name}": lambda make=make: classifier(make()) for name, make in HUB.items()},
    "KerasHub's bert with tags": lambda: token_classifier(HUB["bert"](), ["O", "B-X"]),
}


def numbers(model, features):
    return [keras.ops.convert_to_numpy(value).astype("float32") for value in keras.tree.flatten(model(features))]


def check(model, path):
    features = {name: np.ones((2, 5), "int32") for name in model.input}
    with security.bounded_variables(security.check_keras_file(path), path):
        again = keras.models.load_model(path, compile=False)
    for one, other in zip(numbers(model, features), numbers(again, features), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("kind", MODELS)
def test_models_of_every_kind_load(tmp_path, kind):
    model = MODELS[kind]()
    model.save(tmp_path / "model.keras")
    check(model, tmp_path / "model.keras")


@pytest.mark.slow
@pytest.mark.parametrize("name", DECODERS)
def test_classifiers_on_kerashubs_other_backbones_load(tmp_path, name):
    model = classifier(DECODERS[name]())
    model.save(tmp_path / "model.keras")
    check(model, tmp_path / "model.keras")


@pytest.mark.slow
def test_a_training_with_our_parts_and_its_checkpoint_load(tmp_path):
    model = trained()
    path = tmp_path / "best.keras"
    checkpoint = keras.callbacks.ModelCheckpoint(path, save_best_only=False)
    model.fit(tiny.batch(["a good film", "bad"]), np.array([1, 0]), verbose=0, callbacks=[checkpoint])
    check(model, path)


@pytest.mark.slow
@pytest.mark.parametrize("family", tiny.ENCODERS)
@pytest.mark.parametrize("head", ENCODER_HEADS)
def test_bundles_of_every_task_load(tmp_path, family, head):
    model = ENCODER_HEADS[head](tiny.encoder(family, vocabulary_size=len(tiny.VOCABULARY)))
    kerasft.save_bundle(tmp_path / "bundle", model, tiny.tokenizer(), max_length=12)
    check(model, tmp_path / "bundle" / "model.keras")
    assert kerasft.load_bundle(tmp_path / "bundle").task


@pytest.mark.slow
def test_a_quantised_model_says_that_it_is_not_saved(tmp_path):
    small = kerasft.adapters.quantize(tiny.classifier(hidden_dim=32, intermediate_dim=64))
    with pytest.raises(
        KerasftError, match=r"without quantized weights; received: 'int8 in .*Save, modify or train the original model"
    ):
        kerasft.save_bundle(tmp_path / "bundle", small, tiny.tokenizer(), max_length=12)
