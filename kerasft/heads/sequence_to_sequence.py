"""Sequence-to-sequence head: next-token logits of the target."""

import keras

from kerasft.backbones import config_of
from kerasft.errors import bad_argument
from kerasft.features import DECODER_SEQUENCE_OUTPUT
from kerasft.heads.causal_lm import vocabulary_logits
from kerasft.heads.logits_model import LogitsModel


def sequence_to_sequence(backbone: keras.Model) -> keras.Model:
    """Extend the graph of an encoder-decoder by next-token logits of the target.

    According to the backbone's configuration, the matrix is tied to the token embedding (`tied_output`), and the hidden states
    are divided by sqrt(H) before it (`scaled_output`): T5 1.0 has both, 1.1, Flan-T5 and mT5 have neither.

    Args:
        backbone: A T5 of kerasft.

    Returns:
        A functional model from a dictionary of int32 tensors, (B, S) for the source and (B, T) for the target, to float32
        logits (B, T, V); the logits at a position predict the next token.

    Raises:
        KerasftError: If the backbone has no decoder with cross-attention.

    Example:

    >>> from kerasft.backbones import T5Config, t5
    >>> config = T5Config(vocabulary_size=100, num_layers=1, num_decoder_layers=1, num_heads=2, head_dim=4, hidden_dim=8,
    ...                   intermediate_dim=16)
    >>> sequence_to_sequence(t5(config)).output_shape
    (None, None, 100)
    """
    if not isinstance(backbone.output, dict) or DECODER_SEQUENCE_OUTPUT not in backbone.output:
        raise bad_argument(
            "backbone",
            f"an encoder-decoder with the output {DECODER_SEQUENCE_OUTPUT!r}",
            sorted(backbone.output) if isinstance(backbone.output, dict) else backbone.name,
            "Load a T5 with kerasft.load_pretrained(...).",
        )
    config = config_of(backbone)
    hidden_states = backbone.output[DECODER_SEQUENCE_OUTPUT]  # (B, T, H)
    if config.scaled_output:
        hidden_states = keras.layers.Rescaling(config.hidden_dim**-0.5, name="output_scale")(hidden_states)
    return LogitsModel(backbone.input, vocabulary_logits(backbone, hidden_states), name="sequence_to_sequence")
