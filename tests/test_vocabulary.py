"""Adding and dropping tokens of a model and its tokenizer together, on every family."""

import re

import keras
import numpy as np
import pytest

from kerasft import backbones, checkpoints, heads, vocabulary
from kerasft.backbones import config_of
from kerasft.errors import DataError, KerasftError
from tests import tiny
from tests.tokenizers.tiny_files import TEXTS, tokenizer

SIZES = {"num_layers": 1, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 16}
SPARE = 4  # rows of T5's table that no token uses


def _t5(tied):
    def build(size):
        config = backbones.T5Config(
            **SIZES,
            vocabulary_size=size + SPARE,
            num_decoder_layers=1,
            head_dim=4,
            tied_output=tied,
            scaled_output=tied,
        )
        return heads.sequence_to_sequence(backbones.t5(config))

    return build


CASES = {
    "bert classifier": (
        "bert",
        lambda size: _classifier(backbones.bert(backbones.BertConfig(vocabulary_size=size, **SIZES))),
    ),
    "bert masked_lm": (
        "bert",
        lambda size: heads.masked_lm(backbones.bert(backbones.BertConfig(vocabulary_size=size, **SIZES))),
    ),
    "roberta masked_lm": (
        "roberta",
        lambda size: heads.masked_lm(backbones.roberta(backbones.RobertaConfig(vocabulary_size=size, **SIZES))),
    ),
    "xlm-roberta": (
        "xlm-roberta",
        lambda size: backbones.roberta(backbones.XlmRobertaConfig(vocabulary_size=size, **SIZES)),
    ),
    "gpt2 causal_lm": (
        "gpt2",
        lambda size: heads.causal_lm(backbones.gpt2(backbones.GPT2Config(vocabulary_size=size, **SIZES))),
    ),
    "t5 tied": ("t5", _t5(True)),
    "t5 untied": ("t5", _t5(False)),
}


def _classifier(backbone):
    return heads.text_classifier(backbone, ["a", "b"])


def make(case):
    family, build = CASES[case]
    model = build(len(tokenizer(family)))
    rng = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(weight + 0.3 * rng.normal(size=weight.shape))
    return model, tokenizer(family)


def outputs(model, learnt, texts):
    """What the model makes of texts, as one array."""
    encoded = learnt(texts, padding=True, return_tensors="np")
    ids, mask = encoded["input_ids"].astype("int32"), encoded["attention_mask"].astype("int32")
    features = {name: mask if name.endswith("padding_mask") else ids for name in model.input}
    if "segment_ids" in features:
        features["segment_ids"] = 0 * ids
    result = model(features)
    return np.asarray(next(iter(result.values())) if isinstance(result, dict) else result)


@pytest.mark.parametrize("case", CASES)
def test_dropped_it_gives_the_same_outputs_on_kept_texts(tmp_path, case):
    model, old = make(case)
    texts = TEXTS[:2]
    smaller, new = vocabulary.drop_tokens(model, old, texts=texts)
    assert config_of(smaller).vocabulary_size == len(new) < len(old)
    assert config_of(model).vocabulary_size >= len(old)  # the old one stays
    assert new.convert_ids_to_tokens(new(texts[0])["input_ids"]) == old.convert_ids_to_tokens(
        old(texts[0])["input_ids"]
    )
    expected, received = outputs(model, old, texts), outputs(smaller, new, texts)
    if expected.shape != received.shape:  # scores of tokens: of those that stay
        expected = expected[..., old.convert_tokens_to_ids(new.convert_ids_to_tokens(range(len(new))))]
    np.testing.assert_allclose(received, expected, atol=1e-6)
    smaller.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert config_of(loaded) == config_of(smaller)
    np.testing.assert_array_equal(outputs(loaded, new, texts), received)


@pytest.mark.parametrize("case", ["bert classifier", "roberta masked_lm", "gpt2 causal_lm", "t5 untied"])
def test_dropped_it_goes_to_hugging_face_and_back(tmp_path, case):
    model, old = make(case)
    smaller, new = vocabulary.drop_tokens(model, old, texts=TEXTS[:2])
    checkpoints.save_huggingface(tmp_path / "exchange", smaller, new)
    loaded, again = checkpoints.load_task_model(tmp_path / "exchange")
    np.testing.assert_array_equal(outputs(loaded, again, TEXTS), outputs(smaller, new, TEXTS))


