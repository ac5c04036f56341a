"""RoBERTa and XLM-RoBERTa in Hugging Face format."""

import dataclasses
from collections.abc import Iterable

from kerasft.backbones.roberta import RobertaConfig, XlmRobertaConfig, roberta
from kerasft.checkpoints.config_file import ConfigFile
from kerasft.checkpoints.encoder import encoder_heads, encoder_weights, read_fields, write_fields
from kerasft.checkpoints.family import Family
from kerasft.errors import CheckpointError


def read_config(config: ConfigFile) -> RobertaConfig:
    """Convert the `config.json` of a checkpoint with `"model_type": "roberta"`.

    Raises:
        CheckpointError: If a field has an unsupported value.
    """
    return RobertaConfig(**_fields(config, vocab_size=50265))


def read_xlm_config(config: ConfigFile) -> XlmRobertaConfig:
    """Convert the `config.json` of a checkpoint with `"model_type": "xlm-roberta"`.

    Raises:
        CheckpointError: If a field has an unsupported value.
    """
    return XlmRobertaConfig(**_fields(config))


def _fields(config: ConfigFile, **defaults: int) -> dict:
    fields = read_fields(config, **defaults)
    padding_id = config.get(
        "pad_token_id", 1, expected="a whole number >= 0", accept=lambda x: type(x) is int and x >= 0
    )
    positions = fields["max_sequence_length"] - padding_id - 1  # the rows up to padding_id are not used for text
    if positions < 1:
        raise CheckpointError(
            f"{config.path}: field 'max_position_embeddings' must be larger than pad_token_id + 1 = {padding_id + 1}; "
            f"received: {fields['max_sequence_length']}. Copy the file again."
        )
    return {**fields, "max_sequence_length": positions, "padding_id": padding_id}


def _with_pooler(config: RobertaConfig, tensors: Iterable[str]) -> RobertaConfig:
    # Not in config.json; the published checkpoints were trained without a pooler.
    return dataclasses.replace(config, pooler=any("pooler.dense." in name for name in tensors))


def write_config(config: RobertaConfig) -> dict:
    """Return the fields of `config.json` for an equivalent RoBERTa."""
    positions = config.max_sequence_length + config.padding_id + 1
    return {**write_fields(config), "max_position_embeddings": positions, "pad_token_id": config.padding_id}


FAMILY = Family(
    model_type="roberta",
    class_prefix="Roberta",
    read_config=read_config,
    write_config=write_config,
    build=roberta,
    weights=encoder_weights,
    prefix="roberta.",
    refine=_with_pooler,
    head_names=("lm_head.", "classifier.", "qa_outputs."),
    heads=encoder_heads(
        classifier={"classifier_hidden": "classifier.dense", "logits": "classifier.out_proj"},
        masked_lm_dense="lm_head.dense",
        masked_lm_norm="lm_head.layer_norm",
        masked_lm_bias="lm_head.bias",
    ),
)
XLM_FAMILY = dataclasses.replace(
    FAMILY, model_type="xlm-roberta", class_prefix="XLMRoberta", read_config=read_xlm_config
)
# The same architecture and fields under other names.
CAMEMBERT_FAMILY = dataclasses.replace(XLM_FAMILY, model_type="camembert", class_prefix="Camembert")
DATA2VEC_FAMILY = dataclasses.replace(
    XLM_FAMILY, model_type="data2vec-text", class_prefix="Data2VecText", prefix="data2vec_text."
)
