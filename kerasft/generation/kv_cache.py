"""What a decoder remembers between two tokens: the keys and values of everything before, in tensors of fixed size."""

from typing import NamedTuple, Protocol

import tensorflow as tf
from keras import ops

KeyValue = tuple[tf.Tensor, tf.Tensor]
"""Keys and values of one block, each (B, N, T, D)."""


class Memory(NamedTuple):
    """The cache of a decoder.

    Example:

    >>> Memory(written=(), given=()).given
    ()
    """

    written: tuple[KeyValue, ...]
    """Of each block's self-attention, T places, filled up to the present one; the next step returns new ones."""
    given: tuple[tf.Tensor, ...]
    """What no step changes: masks, and T5's keys and values of the source."""


class CachedDecoder(Protocol):
    """A language model in two pure functions of tensors, which own no weights; shapes may be static or not."""

    max_length: int | None
    """Number of positions; None: there is no limit."""

    def prefill(
        self, token_ids: tf.Tensor, padding_mask: tf.Tensor, num_new: tf.Tensor
    ) -> tuple[tf.Tensor, Memory, tf.Tensor]:
        """Read the prompts.

        Args:
            token_ids: (B, S), padded on the left.
            padding_mask: (B, S), 1 for a real token and 0 for padding.
            num_new: How many tokens may follow, M.

        Returns:
            Logits (B, V) of the first new token, the memory, and the place in it where that token goes.
        """

    def decode(self, token_ids: tf.Tensor, memory: Memory, index: tf.Tensor) -> tuple[tf.Tensor, Memory]:
        """Read one more token of each text.

        Args:
            token_ids: (B,).
            memory: As `prefill` or the last step returned it.
            index: Place of these tokens in the memory, a scalar.

        Returns:
            Logits (B, V) of the token after, and the memory with this one.
        """

    def history(self, token_ids: tf.Tensor, padding_mask: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return what the texts consist of before the first new token, and which of it is real, each (B, H)."""


def write(cache: KeyValue, new: KeyValue, index: tf.Tensor) -> KeyValue:
    """Put the keys and values of one token, or of S, (B, N, S, D), in their place.

    Example:

    >>> cache, new = (ops.zeros((1, 1, 3, 1)),) * 2, (ops.ones((1, 1, 1, 1)),) * 2
    >>> write(cache, new, 1)[0].numpy().ravel().tolist()
    [0.0, 1.0, 0.0]
    """
    updated = []
    for old, one in zip(cache, new):
        value = ops.slice_update(old, (0, 0, index, 0), one)
        value.set_shape(old.shape)
        updated.append(value)
    return tuple(updated)


def reserve(present: KeyValue, num_new: tf.Tensor) -> KeyValue:
    """Make room for more tokens: (B, N, S, D) -> (B, N, S + M, D).

    Example:

    >>> tuple(reserve((ops.ones((1, 2, 3, 4)),) * 2, 5)[0].shape)
    (1, 2, 8, 4)
    """
    return tuple(tf.pad(part, [[0, 0], [0, 0], [0, num_new], [0, 0]]) for part in present)
