"""RoBERTa (https://arxiv.org/abs/1907.11692) and XLM-RoBERTa (https://arxiv.org/abs/1911.02116).

The architecture is BERT's, except for Fairseq's position numbering.
"""

import dataclasses
from typing import ClassVar

import keras
from keras import ops

from kerasft.backbones.encoder import (
    EncoderConfig,
    embed_tokens,
    encode,
    encoder_inputs,
    normalize,
    pool_first_token,
)
from kerasft.backbones.position_embedding import PositionEmbedding
from kerasft.backbones.token_embedding import ClassifierForm
from kerasft.features import POOLED_OUTPUT, SEQUENCE_OUTPUT, TOKEN_IDS


@keras.saving.register_keras_serializable("kerasft")
@dataclasses.dataclass(frozen=True, kw_only=True)
class RobertaConfig(EncoderConfig):
    """Configuration of a RoBERTa model: the fields of `EncoderConfig`, `padding_id` and `pooler`.

    Args:
        padding_id: Id of the padding token. Positions start at `padding_id` + 1, so there are `max_sequence_length` +
            `padding_id` + 1 position embeddings.
        pooler: Whether there is BERT's pooler, a tanh layer for the first token. The published checkpoints have none.

    Example:

    >>> sizes = {"num_layers": 2, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 16}
    >>> RobertaConfig(vocabulary_size=100, **sizes).padding_id
    1
    """

    family: ClassVar[str] = "roberta"
    classifier_form: ClassVar[ClassifierForm] = ClassifierForm(pooling="cls", hidden_activation="tanh")
    masked_lm_activation: ClassVar[str | None] = "gelu"
    num_segments: int = 1
    layer_norm_epsilon: float = 1e-5
    padding_id: int = 1
    pooler: bool = False


@keras.saving.register_keras_serializable("kerasft")
@dataclasses.dataclass(frozen=True, kw_only=True)
class XlmRobertaConfig(RobertaConfig):
    """Configuration of an XLM-RoBERTa model; see `RobertaConfig`.

    Example:

    >>> sizes = {"num_layers": 2, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 16}
    >>> XlmRobertaConfig(vocabulary_size=100, **sizes).family
    'xlm-roberta'
    """

    family: ClassVar[str] = "xlm-roberta"


@keras.saving.register_keras_serializable("kerasft")
class RobertaPositionEmbedding(PositionEmbedding):
    """Adds a learned position embedding, with positions counted over non-padding tokens, as in Fairseq:

        position = padding_id + [token_id != padding_id] (number of ids != padding_id up to here)

    So left padding, or padding tokens within the text, do not shift positions.

    Args:
        padding_id: Id of the padding token.
        **kwargs: Arguments of `PositionEmbedding`.

    Call arguments:
        inputs: (B, S, H).
        token_ids: (B, S).

    Returns:
        (B, S, H).

    Example:

    >>> layer = RobertaPositionEmbedding(padding_id=1, max_sequence_length=8)
    >>> token_ids = keras.ops.array([[1, 5, 6, 1]])
    >>> layer.positions(token_ids).numpy().tolist()
    [[1, 2, 3, 1]]
    >>> tuple(layer(keras.ops.ones((1, 4, 2)), token_ids).shape), tuple(layer.embeddings.shape)
    ((1, 4, 2), (10, 2))
    """

    def __init__(self, *, padding_id: int, **kwargs):
        super().__init__(**kwargs)
        self.padding_id = padding_id

    def build(self, inputs_shape, token_ids_shape=None):
        """Create the weights, including those of positions up to `padding_id`, as in checkpoints."""
        shape = (self.max_sequence_length + self.padding_id + 1, inputs_shape[-1])
        self.embeddings = self.add_weight(name="embeddings", shape=shape, initializer=self.initializer)

    def positions(self, token_ids):
        """Return the position of each token, (B, S)."""
        real = ops.cast(token_ids != self.padding_id, "int32")  # (B, S)
        return ops.cumsum(real, axis=1) * real + self.padding_id

    def call(self, inputs, token_ids):
        """Return the sum (B, S, H)."""
        self.check_length(inputs.shape[1])
        return inputs + ops.take(self.embeddings, self.positions(token_ids), axis=0)

    def get_config(self) -> dict:
        """Return the layer's configuration."""
        return {**super().get_config(), "padding_id": self.padding_id}


def roberta(config: RobertaConfig, *, dtype: str | None = None, name: str = "roberta") -> keras.Model:
    """Build a randomly initialized RoBERTa or XLM-RoBERTa encoder.

    Args:
        config: Configuration.
        dtype: A Keras dtype policy for every layer; None: the global policy.
        name: Name of the model.

    Returns:
        A functional model. Inputs, a dictionary of int32 (B, S): `token_ids`, `padding_mask`, and `segment_ids` if there are at
        least two segment types. Outputs, a dictionary: `sequence_output` (B, S, H), and with a pooler `pooled_output` (B, H).

    Example:

    >>> sizes = {"num_layers": 2, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 16}
    >>> ids = keras.ops.ones((3, 5), "int32")
    >>> outputs = roberta(RobertaConfig(vocabulary_size=100, **sizes))({"token_ids": ids, "padding_mask": ids})
    >>> tuple(outputs["sequence_output"].shape)
    (3, 5, 8)
    """
    inputs = encoder_inputs(config)
    positions = RobertaPositionEmbedding(
        padding_id=config.padding_id,
        max_sequence_length=config.max_sequence_length,
        initializer=config.initializer,
        dtype=dtype,
        name="position_embedding",
    )
    embedded = positions(embed_tokens(inputs, config, dtype=dtype), inputs.features[TOKEN_IDS])  # (B, S, H)
    hidden_states = encode(normalize(embedded, config, dtype=dtype), inputs, config, dtype=dtype)  # (B, S, H)
    outputs = {SEQUENCE_OUTPUT: hidden_states}
    if config.pooler:
        outputs[POOLED_OUTPUT] = pool_first_token(hidden_states, config, dtype=dtype)  # (B, H)
    return keras.Model(inputs.features, outputs, name=name)
