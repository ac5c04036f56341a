"""Heads as users write them, for every task, on kerasft's and on KerasHub's backbones."""

import keras
import keras_hub
from keras import layers

import kerasft
from kerasft.heads import MaskedMean
from tests import tiny
from tests.heads.keras_hub_encoders import SIZES

_SIZES = {**SIZES, "vocabulary_size": len(tiny.VOCABULARY), "max_sequence_length": 32}
BACKBONES = {
    "kerasft": lambda: tiny.backbone(num_layers=1),
    "BertBackbone": lambda: keras_hub.models.BertBackbone(**_SIZES),
    "DistilBertBackbone": lambda: keras_hub.models.DistilBertBackbone(**_SIZES),
    "RobertaBackbone": lambda: keras_hub.models.RobertaBackbone(**_SIZES),
}
TAGS = ["O", "B-card", "I-card"]


def recurrent_tagger():
    """Tags by a recurrent layer in both directions, which keeps padding out by its mask."""
    backbone = tiny.backbone(num_layers=1)
    mask = keras.ops.not_equal(backbone.input["padding_mask"], 0)
    lstm = layers.Bidirectional(layers.LSTM(4, return_sequences=True))
    return keras.Model(backbone.input, layers.Dense(3)(lstm(backbone.output["sequence_output"], mask=mask)))


def states(outputs):
    """The hidden states (B, S, H) of what a backbone answers with."""
    return outputs["sequence_output"] if isinstance(outputs, dict) else outputs


def _classifier(inputs, hidden):
    pooled = layers.GlobalAveragePooling1D()(hidden, mask=inputs["padding_mask"])
    return layers.Dense(3)(layers.Dense(8, activation="relu")(layers.Dropout(0.1)(pooled)))


def _tagger(inputs, hidden):
    real = hidden * keras.ops.cast(inputs["padding_mask"], "float32")[..., None]  # no state of padding in a sum
    return layers.Dense(3)(layers.Conv1D(8, 3, padding="same")(real))


def _start_and_end(inputs, hidden):
    return {"start_logits": layers.Dense(1)(hidden), "end_logits": layers.Dense(1)(hidden)}


HEADS = {  # name -> (task, labels, outputs of inputs and hidden states)
    "classes": ("text-classification", ["bad", "good", "great"], _classifier),
    "pairs": ("text-classification", ["no", "yes"], lambda inputs, hidden: layers.Dense(2)(hidden[:, 0])),
    "several": (
        "text-classification",
        kerasft.multi_label(["toxic", "insult"]),
        lambda inputs, hidden: layers.Dense(2)(MaskedMean()(hidden, inputs["padding_mask"])),
    ),
    "numbers": (
        "text-classification",
        kerasft.regression("score"),
        lambda inputs, hidden: layers.Dense(1)(hidden[:, 0]),
    ),
    "tags": ("token-classification", TAGS, _tagger),
    "spans": ("question-answering", None, lambda inputs, hidden: layers.Dense(2)(hidden)),
    "start_and_end": ("question-answering", None, _start_and_end),
    "vectors": (
        "sentence-embedding",
        None,
        lambda inputs, hidden: layers.UnitNormalization()(
            layers.Dense(4)(MaskedMean()(hidden, inputs["padding_mask"]))
        ),
    ),
}


def own(head="classes", backbone="kerasft", *, nested=False, length=None):
    """A model with a head of the user's, its task and its labels; `nested`: the backbone is called as a layer."""
    task, labels, outputs = HEADS[head]
    body = BACKBONES[backbone]()
    if nested or length:
        inputs = {name: keras.Input((length,), dtype="int32", name=name) for name in body.input}
        hidden = states(body(inputs))
    else:
        inputs, hidden = body.input, states(body.output)
    return keras.Model(inputs, outputs(inputs, hidden)), task, labels


def classifier_ending_in(outputs):
    """A classifier whose output `outputs` makes of the first token's state (B, H)."""
    backbone = tiny.backbone(num_layers=1)
    return keras.Model(backbone.input, outputs(backbone.output["sequence_output"][:, 0]))
