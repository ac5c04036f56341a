"""Encoders and decoders as flat functional Keras models: one readable file a family."""

from kerasft.backbones.activations import gelu_tanh
from kerasft.backbones.bert import BertConfig, bert
from kerasft.backbones.gpt2 import GPT2Config, gpt2
from kerasft.backbones.position_embedding import PositionEmbedding
from kerasft.backbones.token_embedding import BackboneConfig, TokenEmbedding, config_of
from kerasft.backbones.transformer_decoder import CausalAttentionBias, TransformerDecoderLayer
from kerasft.backbones.transformer_encoder import AttentionBias, TransformerEncoderLayer

__all__ = [
    "AttentionBias",
    "BackboneConfig",
    "BertConfig",
    "CausalAttentionBias",
    "GPT2Config",
    "PositionEmbedding",
    "TokenEmbedding",
    "TransformerDecoderLayer",
    "TransformerEncoderLayer",
    "bert",
    "config_of",
    "gelu_tanh",
    "gpt2",
]
