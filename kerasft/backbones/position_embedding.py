"""Learned position embedding."""

import keras
from keras import ops

from kerasft.errors import bad_argument


@keras.saving.register_keras_serializable("kerasft")
class PositionEmbedding(keras.layers.Layer):
    """Adds a learned vector to each position.

    Unlike KerasHub's layer of this name, it does not broadcast the vectors to every row of the batch, and it raises a clear error
    if a text is too long.

    Args:
        max_sequence_length: Number of positions.
        initializer: Initializer of the embeddings.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: (B, S, H).

    Returns:
        (B, S, H).

    Raises:
        KerasftError: If S is static and larger than `max_sequence_length`.

    Example:

    >>> PositionEmbedding(max_sequence_length=8, initializer="ones")(keras.ops.ones((1, 2, 3))).numpy().tolist()
    [[[2.0, 2.0, 2.0], [2.0, 2.0, 2.0]]]
    """

    def __init__(
        self, *, max_sequence_length: int, initializer: str | keras.initializers.Initializer = "uniform", **kwargs
    ):
        super().__init__(**kwargs)
        self.max_sequence_length = max_sequence_length
        self.initializer = keras.initializers.get(initializer)

    def build(self, input_shape):
        """Create the weights."""
        shape = (self.max_sequence_length, input_shape[-1])
        self.embeddings = self.add_weight(name="embeddings", shape=shape, initializer=self.initializer)

    def call(self, inputs):
        """Return the sum (B, S, H)."""
        length, hidden_dim = inputs.shape[1:]
        self.check_length(length)
        length = ops.shape(inputs)[1] if length is None else length
        table = ops.convert_to_tensor(self.embeddings)
        return inputs + ops.slice(table, (0, 0), (length, hidden_dim))  # (B, S, H) + (S, H)

    def check_length(self, length: int | None) -> None:
        """Raise an error if a static length is larger than `max_sequence_length`."""
        if length is not None and length > self.max_sequence_length:
            raise bad_argument(
                "sequence_length",
                f"at most {self.max_sequence_length}, the number of positions of this model",
                length,
                "Truncate the texts with max_length, or use a model with more positions.",
            )

    def get_config(self) -> dict:
        """Return the layer's configuration."""
        return {
            **super().get_config(),
            "max_sequence_length": self.max_sequence_length,
            "initializer": keras.initializers.serialize(self.initializer),
        }
