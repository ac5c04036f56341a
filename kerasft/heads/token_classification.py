"""Token classification head, for example for named entities."""

from collections.abc import Iterable

import keras

from kerasft.features import SEQUENCE_OUTPUT, Labels
from kerasft.heads.initializer import head_initializer
from kerasft.heads.labelled_model import LabelledModel, Logits, check_dropout
from kerasft.heads.pooling import outputs_of


def token_classifier(backbone: keras.Model, labels: Labels | Iterable[str], *, dropout: float = 0.1) -> LabelledModel:
    """Extend a backbone's graph by dropout and a float32 linear layer for every token.

    This is the head of Devlin et al. 2019 (arXiv:1810.04805, section 5.3), used for all published families.

    Args:
        backbone: A functional encoder with the inputs of `kerasft.features`: kerasft's own or KerasHub's.
        labels: The C class names, such as `["O", "B-PER", "I-PER"]`; `kerasft.multi_label(names)` if a token can have
            several labels.
        dropout: Dropout rate in [0, 1) before the linear layer.

    Returns:
        A functional model from a dictionary of int32 tensors (B, S) to float32 logits (B, S, C), with `model.labels`.
        Padding has logits too: use `sample_weight` 0 for it.

    Raises:
        KerasftError: If an argument is invalid.

    Example:

    >>> from kerasft.demo import tiny
    >>> backbone = tiny.backbone()
    >>> model = token_classifier(backbone, ["O", "B-PER", "I-PER"])
    >>> model.output_shape, list(model.labels)
    ((None, None, 3), ['O', 'B-PER', 'I-PER'])
    """
    check_dropout(dropout)
    labels = Labels.of(labels)
    hidden_states = outputs_of(backbone)[SEQUENCE_OUTPUT]  # (B, S, H)
    dropped = keras.layers.Dropout(dropout, name="classifier_dropout")(hidden_states)  # (B, S, H)
    logits = Logits(len(labels), labels=labels, kernel_initializer=head_initializer(), name="logits")(
        dropped
    )  # (B, S, C)
    return LabelledModel(backbone.input, logits, name="token_classifier")
