"""Encoders and decoders as flat functional Keras models: one file per family."""

from kerasft.activations import gelu_tanh
from kerasft.backbones.bert import BertConfig, bert
from kerasft.backbones.distilbert import DistilBertConfig, distilbert
from kerasft.backbones.electra import ElectraConfig, electra
from kerasft.backbones.encoder import EncoderConfig
from kerasft.backbones.gpt2 import GPT2Config, gpt2
from kerasft.backbones.position_embedding import PositionEmbedding
from kerasft.backbones.relative_position import RelativeAttentionBias
from kerasft.backbones.roberta import RobertaConfig, RobertaPositionEmbedding, XlmRobertaConfig, roberta
from kerasft.backbones.t5 import MT5Config, T5Config, t5
from kerasft.backbones.t5_block import T5Block
from kerasft.backbones.t5_layers import T5Attention, T5FeedForward
from kerasft.backbones.token_embedding import BackboneConfig, ClassifierForm, TokenEmbedding, config_of, find_config
from kerasft.backbones.transformer_decoder import CausalAttentionBias, TransformerDecoderLayer
from kerasft.backbones.transformer_encoder import AttentionBias, TransformerEncoderLayer

__all__ = [
    "AttentionBias",
    "BackboneConfig",
    "BertConfig",
    "CausalAttentionBias",
    "ClassifierForm",
    "DistilBertConfig",
    "ElectraConfig",
    "EncoderConfig",
    "GPT2Config",
    "MT5Config",
    "PositionEmbedding",
    "RelativeAttentionBias",
    "RobertaConfig",
    "RobertaPositionEmbedding",
    "T5Attention",
    "T5Block",
    "T5Config",
    "T5FeedForward",
    "TokenEmbedding",
    "TransformerDecoderLayer",
    "TransformerEncoderLayer",
    "XlmRobertaConfig",
    "bert",
    "config_of",
    "distilbert",
    "electra",
    "find_config",
    "gelu_tanh",
    "gpt2",
    "roberta",
    "t5",
]
