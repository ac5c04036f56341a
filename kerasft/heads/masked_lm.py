"""Masked language modeling head, used to pretrain encoders."""

import keras

from kerasft.backbones.encoder import EncoderConfig
from kerasft.backbones.token_embedding import config_of
from kerasft.errors import bad_argument
from kerasft.features import SEQUENCE_OUTPUT
from kerasft.heads.logits_model import LogitsModel
from kerasft.heads.pooling import outputs_of


@keras.saving.register_keras_serializable(package="kerasft")
class OutputBias(keras.layers.Layer):
    """Adds a bias to the output of a projection with the kernel of another layer.

    Maps (..., V) to (..., V), in float32 also under mixed precision.

    Example:

    >>> OutputBias()(keras.ops.ones((1, 2))).numpy().tolist()
    [[1.0, 1.0]]
    """

    def __init__(self, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})

    def build(self, input_shape):
        """Create the bias, zeros."""
        self.bias = self.add_weight(name="bias", shape=(input_shape[-1],), initializer="zeros")

    def call(self, inputs):
        """Return the sum."""
        return inputs + self.bias


def masked_lm(backbone: keras.Model) -> keras.Model:
    """Extend a backbone's graph by logits over the vocabulary, with the family's published head:

        logits = norm(activation(W h + b)) E^T + c

    where E is the token embedding matrix (Devlin et al. 2019, arXiv:1810.04805; weight tying: Press and Wolf 2017,
    arXiv:1608.05859).

    Args:
        backbone: A kerasft encoder, as returned by `kerasft.load_pretrained`.

    Returns:
        A functional model from a dictionary of int32 tensors (B, S) to float32 logits (B, S, V).

    Raises:
        KerasftError: If it is not a kerasft encoder.

    Example:

    >>> from kerasft.demo import tiny
    >>> backbone = tiny.backbone()
    >>> masked_lm(backbone).output_shape == (None, None, backbone.get_layer("token_embedding").input_dim)
    True
    """
    config = config_of(backbone)
    if not isinstance(config, EncoderConfig):
        raise bad_argument(
            "backbone",
            "an encoder",
            backbone.name,
            "Use kerasft.heads.causal_lm or sequence_to_sequence for this backbone.",
        )
    embedding = backbone.get_layer("token_embedding")
    states = keras.layers.Dense(
        embedding.output_dim,
        activation=config.masked_lm_activation or config.activation,
        kernel_initializer=config.initializer,
        name="masked_lm_dense",
    )(outputs_of(backbone)[SEQUENCE_OUTPUT])  # (B, S, E)
    norm = keras.layers.LayerNormalization(epsilon=config.layer_norm_epsilon, name="masked_lm_layer_norm")
    logits = OutputBias(name="logits")(embedding(norm(states), reverse=True))  # (B, S, V)
    return LogitsModel(backbone.input, logits, name="masked_lm")
