"""Write the numbers that `test_encoders.py` and `test_training.py` compare with, by the reference implementation.

Runs where PyTorch and transformers are (and needs no kerasft):

    python tests/parity/make_encoders.py        tests/parity/encoders/<family>/<case>/: checkpoint, tokenizer, arrays

`expected.npz` holds the outputs for three rows (full, padded, one token) and, as `<output>_<length>`, for these rows cut at
every length; `training.npz` ten AdamW steps. Each checkpoint is saved by `save_pretrained`, as the reference writes them.
"""

import json
import pathlib
import shutil

import numpy as np
import tokenizers
import torch
import transformers
from make_bert import SIZES, save_tokenizer
from tokenizers.processors import RobertaProcessing

HERE = pathlib.Path(__file__).parent
DISTILBERT = {"vocab_size": 24, "dim": 8, "n_layers": 2, "n_heads": 2, "hidden_dim": 12, "max_position_embeddings": 12}
ROBERTA = {**SIZES, "max_position_embeddings": 14, "type_vocab_size": 1, "layer_norm_eps": 1e-5}
BASES = {
    "bert": ("Bert", SIZES),
    "roberta": ("Roberta", ROBERTA),
    "xlm-roberta": ("XLMRoberta", ROBERTA),
    "distilbert": ("DistilBert", DISTILBERT),
    "electra": ("Electra", {**SIZES, "embedding_size": 6}),
}
VARIANTS = {
    "bert": {},
    "roberta": {
        "gelu_new": {"hidden_act": "gelu_new"},
        "relu": {"hidden_act": "relu"},
        "layer_norm_eps": {"layer_norm_eps": 0.03},
        "segments": {"type_vocab_size": 3},
        "padding_id": {"pad_token_id": 4},
        "padding_id_0": {"pad_token_id": 0},
        "positions": {"max_position_embeddings": 9},
        "one_head": {"num_attention_heads": 1},
        "dropouts": {"hidden_dropout_prob": 0.25, "attention_probs_dropout_prob": 0.5},
    },
    "xlm-roberta": {"segments": {"type_vocab_size": 2}},
    "distilbert": {
        "gelu_new": {"activation": "gelu_new"},
        "relu": {"activation": "relu"},
        "sinusoidal": {"sinusoidal_pos_embds": True},
        "positions": {"max_position_embeddings": 7},
        "one_head": {"n_heads": 1},
        "dropouts": {"dropout": 0.25, "attention_dropout": 0.5, "seq_classif_dropout": 0.4, "qa_dropout": 0.3},
    },
    "electra": {
        "same_width": {"embedding_size": 8},
        "gelu_new": {"hidden_act": "gelu_new"},
        "relu": {"hidden_act": "relu"},
        "layer_norm_eps": {"layer_norm_eps": 0.03},
        "segments": {"type_vocab_size": 1},
        "positions": {"max_position_embeddings": 7},
        "dropouts": {"hidden_dropout_prob": 0.25, "attention_probs_dropout_prob": 0.5},
    },
}
LABELS = {"id2label": {0: "O", 1: "B-PER", 2: "I-PER"}, "label2id": {"O": 0, "B-PER": 1, "I-PER": 2}}
HEADS = {
    "ForSequenceClassification": LABELS,
    "ForTokenClassification": LABELS,
    "ForQuestionAnswering": {},
    "ForMaskedLM": {},
}
MORE_HEADS = {
    ("bert", "multi_label"): ("ForSequenceClassification", {**LABELS, "problem_type": "multi_label_classification"}),
    ("roberta", "regression"): ("ForSequenceClassification", {"num_labels": 1}),
    ("roberta", "relu_masked_lm"): ("ForMaskedLM", {"hidden_act": "relu"}),
    ("electra", "relu_classifier"): ("ForSequenceClassification", {"hidden_act": "relu", **LABELS}),
    ("electra", "ForPreTraining"): ("ForPreTraining", {}),
    ("distilbert", "relu_masked_lm"): ("ForMaskedLM", {"activation": "relu"}),
}
TRAINED = [
    ("bert", "ForSequenceClassification"),
    ("bert", "ForMaskedLM"),
    ("roberta", "ForSequenceClassification"),
    ("roberta", "ForTokenClassification"),
    ("distilbert", "ForSequenceClassification"),
    ("electra", "ForSequenceClassification"),
]
STEPS, RATE, WEIGHT_DECAY, CLIPNORM = 10, 0.01, 0.1, 1.0


