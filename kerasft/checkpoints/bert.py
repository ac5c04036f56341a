"""BERT in Hugging Face format: mapping of `config.json` and weights."""

import dataclasses

from kerasft.backbones.bert import BertConfig, bert
from kerasft.checkpoints.config_file import ConfigFile
from kerasft.checkpoints.encoder import encoder_heads, encoder_weights, read_fields, write_fields
from kerasft.checkpoints.family import Family


def read_config(config: ConfigFile) -> BertConfig:
    """Convert `config.json`; the defaults are the reference implementation's.

    Args:
        config: The config of a checkpoint with `"model_type": "bert"`.

    Returns:
        The equivalent backbone configuration.

    Raises:
        CheckpointError: If a field has an unsupported value.
    """
    return BertConfig(**read_fields(config))


def read_ernie_config(config: ConfigFile) -> BertConfig:
    """Convert the `config.json` of a checkpoint with `"model_type": "ernie"`: a BERT, if it has no task ids.

    Raises:
        CheckpointError: If a field has an unsupported value.
    """
    config.only("use_task_id", False)
    config.only("task_type_vocab_size", *range(100))  # has no effect without use_task_id
    return read_config(config)


FAMILY = Family(
    model_type="bert",
    class_prefix="Bert",
    read_config=read_config,
    write_config=write_fields,
    build=bert,
    weights=encoder_weights,
    prefix="bert.",
    optional=("pooler.",),  # checkpoints trained without next-sentence prediction have none
    head_names=("cls.", "classifier.", "qa_outputs."),
    heads=encoder_heads(
        classifier={"logits": "classifier"},
        masked_lm_dense="cls.predictions.transform.dense",
        masked_lm_norm="cls.predictions.transform.LayerNorm",
        masked_lm_bias="cls.predictions.bias",
    ),
)
ERNIE_FAMILY = dataclasses.replace(
    FAMILY, model_type="ernie", class_prefix="Ernie", prefix="ernie.", read_config=read_ernie_config
)
