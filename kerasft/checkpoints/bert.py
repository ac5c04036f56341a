"""BERT in a Hugging Face folder: what its `config.json` means for our graph, and which tensor is which weight."""

from collections.abc import Callable

import keras

from kerasft.backbones.activations import gelu_tanh
from kerasft.backbones.bert import BertConfig, bert
from kerasft.checkpoints.config_file import ConfigFile, is_rate_or_none
from kerasft.checkpoints.family import Family, Head, Weight, Weights, dense, label_fields, labels_of, norm
from kerasft.errors import CheckpointError, bad_argument
from kerasft.heads import text_classifier

ACTIVATIONS = {
    "gelu": "gelu",
    "gelu_python": "gelu",
    "gelu_new": gelu_tanh,
    "gelu_pytorch_tanh": gelu_tanh,
    "gelu_python_tanh": gelu_tanh,
    "gelu_fast": gelu_tanh,
    "gelu_accurate": gelu_tanh,
    "relu": "relu",
    "relu6": "relu6",
    "silu": "silu",
    "swish": "silu",
    "mish": "mish",
    "tanh": "tanh",
    "sigmoid": "sigmoid",
    "linear": "linear",
}
"""What `hidden_act` says -> the Keras activation that computes it."""
_BLOCK = {
    "attention.self.query": "query",
    "attention.self.key": "key",
    "attention.self.value": "value",
    "attention.output.dense": "attention_output",
    "attention.output.LayerNorm": "attention_layer_norm",
    "intermediate.dense": "intermediate",
    "output.dense": "feedforward_output",
    "output.LayerNorm": "feedforward_layer_norm",
}


def read_config(config: ConfigFile) -> BertConfig:
    """Translate `config.json`; the defaults are the reference implementation's.

    Args:
        config: Of a checkpoint with `"model_type": "bert"`.

    Returns:
        The configuration of the graph that computes the same.

    Raises:
        CheckpointError: If a field has a value that our graph cannot honour.
    """
    config.only("position_embedding_type", "absolute", None)
    for field in ("is_decoder", "add_cross_attention"):
        config.only(field, False, None)
    config.only("pruned_heads", {}, None)
    config.only("quantization_config", None)
    config.only("auto_map", None)  # The checkpoint brings its own code, which is never run.
    return BertConfig(
        vocabulary_size=config.size("vocab_size", 30522),
        num_layers=config.size("num_hidden_layers", 12),
        num_heads=config.size("num_attention_heads", 12),
        hidden_dim=config.size("hidden_size", 768),
        intermediate_dim=config.size("intermediate_size", 3072),
        max_sequence_length=config.size("max_position_embeddings", 512),
        num_segments=config.size("type_vocab_size", 2),
        activation=config.choice("hidden_act", "gelu", choices=ACTIVATIONS),
        hidden_dropout=config.rate("hidden_dropout_prob", 0.1),
        attention_dropout=config.rate("attention_probs_dropout_prob", 0.1),
        layer_norm_epsilon=config.positive("layer_norm_eps", 1e-12),
        initializer_range=config.positive("initializer_range", 0.02),
    )


def write_config(config: BertConfig) -> dict:
    """Write the fields of `config.json` that make the same BERT."""
    return {
        "vocab_size": config.vocabulary_size,
        "hidden_size": config.hidden_dim,
        "num_hidden_layers": config.num_layers,
        "num_attention_heads": config.num_heads,
        "intermediate_size": config.intermediate_dim,
        "hidden_act": activation_name(config.activation),
        "hidden_dropout_prob": config.hidden_dropout,
        "attention_probs_dropout_prob": config.attention_dropout,
        "max_position_embeddings": config.max_sequence_length,
        "type_vocab_size": config.num_segments,
        "initializer_range": config.initializer_range,
        "layer_norm_eps": config.layer_norm_epsilon,
        "pad_token_id": 0,
        "position_embedding_type": "absolute",
    }


def activation_name(activation: str | Callable) -> str:
    """Return what Hugging Face calls a Keras activation.

    Raises:
        CheckpointError: If it has no name there.

    Example:

    >>> activation_name(gelu_tanh), activation_name("gelu")
    ('gelu_pytorch_tanh', 'gelu')
    """
    function = keras.activations.get(activation)
    if function is gelu_tanh:
        return "gelu_pytorch_tanh"
    for name, ours in ACTIVATIONS.items():
        if function is keras.activations.get(ours):
            return name
    raise bad_argument(
        "activation", "one that Hugging Face has a name for", activation, 'Use "gelu".', kind=CheckpointError
    )


def backbone_weights(model: keras.Model) -> Weights:
    """Name every weight of a `kerasft.backbones.bert`, or of a model that extends it, without the prefix `bert.`."""
    names = {
        "embeddings.word_embeddings.weight": Weight(model.get_layer("token_embedding").embeddings),
        "embeddings.position_embeddings.weight": Weight(model.get_layer("position_embedding").embeddings),
        "embeddings.token_type_embeddings.weight": Weight(model.get_layer("segment_embedding").embeddings),
        **norm("embeddings.LayerNorm", model.get_layer("embeddings_layer_norm")),
    }
    blocks = [layer for layer in model.layers if layer.name.startswith("transformer_layer_")]
    for index, block in enumerate(blocks):
        for theirs, ours in _BLOCK.items():
            name, layer = f"encoder.layer.{index}.{theirs}", getattr(block, ours)
            names.update(norm(name, layer) if name.endswith("LayerNorm") else dense(name, layer))
    if any(layer.name == "pooled_dense" for layer in model.layers):
        names.update(dense("pooler.dense", model.get_layer("pooled_dense")))
    return names


def _read_classifier(config: ConfigFile) -> dict:
    hidden = config.rate("hidden_dropout_prob", 0.1)
    own = config.get("classifier_dropout", None, expected="a rate in [0, 1) or null", accept=is_rate_or_none)
    return {"labels": labels_of(config), "pooling": "pooler", "dropout": hidden if own is None else own}


def _write_classifier(model: keras.Model) -> dict:
    return {**label_fields(model.labels), "classifier_dropout": model.get_layer("classifier_dropout").rate}


def _misfit(model: keras.Model) -> str | None:
    poolers = [layer.output for layer in model.layers if layer.name == "pooled_dense"]
    if any(model.get_layer("classifier_dropout").input is pooled for pooled in poolers):
        return None
    return "BertForSequenceClassification reads the pooler; build the head with pooling='pooler'"


FAMILY = Family(
    model_type="bert",
    class_prefix="Bert",
    read_config=read_config,
    write_config=write_config,
    build=bert,
    weights=backbone_weights,
    prefix="bert.",
    optional=("pooler.",),  # checkpoints trained without next-sentence prediction have none
    head_names=("cls.", "classifier.", "qa_outputs."),
    heads={
        "ForSequenceClassification": Head(
            task="text_classifier",
            build=text_classifier,
            weights=lambda model: dense("classifier", model.get_layer("logits")),
            read_options=_read_classifier,
            write_options=_write_classifier,
            misfit=_misfit,
        ),
    },
)
