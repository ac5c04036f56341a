"""Key/value cache of a decoder, in tensors of fixed size."""

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
    """Self-attention keys and values per block, T positions, filled up to the current one; each step returns new ones."""
    given: tuple[tf.Tensor, ...]
    """Constant over all steps: masks, and T5's cross-attention keys and values."""


class CachedDecoder(Protocol):
    """A language model as pure functions of tensors, without weights of its own; shapes may be static or dynamic."""

    max_length: int | None
    """Maximum number of positions; None: no limit."""

    def prefill(
        self, token_ids: tf.Tensor, padding_mask: tf.Tensor, num_new: tf.Tensor
    ) -> tuple[tf.Tensor, Memory, tf.Tensor]:
        """Process the prompts.

        Args:
            token_ids: (B, S), padded on the left.
            padding_mask: (B, S), 1 for a real token and 0 for padding.
            num_new: Maximum number of new tokens, M.

        Returns:
            Logits (B, V) of the first new token, the cache, and that token's position in it.
        """

    def decode(self, token_ids: tf.Tensor, memory: Memory, index: tf.Tensor) -> tuple[tf.Tensor, Memory]:
        """Process one more token of each text.

        Args:
            token_ids: (B,).
            memory: As returned by `prefill` or the previous step.
            index: Cache position of these tokens, a scalar.

        Returns:
            Logits (B, V) of the next token, and the updated cache.
        """

    def history(self, token_ids: tf.Tensor, padding_mask: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the token ids and mask of the texts before the first new token, each (B, H)."""


def write(cache: KeyValue, new: KeyValue, index: tf.Tensor) -> KeyValue:
    """Write the keys and values of S new tokens, (B, N, S, D), to the cache from `index` on.

    Example:

    >>> cache, new = (ops.zeros((1, 1, 3, 1)),) * 2, (ops.ones((1, 1, 1, 1)),) * 2
    >>> write(cache, new, 1)[0].numpy().ravel().tolist()
    [0.0, 1.0, 0.0]
    """
    updated = []
    for old, update in zip(cache, new):
        value = ops.slice_update(old, (0, 0, index, 0), update)
        value.set_shape(old.shape)
        updated.append(value)
    return tuple(updated)


def reserve(present: KeyValue, num_new: tf.Tensor) -> KeyValue:
    """Allocate positions for more tokens: (B, N, S, D) -> (B, N, S + M, D).

    Example:

    >>> tuple(reserve((ops.ones((1, 2, 3, 4)),) * 2, 5)[0].shape)
    (1, 2, 8, 4)
    """
    return tuple(tf.pad(part, [[0, 0], [0, 0], [0, num_new], [0, 0]]) for part in present)
