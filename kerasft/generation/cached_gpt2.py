"""GPT-2 with a key/value cache."""

import keras
import tensorflow as tf
from keras import ops

from kerasft.backbones.attention import attend
from kerasft.backbones.token_embedding import config_of
from kerasft.generation.kv_cache import Memory, reserve, write


class CachedGPT2:
    """`CachedDecoder` for a `kerasft.heads.causal_lm` on GPT-2.

    Positions start at each row's first real token, so left padding has no effect.

    Args:
        model: The model, whose layers and weights are shared.
        embedding: Layer that replaces the token embedding; None: the model's own.

    Example:

    >>> from kerasft.backbones import GPT2Config, gpt2
    >>> from kerasft.heads import causal_lm
    >>> sizes = {"num_layers": 2, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 32}
    >>> decoder = CachedGPT2(causal_lm(gpt2(GPT2Config(vocabulary_size=100, **sizes))))
    >>> logits, memory, index = decoder.prefill(ops.ones((3, 5), "int32"), ops.ones((3, 5), "int32"), 4)
    >>> logits.shape, memory.written[0][0].shape, int(index)
    (TensorShape([3, 100]), TensorShape([3, 2, 9, 4]), 5)
    >>> decoder.decode(ops.ones((3,), "int32"), memory, index)[0].shape
    TensorShape([3, 100])
    """

    def __init__(self, model: keras.Model, *, embedding: keras.layers.Layer | None = None):
        self.config = config_of(model)
        self.max_length = self.config.max_sequence_length
        self._embedding = model.get_layer("token_embedding") if embedding is None else embedding
        self._positions = model.get_layer("position_embedding")
        self._bias = model.get_layer("attention_bias")
        self._blocks = [model.get_layer(f"transformer_layer_{index}") for index in range(self.config.num_layers)]
        self._norm = model.get_layer("layer_norm")
        self._logits = model.get_layer("logits")

    def prefill(self, token_ids, padding_mask, num_new):
        """Process the prompts (B, S); see `CachedDecoder`."""
        hidden_states = self._embed(token_ids, ops.cumsum(padding_mask, axis=1) - 1)  # (B, S, H)
        bias = self._bias(padding_mask)  # (B, 1, S, S)
        written = []
        for block in self._blocks:
            query, key, value = block.project(hidden_states)
            hidden_states = block.finish(hidden_states, attend(query, key, value, bias=bias))
            written.append(reserve((key, value), num_new))
        visible = tf.pad(padding_mask, [[0, 0], [0, num_new]], constant_values=1)  # (B, T)
        return self._head(hidden_states[:, -1:]), Memory(tuple(written), (visible,)), tf.shape(token_ids)[1]

    def decode(self, token_ids, memory, index):
        """Process one more token of each text (B,); see `CachedDecoder`."""
        (visible,) = memory.given
        cache_positions = ops.arange(ops.shape(visible)[1], dtype="int32")  # (T,)
        visible = visible * ops.cast(cache_positions <= index, "int32")  # (B, T)
        hidden_states = self._embed(ops.expand_dims(token_ids, 1), ops.sum(visible, axis=1, keepdims=True) - 1)
        bias = (ops.cast(visible, "float32") - 1.0) * -self.config.mask_value
        bias = ops.expand_dims(ops.expand_dims(bias, 1), 1)  # (B, 1, 1, T)
        hidden_states, written = self._through_blocks(hidden_states, memory.written, index, bias)
        return self._head(hidden_states), memory._replace(written=written)

    def extend(self, token_ids, positions, written):
        """Process the next tokens of a single text without left padding, for on-device text generation.

        Cache entries from the first of these positions on are overwritten or masked, so arbitrary tokens may follow if the
        next call starts at their position.

        Args:
            token_ids: (1, S).
            positions: Consecutive positions of these tokens, (S,).
            written: Keys and values of each block, (1, N, T, D), with T >= the last position + 1.

        Returns:
            A function that computes the logits (1, V) of the next token, and the new caches.
        """
        hidden_states = self._embed(token_ids, ops.expand_dims(positions, 0))  # (1, S, H)
        cache_positions = ops.arange(written[0][0].shape[2], dtype="int32")  # (T,)
        visible = ops.expand_dims(cache_positions, 0) <= ops.expand_dims(positions, 1)  # (S, T)
        bias = (ops.cast(visible, "float32") - 1.0) * -self.config.mask_value
        hidden_states, written = self._through_blocks(hidden_states, written, positions[0], bias)
        return (lambda: self._head(hidden_states[:, -1:])), written

    def _through_blocks(self, hidden_states, caches, index, bias):
        """Run all blocks, (B, S, H) -> (B, S, H), and write the new keys and values to the caches from `index` on."""
        written = []
        for block, cache in zip(self._blocks, caches):
            query, key, value = block.project(hidden_states)  # (B, N, S, D)
            cache = write(cache, (key, value), index)
            hidden_states = block.finish(hidden_states, attend(query, *cache, bias=bias))
            written.append(cache)
        return hidden_states, tuple(written)

    def history(self, token_ids, padding_mask):
        """Return the prompts' token ids and mask; see `CachedDecoder`."""
        return token_ids, padding_mask

    def _embed(self, token_ids, positions):
        tokens = self._embedding(token_ids)  # (B, S, H)
        positions = ops.clip(positions, 0, self.max_length - 1)  # -1 for padding before the first token
        table = ops.cast(ops.convert_to_tensor(self._positions.embeddings), tokens.dtype)
        return tokens + ops.take(table, positions, axis=0)

    def _head(self, hidden_states):
        hidden_states = self._norm(hidden_states)  # (B, 1, H)
        if self.config.tied_output:
            hidden_states = self._embedding(hidden_states, reverse=True)
        return self._logits(hidden_states)[:, 0]  # (B, V)
