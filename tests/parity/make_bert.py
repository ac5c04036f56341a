"""Write the numbers that `test_bert.py` compares with, by the reference implementation.

Runs where PyTorch and transformers are (and needs no kerasft):

    python tests/parity/make_bert.py                        tests/parity/bert/<case>/: checkpoint + expected.npz
    python tests/parity/make_bert.py --minilm <folder>      tests/parity/minilm.npz, of the real all-MiniLM-L6-v2

Each case is saved by `save_pretrained`, so the files are as the reference writes them.
"""

import argparse
import json
import pathlib
import shutil

import numpy as np
import torch
from transformers import AutoTokenizer, BertConfig, BertForMaskedLM, BertForSequenceClassification, BertModel

HERE = pathlib.Path(__file__).parent
SIZES = {
    "vocab_size": 24,
    "hidden_size": 8,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 12,
    "max_position_embeddings": 12,
}
CASES = {
    "base": {},
    "gelu_new": {"hidden_act": "gelu_new"},
    "gelu_pytorch_tanh": {"hidden_act": "gelu_pytorch_tanh"},
    "relu": {"hidden_act": "relu"},
    "relu6": {"hidden_act": "relu6"},
    "silu": {"hidden_act": "silu"},
    "mish": {"hidden_act": "mish"},
    "tanh": {"hidden_act": "tanh"},
    "sigmoid": {"hidden_act": "sigmoid"},
    "linear": {"hidden_act": "linear"},
    "layer_norm_eps": {"layer_norm_eps": 0.03},
    "segments": {"type_vocab_size": 4},
    "one_head": {"num_attention_heads": 1},
    "positions": {"max_position_embeddings": 7},
    "wide": {"hidden_size": 12, "num_attention_heads": 3, "num_hidden_layers": 1, "intermediate_size": 5},
    "dropouts": {"hidden_dropout_prob": 0.25, "attention_probs_dropout_prob": 0.5},
    "with_classifier": {},
    "without_pooler": {},
    "sharded": {},
    "float16": {},
    "bfloat16": {},
}
CLASSES = {"with_classifier": BertForSequenceClassification, "without_pooler": BertForMaskedLM}
DTYPES = {"float16": torch.float16, "bfloat16": torch.bfloat16}
TEXTS = [
    ["a charming and often affecting journey", None],
    ["it 's slow -- very , very slow .", None],
    ["Is this café open?", "Yes, 東京 is open: 24/7 — naïve & co."],
    ["a " * 600, None],
]


def save_checkpoint(name: str, folder: pathlib.Path) -> None:
    """Save a random model whose every weight shows in its outputs."""
    torch.manual_seed(len(name))
    model = CLASSES.get(name, BertModel)(BertConfig(**{**SIZES, **CASES[name]}))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.5)
    model.to(DTYPES.get(name, torch.float32)).save_pretrained(
        folder, max_shard_size="4KB" if name == "sharded" else "1GB"
    )


def save_tokenizer(folder: pathlib.Path) -> None:
    """Save a vocabulary of the models' size."""
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(chr(ord("a") + index) for index in range(19))]
    (folder / "vocab.txt").write_text("\n".join(words) + "\n")


def inputs(config: BertConfig) -> dict[str, np.ndarray]:
    """Three rows: full, padded, and a single token, padded."""
    rng = np.random.default_rng(0)
    length = config.max_position_embeddings
    mask = np.arange(length) < np.array([[length], [length // 2], [1]])
    return {
        "input_ids": rng.integers(0, config.vocab_size, (3, length)),
        "attention_mask": mask.astype("int64"),
        "token_type_ids": rng.integers(0, config.type_vocab_size, (3, length)),
    }


def outputs(model: BertModel, features: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Run the reference in float32."""
    with torch.no_grad():
        result = model(**{name: torch.tensor(value) for name, value in features.items()})
    pooled = result.pooler_output
    return {
        "sequence_output": result.last_hidden_state.numpy(),
        "pooled_output": np.zeros(0, "float32") if pooled is None else pooled.numpy(),
    }


def make_cases() -> None:
    """Write every case; `base` also has every length from 1 to the largest."""
    for name in CASES:
        folder = HERE / "bert" / name
        shutil.rmtree(folder, ignore_errors=True)
        save_checkpoint(name, folder)
        save_tokenizer(folder)
        pooler = {"add_pooling_layer": name != "without_pooler"}
        model = BertModel.from_pretrained(folder, dtype=torch.float32, **pooler).eval()
        features = inputs(model.config)
        arrays = {**features, **outputs(model, features)}
        if name == "base":
            for length in range(1, model.config.max_position_embeddings + 1):
                part = outputs(model, {key: value[:, :length] for key, value in features.items()})
                arrays[f"sequence_output_{length}"] = part["sequence_output"]
        np.savez_compressed(folder / "expected.npz", **arrays)


def make_minilm(folder: pathlib.Path) -> None:
    """Write slices of the real model's outputs on `TEXTS`: every 7th token, every 16th unit."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = BertModel.from_pretrained(folder, dtype=torch.float32).eval()
    texts, pairs = [text for text, _ in TEXTS], [pair or "" for _, pair in TEXTS]
    arrays = {"texts": np.array(json.dumps(TEXTS))}
    for index, (text, pair) in enumerate(zip(texts, pairs, strict=True)):
        encoded = tokenizer(text, pair or None, truncation=True, max_length=512)
        features = {key: np.array([encoded[key]]) for key in ("input_ids", "attention_mask", "token_type_ids")}
        result = outputs(model, features)
        arrays[f"input_ids_{index}"] = features["input_ids"][0].astype("int32")
        arrays[f"sequence_output_{index}"] = result["sequence_output"][0, ::7, ::16]
        arrays[f"pooled_output_{index}"] = result["pooled_output"][0, ::16]
    np.savez_compressed(HERE / "minilm.npz", **arrays)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minilm", type=pathlib.Path, help="folder of the real checkpoint")
    arguments = parser.parse_args()
    if arguments.minilm:
        make_minilm(arguments.minilm)
    else:
        make_cases()