@pytest.mark.parametrize("case", CASES)
def test_added_tokens_are_the_mean_and_the_rest_stays(case):
    model, old = make(case)
    larger, new = vocabulary.add_tokens(model, old, ["<e1>", "wholly", "<e2>"])
    assert len(new) == len(old) + 3
    size, new_size = config_of(model).vocabulary_size, config_of(larger).vocabulary_size
    assert new_size == max(size, len(new))  # T5 has rows to spare
    before = model.get_layer("token_embedding").embeddings.numpy()
    after = larger.get_layer("token_embedding").embeddings.numpy()
    np.testing.assert_array_equal(after[: len(old)], before[: len(old)])
    mean = np.broadcast_to(before[: len(old)].mean(0), (3, 8))
    np.testing.assert_allclose(after[len(old) : len(old) + 3], mean, atol=1e-6)
    expected, received = outputs(model, old, TEXTS), outputs(larger, new, TEXTS)
    scores = min(expected.shape[-1], len(old))
    np.testing.assert_allclose(received[..., :scores], expected[..., :scores], atol=1e-6)
    assert new.convert_tokens_to_ids("<e2>") == len(new) - 1
    assert "<e1>" in new.tokenize("good<e1>film")
    if received.shape[-1] == new_size:  # the score of a new token is the old ones' mean
        mean = np.broadcast_to(expected[..., : len(old)].mean(-1, keepdims=True), (*expected.shape[:-1], 3))
        np.testing.assert_allclose(received[..., len(old) : len(old) + 3], mean, atol=1e-4)


def test_known_tokens_are_passed_over():
    model, old = make("bert classifier")
    larger, new = vocabulary.add_tokens(model, old, ["film", "[SEP]"])
    assert (len(new), larger.count_params()) == (len(old), model.count_params())
    assert new.tokenize("a film") == ["a", "film"]


def test_special_tokens_are_left_out_of_a_text():
    model, old = make("gpt2 causal_lm")
    _, new = vocabulary.add_tokens(model, old, "<e1>", special=True)
    assert new.decode(new("a<e1> film")["input_ids"], skip_special_tokens=True) == "a film"
    assert "<e1>" not in old.get_vocab()


def test_kept_tokens_without_texts():
    model, old = make("bert classifier")
    _, new = vocabulary.drop_tokens(model, old, keep=["film"])
    assert new.tokenize("film")[0] == "film"
    assert len(new.tokenize("story")) == 5


def test_robertas_positions_stay():
    model, old = make("roberta masked_lm")
    _, new = vocabulary.drop_tokens(model, old, keep=["a"])
    assert new.pad_token_id == old.pad_token_id == config_of(model).padding_id


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({}, KerasftError, r"`texts` must be one or more texts; received: \[\]"),
        ({"texts": "one text"}, KerasftError, "`texts` must be a list of texts.*; received: 'one text'"),
        ({"keep": ["nonsense"]}, KerasftError, r"`keep` must be tokens of the vocabulary; received: \['nonsense'\]"),
        ({"texts": ["half \ud83d"]}, DataError, "texts, line 1: invalid Unicode .lone surrogate"),
    ],
)
def test_bad_arguments(options, error, message):
    with pytest.raises(error, match=message):
        vocabulary.drop_tokens(*make("bert classifier"), **options)


@pytest.mark.parametrize("token", ["", " ", 3, "\ud83d"])
def test_bad_tokens(token):
    with pytest.raises(KerasftError, match=re.escape(f"`tokens` must be non-empty strings; received: {token!r}")):
        vocabulary.add_tokens(*make("bert classifier"), ["good", token])


def test_a_model_of_another_library_is_refused():
    inputs = keras.Input((2,))
    with pytest.raises(KerasftError, match="`model` must be a backbone"):
        vocabulary.add_tokens(keras.Model(inputs, inputs), tiny.tokenizer(), ["a"])
