"""Common parts of BERT, RoBERTa, DistilBERT and ELECTRA checkpoints: fields, tensor names, heads."""

from collections.abc import Mapping

import keras

from kerasft.backbones import config_of
from kerasft.backbones.encoder import EncoderConfig
from kerasft.checkpoints.activations import ACTIVATIONS, activation_name
from kerasft.checkpoints.config_file import ConfigFile, is_rate_or_none
from kerasft.checkpoints.family import Head, Weight, Weights, dense, label_fields, labels_of, norm
from kerasft.heads import form_of, masked_lm, question_answering, text_classifier, token_classifier

DEFAULTS = {
    "vocab_size": 30522,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "hidden_size": 768,
    "intermediate_size": 3072,
    "max_position_embeddings": 512,
    "type_vocab_size": 2,
}
"""Defaults of BERT's reference implementation for sizes missing in `config.json`; other families override them."""
BLOCK = {
    "attention.self.query": "query",
    "attention.self.key": "key",
    "attention.self.value": "value",
    "attention.output.dense": "attention_output",
    "attention.output.LayerNorm": "attention_layer_norm",
    "intermediate.dense": "intermediate",
    "output.dense": "feedforward_output",
    "output.LayerNorm": "feedforward_layer_norm",
}
"""Layer names of BERT, RoBERTa and ELECTRA -> layer names of kerasft."""


def refuse_other_graphs(config: ConfigFile) -> None:
    """Raise if a field requires another architecture than a plain encoder."""
    config.only("position_embedding_type", "absolute", None)
    for field in ("is_decoder", "add_cross_attention"):
        config.only(field, False, None)
    config.only("pruned_heads", {}, None)
    config.only("quantization_config", None)
    config.only("auto_map", None)  # custom code in the checkpoint is never run


def read_fields(config: ConfigFile, **defaults: int) -> dict:
    """Convert the fields shared by BERT, RoBERTa and ELECTRA to those of `EncoderConfig`.

    Args:
        config: The `config.json`.
        **defaults: Sizes that differ from `DEFAULTS`.

    Raises:
        CheckpointError: If a field has an unsupported value.
    """
    refuse_other_graphs(config)
    sizes = {name: config.size(name, default) for name, default in {**DEFAULTS, **defaults}.items()}
    return {
        "vocabulary_size": sizes["vocab_size"],
        "num_layers": sizes["num_hidden_layers"],
        "num_heads": sizes["num_attention_heads"],
        "hidden_dim": sizes["hidden_size"],
        "intermediate_dim": sizes["intermediate_size"],
        "max_sequence_length": sizes["max_position_embeddings"],
        "num_segments": sizes["type_vocab_size"],
        "activation": config.choice("hidden_act", "gelu", choices=ACTIVATIONS),
        "hidden_dropout": config.rate("hidden_dropout_prob", 0.1),
        "attention_dropout": config.rate("attention_probs_dropout_prob", 0.1),
        "layer_norm_epsilon": config.positive("layer_norm_eps", 1e-12),
        "initializer_range": config.positive("initializer_range", 0.02),
    }


def write_fields(config: EncoderConfig) -> dict:
    """Return the fields of `config.json` shared by BERT, RoBERTa and ELECTRA."""
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


def encoder_weights(model: keras.Model, *, blocks: str = "encoder.layer", block: Mapping[str, str] = BLOCK) -> Weights:
    """Map every weight of an encoder to its tensor name without the family's prefix.

    Args:
        model: A backbone of `kerasft.backbones`, or a model created from it by `kerasft.heads`.
        blocks: The name before a block's index.
        block: The family's layer names in a block -> layer names of kerasft.
    """
    layers = {layer.name: layer for layer in model.layers}
    tables = {"token_embedding": "word", "position_embedding": "position", "segment_embedding": "token_type"}
    names = {
        f"embeddings.{theirs}_embeddings.weight": Weight(layers[ours].embeddings)
        for ours, theirs in tables.items()
        if ours in layers
    }
    names.update(norm("embeddings.LayerNorm", layers["embeddings_layer_norm"]))
    if "embeddings_projection" in layers:
        names.update(dense("embeddings_project", layers["embeddings_projection"]))
    for index in range(config_of(model).num_layers):
        for theirs, ours in block.items():
            name = f"{blocks}.{index}.{theirs}"
            layer = getattr(layers[f"transformer_layer_{index}"], ours)
            names.update(norm(name, layer) if ours.endswith("norm") else dense(name, layer))
    if "pooled_dense" in layers:
        names.update(dense("pooler.dense", layers["pooled_dense"]))
    return names


