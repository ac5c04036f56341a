"""ELECTRA (https://arxiv.org/abs/2003.10555), discriminator or generator: BERT with optionally smaller embeddings."""

import dataclasses
from typing import ClassVar

import keras

from kerasft.backbones.encoder import EncoderConfig, add_positions, embed_tokens, encode, encoder_inputs, normalize
from kerasft.backbones.token_embedding import ClassifierForm
from kerasft.features import SEQUENCE_OUTPUT


@keras.saving.register_keras_serializable("kerasft")
@dataclasses.dataclass(frozen=True, kw_only=True)
class ElectraConfig(EncoderConfig):
    """Configuration of an ELECTRA model: the fields of `EncoderConfig` and `embedding_dim`.

    Args:
        embedding_dim: E, the size of the embeddings; if it is not H, a dense layer projects them to H.

    Example:

    >>> sizes = {"num_layers": 2, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 16}
    >>> ElectraConfig(vocabulary_size=100, embedding_dim=4, **sizes).embedding_dim
    4
    """

    family: ClassVar[str] = "electra"
    classifier_form: ClassVar[ClassifierForm] = ClassifierForm(pooling="cls", hidden_activation="gelu")
    masked_lm_activation: ClassVar[str | None] = "gelu"
    embedding_dim: int


def electra(config: ElectraConfig, *, dtype: str | None = None, name: str = "electra") -> keras.Model:
    """Build a randomly initialized ELECTRA encoder.

    Args:
        config: Configuration.
        dtype: A Keras dtype policy for every layer; None: the global policy.
        name: Name of the model.

    Returns:
        A functional model. Inputs, a dictionary of int32 (B, S): `token_ids`, `padding_mask`, `segment_ids` (unless
        there is only one segment type). Output, a dictionary: `sequence_output` (B, S, H).

    Example:

    >>> sizes = {"num_layers": 2, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 16}
    >>> ids = keras.ops.ones((3, 5), "int32")
    >>> model = electra(ElectraConfig(vocabulary_size=100, embedding_dim=4, **sizes))
    >>> outputs = model({"token_ids": ids, "padding_mask": ids, "segment_ids": 0 * ids})
    >>> tuple(outputs["sequence_output"].shape)
    (3, 5, 8)
    """
    inputs = encoder_inputs(config)
    embedded = embed_tokens(inputs, config, width=config.embedding_dim, dtype=dtype)  # (B, S, E)
    embedded = normalize(add_positions(embedded, config, dtype=dtype), config, dtype=dtype)
    if config.embedding_dim != config.hidden_dim:
        embedded = keras.layers.Dense(
            config.hidden_dim, kernel_initializer=config.initializer, dtype=dtype, name="embeddings_projection"
        )(embedded)  # (B, S, H)
    hidden_states = encode(embedded, inputs, config, dtype=dtype)  # (B, S, H)
    return keras.Model(inputs.features, {SEQUENCE_OUTPUT: hidden_states}, name=name)