def cases():
    """Yield (family, case, suffix of the class, fields of the config)."""
    for family, (_, sizes) in BASES.items():
        for name, fields in {"base": {}, **VARIANTS[family]}.items():
            if family != "bert":  # those are of make_bert.py
                yield family, name, "Model", {**sizes, **fields}
        for suffix, fields in HEADS.items():
            yield family, suffix, suffix, {**sizes, **fields}
    for (family, name), (suffix, fields) in MORE_HEADS.items():
        yield family, name, suffix, {**BASES[family][1], **fields}


def reference_class(family, suffix):
    return getattr(transformers, BASES[family][0] + suffix)


def save_checkpoint(family, suffix, fields, folder):
    """Save a random model whose every weight shows in its outputs, and its tokenizer."""
    torch.manual_seed(len(str(folder.relative_to(HERE))))
    config = getattr(transformers, BASES[family][0] + "Config")(**fields)
    model = reference_class(family, suffix)(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.5)
    model.save_pretrained(folder)
    if "roberta" in family:
        save_byte_level_tokenizer(folder, config)
    else:
        save_tokenizer(folder)


def save_byte_level_tokenizer(folder, config):
    """Save a byte-level BPE of letters, without merges; the padding token has the config's id."""
    special = ["<s>", "<unk>", "</s>", "<mask>"]
    special.insert(config.pad_token_id, "<pad>")
    words = [*special, *(chr(ord("a") + index) for index in range(config.vocab_size - 5))]
    vocabulary = {word: index for index, word in enumerate(words)}
    rust = tokenizers.Tokenizer(tokenizers.models.BPE(vocabulary, merges=[], unk_token="<unk>"))
    rust.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    rust.decoder = tokenizers.decoders.ByteLevel()
    rust.post_processor = RobertaProcessing(("</s>", vocabulary["</s>"]), ("<s>", vocabulary["<s>"]))
    rust.add_special_tokens(special)
    rust.save(str(folder / "tokenizer.json"), pretty=False)
    names = {"unk": "<unk>", "pad": "<pad>", "mask": "<mask>", "cls": "<s>", "sep": "</s>", "bos": "<s>", "eos": "</s>"}
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_input_names": ["input_ids", "attention_mask"],
        **{f"{name}_token": word for name, word in names.items()},
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))


def padding_id(config):
    return 0 if config.pad_token_id is None else config.pad_token_id


def longest(config):
    offset = padding_id(config) + 1 if "roberta" in config.model_type else 0
    return config.max_position_embeddings - offset


def inputs(config, mask, seed=0):
    """Draw ids for a mask (B, S); padding has the padding's id, and no other token has."""
    rng = np.random.default_rng(seed)
    ids = rng.integers(5, config.vocab_size, mask.shape)
    features = {"input_ids": np.where(mask, ids, padding_id(config)), "attention_mask": mask.astype("int64")}
    if getattr(config, "type_vocab_size", 0) > 1:
        features["token_type_ids"] = rng.integers(0, config.type_vocab_size, mask.shape)
    return features


def outputs(model, features):
    """Run the reference in float32 and return what it has of hidden states, pooled output and logits."""
    with torch.no_grad():
        result = model(**{name: torch.tensor(value) for name, value in features.items()})
    found = {
        "sequence_output": result.get("last_hidden_state"),
        "pooled_output": result.get("pooler_output"),
        "logits": result.get("logits"),
    }
    if "start_logits" in result:
        found["logits"] = torch.stack([result.start_logits, result.end_logits], dim=-1)
    return {name: value.numpy() for name, value in found.items() if value is not None}


