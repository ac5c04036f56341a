"""Signatures of exported generation models: static shapes, batch size 1, the KV cache as named inputs and outputs."""

from collections.abc import Callable, Sequence

import keras
import tensorflow as tf
from keras import ops

from kerasft.backbones.token_embedding import TokenEmbedding
from kerasft.export.int8_embedding import Int8Embedding
from kerasft.features import ENCODER_PADDING_MASK, ENCODER_TOKEN_IDS, LOGITS
from kerasft.generation.cached_gpt2 import CachedGPT2
from kerasft.generation.cached_t5 import CachedT5
from kerasft.generation.kv_cache import Memory

DECODE = "decode"
PREFILL = "prefill_"
ENCODE = "encode_"
TOKENS = "tokens"
INPUT_POS = "input_pos"
_LEAST = -1e30  # less than any hidden state


class ExportedTokenEmbedding(keras.layers.Layer):
    """A tied token embedding, stored once in the file: for embedding lookup and, in reverse, as the output projection.

    Args:
        layer: The trained layer.
        int8: Whether the lookup is in int8 with a scale per row: the same values as in the converter's output projection, so
            that the matrix is stored once.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        inputs: Token ids, int32 (B, S); in reverse hidden states, float32 (B, S, H).
        reverse: Whether to project hidden states to the vocabulary.

    Returns:
        (B, S, H), or (B, S, V) in reverse.

    Example:

    >>> from kerasft.backbones import GPT2Config
    >>> sizes = {"num_layers": 1, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 32}
    >>> layer = TokenEmbedding(GPT2Config(vocabulary_size=100, **sizes))
    >>> layer.build()
    >>> tuple(ExportedTokenEmbedding(layer, int8=True)(ops.ones((1, 5), "int32")).shape)
    (1, 5, 8)
    """

    def __init__(self, layer: TokenEmbedding, *, int8: bool, **kwargs):
        super().__init__(name=layer.name, **kwargs)
        self._layer = layer
        self._codes = None
        if int8:
            rows = Int8Embedding(ops.convert_to_numpy(layer.embeddings))
            # As raw bits: a float table of this size would be quantized by the converter too, per tensor.
            self._codes, self._scale_bits = rows.codes, rows.scale_bits

    def call(self, inputs, reverse=False):
        """Look tokens up, or project hidden states."""
        if reverse:
            # A no-op that keeps the converter from folding the layer norm's scale into the matrix, which would then be stored
            # twice.
            return self._layer(ops.maximum(inputs, _LEAST), reverse=True)
        if self._codes is None:
            return self._layer(inputs)
        scale = tf.bitcast(tf.gather(self._scale_bits, inputs), tf.float32)  # (B, S, 1)
        return tf.cast(tf.gather(self._codes, inputs), tf.float32) * scale


def generation_functions(
    model: keras.Model, *, prompt_lengths: Sequence[int], cache_length: int, int8: bool
) -> dict[str, Callable]:
    """Return the functions of a generation model by signature name, not yet traced.

    Args:
        model: A `kerasft.heads.causal_lm` on GPT-2, or a `kerasft.heads.sequence_to_sequence` on T5.
        prompt_lengths: S of each `prefill_S`, which writes S tokens into the cache, or `encode_S`, which encodes a source.
        cache_length: T: the cache's capacity in tokens.
        int8: Whether the token embedding is looked up in int8.

    Returns:
        Functions from a dictionary of tensors to a dictionary of tensors. GPT-2: all take `tokens` int32 (1, S), `input_pos`
        int32 (S,) and `kv_cache_k_0`, `kv_cache_v_0`, ... float32 (1, N, T, D), and return the caches; `decode` has S = 1 and
        returns `logits` (1, 1, V) too. T5: `encode_S` takes `encoder_token_ids`, `encoder_padding_mask` int32 (1, S) and returns
        `cross_cache_k_0`, `cross_cache_v_0`, ... (1, N, longest S, D); `decode` takes those, `encoder_padding_mask`
        (1, longest S), `tokens` (1, 1), `input_pos` (1,) and the caches.

    Example:

    >>> from kerasft.backbones import GPT2Config, gpt2
    >>> from kerasft.heads import causal_lm
    >>> sizes = {"num_layers": 1, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 32}
    >>> model = causal_lm(gpt2(GPT2Config(vocabulary_size=100, **sizes)))
    >>> sorted(generation_functions(model, prompt_lengths=(8, 16), cache_length=16, int8=False))
    ['decode', 'prefill_16', 'prefill_8']
    """
    embedding = ExportedTokenEmbedding(model.get_layer("token_embedding"), int8=int8)
    if model.name == "causal_lm":
        return _gpt2_functions(CachedGPT2(model, embedding=embedding), prompt_lengths, cache_length)
    return _t5_functions(CachedT5(model, embedding=embedding), prompt_lengths, cache_length)


