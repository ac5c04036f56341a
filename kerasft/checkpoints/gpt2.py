"""GPT-2 in Hugging Face format: mapping of `config.json` and weights."""

import dataclasses

import keras

from kerasft.activations import gelu_tanh
from kerasft.backbones.gpt2 import GPT2Config, gpt2
from kerasft.checkpoints.activations import ACTIVATIONS, activation_name
from kerasft.checkpoints.config_file import ConfigFile, is_rate_or_none
from kerasft.checkpoints.encoder import write_classifier
from kerasft.checkpoints.family import Family, Head, Weight, Weights, dense, label_fields, labels_of, norm
from kerasft.checkpoints.tensors import Tensors
from kerasft.checkpoints.tied_output import output_is_tied, output_weights
from kerasft.heads import causal_lm, form_of, text_classifier, token_classifier

_NORMS = {"ln_1": "attention_layer_norm", "ln_2": "feedforward_layer_norm"}
_KERNELS = {
    "attn.c_attn": "query_key_value",
    "attn.c_proj": "attention_output",
    "mlp.c_fc": "intermediate",
    "mlp.c_proj": "feedforward_output",
}


def read_config(config: ConfigFile) -> GPT2Config:
    """Convert `config.json`; the defaults are the reference implementation's.

    Args:
        config: The config of a checkpoint with `"model_type": "gpt2"`.

    Returns:
        The equivalent backbone configuration.

    Raises:
        CheckpointError: If a field has an unsupported value.
    """
    config.only("add_cross_attention", False, None)
    config.only("pruned_heads", {}, None)
    config.only("quantization_config", None)
    config.only("auto_map", None)  # custom code in the checkpoint is never run
    # Affects half precision in the reference implementation only; kerasft's softmax is always in float32.
    config.flag("reorder_and_upcast_attn", False)
    hidden_dim = config.size("n_embd", 768)
    return GPT2Config(
        vocabulary_size=config.size("vocab_size", 50257),
        num_layers=config.size("n_layer", 12),
        num_heads=config.size("n_head", 12),
        hidden_dim=hidden_dim,
        intermediate_dim=config.optional_size("n_inner", 4 * hidden_dim),
        max_sequence_length=config.size("n_positions", 1024),
        activation=config.choice("activation_function", "gelu_new", choices=ACTIVATIONS),
        embedding_dropout=config.rate("embd_pdrop", 0.1),
        hidden_dropout=config.rate("resid_pdrop", 0.1),
        attention_dropout=config.rate("attn_pdrop", 0.1),
        layer_norm_epsilon=config.positive("layer_norm_epsilon", 1e-5),
        scale_attention=config.flag("scale_attn_weights", True),
        scale_attention_by_depth=config.flag("scale_attn_by_inverse_layer_idx", False),
        initializer_range=config.positive("initializer_range", 0.02),
        tied_output=config.flag("tie_word_embeddings", True),
    )


def write_config(config: GPT2Config) -> dict:
    """Return the fields of `config.json` for an equivalent GPT-2."""
    tanh = keras.activations.get(config.activation) is gelu_tanh
    return {
        "vocab_size": config.vocabulary_size,
        "n_embd": config.hidden_dim,
        "n_layer": config.num_layers,
        "n_head": config.num_heads,
        "n_inner": config.intermediate_dim,
        "n_positions": config.max_sequence_length,
        "activation_function": "gelu_new" if tanh else activation_name(config.activation),
        "embd_pdrop": config.embedding_dropout,
        "resid_pdrop": config.hidden_dropout,
        "attn_pdrop": config.attention_dropout,
        "layer_norm_epsilon": config.layer_norm_epsilon,
        "scale_attn_weights": config.scale_attention,
        "scale_attn_by_inverse_layer_idx": config.scale_attention_by_depth,
        "initializer_range": config.initializer_range,
        "tie_word_embeddings": config.tied_output,
    }


def backbone_weights(model: keras.Model) -> Weights:
    """Map every weight of a GPT-2 backbone, or of a model that extends it, to its tensor name without `transformer.`."""
    names = {
        "wte.weight": Weight(model.get_layer("token_embedding").embeddings),
        "wpe.weight": Weight(model.get_layer("position_embedding").embeddings),
    }
    blocks = [layer for layer in model.layers if layer.name.startswith("transformer_layer_")]
    for index, block in enumerate(blocks):
        for theirs, ours in _NORMS.items():
            names.update(norm(f"h.{index}.{theirs}", getattr(block, ours)))
        for theirs, ours in _KERNELS.items():
            names.update(_conv1d(f"h.{index}.{theirs}", getattr(block, ours)))
    return {**names, **norm("ln_f", model.get_layer("layer_norm"))}


def _conv1d(name: str, layer: keras.layers.Dense) -> Weights:
    # GPT-2's "Conv1D" is a dense layer whose kernel is not stored transposed.
    return {f"{name}.weight": Weight(layer.kernel), f"{name}.bias": Weight(layer.bias)}


def refine(config: GPT2Config, tensors: Tensors) -> GPT2Config:
    """Infer from the tensors whether the output matrix is tied to the token embedding."""
    tied = output_is_tied(config.tied_output, tensors, "transformer.wte.weight", "wte.weight")
    return dataclasses.replace(config, tied_output=tied)


def _misfit(model: keras.Model) -> str | None:
    if form_of(model)[:2] == GPT2Config.classifier_form[:2]:
        return None
    return "GPT2ForSequenceClassification reads the last token; build the head without pooling and hidden_activation"


def _read_token_classifier(config: ConfigFile) -> dict:
    for field in ("classifier_dropout", "hidden_dropout"):
        rate = config.get(field, None, expected="a rate in [0, 1) or null", accept=is_rate_or_none)
        if rate is not None:
            return {"labels": labels_of(config), "dropout": rate}
    return {"labels": labels_of(config), "dropout": 0.1}


FAMILY = Family(
    model_type="gpt2",
    class_prefix="GPT2",
    read_config=read_config,
    write_config=write_config,
    build=gpt2,
    weights=backbone_weights,
    prefix="transformer.",
    anchor="wte.weight",
    refine=refine,
    head_names=("lm_head.", "score.", "classifier.", "multiple_choice_head."),
    heads={
        "LMHeadModel": Head(
            task="causal_lm",
            build=causal_lm,
            weights=output_weights,
            unused=("lm_head.",),  # the tied matrix, stored twice
        ),
        "ForSequenceClassification": Head(
            task="text_classifier",
            build=text_classifier,
            weights=lambda model: dense("score", model.get_layer("logits")),
            read_options=lambda config: {"labels": labels_of(config), "dropout": 0.0},
            write_options=lambda model: label_fields(model.labels),
            misfit=_misfit,
        ),
        "ForTokenClassification": Head(
            task="token_classifier",
            build=token_classifier,
            weights=lambda model: dense("classifier", model.get_layer("logits")),
            read_options=_read_token_classifier,
            write_options=write_classifier,
        ),
    },
)