def save_expected(family, suffix, folder):
    suffix = "Model" if suffix == "ForPreTraining" else suffix  # kerasft reads its encoder
    model = reference_class(family, suffix).from_pretrained(folder, dtype=torch.float32).eval()
    length = longest(model.config)
    features = inputs(model.config, np.arange(length) < np.array([[length], [length // 2], [1]]))
    arrays = {**features, **outputs(model, features)}
    if folder.name in ("base", *HEADS):
        for cut in range(1, length):
            part = outputs(model, {name: value[:, :cut] for name, value in features.items()})
            arrays.update({f"{name}_{cut}": value for name, value in part.items()})
    if folder.name in ("base", "padding_id"):  # padding on the left, and a padding token amid the text
        mask = np.arange(length) >= np.array([[2], [length - 1], [0]])
        odd = inputs(model.config, mask, seed=1)
        odd["input_ids"][2, 3] = padding_id(model.config)
        states = outputs(model, odd)["sequence_output"]
        arrays.update({f"odd_{name}": value for name, value in {**odd, "sequence_output": states}.items()})
    np.savez_compressed(folder / "expected.npz", **arrays)


def targets(suffix, features, config, rng):
    """Draw labels; -100 where none counts."""
    if suffix == "ForSequenceClassification":
        return rng.integers(0, 3, len(features["input_ids"]))
    classes = 3 if suffix == "ForTokenClassification" else config.vocab_size
    labels = rng.integers(0, classes, features["input_ids"].shape)
    counted = (features["attention_mask"] == 1) & (rng.random(labels.shape) < 0.7)
    counted[:, 0] = True
    return np.where(counted, labels, -100)


def save_training(family, suffix, folder):
    """Train without dropout by the reference's optimizer: the losses, and the first step's gradients by tensor's name."""
    torch.manual_seed(0)
    model = reference_class(family, suffix).from_pretrained(folder, dtype=torch.float32).eval()
    parameters = dict(model.named_parameters())
    groups = [
        {"params": [p for p in parameters.values() if p.ndim > 1], "weight_decay": WEIGHT_DECAY},
        {"params": [p for p in parameters.values() if p.ndim <= 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=RATE, betas=(0.9, 0.999), eps=1e-8)
    rng = np.random.default_rng(0)
    arrays, losses = {}, []
    for step in range(STEPS):
        mask = np.arange(9) < rng.integers(3, 10, (4, 1))
        features = inputs(model.config, mask, seed=100 + step)
        labels = targets(suffix, features, model.config, rng)
        arrays.update({f"{name}_{step}": value for name, value in {**features, "labels": labels}.items()})
        tensors = {name: torch.tensor(value) for name, value in features.items()}
        loss = model(**tensors, labels=torch.tensor(labels)).loss
        optimizer.zero_grad()
        loss.backward()
        if step == 0:
            gradients = {name: p.grad for name, p in parameters.items() if p.grad is not None}
            arrays.update({f"gradient:{name}": value.clone().numpy() for name, value in gradients.items()})
        torch.nn.utils.clip_grad_norm_(parameters.values(), CLIPNORM)
        optimizer.step()
        losses.append(loss.item())
    options = {"learning_rate": RATE, "weight_decay": WEIGHT_DECAY, "global_clipnorm": CLIPNORM, "epsilon": 1e-8}
    np.savez_compressed(folder / "training.npz", losses=losses, options=json.dumps(options), **arrays)


def main():
    shutil.rmtree(HERE / "encoders", ignore_errors=True)
    for family, name, suffix, fields in cases():
        folder = HERE / "encoders" / family / name
        save_checkpoint(family, suffix, fields, folder)
        save_expected(family, suffix, folder)
        if (family, name) in TRAINED:
            save_training(family, suffix, folder)


if __name__ == "__main__":
    main()
