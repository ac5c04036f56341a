"""Tiny models and files that the tests share: everything is made in well under a second, without PyTorch.

tiny.bert_folder(tmp_path)                          a Hugging Face folder of a random BERT, with its tokenizer
tiny.bert_folder(tmp_path, hidden_act="relu")       the same with another field in config.json
tiny.tokenizer(), tiny.backbone()                   the objects; the backbone is a new one at each call
tiny.classifier(["negative", "positive"])           backbone + head
tiny.batch(["good film", "bad"])                    what a model reads, padded
tiny.encoder("roberta"), tiny.batch_of(model)       any of the encoder families, and what a model of it reads
"""

import functools
import json
import pathlib
import string
import tempfile

import numpy as np
from safetensors.numpy import save_file

from kerasft import tokenizers
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
from kerasft.features import PADDING_MASK, SEGMENT_IDS, TOKEN_IDS
from kerasft.heads import text_classifier

WORDS = (
    "a an and are as at be but by can card for good great bad poor film movie from have how i in is it lost love me "
    "money my no not of on or please pay she that the they this to very was we what when where with you ##ing ##ed"
)
VOCABULARY = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    *string.punctuation,
    *string.digits,
    *string.ascii_lowercase[1:8],
    *string.ascii_lowercase[9:],  # "a" and "i" are words
    *(f"##{character}" for character in string.ascii_lowercase + string.digits),
    *WORDS.split(),
]
CONFIG = {
    "architectures": ["BertModel"],
    "model_type": "bert",
    "vocab_size": len(VOCABULARY),
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "attention_probs_dropout_prob": 0.1,
    "max_position_embeddings": 32,
    "type_vocab_size": 2,
    "initializer_range": 0.02,
    "layer_norm_eps": 1e-12,
    "pad_token_id": 0,
    "position_embedding_type": "absolute",
}


def bert_folder(folder: pathlib.Path, *, prefix: str = "", seed: int = 0, **config_overrides) -> pathlib.Path:
    """Write a random BERT as a Hugging Face folder; an override of None leaves the field out. Returns `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    config = {name: value for name, value in {**CONFIG, **config_overrides}.items() if value is not None}
    (folder / "config.json").write_text(json.dumps(config))
    save_file(bert_tensors(config, prefix=prefix, seed=seed), folder / "model.safetensors")
    tokenizer_files(folder)
    return folder


def bert_tensors(config: dict, *, prefix: str = "", seed: int = 0) -> dict[str, np.ndarray]:
    """Random weights under Hugging Face's names, large enough that every one of them shows in the outputs."""
    rng = np.random.default_rng(seed)
    config = {**CONFIG, **config}
    hidden, intermediate = config["hidden_size"], config["intermediate_size"]
    shapes = {
        "embeddings.word_embeddings.weight": (config["vocab_size"], hidden),
        "embeddings.position_embeddings.weight": (config["max_position_embeddings"], hidden),
        "embeddings.token_type_embeddings.weight": (config["type_vocab_size"], hidden),
        **_norm("embeddings.LayerNorm", hidden),
        **_dense("pooler.dense", hidden, hidden),
    }
    for index in range(config["num_hidden_layers"]):
        layer = f"encoder.layer.{index}."
        for name in ("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"):
            shapes.update(_dense(layer + name, hidden, hidden))
        shapes.update(_dense(layer + "intermediate.dense", intermediate, hidden))
        shapes.update(_dense(layer + "output.dense", hidden, intermediate))
        shapes.update(_norm(layer + "attention.output.LayerNorm", hidden))
        shapes.update(_norm(layer + "output.LayerNorm", hidden))
    return {prefix + name: rng.normal(0, 0.3, shape).astype("float32") for name, shape in shapes.items()}


def _dense(name: str, outputs: int, inputs: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def _norm(name: str, size: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (size,), f"{name}.bias": (size,)}


def tokenizer_files(folder: pathlib.Path) -> None:
    """Write `tokenizer.json`, `tokenizer_config.json` and `vocab.txt`."""
    for name, text in _tokenizer_texts().items():
        (folder / name).write_text(text, encoding="utf-8")


@functools.cache
def _tokenizer_texts() -> dict[str, str]:
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        (folder / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n", encoding="utf-8")
        settings = {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": 32}
        (folder / "tokenizer_config.json").write_text(json.dumps(settings))
        tokenizers.save(tokenizers.load(folder), folder)
        return {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}


@functools.cache
def tokenizer():
    """The tiny tokenizer: lower-case WordPiece, any ASCII text without [UNK]."""
    with tempfile.TemporaryDirectory() as folder:
        tokenizer_files(pathlib.Path(folder))
        return tokenizers.load(folder)


def backbone(**config_overrides):
    """A new tiny random BERT: 2 blocks, 16 wide, 2 heads; overrides are fields of `BertConfig`."""
    sizes = {
        "vocabulary_size": len(VOCABULARY),
        "num_layers": 2,
        "num_heads": 2,
        "hidden_dim": 16,
        "intermediate_dim": 32,
        "max_sequence_length": 32,
    }
    return bert(BertConfig(**{**sizes, **config_overrides}))


def classifier(labels=("negative", "positive"), *, pooling=None, dropout=0.1, **config_overrides):
    """A new tiny text classifier."""
    return text_classifier(backbone(**config_overrides), labels, pooling=pooling, dropout=dropout)


def batch(texts: list[str], pairs: list[str] | None = None) -> dict[str, np.ndarray]:
    """Tokenise and pad: a dictionary of int32 (B, S)."""
    encoded = tokenizer()(texts, pairs, padding=True, return_tensors="np")
    names = {"input_ids": TOKEN_IDS, "attention_mask": PADDING_MASK, "token_type_ids": SEGMENT_IDS}
    return {ours: encoded[theirs].astype("int32") for theirs, ours in names.items()}


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
