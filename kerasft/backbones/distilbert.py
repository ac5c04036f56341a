"""DistilBERT (https://arxiv.org/abs/1910.01108): BERT without segments and without a pooler."""

import dataclasses
from typing import ClassVar

import keras

from kerasft.backbones.encoder import EncoderConfig, add_positions, embed_tokens, encode, encoder_inputs, normalize
from kerasft.backbones.token_embedding import ClassifierForm
from kerasft.errors import bad_argument
from kerasft.features import SEQUENCE_OUTPUT


@keras.saving.register_keras_serializable("kerasft")
@dataclasses.dataclass(frozen=True, kw_only=True)
class DistilBertConfig(EncoderConfig):
    """Configuration of a DistilBERT model: the fields of `EncoderConfig`, without segments.

    Example:

    >>> sizes = {"num_layers": 2, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 16}
    >>> DistilBertConfig(vocabulary_size=100, **sizes).num_segments
    0
    """

    family: ClassVar[str] = "distilbert"
    classifier_form: ClassVar[ClassifierForm] = ClassifierForm(
        pooling="cls", hidden_activation="relu", hidden_dropout=False
    )
    num_segments: int = 0


def distilbert(config: DistilBertConfig, *, dtype: str | None = None, name: str = "distilbert") -> keras.Model:
    """Build a randomly initialized DistilBERT encoder.

    Args:
        config: Configuration.
        dtype: A Keras dtype policy for every layer; None: the global policy.
        name: Name of the model.

    Returns:
        A functional model. Inputs, a dictionary of int32 (B, S): `token_ids`, `padding_mask`. Output, a dictionary:
        `sequence_output` (B, S, H).

    Raises:
        KerasftError: If the configuration has segments.

    Example:

    >>> sizes = {"num_layers": 2, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 16}
    >>> ids = keras.ops.ones((3, 5), "int32")
    >>> outputs = distilbert(DistilBertConfig(vocabulary_size=100, **sizes))({"token_ids": ids, "padding_mask": ids})
    >>> tuple(outputs["sequence_output"].shape)
    (3, 5, 8)
    """
    if config.num_segments:
        raise bad_argument("num_segments", "0, since DistilBERT has no segments", config.num_segments, "Omit it.")
    inputs = encoder_inputs(config)
    embedded = add_positions(embed_tokens(inputs, config, dtype=dtype), config, dtype=dtype)  # (B, S, H)
    hidden_states = encode(normalize(embedded, config, dtype=dtype), inputs, config, dtype=dtype)  # (B, S, H)
    return keras.Model(inputs.features, {SEQUENCE_OUTPUT: hidden_states}, name=name)
