"""Write the numbers that `test_decoders.py` compares with, by the reference implementation.

Runs where PyTorch and transformers are (and needs no kerasft):

    python tests/parity/make_decoders.py        tests/parity/decoders/<family>/<case>/: checkpoint, tokenizer, arrays
                                                tests/parity/decoders/buckets.npz: T5's buckets of relative positions

`expected.npz` holds the outputs for three rows (full, padded, one token) and, for three cases, for these rows cut at
every length; `training.npz` ten AdamW steps. Each checkpoint is saved by `save_pretrained`, as the reference writes
them; those named `old_...` are then changed into what transformers 4 and older wrote.
"""

import json
import pathlib
import shutil

import numpy as np
import tokenizers
import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers.models.t5.modeling_t5 import T5Attention

HERE = pathlib.Path(__file__).parent / "decoders"
GPT2 = {"vocab_size": 24, "n_embd": 8, "n_layer": 2, "n_head": 2, "n_positions": 12, "pad_token_id": 0}
T5 = {
    "vocab_size": 24,
    "d_model": 8,
    "d_kv": 4,
    "d_ff": 12,
    "num_layers": 1,
    "num_heads": 2,
    "relative_attention_num_buckets": 8,
    "relative_attention_max_distance": 10,
    "decoder_start_token_id": 0,
}
V1_1 = {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False}
LABELS = {"id2label": {0: "no", 1: "yes", 2: "maybe"}, "label2id": {"no": 0, "yes": 1, "maybe": 2}}
CASES = {
    "gpt2/base": ("GPT2LMHeadModel", {}),
    "gpt2/backbone": ("GPT2Model", {}),
    "gpt2/gelu": ("GPT2LMHeadModel", {"activation_function": "gelu"}),
    "gpt2/relu": ("GPT2LMHeadModel", {"activation_function": "relu"}),
    "gpt2/layer_norm_epsilon": ("GPT2LMHeadModel", {"layer_norm_epsilon": 0.03}),
    "gpt2/n_inner": ("GPT2LMHeadModel", {"n_inner": 5}),
    "gpt2/unscaled": ("GPT2LMHeadModel", {"scale_attn_weights": False}),
    "gpt2/scaled_by_depth": ("GPT2LMHeadModel", {"scale_attn_by_inverse_layer_idx": True}),
    "gpt2/reordered": ("GPT2LMHeadModel", {"reorder_and_upcast_attn": True}),
    "gpt2/dropouts": ("GPT2LMHeadModel", {"embd_pdrop": 0.2, "resid_pdrop": 0.3, "attn_pdrop": 0.4}),
    "gpt2/one_head": ("GPT2LMHeadModel", {"n_head": 1}),
    "gpt2/positions": ("GPT2LMHeadModel", {"n_positions": 7}),
    "gpt2/untied": ("GPT2LMHeadModel", {"tie_word_embeddings": False}),
    "gpt2/bfloat16": ("GPT2LMHeadModel", {}),
    "gpt2/old_names": ("GPT2LMHeadModel", {}),
    "gpt2/classifier": ("GPT2ForSequenceClassification", LABELS),
    "gpt2/regression": ("GPT2ForSequenceClassification", {"num_labels": 1}),
    "gpt2/token_classifier": ("GPT2ForTokenClassification", LABELS),
    "t5/base": ("T5ForConditionalGeneration", {"num_layers": 2}),
    "t5/v1_1": ("T5ForConditionalGeneration", {"num_layers": 2, **V1_1}),
    "t5/backbone": ("T5Model", {}),
    "t5/backbone_v1_1": ("T5Model", V1_1),
    "t5/deeper_decoder": ("T5ForConditionalGeneration", {"num_layers": 1, "num_decoder_layers": 3}),
    "t5/deeper_encoder": ("T5ForConditionalGeneration", {"num_layers": 3, "num_decoder_layers": 1, **V1_1}),
    "t5/odd_heads": ("T5ForConditionalGeneration", {"d_kv": 5, "num_heads": 3}),
    "t5/buckets": ("T5ForConditionalGeneration", {"relative_attention_num_buckets": 6}),
    "t5/distance": ("T5ForConditionalGeneration", {"relative_attention_max_distance": 6}),
    "t5/published_buckets": (
        "T5ForConditionalGeneration",
        {"relative_attention_num_buckets": 32, "relative_attention_max_distance": 128},
    ),
    "t5/gelu": ("T5ForConditionalGeneration", {"feed_forward_proj": "gelu"}),
    "t5/gated_silu": ("T5ForConditionalGeneration", {**V1_1, "feed_forward_proj": "gated-silu"}),
    "t5/gated_relu": ("T5ForConditionalGeneration", {"feed_forward_proj": "gated-relu"}),
    "t5/layer_norm_epsilon": ("T5ForConditionalGeneration", {"layer_norm_epsilon": 0.03}),
    "t5/dropout": ("T5ForConditionalGeneration", {"dropout_rate": 0.3, "initializer_factor": 0.5}),
    "t5/float16": ("T5ForConditionalGeneration", {}),
    "t5/tied_v1_1": ("T5ForConditionalGeneration", V1_1),
    "t5/old_base": ("T5ForConditionalGeneration", {}),
    "t5/old_v1_1": ("T5ForConditionalGeneration", V1_1),
    "mt5/base": ("MT5ForConditionalGeneration", {}),
    "mt5/old_base": ("MT5ForConditionalGeneration", {}),
}
UNTIED = ["t5/v1_1", "t5/old_v1_1", "t5/deeper_encoder", "mt5/base", "mt5/old_base"]
TRAINED = ["gpt2/base", "gpt2/classifier", "t5/base", "t5/v1_1"]
DTYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16}
STEPS, RATE, WEIGHT_DECAY, CLIPNORM = 10, 0.01, 0.1, 1.0


