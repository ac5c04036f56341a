"""BERT in a Hugging Face folder: what its `config.json` means for our graph, and which tensor is which weight."""

from collections.abc import Mapping

import keras

from kerasft.backbones.bert import BertConfig

_DEFAULTS = {
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "attention_probs_dropout_prob": 0.1,
    "max_position_embeddings": 512,
    "type_vocab_size": 2,
    "initializer_range": 0.02,
    "layer_norm_eps": 1e-12,
}
_LAYER = {
    "attention.self.query": "query",
    "attention.self.key": "key",
    "attention.self.value": "value",
    "attention.output.dense": "attention_output",
    "attention.output.LayerNorm": "attention_layer_norm",
    "intermediate.dense": "intermediate",
    "output.dense": "feedforward_output",
    "output.LayerNorm": "feedforward_layer_norm",
}


def read_config(config: Mapping) -> BertConfig:
    """Translate the fields of `config.json`."""
    config = {**_DEFAULTS, **config}
    return BertConfig(
        vocabulary_size=config["vocab_size"],
        num_layers=config["num_hidden_layers"],
        num_heads=config["num_attention_heads"],
        hidden_dim=config["hidden_size"],
        intermediate_dim=config["intermediate_size"],
        max_sequence_length=config["max_position_embeddings"],
        num_segments=config["type_vocab_size"],
        activation=config["hidden_act"],
        hidden_dropout=config["hidden_dropout_prob"],
        attention_dropout=config["attention_probs_dropout_prob"],
        layer_norm_epsilon=config["layer_norm_eps"],
        initializer_range=config["initializer_range"],
    )


def weight_names(backbone: keras.Model) -> dict[str, keras.Variable]:
    """Name every weight of a `bert` backbone as Hugging Face does, without the prefix `bert.`.

    The table serves reading and writing. A `Dense` kernel is stored transposed there: it is the only weight whose name
    ends in `.weight` and whose variable is called `kernel`.

    Args:
        backbone: A model of `kerasft.backbones.bert`, or one that extends it.

    Returns:
        Tensor name -> variable.
    """
    names = {
        "embeddings.word_embeddings.weight": backbone.get_layer("token_embedding").embeddings,
        "embeddings.position_embeddings.weight": backbone.get_layer("position_embedding").position_embeddings,
        "embeddings.token_type_embeddings.weight": backbone.get_layer("segment_embedding").embeddings,
        **_norm("embeddings.LayerNorm", backbone.get_layer("embeddings_layer_norm")),
        **_dense("pooler.dense", backbone.get_layer("pooled_dense")),
    }
    blocks = [layer for layer in backbone.layers if layer.name.startswith("transformer_layer_")]
    for index, block in enumerate(blocks):
        for theirs, ours in _LAYER.items():
            name = f"encoder.layer.{index}.{theirs}"
            part = getattr(block, ours)
            names.update(_norm(name, part) if name.endswith("LayerNorm") else _dense(name, part))
    return names


def _dense(name: str, layer: keras.layers.Dense) -> dict[str, keras.Variable]:
    return {f"{name}.weight": layer.kernel, f"{name}.bias": layer.bias}


def _norm(name: str, layer: keras.layers.LayerNormalization) -> dict[str, keras.Variable]:
    return {f"{name}.weight": layer.gamma, f"{name}.bias": layer.beta}
