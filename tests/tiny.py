"""Tiny models and files that the tests share: everything is made in well under a second, without PyTorch.

tiny.bert_folder(tmp_path)                          a Hugging Face folder of a random BERT, with its tokenizer
tiny.bert_folder(tmp_path, hidden_act="relu")       the same with another field in config.json
tiny.tokenizer(), tiny.backbone()                   the objects; the backbone is a new one at each call
tiny.classifier(["negative", "positive"])           backbone + head
tiny.batch(["good film", "bad"])                    what a model reads, padded
tiny.encoder("roberta"), tiny.batch_of(model)       any of the encoder families, and what a model of it reads
"""

import numpy as np
from safetensors.numpy import save_file  # noqa: F401  tests write tensors with it

from kerasft.backbones import (
    DistilBertConfig,
    ElectraConfig,
    RobertaConfig,
    XlmRobertaConfig,
    distilbert,
    electra,
    roberta,
)
from kerasft.backbones.bert import BertConfig, bert
from kerasft.demo.tiny import (  # noqa: F401  what the tests share with the documentation's examples
    CONFIG,
    VOCABULARY,
    WORDS,
    backbone,
    batch,
    bert_tensors,
    classifier,
    tokenizer,
    tokenizer_files,
)
from kerasft.demo.tiny import checkpoint as bert_folder  # noqa: F401
from kerasft.features import PADDING_MASK, SEGMENT_IDS, TOKEN_IDS

ENCODERS = {
    "bert": (bert, BertConfig, {}),
    "roberta": (roberta, RobertaConfig, {}),
    "xlm-roberta": (roberta, XlmRobertaConfig, {}),
    "distilbert": (distilbert, DistilBertConfig, {}),
    "electra": (electra, ElectraConfig, {"embedding_dim": 6}),
}


def encoder(family: str, **config_overrides):
    """A new tiny encoder of a family (`model_type`): 2 blocks, 8 wide, 2 heads, 30 tokens, 16 positions."""
    build, kind, fields = ENCODERS[family]
    sizes = {
        "vocabulary_size": 30,
        "num_layers": 2,
        "num_heads": 2,
        "hidden_dim": 8,
        "intermediate_dim": 12,
        "max_sequence_length": 16,
        "initializer_range": 0.3,
    }
    return build(kind(**{**sizes, **fields, **config_overrides}))


def batch_of(model, *, num_rows: int = 3, length: int = 7, seed: int = 0) -> dict[str, np.ndarray]:
    """Random ids for a model's inputs: a row without padding, the others with more and more of it."""
    rng = np.random.default_rng(seed)
    mask = np.arange(length) < (length - 2 * np.arange(num_rows))[:, None]
    ids = {TOKEN_IDS: np.where(mask, rng.integers(5, 30, mask.shape), 1), PADDING_MASK: mask}
    ids[SEGMENT_IDS] = rng.integers(0, 2, mask.shape)
    return {name: ids[name].astype("int32") for name in model.input}