def _gpt2_functions(decoder: CachedGPT2, lengths: Sequence[int], cache_length: int) -> dict[str, Callable]:
    config = decoder.config
    shape = (1, config.num_heads, cache_length, config.hidden_dim // config.num_heads)
    names = _pairs("kv_cache", config.num_layers)

    def build(length, with_logits):
        def step(features):
            logits, caches = decoder.extend(features[TOKENS], features[INPUT_POS], _by_block(features, names))
            outputs = dict(zip(names, _flat(caches)))
            # Separate functions: operations that no output depends on are not in the file.
            return outputs | {LOGITS: ops.expand_dims(logits(), 1)} if with_logits else outputs

        return _traceable(step, _steps(length) | dict.fromkeys(names, (shape, tf.float32)))

    return {**{f"{PREFILL}{length}": build(length, False) for length in lengths}, DECODE: build(1, True)}


def _t5_functions(decoder: CachedT5, lengths: Sequence[int], cache_length: int) -> dict[str, Callable]:
    config = decoder.config
    longest = max(lengths)
    names, cross_names = (_pairs(kind, config.num_decoder_layers) for kind in ("kv_cache", "cross_cache"))

    def encode(features):
        cross_caches = decoder.read_source(features[ENCODER_TOKEN_IDS], features[ENCODER_PADDING_MASK])
        padding = longest - features[ENCODER_TOKEN_IDS].shape[1]
        return {
            name: ops.pad(cache, [[0, 0], [0, 0], [0, padding], [0, 0]])
            for name, cache in zip(cross_names, cross_caches)
        }

    def decode(features):
        bias = decoder.source_bias(features[ENCODER_PADDING_MASK])
        memory = Memory(_by_block(features, names), (bias, *(features[name] for name in cross_names)))
        logits, memory = decoder.decode(features[TOKENS][:, 0], memory, features[INPUT_POS][0])
        return dict(zip(names, _flat(memory.written))) | {LOGITS: ops.expand_dims(logits, 1)}

    def sources(length):
        return dict.fromkeys((ENCODER_TOKEN_IDS, ENCODER_PADDING_MASK), ((1, length), tf.int32))

    def caches(names, length):
        return dict.fromkeys(names, ((1, config.num_heads, length, config.head_dim), tf.float32))

    inputs = _steps(1) | {ENCODER_PADDING_MASK: ((1, longest), tf.int32)}
    inputs |= caches(names, cache_length) | caches(cross_names, longest)
    encoders = {f"{ENCODE}{length}": _traceable(encode, sources(length)) for length in lengths}
    return {**encoders, DECODE: _traceable(decode, inputs)}


def _steps(length: int) -> dict[str, tuple]:
    return {TOKENS: ((1, length), tf.int32), INPUT_POS: ((length,), tf.int32)}


def _pairs(kind: str, num_blocks: int) -> list[str]:
    return [f"{kind}_{letter}_{index}" for index in range(num_blocks) for letter in "kv"]


def _by_block(features: dict[str, tf.Tensor], names: list[str]) -> tuple:
    caches = [features[name] for name in names]
    return tuple(zip(caches[::2], caches[1::2]))


def _flat(caches: tuple) -> list:
    return [cache for pair in caches for cache in pair]


def _traceable(function: Callable, inputs: dict[str, tuple]) -> Callable:
    specs = {name: tf.TensorSpec(shape, dtype, name=name) for name, (shape, dtype) in inputs.items()}
    return tf.function(function, input_signature=[specs], autograph=False)
