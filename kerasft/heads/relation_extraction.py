"""Relation extraction head, for two marked entities of a text."""

from collections.abc import Iterable, Sequence

import keras

from kerasft.errors import bad_argument
from kerasft.features import SEQUENCE_OUTPUT, TOKEN_IDS, Labels
from kerasft.heads.initializer import head_initializer
from kerasft.heads.labelled_model import LabelledModel, Logits, check_dropout
from kerasft.heads.pooling import outputs_of

POOLINGS = ("start", "mean")


@keras.saving.register_keras_serializable(package="kerasft")
class EntityStates(keras.layers.Layer):
    """Concatenated representations of the two marked entities of a text; the markers are found by their ids.

    Maps `(hidden_states, token_ids)` of shapes (B, S, H) and (B, S) to (B, 2 H). An entity without markers gives zeros, an
    entity with several markers the mean. Sums are computed in float32, also under mixed precision.

    Args:
        markers: Ids of the four markers, in order: start and end of the first entity, start and end of the second.
        pooling: `"start"`: hidden states of the start markers, the "entity start" of
            [Baldini Soares et al., 2019](https://arxiv.org/abs/1906.03158), section 3.2, best in the paper. `"mean"`: the mean
            of the tokens between the markers.
        **kwargs: Arguments of `keras.layers.Layer`.

    Example:

    >>> import numpy as np
    >>> states = np.array([[[1.0], [2.0], [3.0], [4.0], [5.0], [6.0]]])
    >>> ids = np.array([[91, 7, 92, 93, 8, 94]])
    >>> EntityStates([91, 92, 93, 94])(states, ids).numpy().tolist()
    [[1.0, 4.0]]
    >>> EntityStates([91, 92, 93, 94], pooling="mean")(states, ids).numpy().tolist()
    [[2.0, 5.0]]
    """

    def __init__(self, markers: Sequence[int], pooling: str = "start", **kwargs):
        super().__init__(**kwargs)
        self.markers = [int(marker) for marker in markers]
        self.pooling = pooling

    def call(self, hidden_states, token_ids):
        """Average the selected hidden states of each entity."""
        hidden_states = keras.ops.cast(hidden_states, "float32")
        pooled = []
        for start, end in (self.markers[:2], self.markers[2:]):
            chosen = keras.ops.expand_dims(self._chosen(token_ids, start, end), -1)  # (B, S, 1)
            count = keras.ops.maximum(keras.ops.sum(chosen, axis=1), 1.0)  # (B, 1)
            pooled.append(keras.ops.sum(hidden_states * chosen, axis=1) / count)  # (B, H)
        return keras.ops.cast(keras.ops.concatenate(pooled, axis=-1), self.compute_dtype)  # (B, 2 H)

    def _chosen(self, token_ids, start: int, end: int):
        """Return 1 for the selected tokens, otherwise 0, float32, (B, S)."""
        starts = keras.ops.cast(keras.ops.equal(token_ids, start), "float32")
        if self.pooling == "start":
            return starts
        ends = keras.ops.cast(keras.ops.equal(token_ids, end), "float32")
        inside = keras.ops.cumsum(starts, axis=1) - keras.ops.cumsum(ends, axis=1)  # 1 from the start to before the end
        others = keras.ops.zeros_like(starts)  # markers inside belong to the other entity: exclude them
        for marker in self.markers:
            others += keras.ops.cast(keras.ops.equal(token_ids, marker), "float32")
        return keras.ops.clip(inside, 0.0, 1.0) * (1.0 - others)

    def get_config(self) -> dict:
        """Return the layer's configuration, including the marker ids."""
        return super().get_config() | {"markers": self.markers, "pooling": self.pooling}


def relation_classifier(
    backbone: keras.Model,
    labels: Labels | Iterable[str],
    *,
    markers: Sequence[int],
    pooling: str = "start",
    dropout: float = 0.1,
) -> LabelledModel:
    """Extend a backbone's graph by the entity representations, dropout and a float32 linear layer.

    "Entity markers, entity start" of Baldini Soares et al., 2019 ([arXiv:1906.03158](https://arxiv.org/abs/1906.03158),
    section 3.2). The graph finds the markers in `token_ids`, so the model has the same inputs as the backbone.

    Args:
        backbone: A functional encoder with the inputs of `kerasft.features`, whose vocabulary has the markers.
        labels: The C relations, such as `["works_for", "no_relation"]`.
        markers: The ids of the four markers, `kerasft.data.marker_ids(tokenizer)`.
        pooling: `"start"`: hidden states of the start markers. `"mean"`: the mean over the tokens of each entity.
        dropout: Dropout rate in [0, 1) before the linear layer.

    Returns:
        A functional model from a dictionary of int32 tensors (B, S) to float32 logits (B, C), with `model.labels`.

    Raises:
        KerasftError: If an argument is invalid.

    Example:

    >>> from kerasft.demo import tiny
    >>> backbone = tiny.backbone()
    >>> model = relation_classifier(backbone, ["works_for", "no_relation"], markers=[5, 6, 7, 8])
    >>> model.output_shape, list(model.labels)
    ((None, 2), ['works_for', 'no_relation'])
    """
    check_dropout(dropout)
    labels = Labels.of(labels)
    if pooling not in POOLINGS:
        raise bad_argument("pooling", f"one of {POOLINGS}", pooling, "Choose one of them.")
    markers = list(markers)
    if len(set(markers)) != 4 or any(isinstance(marker, bool) or marker != int(marker) for marker in markers):
        raise bad_argument("markers", "four different ids", markers, "Use kerasft.data.marker_ids(tokenizer).")
    hidden_states = outputs_of(backbone)[SEQUENCE_OUTPUT]  # (B, S, H)
    pooled = EntityStates(markers, pooling, name="entity_states")(hidden_states, backbone.input[TOKEN_IDS])  # (B, 2 H)
    dropped = keras.layers.Dropout(dropout, name="classifier_dropout")(pooled)  # (B, 2 H)
    logits = Logits(len(labels), labels=labels, kernel_initializer=head_initializer(), name="logits")(dropped)  # (B, C)
    return LabelledModel(backbone.input, logits, name="relation_classifier")
