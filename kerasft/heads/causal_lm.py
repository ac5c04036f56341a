"""Causal language modeling head: next-token logits."""

import keras

from kerasft.backbones.encoder import EncoderConfig
from kerasft.backbones.token_embedding import find_config
from kerasft.errors import bad_argument
from kerasft.features import SEQUENCE_OUTPUT
from kerasft.heads.logits_model import LogitsModel
from kerasft.heads.pooling import outputs_of


def causal_lm(backbone: keras.Model) -> keras.Model:
    """Extend a decoder's graph by next-token logits.

    The matrix is tied to the token embedding (https://arxiv.org/abs/1608.05859), or separate if the backbone's configuration
    has `tied_output=False`.

    Args:
        backbone: A functional decoder with the inputs of `kerasft.features`: kerasft's GPT-2, or one of KerasHub's.

    Returns:
        A functional model from a dictionary of int32 tensors (B, S) to float32 logits (B, S, V); the logits at a position
        predict the next token.

    Raises:
        KerasftError: If the backbone is an encoder, has no hidden states, or its token embedding cannot be tied.

    Example:

    >>> from kerasft.backbones import GPT2Config, gpt2
    >>> config = GPT2Config(vocabulary_size=100, num_layers=1, num_heads=2, hidden_dim=8, intermediate_dim=32)
    >>> causal_lm(gpt2(config)).output_shape
    (None, None, 100)
    """
    hidden_states = outputs_of(backbone)[SEQUENCE_OUTPUT]  # (B, S, H)
    config = find_config(backbone)
    if isinstance(config, EncoderConfig):
        fix = "Load a GPT-2, or create one with kerasft.checkpoints.new_gpt2."
        raise bad_argument("backbone", "a causal (left-to-right) decoder", config.family, fix)
    logits = vocabulary_logits(backbone, hidden_states)  # (B, S, V)
    return LogitsModel(backbone.input, logits, name="causal_lm")


def vocabulary_logits(backbone: keras.Model, hidden_states: keras.KerasTensor) -> keras.KerasTensor:
    """Add the projection onto the vocabulary to a backbone's graph.

    Args:
        backbone: A backbone with a layer `token_embedding`.
        hidden_states: A tensor of its graph, (B, S, H).

    Returns:
        Float32 logits (B, S, V), from a layer `logits` with a separate matrix, or without weights if tied.

    Raises:
        KerasftError: If the token embedding cannot be tied.

    Example:

    >>> from kerasft.demo import tiny
    >>> backbone = tiny.backbone()
    >>> vocabulary_logits(backbone, backbone.output["sequence_output"]).shape[:2]
    (None, None)
    """
    embedding = next((layer for layer in backbone.layers if layer.name == "token_embedding"), None)
    if not hasattr(embedding, "tie_weights"):  # Keras' and KerasHub's ReversibleEmbedding have it.
        raise bad_argument(
            "backbone",
            "a backbone with a layer 'token_embedding' that can be called with reverse=True",
            embedding,
            "Load a language model with kerasft.load_pretrained(...).",
        )
    config = getattr(embedding, "config", None)
    if getattr(config, "tied_output", True):
        # Float32 also under mixed precision, like kerasft.heads.Logits.
        return keras.layers.Activation("linear", dtype="float32", name="logits")(embedding(hidden_states, reverse=True))
    initializer = keras.initializers.RandomNormal(stddev=config.initializer_range)
    matrix = keras.layers.Dense(
        config.vocabulary_size, use_bias=False, kernel_initializer=initializer, dtype="float32", name="logits"
    )
    return matrix(hidden_states)
