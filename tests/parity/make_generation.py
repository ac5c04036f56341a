"""Write the texts that `test_generation.py` compares with, by `transformers.generate` on PyTorch.

Runs where PyTorch and transformers are (and needs no kerasft):

    python tests/parity/make_generation.py        tests/parity/generation/{gpt2,t5,t5_v1_1}/: checkpoint, tokenizer, texts

`expected.npz` holds 200 prompts and, for each case, the new tokens (-1 after the end) and of beams the scores. The models
are random, with weights so large that no two tokens are equally likely; the end token is one that ends about half of the
greedy texts. Prompts of one length share a batch, so that nothing is padded.
"""

import json
import pathlib
import shutil

import numpy as np
import tokenizers
import torch
import transformers
from transformers.generation import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

HERE = pathlib.Path(__file__).parent / "generation"
VOCABULARY, PROMPTS, LONGEST, NEW = 40, 200, 10, 20
GPT2 = {"vocab_size": VOCABULARY, "n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 32}
T5 = {
    "vocab_size": VOCABULARY,
    "d_model": 16,
    "d_kv": 4,
    "d_ff": 24,
    "num_layers": 2,
    "num_heads": 2,
    "relative_attention_num_buckets": 8,
    "relative_attention_max_distance": 10,
    "decoder_start_token_id": 0,
}
MODELS = {
    "gpt2": ("GPT2LMHeadModel", GPT2),
    "t5": ("T5ForConditionalGeneration", T5),
    "t5_v1_1": ("T5ForConditionalGeneration", {**T5, "feed_forward_proj": "gated-gelu", "tie_word_embeddings": False}),
}
CASES = {
    "greedy": {},
    "min_new_tokens": {"min_new_tokens": 8},
    "repetition_penalty": {"repetition_penalty": 1.4},
    "no_repeat_ngram": {"no_repeat_ngram_size": 2},
    "beam": {"num_beams": 4},
    "beam_short": {"num_beams": 3, "length_penalty": -0.5},
    "beam_long": {"num_beams": 5, "length_penalty": 2.0},
    "beam_early": {"num_beams": 4, "early_stopping": True},
    "beam_rules": {"num_beams": 4, "repetition_penalty": 1.2, "no_repeat_ngram_size": 3, "min_new_tokens": 4},
}
WARPERS = {
    "temperature": [TemperatureLogitsWarper(0.6)],
    "top_k": [TopKLogitsWarper(5)],
    "top_p": [TopPLogitsWarper(0.7)],
    "all": [TemperatureLogitsWarper(1.5), TopKLogitsWarper(12), TopPLogitsWarper(0.8)],
}


def new_model(name):
    """A random model whose every weight shows in its texts."""
    class_name, sizes = MODELS[name]
    torch.manual_seed(len(name))
    kind = getattr(transformers, class_name)
    model = kind(kind.config_class(**sizes, attn_implementation="eager", bos_token_id=None, eos_token_id=None))
    if name == "t5_v1_1":
        # transformers 5 ties every new T5; the published checkpoints of 1.1 have a matrix of their own.
        model.lm_head.weight = torch.nn.Parameter(torch.zeros_like(model.lm_head.weight))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.6)
    return model.eval()


def generate(model, prompts, end_id, options):
    """New tokens (N, NEW), -1 after the end, and scores (N,) or None; prompts of one length at a time."""
    new = np.full((len(prompts), NEW), -1, np.int64)
    scores = np.zeros(len(prompts), np.float32)
    lengths = (prompts >= 0).sum(1)
    for length in np.unique(lengths):
        rows = np.flatnonzero(lengths == length)
        ids = torch.tensor(prompts[rows, :length])
        start = 1 if model.config.is_encoder_decoder else length
        with torch.inference_mode():
            found = model.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=NEW,
                do_sample=False,
                eos_token_id=end_id,
                pad_token_id=0,
                return_dict_in_generate=True,
                output_scores=True,
                **options,
            )
        for row, text in zip(rows, found.sequences[:, start:].tolist()):
            text = text[: text.index(end_id) + 1] if end_id in text else text
            new[row, : len(text)] = text  # what has no end token is NEW tokens long
        if "num_beams" in options:
            scores[rows] = found.sequences_scores.numpy()
    return new, scores if "num_beams" in options else None