def encoder_heads(
    *, classifier: Mapping[str, str], masked_lm_dense: str, masked_lm_norm: str, masked_lm_bias: str
) -> dict[str, Head]:
    """Define the four heads that every encoder family was published with.

    Args:
        classifier: Dense layers of the text classification head: name in kerasft -> name in the checkpoint.
        masked_lm_dense: The checkpoint's name of the masked-language-modeling head's dense layer.
        masked_lm_norm: The name of its layer norm.
        masked_lm_bias: The name of its output bias; the output matrix is tied to the token embedding.
    """

    def masked_lm_weights(model: keras.Model) -> Weights:
        return {
            **dense(masked_lm_dense, model.get_layer("masked_lm_dense")),
            **norm(masked_lm_norm, model.get_layer("masked_lm_layer_norm")),
            masked_lm_bias: Weight(model.get_layer("logits").bias),
        }

    def classifier_weights(model: keras.Model) -> Weights:
        return {
            key: x for ours, theirs in classifier.items() for key, x in dense(theirs, model.get_layer(ours)).items()
        }

    pooler = ("pooler.",)  # some checkpoints contain an unused one
    return {
        "ForSequenceClassification": Head(
            task="text_classifier",
            build=text_classifier,
            weights=classifier_weights,
            read_options=read_classifier,
            write_options=write_classifier,
            misfit=_misfit,
            unused=pooler,
        ),
        "ForTokenClassification": Head(
            task="token_classifier",
            build=token_classifier,
            weights=lambda model: dense("classifier", model.get_layer("logits")),
            read_options=read_classifier,
            write_options=write_classifier,
            unused=pooler,
        ),
        "ForQuestionAnswering": Head(
            task="question_answering",
            build=question_answering,
            weights=lambda model: dense("qa_outputs", model.get_layer("logits")),
            unused=pooler,
        ),
        "ForMaskedLM": Head(
            task="masked_lm",
            build=masked_lm,
            weights=masked_lm_weights,
            read_options=_read_masked_lm,
            # The tied matrix and bias under their other names, and BERT's next-sentence prediction.
            unused=(*pooler, *_SECOND_NAMES, "cls.seq_relationship."),
        ),
    }


_SECOND_NAMES = (
    "cls.predictions.decoder.",
    "lm_head.decoder.",
    "vocab_projector.weight",
    "generator_lm_head.weight",
)


def read_classifier(config: ConfigFile) -> dict:
    """Read the labels and the dropout: `classifier_dropout`, or `hidden_dropout_prob` if it is null."""
    hidden = config.rate("hidden_dropout_prob", 0.1)
    own = config.get("classifier_dropout", None, expected="a rate in [0, 1) or null", accept=is_rate_or_none)
    return {"labels": labels_of(config), "dropout": hidden if own is None else own}


def write_classifier(model: keras.Model) -> dict:
    """Return the fields for labels and dropout."""
    return {**label_fields(model.labels), "classifier_dropout": model.get_layer("classifier_dropout").rate}


def _read_masked_lm(config: ConfigFile) -> dict:
    config.only("tie_word_embeddings", True)
    return {}


def _misfit(model: keras.Model) -> str | None:
    published = config_of(model).classifier_form
    received = form_of(model)
    if (received.pooling, received.hidden_activation) == (published.pooling, published.hidden_activation):
        return None
    return (
        "Hugging Face's class supports only the family's published head: build it with "
        f"pooling={published.pooling!r} and hidden_activation={published.hidden_activation!r}"
    )
