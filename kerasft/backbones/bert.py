"""BERT (https://arxiv.org/abs/1810.04805) as a flat functional graph of Keras and KerasHub layers."""

import dataclasses
from typing import ClassVar

import keras

from kerasft.backbones.encoder import (
    EncoderConfig,
    add_positions,
    embed_tokens,
    encode,
    encoder_inputs,
    normalize,
    pool_first_token,
)
from kerasft.backbones.token_embedding import ClassifierForm
from kerasft.features import POOLED_OUTPUT, SEQUENCE_OUTPUT


@keras.saving.register_keras_serializable("kerasft")
@dataclasses.dataclass(frozen=True, kw_only=True)
class BertConfig(EncoderConfig):
    """Configuration of a BERT model: the fields of `EncoderConfig`; the defaults are those of the published models.

    Example:

    >>> BertConfig(vocabulary_size=100, num_layers=2, num_heads=2, hidden_dim=8, intermediate_dim=16).activation
    'gelu'
    """

    family: ClassVar[str] = "bert"
    classifier_form: ClassVar[ClassifierForm] = ClassifierForm(pooling="pooler")


def bert(config: BertConfig, *, dtype: str | None = None, name: str = "bert") -> keras.Model:
    """Build a randomly initialized BERT encoder.

    Args:
        config: Configuration.
        dtype: A Keras dtype policy for every layer, such as `"mixed_bfloat16"`; None: the global policy.
        name: Name of the model.

    Returns:
        A functional model. Inputs, a dictionary of int32 (B, S): `token_ids`, `padding_mask`, `segment_ids` (unless
        there is only one segment type). Outputs, a dictionary: `sequence_output` (B, S, H), `pooled_output` (B, H).

    Example:

    >>> config = BertConfig(vocabulary_size=100, num_layers=2, num_heads=2, hidden_dim=8, intermediate_dim=16)
    >>> ids = keras.ops.ones((3, 5), "int32")
    >>> outputs = bert(config)({"token_ids": ids, "padding_mask": ids, "segment_ids": 0 * ids})
    >>> tuple(outputs["sequence_output"].shape), tuple(outputs["pooled_output"].shape)
    ((3, 5, 8), (3, 8))
    """
    inputs = encoder_inputs(config)
    embedded = embed_tokens(inputs, config, dtype=dtype)  # (B, S, H)
    embedded = normalize(add_positions(embedded, config, dtype=dtype), config, dtype=dtype)
    hidden_states = encode(embedded, inputs, config, dtype=dtype)  # (B, S, H)
    pooled = pool_first_token(hidden_states, config, dtype=dtype)  # (B, H)
    return keras.Model(inputs.features, {SEQUENCE_OUTPUT: hidden_states, POOLED_OUTPUT: pooled}, name=name)
