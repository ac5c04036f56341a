"""Encoders as flat functional Keras models: one readable file a family."""

from kerasft.backbones.activations import gelu_tanh
from kerasft.backbones.bert import BertConfig, bert
from kerasft.backbones.position_embedding import PositionEmbedding
from kerasft.backbones.token_embedding import BackboneConfig, TokenEmbedding, config_of
from kerasft.backbones.transformer_encoder import AttentionBias, TransformerEncoderLayer

__all__ = [
    "AttentionBias",
    "BackboneConfig",
    "BertConfig",
    "PositionEmbedding",
    "TokenEmbedding",
    "TransformerEncoderLayer",
    "bert",
    "config_of",
    "gelu_tanh",
]
