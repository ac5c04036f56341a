"""Extractive question answering head: start and end logits."""

import keras

from kerasft.features import SEQUENCE_OUTPUT
from kerasft.heads.initializer import head_initializer
from kerasft.heads.labelled_model import check_dropout
from kerasft.heads.logits_model import LogitsModel
from kerasft.heads.pooling import outputs_of


def question_answering(backbone: keras.Model, *, dropout: float = 0.0) -> keras.Model:
    """Extend a backbone's graph by start and end logits of each token.

    This is the head of Devlin et al. 2019 (arXiv:1810.04805, section 4.2), used for all published families.

    Args:
        backbone: A functional encoder with the inputs of `kerasft.features`: kerasft's own or KerasHub's.
        dropout: Dropout rate in [0, 1) before the linear layer. Only DistilBERT was published with dropout, 0.1.

    Returns:
        A functional model from a dictionary of int32 tensors (B, S) to float32 logits (B, S, 2); `[..., 0]` for the start,
        `[..., 1]` for the end. A softmax over tokens (without padding and question) gives probabilities.

    Raises:
        KerasftError: If an argument is invalid.

    Example:

    >>> from kerasft.demo import tiny
    >>> backbone = tiny.backbone()
    >>> question_answering(backbone).output_shape
    (None, None, 2)
    """
    check_dropout(dropout)
    hidden_states = outputs_of(backbone)[SEQUENCE_OUTPUT]  # (B, S, H)
    if dropout:
        hidden_states = keras.layers.Dropout(dropout, name="question_answering_dropout")(hidden_states)
    # Float32 also under mixed precision, like kerasft.heads.Logits.
    logits = keras.layers.Dense(2, kernel_initializer=head_initializer(), dtype="float32", name="logits")(hidden_states)
    return LogitsModel(backbone.input, logits, name="question_answering")
