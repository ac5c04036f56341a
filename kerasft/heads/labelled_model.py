"""A functional model with the labels of its outputs, which are saved in its `.keras` file."""

import keras

from kerasft.errors import bad_argument
from kerasft.features import Labels
from kerasft.heads.logits_model import LogitsModel


@keras.saving.register_keras_serializable(package="kerasft")
class Logits(keras.layers.Dense):
    """A float32 `Dense` layer without activation that stores the labels of its outputs in its configuration.

    Computed in float32 also under mixed precision: a softmax over float16 logits loses up to three digits.

    Args:
        units: Number of outputs C.
        labels: The C labels, a `Labels` or names.
        problem: Problem type, if `labels` are plain names (as in a saved configuration).
        **kwargs: Arguments of `keras.layers.Dense`.

    Example:

    >>> layer = Logits(2, labels=["negative", "positive"])
    >>> Logits.from_config(layer.get_config()).labels
    Labels(['negative', 'positive'], problem='single_label')
    """

    def __init__(self, units: int, labels: Labels | list[str], problem: str = "single_label", **kwargs):
        kwargs["dtype"] = "float32"
        super().__init__(units, **kwargs)
        self.labels = labels if isinstance(labels, Labels) else Labels(labels, problem)

    def get_config(self) -> dict:
        """Return the layer's configuration, including the labels."""
        return super().get_config() | {"labels": list(self.labels), "problem": self.labels.problem}


@keras.saving.register_keras_serializable(package="kerasft")
class LabelledModel(LogitsModel):
    """A functional `keras.Model` with the property `labels`.

    Example:

    >>> inputs = keras.Input((4,))
    >>> model = LabelledModel(inputs, Logits(2, labels=["no", "yes"], name="logits")(inputs))
    >>> list(model.labels)
    ['no', 'yes']
    """

    @property
    def labels(self) -> Labels:
        """Labels of the outputs, in order, and the problem type."""
        return self.get_layer("logits").labels


def check_dropout(dropout: float) -> None:
    """Check that a rate is in [0, 1).

    Raises:
        KerasftError: If it is not.
    """
    if not 0 <= dropout < 1:
        raise bad_argument("dropout", "a rate in [0, 1)", dropout, "0.1 is usual.")
