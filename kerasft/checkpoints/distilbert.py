"""DistilBERT in Hugging Face format, with its own field and tensor names."""

import dataclasses

import keras

from kerasft.backbones.distilbert import DistilBertConfig, distilbert
from kerasft.checkpoints.activations import ACTIVATIONS, activation_name
from kerasft.checkpoints.config_file import ConfigFile
from kerasft.checkpoints.encoder import encoder_heads, encoder_weights, refuse_other_graphs
from kerasft.checkpoints.family import Family, Head, Weights, label_fields, labels_of

_BLOCK = {
    "attention.q_lin": "query",
    "attention.k_lin": "key",
    "attention.v_lin": "value",
    "attention.out_lin": "attention_output",
    "sa_layer_norm": "attention_layer_norm",
    "ffn.lin1": "intermediate",
    "ffn.lin2": "feedforward_output",
    "output_layer_norm": "feedforward_layer_norm",
}


def read_config(config: ConfigFile) -> DistilBertConfig:
    """Convert `config.json`; the defaults are the reference implementation's.

    Raises:
        CheckpointError: If a field has an unsupported value.
    """
    refuse_other_graphs(config)
    # The initialization of the position embeddings, which are stored as an ordinary table.
    config.flag("sinusoidal_pos_embds", False)
    fields = {
        "num_layers": config.size("n_layers", 6),
        "num_heads": config.size("n_heads", 12),
        "hidden_dim": config.size("dim", 768),
    }
    for other_name, ours in _OTHER_NAMES.items():
        config.only(other_name, fields[ours])
    return DistilBertConfig(
        **fields,
        vocabulary_size=config.size("vocab_size", 30522),
        intermediate_dim=config.size("hidden_dim", 3072),
        max_sequence_length=config.size("max_position_embeddings", 512),
        activation=config.choice("activation", "gelu", choices=ACTIVATIONS),
        hidden_dropout=config.rate("dropout", 0.1),
        attention_dropout=config.rate("attention_dropout", 0.1),
        initializer_range=config.positive("initializer_range", 0.02),
    )


# Aliases in the reference implementation; if both names are present, the values must be equal.
_OTHER_NAMES = {"num_hidden_layers": "num_layers", "num_attention_heads": "num_heads", "hidden_size": "hidden_dim"}


def write_config(config: DistilBertConfig) -> dict:
    """Return the fields of `config.json` for an equivalent DistilBERT."""
    return {
        "vocab_size": config.vocabulary_size,
        "dim": config.hidden_dim,
        "n_layers": config.num_layers,
        "n_heads": config.num_heads,
        "hidden_dim": config.intermediate_dim,
        "activation": activation_name(config.activation),
        "dropout": config.hidden_dropout,
        "attention_dropout": config.attention_dropout,
        "max_position_embeddings": config.max_sequence_length,
        "initializer_range": config.initializer_range,
        "sinusoidal_pos_embds": False,
        "pad_token_id": 0,
    }


def _weights(model: keras.Model) -> Weights:
    return encoder_weights(model, blocks="transformer.layer", block=_BLOCK)


def _rate(layer: str, model: keras.Model) -> float:
    return next((each.rate for each in model.layers if each.name == layer), 0.0)


def _heads() -> dict[str, Head]:
    heads = encoder_heads(
        classifier={"classifier_hidden": "pre_classifier", "logits": "classifier"},
        masked_lm_dense="vocab_transform",
        masked_lm_norm="vocab_layer_norm",
        masked_lm_bias="vocab_projector.bias",
    )
    # Each head has its own dropout rate.
    changes = {
        "ForSequenceClassification": {
            "read_options": lambda config: {
                "labels": labels_of(config),
                "dropout": config.rate("seq_classif_dropout", 0.2),
            },
            "write_options": lambda model: {
                **label_fields(model.labels),
                "seq_classif_dropout": _rate("classifier_dropout", model),
            },
        },
        "ForTokenClassification": {
            "read_options": lambda config: {"labels": labels_of(config), "dropout": config.rate("dropout", 0.1)},
            "write_options": lambda model: label_fields(model.labels),
        },
        "ForQuestionAnswering": {
            "read_options": lambda config: {"dropout": config.rate("qa_dropout", 0.1)},
            "write_options": lambda model: {"qa_dropout": _rate("question_answering_dropout", model)},
        },
    }
    return {name: dataclasses.replace(head, **changes.get(name, {})) for name, head in heads.items()}


FAMILY = Family(
    model_type="distilbert",
    class_prefix="DistilBert",
    read_config=read_config,
    write_config=write_config,
    build=distilbert,
    weights=_weights,
    prefix="distilbert.",
    head_names=("vocab_", "pre_classifier.", "classifier.", "qa_outputs."),
    heads=_heads(),
)
