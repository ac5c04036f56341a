"""T5 with a key/value cache: the encoder runs once, the decoder once per token."""

import keras
import tensorflow as tf
from keras import ops

from kerasft.backbones.attention import attend, merge_heads
from kerasft.backbones.token_embedding import config_of
from kerasft.features import ENCODER_PADDING_MASK, ENCODER_TOKEN_IDS
from kerasft.generation.kv_cache import Memory, write

START_ID = 0
"""The decoder start token of every T5: the padding id."""


class CachedT5:
    """`CachedDecoder` for a `kerasft.heads.sequence_to_sequence` on T5.

    Args:
        model: The model, whose layers and weights are shared.
        embedding: Layer that replaces the token embedding; None: the model's own.

    Example:

    >>> from kerasft.backbones import T5Config, t5
    >>> from kerasft.heads import sequence_to_sequence
    >>> sizes = {"num_layers": 1, "num_decoder_layers": 2, "num_heads": 2, "head_dim": 4, "hidden_dim": 8}
    >>> model = sequence_to_sequence(t5(T5Config(vocabulary_size=100, intermediate_dim=16, **sizes)))
    >>> logits, memory, index = CachedT5(model).prefill(ops.ones((3, 5), "int32"), ops.ones((3, 5), "int32"), 4)
    >>> logits.shape, memory.written[0][0].shape, int(index)
    (TensorShape([3, 100]), TensorShape([3, 2, 5, 4]), 1)
    """

    max_length = None

    def __init__(self, model: keras.Model, *, embedding: keras.layers.Layer | None = None):
        self.config = config_of(model)
        own = model.get_layer("token_embedding")
        sources = {name: model.input[name] for name in (ENCODER_TOKEN_IDS, ENCODER_PADDING_MASK)}
        self._encoder = keras.Model(sources, model.get_layer("encoder_output_dropout").output, name="encoder")
        if embedding is not None:
            self._encoder = keras.models.clone_model(
                self._encoder, clone_function=lambda layer: embedding if layer is own else layer
            )
        self._embedding = own if embedding is None else embedding
        self._bias = model.get_layer("decoder_attention_bias")
        self.source_bias = model.get_layer("cross_attention_bias")
        names = (f"transformer_decoder_layer_{index}" for index in range(self.config.num_decoder_layers))
        self._blocks = [model.get_layer(name) for name in names]
        self._norm = model.get_layer("decoder_layer_norm")
        self._scale = model.get_layer("output_scale") if self.config.scaled_output else None
        self._logits = model.get_layer("logits")

    def prefill(self, token_ids, padding_mask, num_new):
        """Process the sources (B, S) and the start token; see `CachedDecoder`."""
        source = self.read_source(token_ids, padding_mask)
        batch_size = ops.shape(token_ids)[0]
        shape = (batch_size, self.config.num_heads, num_new + 1, self.config.head_dim)
        empty = ops.zeros(shape, source[0].dtype)  # (B, N, T, D)
        empty = tf.ensure_shape(empty, (token_ids.shape[0], shape[1], None, shape[3]))
        memory = Memory(((empty, empty),) * len(self._blocks), (self.source_bias(padding_mask), *source))
        logits, memory = self.decode(ops.full((batch_size,), START_ID, "int32"), memory, tf.constant(0))
        return logits, memory, tf.constant(1)

    def read_source(self, token_ids, padding_mask):
        """Return the cross-attention keys and values (B, N, S, D) of the sources (B, S): two tensors per block, in order."""
        encoded = self._encoder({ENCODER_TOKEN_IDS: token_ids, ENCODER_PADDING_MASK: padding_mask})  # (B, S, H)
        return [part for block in self._blocks for part in block.cross_attention.project_memory(encoded)]

    def decode(self, token_ids, memory, index):
        """Process one more token of each text (B,); see `CachedDecoder`."""
        source_bias, *source = memory.given
        hidden_states = self._embedding(ops.expand_dims(token_ids, 1))  # (B, 1, H)
        positions = ops.arange(ops.shape(memory.written[0][0])[2], dtype="int32")  # (T,)
        bias = self._bias.between(ops.reshape(index, (1,)), positions)  # (N, 1, T)
        hidden = (1.0 - ops.cast(positions <= index, bias.dtype)) * self.config.mask_value
        bias = ops.expand_dims(bias + hidden, 0)  # (1, N, 1, T)
        written = []
        for number, (block, cache) in enumerate(zip(self._blocks, memory.written)):
            attention = block.self_attention
            normed = block.self_attention_layer_norm(hidden_states)
            cache = write(cache, attention.project_memory(normed), index)
            attended = attend(attention.project_query(normed), *cache, bias=bias)
            hidden_states = hidden_states + attention.output_projection(merge_heads(attended))
            attention = block.cross_attention
            normed = block.cross_attention_layer_norm(hidden_states)
            key_value = source[2 * number : 2 * number + 2]
            attended = attend(attention.project_query(normed), *key_value, bias=source_bias)
            hidden_states = hidden_states + attention.output_projection(merge_heads(attended))
            hidden_states = hidden_states + block.feedforward(block.feedforward_layer_norm(hidden_states))
            written.append(cache)
        return self._head(hidden_states), memory._replace(written=tuple(written))

    def history(self, token_ids, padding_mask):
        """Return the start token's ids and mask; see `CachedDecoder`."""
        start = ops.full((ops.shape(token_ids)[0], 1), START_ID, "int32")
        return start, ops.ones_like(start)

    def _head(self, hidden_states):
        hidden_states = self._norm(hidden_states)  # (B, 1, H)
        if self._scale is not None:
            hidden_states = self._scale(hidden_states)
        if self.config.tied_output:
            hidden_states = self._embedding(hidden_states, reverse=True)
        return self._logits(hidden_states)[:, 0]  # (B, V)
