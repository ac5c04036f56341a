"""Task heads: each extends a backbone's graph and returns a functional `keras.Model` with `model.labels`."""

from kerasft.heads.causal_lm import causal_lm
from kerasft.heads.intent_and_slots import IntentAndSlotsModel, intent_and_slots
from kerasft.heads.labelled_model import LabelledModel, Logits
from kerasft.heads.logits_model import LogitsModel
from kerasft.heads.masked_lm import OutputBias, masked_lm
from kerasft.heads.pooling import LastToken, MaskedMean
from kerasft.heads.question_answering import question_answering
from kerasft.heads.relation_extraction import EntityStates, relation_classifier
from kerasft.heads.sentence_embedding import sentence_embedding
from kerasft.heads.sentence_encoder import Projection, SentenceEncoder, sentence_encoder_of
from kerasft.heads.sequence_to_sequence import sequence_to_sequence
from kerasft.heads.text_classification import form_of, text_classifier
from kerasft.heads.token_classification import token_classifier

__all__ = [
    "EntityStates",
    "IntentAndSlotsModel",
    "LabelledModel",
    "LastToken",
    "Logits",
    "LogitsModel",
    "MaskedMean",
    "OutputBias",
    "Projection",
    "SentenceEncoder",
    "causal_lm",
    "form_of",
    "intent_and_slots",
    "masked_lm",
    "question_answering",
    "relation_classifier",
    "sentence_embedding",
    "sentence_encoder_of",
    "sequence_to_sequence",
    "text_classifier",
    "token_classifier",
]
