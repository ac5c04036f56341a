"""Task heads: each extends a backbone's graph and returns a functional `keras.Model` with `model.labels`."""

from kerasft.heads.causal_lm import causal_lm
from kerasft.heads.labelled_model import LabelledModel, Logits
from kerasft.heads.pooling import MaskedMean
from kerasft.heads.text_classification import text_classifier

__all__ = ["LabelledModel", "Logits", "MaskedMean", "causal_lm", "text_classifier"]
