"""T5 and mT5 in Hugging Face format: mapping of `config.json` and weights."""

import dataclasses

import keras

from kerasft.activations import gelu_tanh
from kerasft.backbones import config_of
from kerasft.backbones.t5 import MT5Config, T5Config, t5
from kerasft.checkpoints.activations import ACTIVATIONS, activation_name
from kerasft.checkpoints.config_file import ConfigFile
from kerasft.checkpoints.family import Family, Head, Weight, Weights, dense
from kerasft.checkpoints.tensors import Tensors
from kerasft.checkpoints.tied_output import output_is_tied, output_weights
from kerasft.heads import sequence_to_sequence

_ATTENTION = {"q": "query", "k": "key", "v": "value", "o": "output_projection"}
_RELU, _GATED = "relu", "gated-gelu"
# In the first conversions of T5; unused, since cross-attention has no relative positions.
_UNUSED = "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias."
_SIZES = {"vocab_size": 32128, "d_ff": 2048, "num_layers": 6, "num_heads": 8}
_MT5_SIZES = {"vocab_size": 250112, "d_ff": 1024, "num_layers": 8, "num_heads": 6}


def read_config(config: ConfigFile) -> T5Config:
    """Convert the `config.json` of a T5; the defaults are the reference implementation's.

    Args:
        config: The config of a checkpoint with `"model_type": "t5"`.

    Returns:
        The equivalent backbone configuration.

    Raises:
        CheckpointError: If a field has an unsupported value.
    """
    tied = config.flag("tie_word_embeddings", True)
    # transformers 5 always writes tie_word_embeddings=true, and distinguishes T5 1.0 and 1.1 by scale_decoder_outputs.
    scaled = config.flag("scale_decoder_outputs", tied)
    return T5Config(**_read_fields(config, _SIZES, _RELU), tied_output=tied, scaled_output=scaled)


def read_mt5_config(config: ConfigFile) -> MT5Config:
    """Convert the `config.json` of an mT5, whose output is never scaled.

    Args:
        config: The config of a checkpoint with `"model_type": "mt5"`.

    Returns:
        The equivalent backbone configuration.

    Raises:
        CheckpointError: If a field has an unsupported value.
    """
    tied = config.flag("tie_word_embeddings", False)
    return MT5Config(**_read_fields(config, _MT5_SIZES, _GATED), tied_output=tied, scaled_output=False)


def _read_fields(config: ConfigFile, sizes: dict[str, int], feed_forward: str) -> dict:
    config.only("is_encoder_decoder", True)
    config.only("is_decoder", False)
    config.only("decoder_start_token_id", 0, None)  # CachedT5 starts decoding with the padding token
    config.only("pad_token_id", 0, None)
    config.only("pruned_heads", {}, None)
    config.only("quantization_config", None)
    config.only("auto_map", None)  # custom code in the checkpoint is never run
    config.get(
        "architectures",
        None,
        expected="an encoder-decoder class, such as ['T5ForConditionalGeneration']",
        accept=lambda names: not names or not any("Encoder" in name or "Token" in name for name in names),
    )
    num_layers = config.size("num_layers", sizes["num_layers"])
    gated, activation = config.choice("feed_forward_proj", feed_forward, choices=_FEED_FORWARD)
    config.only("is_gated_act", gated)  # derived from feed_forward_proj by transformers
    config.only("dense_act_fn", *(name for name, ours in ACTIVATIONS.items() if ours == activation))
    return {
        "vocabulary_size": config.size("vocab_size", sizes["vocab_size"]),
        "num_layers": num_layers,
        "num_decoder_layers": config.optional_size("num_decoder_layers", num_layers),
        "num_heads": config.size("num_heads", sizes["num_heads"]),
        "head_dim": config.size("d_kv", 64),
        "hidden_dim": config.size("d_model", 512),
        "intermediate_dim": config.size("d_ff", sizes["d_ff"]),
        "activation": activation,
        "gated": gated,
        "num_buckets": config.size("relative_attention_num_buckets", 32),
        "max_distance": config.size("relative_attention_max_distance", 128),
        "dropout": config.rate("dropout_rate", 0.1),
        "layer_norm_epsilon": config.positive("layer_norm_epsilon", 1e-6),
        "initializer_range": config.positive("initializer_factor", 1.0),
    }


