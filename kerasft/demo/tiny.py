"""A tiny BERT for the documentation's examples, built in well under a second.

Its weights are random, so its predictions are meaningless.

- `tiny.tokenizer()` and `tiny.backbone()`: the tokenizer and the backbone, as from `kerasft.load_pretrained`;
- `tiny.classifier(["negative", "positive"])`: backbone and head;
- `tiny.batch(["a good film", "bad"])`: padded model inputs;
- `tiny.checkpoint(folder)`: the backbone and its tokenizer as a Hugging Face folder;
- `tiny.reviews(file)`: a CSV file of 40 labeled texts.
"""

import csv
import functools
import json
import os
import pathlib
import string
import tempfile
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from safetensors.numpy import save_file
from transformers import PreTrainedTokenizerFast

from kerasft import tokenizers
from kerasft.backbones.bert import BertConfig, bert
from kerasft.features import PADDING_MASK, SEGMENT_IDS, TOKEN_IDS
from kerasft.heads import text_classifier
from kerasft.heads.labelled_model import LabelledModel

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
"""The tokens: they cover all printable ASCII text without `[UNK]`."""
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
"""Content of the checkpoint's `config.json`."""


@functools.cache
def tokenizer() -> PreTrainedTokenizerFast:
    """Return the tiny tokenizer: lowercasing WordPiece.

    Example:

    >>> tokenizer().tokenize("A good film!")
    ['a', 'good', 'film', '!']
    """
    with tempfile.TemporaryDirectory() as folder:
        tokenizer_files(pathlib.Path(folder))
        return tokenizers.load(folder)


def backbone(**config_overrides: Any) -> keras.Model:
    """Build a randomly initialized BERT: 2 transformer layers, hidden size 16, 2 heads, 32 positions.

    Args:
        config_overrides: Fields of `BertConfig`.

    Example:

    >>> backbone(num_layers=1).output["sequence_output"].shape
    (None, None, 16)
    """
    sizes = {
        "vocabulary_size": len(VOCABULARY),
        "num_layers": 2,
        "num_heads": 2,
        "hidden_dim": 16,
        "intermediate_dim": 32,
        "max_sequence_length": 32,
    }
    return bert(BertConfig(**{**sizes, **config_overrides}))


def classifier(
    labels: Sequence[str] = ("negative", "positive"),
    *,
    pooling: str | None = None,
    dropout: float = 0.1,
    **config_overrides: Any,
) -> LabelledModel:
    """Build a randomly initialized text classifier.

    Args:
        labels: See `kerasft.heads.text_classifier`.
        pooling: See `kerasft.heads.text_classifier`.
        dropout: Dropout rate before the output layer, in [0, 1).
        config_overrides: Fields of `BertConfig`.

    Example:

    >>> classifier().output_shape
    (None, 2)
    """
    return text_classifier(backbone(**config_overrides), labels, pooling=pooling, dropout=dropout)


def batch(texts: list[str], pairs: list[str] | None = None) -> dict[str, np.ndarray]:
    """Tokenize and pad texts or pairs of texts: a dictionary of int32 arrays (B, S).

    Example:

    >>> batch(["a good film", "bad"])["padding_mask"].tolist()
    [[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]]
    """
    encoded = tokenizer()(texts, pairs, padding=True, return_tensors="np")
    names = {"input_ids": TOKEN_IDS, "attention_mask": PADDING_MASK, "token_type_ids": SEGMENT_IDS}
    return {ours: encoded[theirs].astype("int32") for theirs, ours in names.items()}


def reviews(path: str | os.PathLike) -> str:
    """Write a CSV file of 40 texts, labeled negative or positive, and return its path.

    Example:

    >>> import kerasft
    >>> list(kerasft.data.collect_labels(reviews("tiny_reviews.csv")))
    ['negative', 'positive']
    """
    with pathlib.Path(path).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("text", "label"))
        writer.writerows([("a good film", "positive"), ("a bad film", "negative")] * 20)
    return str(path)


def checkpoint(folder: str | os.PathLike, *, prefix: str = "", seed: int = 0, **config_overrides: Any) -> pathlib.Path:
    """Write a BERT with random weights, and its tokenizer, as a Hugging Face folder; return the folder.

    Args:
        folder: Output folder; created if it does not exist.
        prefix: Prefix of the tensor names, as in a checkpoint with a head.
        seed: Random seed of the weights.
        config_overrides: Fields of `config.json`; None omits a field.

    Example:

    >>> import kerasft
    >>> loaded, _ = kerasft.load_pretrained(checkpoint("tiny_bert"))
    >>> str(loaded.checkpoint_report).splitlines()[0]
    'tiny_bert: 39 weights loaded, 0 missing, 0 unexpected, 0 reshaped'
    """
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    config = {name: value for name, value in {**CONFIG, **config_overrides}.items() if value is not None}
    (folder / "config.json").write_text(json.dumps(config))
    save_file(bert_tensors(config, prefix=prefix, seed=seed), folder / "model.safetensors")
    tokenizer_files(folder)
    return folder


def bert_tensors(config: dict, *, prefix: str = "", seed: int = 0) -> dict[str, np.ndarray]:
    """Return random weights with Hugging Face's names, large enough that each of them affects the outputs.

    Example:

    >>> bert_tensors({"hidden_size": 8}, prefix="bert.")["bert.pooler.dense.bias"].shape
    (8,)
    """
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
    """Write `tokenizer.json`, `tokenizer_config.json` and `vocab.txt`.

    Example:

    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> tokenizer_files(folder)
    >>> sorted(path.name for path in folder.iterdir())
    ['tokenizer.json', 'tokenizer_config.json', 'vocab.txt']
    """
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
