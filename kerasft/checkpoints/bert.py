"""BERT in a Hugging Face folder: what its `config.json` means for our graph, and which tensor is which weight."""

import keras

from kerasft.backbones.activations import gelu_tanh
from kerasft.backbones.bert import BertConfig
from kerasft.checkpoints.config_file import ConfigFile

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
HEAD_PREFIXES = ("cls.", "classifier.", "qa_outputs.")
"""Tensors of BERT's published task heads."""
OPTIONAL_PREFIXES = ("pooler.",)
"""Weights that a checkpoint may lack: those trained without next-sentence prediction have no pooler."""
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


def weight_names(backbone: keras.Model) -> dict[str, keras.Variable]:
    """Name every weight of a `kerasft.backbones.bert` as Hugging Face does, without the prefix `bert.`.

    The one table serves reading and writing. A variable called `kernel` is stored transposed there.

    Args:
        backbone: The model, or one that extends it.

    Returns:
        Tensor name -> variable.
    """
    names = {
        "embeddings.word_embeddings.weight": backbone.get_layer("token_embedding").embeddings,
        "embeddings.position_embeddings.weight": backbone.get_layer("position_embedding").embeddings,
        "embeddings.token_type_embeddings.weight": backbone.get_layer("segment_embedding").embeddings,
        **_norm("embeddings.LayerNorm", backbone.get_layer("embeddings_layer_norm")),
        **_dense("pooler.dense", backbone.get_layer("pooled_dense")),
    }
    blocks = [layer for layer in backbone.layers if layer.name.startswith("transformer_layer_")]
    for index, block in enumerate(blocks):
        for theirs, ours in _BLOCK.items():
            name, layer = f"encoder.layer.{index}.{theirs}", getattr(block, ours)
            names.update(_norm(name, layer) if name.endswith("LayerNorm") else _dense(name, layer))
    return names


def _dense(name: str, layer: keras.layers.Dense) -> dict[str, keras.Variable]:
    return {f"{name}.weight": layer.kernel, f"{name}.bias": layer.bias}


def _norm(name: str, layer: keras.layers.LayerNormalization) -> dict[str, keras.Variable]:
    return {f"{name}.weight": layer.gamma, f"{name}.bias": layer.beta}
