"""Joint intent classification and slot filling head."""

from collections.abc import Iterable

import keras

from kerasft.features import SEQUENCE_OUTPUT, Labels
from kerasft.heads.initializer import head_initializer
from kerasft.heads.labelled_model import LabelledModel, Logits, check_dropout
from kerasft.heads.pooling import outputs_of, pool

INTENT_LOGITS = "intent_logits"
SLOT_LOGITS = "slot_logits"


@keras.saving.register_keras_serializable(package="kerasft")
class IntentAndSlotsModel(LabelledModel):
    """A functional `keras.Model` with two outputs and their labels.

    Example:

    >>> inputs = keras.Input((3, 4))
    >>> outputs = {
    ...     INTENT_LOGITS: Logits(2, labels=["play", "book"], name=INTENT_LOGITS)(inputs[:, 0]),
    ...     SLOT_LOGITS: Logits(2, labels=["O", "B-genre"], name=SLOT_LOGITS)(inputs),
    ... }
    >>> model = IntentAndSlotsModel(inputs, outputs)
    >>> list(model.labels), list(model.intents)
    (['O', 'B-genre'], ['play', 'book'])
    """

    @property
    def labels(self) -> Labels:
        """The slot tags, in the order of `slot_logits`."""
        return self.get_layer(SLOT_LOGITS).labels

    @property
    def intents(self) -> Labels:
        """The intents, in the order of `intent_logits`."""
        return self.get_layer(INTENT_LOGITS).labels

    @property
    def bundle_settings(self) -> dict:
        """Entries of a bundle's `settings` for the intents, also used by exports."""
        return {"intents": list(self.intents)}


def intent_and_slots(
    backbone: keras.Model, intents: Labels | Iterable[str], slots: Labels | Iterable[str], *, dropout: float = 0.1
) -> IntentAndSlotsModel:
    """Extend a backbone's graph by two float32 linear layers: one for the pooled text, one for every token.

    Chen et al. 2019, "BERT for Joint Intent Classification and Slot Filling", arXiv:1902.10909, without the CRF. The
    text is represented by the output of the pooler if the backbone has one, otherwise by the first token.

    Args:
        backbone: A functional encoder with the inputs of `kerasft.features`: kerasft's own or KerasHub's.
        intents: The C1 intents.
        slots: The C2 slot tags, from `kerasft.data.collect_tags`: O, B-artist, ...
        dropout: Dropout rate in [0, 1) before both linear layers.

    Returns:
        A functional model from a dictionary of int32 tensors (B, S) to a dictionary of float32 logits: `intent_logits`
        (B, C1) and `slot_logits` (B, S, C2). `model.intents` and `model.labels` are their labels. `compile` takes
        losses and metrics by these names.

    Raises:
        KerasftError: If an argument is invalid.

    Example:

    >>> from kerasft.demo import tiny
    >>> backbone = tiny.backbone()
    >>> model = intent_and_slots(backbone, ["PlayMusic", "BookRestaurant"], ["O", "B-artist", "I-artist"])
    >>> {name: output.shape for name, output in model.output.items()}
    {'intent_logits': (None, 2), 'slot_logits': (None, None, 3)}
    """
    check_dropout(dropout)
    hidden_states = outputs_of(backbone)[SEQUENCE_OUTPUT]  # (B, S, H)
    outputs = {}
    for name, states, labels in ((INTENT_LOGITS, pool(backbone), intents), (SLOT_LOGITS, hidden_states, slots)):
        labels = Labels.of(labels)
        dropped = keras.layers.Dropout(dropout, name=name.replace("logits", "dropout"))(states)
        outputs[name] = Logits(len(labels), labels=labels, kernel_initializer=head_initializer(), name=name)(dropped)
    return IntentAndSlotsModel(backbone.input, outputs, name="intent_and_slots")  # (B, C1), (B, S, C2)
