"""The head for one answer a text (or pair of texts): a class, several classes at once, or real numbers."""

from collections.abc import Iterable

import keras

from kerasft.errors import bad_argument
from kerasft.features import Labels
from kerasft.heads.labelled_model import LabelledModel, Logits
from kerasft.heads.pooling import pool


def text_classifier(
    backbone: keras.Model, labels: Labels | Iterable[str], *, pooling: str | None = None, dropout: float = 0.1
) -> LabelledModel:
    """Extend a backbone's graph by pooling, dropout and a float32 linear layer.

    The backbone's layers become the model's own, so `model.get_layer("transformer_layer_3")` works, and freezing a layer
    of the one freezes it in the other.

    Args:
        backbone: A functional encoder with the inputs of `kerasft.features`: kerasft's own or KerasHub's.
        labels: Class names for one class a text; `kerasft.multi_label(names)` where several can hold at once;
            `kerasft.regression(*names)` for one real number per name.
        pooling: `"cls"`, `"pooler"`, `"mean"`, or `None` for the pooler where the backbone has one, else `"cls"`.
        dropout: Rate in [0, 1) of the dropout before the linear layer. 0.1 is BERT's.

    Returns:
        A functional model: a dictionary of int32 tensors (B, S) in, float32 logits (B, C) out, with `model.labels`.

    Raises:
        KerasftError: If an argument is not one of the above.

    Example:

    >>> inputs = {name: keras.Input((None,), dtype="int32", name=name) for name in ("token_ids", "padding_mask")}
    >>> backbone = keras.Model(inputs, keras.layers.Embedding(10, 4)(inputs["token_ids"]))
    >>> model = text_classifier(backbone, ["negative", "positive"])
    >>> model.output_shape, list(model.labels)
    ((None, 2), ['negative', 'positive'])
    """
    if not 0 <= dropout < 1:
        raise bad_argument("dropout", "a rate in [0, 1)", dropout, "0.1 is usual.")
    labels = Labels.of(labels)
    pooled = pool(backbone, pooling)  # (B, H)
    dropped = keras.layers.Dropout(dropout, name="classifier_dropout")(pooled)  # (B, H)
    initializer = keras.initializers.TruncatedNormal(stddev=0.02)  # as BERT's own head
    logits = Logits(len(labels), labels=labels, kernel_initializer=initializer, name="logits")(dropped)  # (B, C)
    return LabelledModel(backbone.input, logits, name="text_classifier")
