"""From logits to answers; no TensorFlow in here, so that it also runs beside a LiteRT interpreter."""

from kerasft.postprocessing.text_classification import answers, probabilities

__all__ = ["answers", "probabilities"]