def clear(model, prompts):
    """The prompts whose greedy texts are clear at every step: the likeliest token leads by 1e-3 or more."""
    kept = []
    for length in range(1, LONGEST + 1):
        rows = np.flatnonzero((prompts >= 0).sum(1) == length)
        ids = torch.tensor(prompts[rows, :length])
        options = {"do_sample": False, "max_new_tokens": NEW, "pad_token_id": 0}
        with torch.inference_mode():
            found = model.generate(
                ids, attention_mask=torch.ones_like(ids), return_dict_in_generate=True, output_scores=True, **options
            )
        best = torch.stack(found.scores).topk(2).values  # (steps, N, 2)
        kept += rows[(best[..., 0] - best[..., 1]).min(0).values.numpy() > 1e-3].tolist()
    return prompts[np.sort(kept)[:PROMPTS]]


def new_prompts(seed):
    """Random ids (N, LONGEST), -1 after the end."""
    rng = np.random.default_rng(seed)
    lengths = np.arange(PROMPTS * 3 // 2) % LONGEST + 1
    ids = rng.integers(1, VOCABULARY, (len(lengths), LONGEST))
    return np.where(np.arange(LONGEST) < lengths[:, None], ids, -1)


def end_token(texts):
    """The token that comes in about half of the texts, not as the first one."""
    share = [((texts == token).any(1) & (texts[:, 0] != token)).mean() for token in range(1, VOCABULARY)]
    return 1 + int(np.argmin(np.abs(np.array(share) - 0.5)))


def save_tokenizer(folder, end_id):
    """A word a token: "w0", "w1", ..., and the end token."""
    words = [f"w{index}" for index in range(VOCABULARY)]
    words[0], words[end_id] = "<pad>", "</s>"
    rust = tokenizers.Tokenizer(tokenizers.models.WordLevel(dict(zip(words, range(VOCABULARY))), "<pad>"))
    rust.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    rust.add_special_tokens(["<pad>", "</s>"])
    rust.save(str(folder / "tokenizer.json"), pretty=False)
    names = {"tokenizer_class": "PreTrainedTokenizerFast", "model_input_names": ["input_ids", "attention_mask"]}
    settings = {**names, "pad_token": "<pad>", "eos_token": "</s>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))


def write(name):
    """Write one model and what it generates."""
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    model = new_model(name)
    prompts = clear(model, new_prompts(len(name)))
    end_id = end_token(generate(model, prompts, None, {})[0])
    found = {"prompts": prompts.astype("int8"), "end_id": np.array(end_id)}
    for case, options in CASES.items():
        new, scores = generate(model, prompts, end_id, options)
        found[case] = new.astype("int8")
        if scores is not None:
            found[f"{case}_scores"] = scores
        print(name, case, "ended by themselves:", int((new == end_id).any(1).sum()))
    model.config.eos_token_id, model.config.pad_token_id = end_id, 0
    model.generation_config.eos_token_id, model.generation_config.pad_token_id = end_id, 0
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    save_tokenizer(folder, end_id)
    np.savez_compressed(folder / "expected.npz", **found)


def write_warpers():
    """The probabilities that the reference draws by."""
    logits = torch.tensor(np.random.default_rng(0).normal(0, 2, (50, VOCABULARY)).astype("float32"))
    found = {"logits": logits.numpy()}
    for name, warpers in WARPERS.items():
        scores = logits
        for warper in warpers:
            scores = warper(None, scores)
        found[name] = torch.softmax(scores, -1).numpy()
    np.savez_compressed(HERE / "warpers.npz", **found)


if __name__ == "__main__":
    transformers.logging.set_progress_error()
    for model_name in MODELS:
        write(model_name)
    write_warpers()
