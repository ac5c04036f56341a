"""From logits to answers; no TensorFlow in here, so that it also runs beside a LiteRT interpreter."""

from kerasft.postprocessing.calibration import best_temperature, best_thresholds
from kerasft.postprocessing.out_of_scope import out_of_scope_scores, out_of_scope_threshold
from kerasft.postprocessing.text_classification import answers, probabilities
from kerasft.postprocessing.token_classification import decode, entities

__all__ = [
    "answers",
    "best_temperature",
    "best_thresholds",
    "decode",
    "entities",
    "out_of_scope_scores",
    "out_of_scope_threshold",
    "probabilities",
]