def new_model(name):
    """A random model whose every weight shows in its outputs."""
    class_name, fields = CASES[name]
    torch.manual_seed(len(name))
    kind = getattr(transformers, class_name)
    sizes = GPT2 if name.startswith("gpt2/") else T5
    model = kind(kind.config_class(**{**sizes, **fields}, attn_implementation="eager"))
    if name in UNTIED:
        # transformers 5 ties every new T5; the published checkpoints of 1.1 have a matrix of their own.
        model.lm_head.weight = torch.nn.Parameter(torch.zeros_like(model.lm_head.weight))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.5)
    return model


def save_checkpoint(name, folder):
    """Save the model and a tokenizer."""
    model = new_model(name)
    model.to(DTYPES.get(name.partition("/")[2], torch.float32)).save_pretrained(folder)
    if "/old_" in name:
        make_old(name, folder)
    save_tokenizer(folder, name)


def make_old(name, folder):
    """Change the files into what transformers 4 and older wrote: other fields, doubled tensors, buffers."""
    tensors = load_file(folder / "model.safetensors")
    config = json.loads((folder / "config.json").read_text())
    for field in ("scale_decoder_outputs", "dtype"):
        config.pop(field, None)
    if name.startswith("gpt2/"):
        tensors = {key.removeprefix("transformer."): value for key, value in tensors.items()}
        for index in range(config["n_layer"]):
            tensors[f"h.{index}.attn.bias"] = torch.tril(torch.ones(1, 1, 12, 12))
            tensors[f"h.{index}.attn.masked_bias"] = torch.tensor(-1e4)
        tensors["lm_head.weight"] = tensors["wte.weight"].clone()
        config |= {"n_ctx": 12, "task_specific_params": {"text-generation": {"do_sample": True, "max_length": 50}}}
        del config["pad_token_id"], config["tie_word_embeddings"]
    else:
        for side in ("encoder", "decoder"):
            tensors[f"{side}.embed_tokens.weight"] = tensors["shared.weight"].clone()
        bias = "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"
        tensors[bias] = torch.zeros(8, 2)  # of the first conversions; nothing reads it
        tensors.setdefault("lm_head.weight", tensors["shared.weight"].clone())
        config |= {"n_positions": 512, "output_past": True, "torch_dtype": "float32"}
        config["tie_word_embeddings"] = name == "t5/old_base"
        if name == "t5/old_base":
            for field in ("tie_word_embeddings", "num_decoder_layers", "is_gated_act", "dense_act_fn"):
                config.pop(field, None)
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    (folder / "config.json").write_text(json.dumps(config, indent=2))


