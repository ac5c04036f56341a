"""ELECTRA in Hugging Face format, discriminator or generator."""

from kerasft.backbones.electra import ElectraConfig, electra
from kerasft.checkpoints.config_file import ConfigFile
from kerasft.checkpoints.encoder import encoder_heads, encoder_weights, read_fields, write_fields
from kerasft.checkpoints.family import Family


def read_config(config: ConfigFile) -> ElectraConfig:
    """Convert `config.json`; the defaults are the reference implementation's, those of ELECTRA-small.

    Raises:
        CheckpointError: If a field has an unsupported value.
    """
    fields = read_fields(config, hidden_size=256, num_attention_heads=4, intermediate_size=1024)
    return ElectraConfig(**fields, embedding_dim=config.size("embedding_size", 128))


def write_config(config: ElectraConfig) -> dict:
    """Return the fields of `config.json` for an equivalent ELECTRA."""
    return {**write_fields(config), "embedding_size": config.embedding_dim}


FAMILY = Family(
    model_type="electra",
    class_prefix="Electra",
    read_config=read_config,
    write_config=write_config,
    build=electra,
    weights=encoder_weights,
    prefix="electra.",
    head_names=("discriminator_predictions.", "generator_", "classifier.", "qa_outputs."),
    heads=encoder_heads(
        classifier={"classifier_hidden": "classifier.dense", "logits": "classifier.out_proj"},
        masked_lm_dense="generator_predictions.dense",
        masked_lm_norm="generator_predictions.LayerNorm",
        masked_lm_bias="generator_lm_head.bias",
    ),
)