# T5 1.1's "gated-gelu" is the tanh approximation; a plain "gelu" is exact.
_FEED_FORWARD = {
    **{name: (False, activation) for name, activation in ACTIVATIONS.items()},
    **{f"gated-{name}": (True, activation) for name, activation in ACTIVATIONS.items()},
    _GATED: (True, gelu_tanh),
}


def write_config(config: T5Config) -> dict:
    """Return the fields of `config.json` for an equivalent T5.

    `tie_word_embeddings` is whether the output is scaled, as in every version of transformers. Whether it is tied is determined
    by the presence of `lm_head.weight`.
    """
    form = (config.gated, keras.activations.get(config.activation))
    names = [n for n, (gated, ours) in _FEED_FORWARD.items() if (gated, keras.activations.get(ours)) == form]
    return {
        "vocab_size": config.vocabulary_size,
        "d_model": config.hidden_dim,
        "d_kv": config.head_dim,
        "d_ff": config.intermediate_dim,
        "num_layers": config.num_layers,
        "num_decoder_layers": config.num_decoder_layers,
        "num_heads": config.num_heads,
        "relative_attention_num_buckets": config.num_buckets,
        "relative_attention_max_distance": config.max_distance,
        "dropout_rate": config.dropout,
        "layer_norm_epsilon": config.layer_norm_epsilon,
        "initializer_factor": config.initializer_range,
        "feed_forward_proj": _GATED if _GATED in names else (names or [activation_name(config.activation)])[0],
        "tie_word_embeddings": config.scaled_output,
        "is_encoder_decoder": True,
        "decoder_start_token_id": 0,  # the padding token in every published T5
    }


def backbone_weights(model: keras.Model) -> Weights:
    """Map every weight of a `kerasft.backbones.t5`, or of a model that extends it, to its tensor name."""
    config = config_of(model)
    names = {"shared.weight": Weight(model.get_layer("token_embedding").embeddings)}
    for side, count in (("encoder", config.num_layers), ("decoder", config.num_decoder_layers)):
        for index in range(count):
            block = model.get_layer(f"transformer_{side}_layer_{index}")
            names.update(_block_weights(f"{side}.block.{index}.layer", block))
        bias = model.get_layer(f"{side}_attention_bias")
        names[f"{side}.block.0.layer.0.SelfAttention.relative_attention_bias.weight"] = Weight(bias.embeddings)
        names[f"{side}.final_layer_norm.weight"] = Weight(model.get_layer(f"{side}_layer_norm").scale)
    return names


def _block_weights(name: str, block: keras.layers.Layer) -> Weights:
    sublayers = [("SelfAttention", block.self_attention, block.self_attention_layer_norm)]
    if block.has_cross_attention:
        sublayers.append(("EncDecAttention", block.cross_attention, block.cross_attention_layer_norm))
    sublayers.append(("DenseReluDense", block.feedforward, block.feedforward_layer_norm))
    names = {}
    for index, (kind, layer, norm) in enumerate(sublayers):
        tables = _feed_forward(layer.gated) if kind == "DenseReluDense" else _ATTENTION
        for theirs, ours in tables.items():
            names.update(dense(f"{name}.{index}.{kind}.{theirs}", getattr(layer, ours)))
        names[f"{name}.{index}.layer_norm.weight"] = Weight(norm.scale)
    return names


def _feed_forward(gated: bool) -> dict[str, str]:
    first = {"wi_0": "intermediate", "wi_1": "gate"} if gated else {"wi": "intermediate"}
    return {**first, "wo": "output_projection"}


def refine(config: T5Config, tensors: Tensors) -> T5Config:
    """Infer from the tensors whether the output matrix is tied to the token embedding."""
    return dataclasses.replace(config, tied_output=output_is_tied(config.tied_output, tensors, "shared.weight"))


FAMILY = Family(
    model_type="t5",
    class_prefix="T5",
    read_config=read_config,
    write_config=write_config,
    build=t5,
    weights=backbone_weights,
    prefix="",
    anchor="shared.weight",
    refine=refine,
    aliases={f"{side}.embed_tokens.weight": "shared.weight" for side in ("encoder", "decoder")},
    head_names=("lm_head.", _UNUSED),
    heads={
        "ForConditionalGeneration": Head(
            task="sequence_to_sequence",
            build=sequence_to_sequence,
            weights=output_weights,
            unused=("lm_head.", _UNUSED),  # the tied matrix, stored twice
        ),
    },
)
MT5_FAMILY = dataclasses.replace(FAMILY, model_type="mt5", class_prefix="MT5", read_config=read_mt5_config)