def save_tokenizer(folder, name):
    """Save a tokenizer of single letters: byte-level BPE for GPT-2, Unigram for T5."""
    letters = [chr(ord("a") + index) for index in range(20)]
    special = {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
    words = [*special.values(), *letters]
    if name.startswith("gpt2/"):
        model = tokenizers.models.BPE({word: index for index, word in enumerate(words)}, merges=[], unk_token="<unk>")
        rust = tokenizers.Tokenizer(model)
        rust.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
        rust.decoder = tokenizers.decoders.ByteLevel()
    else:
        rust = tokenizers.Tokenizer(tokenizers.models.Unigram([(word, -1.0) for word in words], unk_id=2))
        rust.pre_tokenizer = tokenizers.pre_tokenizers.Metaspace(prepend_scheme="never")
        rust.decoder = tokenizers.decoders.Metaspace(prepend_scheme="never")
    rust.add_special_tokens(list(special.values()))
    rust.save(str(folder / "tokenizer.json"), pretty=False)
    names = {"tokenizer_class": "PreTrainedTokenizerFast", "model_input_names": ["input_ids", "attention_mask"]}
    (folder / "tokenizer_config.json").write_text(json.dumps({**names, **special}))


def rows(seed, lengths, longest):
    """Random ids that never are the padding's (0), and the mask."""
    mask = np.arange(longest) < np.array(lengths)[:, None]
    ids = np.random.default_rng(seed).integers(1, 24, mask.shape) * mask
    return ids, mask.astype("int64")


def inputs(config, seed=0):
    """Three rows: full, padded, and a single token, padded; the targets of T5 have other lengths."""
    if config.model_type == "gpt2":
        longest = config.n_positions
        ids, mask = rows(seed, [longest, longest // 2, 1], longest)
        return {"input_ids": ids, "attention_mask": mask}
    ids, mask = rows(seed, [12, 6, 1], 12)
    targets, target_mask = rows(seed + 1, [5, 8, 2], 8)
    targets[:, 0] = 0  # the start token
    return {
        "input_ids": ids,
        "attention_mask": mask,
        "decoder_input_ids": targets,
        "decoder_attention_mask": target_mask,
    }


def outputs(model, features):
    """Run the reference: hidden states of the backbone, and logits where there is a head."""
    tensors = {name: torch.tensor(value) for name, value in features.items()}
    backbone = model.base_model if model.config.model_type == "gpt2" else model
    found = {}
    with torch.no_grad():
        if model.config.model_type == "gpt2":
            found["sequence_output"] = backbone(**tensors).last_hidden_state
        else:
            result = model(**tensors, output_hidden_states=True)
            found["encoder_sequence_output"] = result.encoder_last_hidden_state
            found["decoder_sequence_output"] = result.decoder_hidden_states[-1]
        result = model(**tensors)
        if "logits" in result:
            found["logits"] = result.logits
    return {name: value.float().numpy() for name, value in found.items()}


def cut(features, length):
    """All rows, cut at a length (of T5's targets: at most 8)."""
    return {name: value[:, :length] for name, value in features.items()}


def expected(name, model):
    """Inputs and outputs; of the `base` cases at every length too."""
    features = inputs(model.config)
    arrays = {**features, **outputs(model, features)}
    if name in ("gpt2/base", "t5/base", "t5/v1_1"):
        for length in range(1, features["input_ids"].shape[1] + 1):
            for key, value in outputs(model, cut(features, length)).items():
                arrays[f"{key}_{length}"] = value
    return arrays


def loss_of(model, features, labels):
    """Mean cross-entropy over the labels >= 0, as the reference takes it."""
    logits = model(**{key: torch.tensor(value) for key, value in features.items()}).logits
    return torch.nn.functional.cross_entropy(logits.flatten(0, -2), torch.tensor(labels).flatten(), ignore_index=-100)


def labels_of(config, features, seed):
    """Next tokens, or one class a row."""
    rng = np.random.default_rng(seed)
    if config.architectures[0] == "GPT2ForSequenceClassification":
        return rng.integers(0, 3, 3)
    mask = features.get("decoder_attention_mask", features["attention_mask"])
    return np.where(mask == 1, rng.integers(0, 24, mask.shape), -100)


def training(model):
    """Ten steps of AdamW; matrices alone decay; the global norm is clipped."""
    model.eval()  # no dropout
    parameters = dict(model.named_parameters())
    groups = [
        {"params": [p for p in parameters.values() if p.ndim > 1], "weight_decay": WEIGHT_DECAY},
        {"params": [p for p in parameters.values() if p.ndim < 2], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=RATE)
    options = {"learning_rate": RATE, "weight_decay": WEIGHT_DECAY, "global_clipnorm": CLIPNORM}
    arrays, losses = {"options": np.array(json.dumps(options))}, []
    for step in range(STEPS):
        features = inputs(model.config, seed=100 + step)
        labels = labels_of(model.config, features, seed=200 + step)
        arrays |= {f"{key}_{step}": value.astype("int32") for key, value in {**features, "labels": labels}.items()}
        optimizer.zero_grad()
        loss = loss_of(model, features, labels)
        loss.backward()
        if step == 0:
            arrays |= {f"gradient:{key}": parameter.grad.numpy().copy() for key, parameter in parameters.items()}
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIPNORM)
        optimizer.step()
        losses.append(loss.item())
    return {**arrays, "losses": np.array(losses)}


def make_buckets():
    """Write T5's buckets of the relative positions from -300 to 300."""
    relative = torch.arange(-300, 301)
    arrays = {}
    for buckets, distance in ((32, 128), (8, 10), (6, 10), (8, 6), (16, 20), (64, 256), (7, 30), (32, 64), (12, 100)):
        for bidirectional in (False, True):
            result = T5Attention._relative_position_bucket(relative, bidirectional, buckets, distance)
            arrays[f"{buckets},{distance},{int(bidirectional)}"] = result.numpy().astype("int16")
    np.savez_compressed(HERE / "buckets.npz", **arrays)


def main():
    """Write everything."""
    shutil.rmtree(HERE, ignore_errors=True)
    for name, (class_name, _) in CASES.items():
        folder = HERE / name
        save_checkpoint(name, folder)
        kind = getattr(transformers, class_name)
        model = kind.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
        np.savez_compressed(folder / "expected.npz", **expected(name, model))
        if name in TRAINED:
            np.savez_compressed(folder / "training.npz", **training(model))
    make_buckets()


if __name__ == "__main__":
    main()
