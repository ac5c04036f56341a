"""Every field of `config.json` is honoured, known to be harmless, or refused with file, field and value."""

import json

import numpy as np
import pytest

from kerasft.backbones import gelu_tanh
from kerasft.checkpoints.activations import ACTIVATIONS
from kerasft.checkpoints.bert import read_config
from kerasft.checkpoints.config_file import ConfigFile
from kerasft.errors import CheckpointError
from tests import tiny


def config_file(folder, **fields):
    (folder / "config.json").write_text(json.dumps({**tiny.CONFIG, **fields}))
    return ConfigFile(folder / "config.json")


def test_every_field_that_matters_is_read(tmp_path):
    config = read_config(
        config_file(
            tmp_path,
            vocab_size=11,
            num_hidden_layers=3,
            num_attention_heads=5,
            hidden_size=10,
            intermediate_size=7,
            max_position_embeddings=9,
            type_vocab_size=4,
            hidden_act="gelu_new",
            hidden_dropout_prob=0.2,
            attention_probs_dropout_prob=0.3,
            layer_norm_eps=1e-5,
            initializer_range=0.5,
        )
    )
    assert (config.vocabulary_size, config.num_layers, config.num_heads, config.hidden_dim) == (11, 3, 5, 10)
    assert (config.intermediate_dim, config.max_sequence_length, config.num_segments) == (7, 9, 4)
    assert config.activation is gelu_tanh
    assert (config.hidden_dropout, config.attention_dropout) == (0.2, 0.3)
    assert (config.layer_norm_epsilon, config.initializer_range) == (1e-5, 0.5)


def test_absent_fields_mean_what_they_mean_to_the_reference(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    config = read_config(ConfigFile(tmp_path / "config.json"))
    assert (config.vocabulary_size, config.hidden_dim, config.num_layers, config.activation) == (30522, 768, 12, "gelu")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("hidden_act", "laplace"),
        ("hidden_act", None),
        ("hidden_act", ["gelu"]),
        ("position_embedding_type", "relative_key"),
        ("is_decoder", True),
        ("add_cross_attention", True),
        ("pruned_heads", {"0": [1]}),
        ("quantization_config", {"bits": 4}),
        ("auto_map", {"AutoModel": "modeling.MyBert"}),
        ("hidden_size", 0),
        ("hidden_size", 16.0),
        ("num_hidden_layers", True),
        ("vocab_size", "160"),
        ("max_position_embeddings", -1),
        ("hidden_dropout_prob", 1.0),
        ("attention_probs_dropout_prob", -0.1),
        ("layer_norm_eps", 0),
        ("layer_norm_eps", None),
        ("layer_norm_eps", float("nan")),
    ],
)
def test_a_value_that_cannot_be_honoured_is_refused(tmp_path, field, value):
    with pytest.raises(CheckpointError) as caught:
        read_config(config_file(tmp_path, **{field: value}))
    message = str(caught.value)
    assert "config.json" in message
    assert repr(field) in message
    assert f"received: {value!r}" in message


def test_every_activation_is_computed_by_keras(tmp_path):
    for name in ACTIVATIONS:
        activation = read_config(config_file(tmp_path, hidden_act=name)).activation
        backbone = tiny.backbone(activation=activation, num_layers=1)
        assert np.isfinite(backbone(tiny.batch(["a good film"]))["sequence_output"]).all()


def test_harmless_fields_pass_and_unknown_ones_are_named(tmp_path):
    harmless = {"use_cache": True, "pooler_type": "first_token_transform", "id2label": {"0": "a"}, "top_k": 50}
    config = config_file(tmp_path, **harmless)
    assert read_config(config).hidden_dim == tiny.CONFIG["hidden_size"]
    config.finish()  # pytest makes a warning an error
    config = config_file(tmp_path, rotary_base=10000)
    read_config(config)
    with pytest.warns(UserWarning, match="unknown fields, ignored: rotary_base"):
        config.finish()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "expected JSON in UTF-8"),
        (b"\xff\xfe\x00", "expected JSON in UTF-8"),
        (b"[" * 100_000, "nested deeper"),
        (b"[]", "must contain a JSON object; received: list"),
        (None, "no config.json found"),
    ],
)
def test_a_damaged_file_is_named(tmp_path, content, message):
    if content is not None:
        (tmp_path / "config.json").write_bytes(content)
    with pytest.raises(CheckpointError, match=message):
        ConfigFile(tmp_path / "config.json")
