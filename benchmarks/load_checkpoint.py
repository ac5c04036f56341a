"""Seconds and peak memory of loading published shapes with random weights, beside transformers on PyTorch.

    python benchmarks/load_checkpoint.py --torch-python PATH_OF_PYTHON_WITH_TORCH_AND_TRANSFORMERS [--dtype bfloat16]

The checkpoints are written to a temporary folder straight by safetensors. Each library loads each one in a process of its
own, `--runs` times, in turns; a small one of the same family is loaded first, so that neither imports nor the start of a
runtime are counted. Every weight is summed once, because PyTorch would leave a mapped file unread. Memory is the peak of the
resident set while loading, above what it was before, over the size of the weights in float32. Prints a Markdown table of
medians.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

LIBRARIES = ("kerasft", "transformers")


def bert(v=30522, h=768, n=12, positions=512, segments=2, heads=12):
    config = {"architectures": ["BertModel"], "model_type": "bert", "vocab_size": v, "hidden_size": h, "num_hidden_layers": n,
              "num_attention_heads": heads, "intermediate_size": 4 * h, "max_position_embeddings": positions,
              "type_vocab_size": segments}  # fmt: skip
    shapes = {
        "embeddings.word_embeddings.weight": (v, h),
        "embeddings.position_embeddings.weight": (positions, h),
        "embeddings.token_type_embeddings.weight": (segments, h),
        **norm("embeddings.LayerNorm", h),
        **dense("pooler.dense", h, h),
    }
    for index in range(n):
        layer = f"encoder.layer.{index}."
        for name in ("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"):
            shapes |= dense(layer + name, h, h)
        shapes |= dense(layer + "intermediate.dense", 4 * h, h) | dense(layer + "output.dense", h, 4 * h)
        shapes |= norm(layer + "attention.output.LayerNorm", h) | norm(layer + "output.LayerNorm", h)
    return config, shapes


def roberta(v=50265, h=768, n=12, heads=12):
    config, shapes = bert(v, h, n, 514, 1, heads)
    return {**config, "architectures": ["RobertaModel"], "model_type": "roberta", "layer_norm_eps": 1e-5}, shapes


def gpt2(v=50257, h=768, n=12, heads=12):
    config = {"architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "vocab_size": v, "n_embd": h, "n_layer": n,
              "n_head": heads, "n_positions": 1024}  # fmt: skip
    shapes = {"wte.weight": (v, h), "wpe.weight": (1024, h), **norm("ln_f", h)}
    for index in range(n):
        layer = f"h.{index}."
        sizes = {"attn.c_attn": (h, 3 * h), "attn.c_proj": (h, h), "mlp.c_fc": (h, 4 * h), "mlp.c_proj": (4 * h, h)}
        for name, (inputs, outputs) in sizes.items():
            shapes |= {f"{layer}{name}.weight": (inputs, outputs), f"{layer}{name}.bias": (outputs,)}
        shapes |= norm(layer + "ln_1", h) | norm(layer + "ln_2", h)
    return config, {"transformer." + name: shape for name, shape in shapes.items()}


def t5(v=32128, h=512, n=6, heads=8):
    config = {"architectures": ["T5ForConditionalGeneration"], "model_type": "t5", "vocab_size": v, "d_model": h, "d_kv": 64,
              "d_ff": 4 * h, "num_layers": n, "num_decoder_layers": n, "num_heads": heads, "is_encoder_decoder": True,
              "decoder_start_token_id": 0, "pad_token_id": 0, "eos_token_id": 1}  # fmt: skip
    shapes = {"shared.weight": (v, h)}
    for stack in ("encoder", "decoder"):
        attentions = ("SelfAttention",) if stack == "encoder" else ("SelfAttention", "EncDecAttention")
        for index in range(n):
            for place, attention in enumerate(attentions):
                block = f"{stack}.block.{index}.layer.{place}."
                shapes |= {f"{block}{attention}.{name}.weight": (64 * heads, h) for name in "qkv"}
                shapes |= {f"{block}{attention}.o.weight": (h, 64 * heads), f"{block}layer_norm.weight": (h,)}
            block = f"{stack}.block.{index}.layer.{len(attentions)}."
            shapes |= {f"{block}DenseReluDense.wi.weight": (4 * h, h), f"{block}DenseReluDense.wo.weight": (h, 4 * h)}
            shapes[f"{block}layer_norm.weight"] = (h,)
        shapes[f"{stack}.block.0.layer.0.SelfAttention.relative_attention_bias.weight"] = (32, heads)
        shapes[f"{stack}.final_layer_norm.weight"] = (h,)
    return config, shapes


def dense(name, outputs, inputs):
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def norm(name, size):
    return {f"{name}.weight": (size,), f"{name}.bias": (size,)}


MODELS = {
    "bert-base": (bert, {}),
    "roberta-base": (roberta, {}),
    "gpt2": (gpt2, {}),
    "t5-small": (t5, {}),
}
SMALL = {"v": 64, "h": 64, "n": 1, "heads": 1}


def write(folder, make, sizes, dtype):
    """Write a checkpoint with a tokenizer of three words; return the size of its weights in float32."""
    import ml_dtypes  # These are not there in the process that runs PyTorch.
    import numpy as np
    from safetensors.numpy import save_file
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    config, shapes = make(**sizes)
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    rng = np.random.default_rng(0)
    stored = ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype
    tensors = {name: (0.02 * rng.standard_normal(shape, np.float32)).astype(stored) for name, shape in shapes.items()}
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    words = Tokenizer(models.WordLevel({"[PAD]": 0, "[UNK]": 1, "word": 2}, unk_token="[UNK]"))
    PreTrainedTokenizerFast(tokenizer_object=words, pad_token="[PAD]", unk_token="[UNK]").save_pretrained(folder)
    return 4 * sum(tensor.size for tensor in tensors.values())


def load_in_this_process(library, folder):
    """Load once and print seconds and bytes; runs in a process of its own."""
    if library == "kerasft":
        import keras

        import kerasft

        def load(path):
            load = kerasft.load_task_model if kerasft.checkpoints.has_task_head(path) else kerasft.load_pretrained
            model, tokenizer = load(path)
            return model, tokenizer, [float(keras.ops.sum(weight)) for weight in model.weights]
    else:
        import torch
        import transformers

        def load(path):
            name = json.loads(pathlib.Path(path, "config.json").read_text())["architectures"][0]
            model = getattr(transformers, name).from_pretrained(path, dtype=torch.float32)
            return model, transformers.AutoTokenizer.from_pretrained(path), [float(x.sum()) for x in model.parameters()]

    load(folder + ".small")
    pathlib.Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    before = memory("VmRSS")
    started = time.perf_counter()
    loaded = load(folder)
    seconds = time.perf_counter() - started
    print(json.dumps({"seconds": seconds, "peak": memory("VmHWM") - before, "kept": memory("VmRSS") - before}))
    del loaded


def memory(field):
    status = pathlib.Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith(field))


def measure(folder, pythons, runs):
    results = {library: [] for library in LIBRARIES}
    for _ in range(runs):
        for library, python in pythons.items():
            words = [python, __file__, "--load", library, str(folder)]
            done = subprocess.run(words, capture_output=True, text=True, check=False)
            if done.returncode:
                sys.exit(f"{library} could not load {folder.name}:\n{done.stderr}")
            results[library].append(json.loads(done.stdout.splitlines()[-1]))
    return {
        library: {key: statistics.median(run[key] for run in found) for key in found[0]}
        for library, found in results.items()
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--torch-python", help="Python with torch and transformers")
    parser.add_argument("--dtype", default="float32", choices=("float32", "float16", "bfloat16"), help="in the file")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=MODELS)
    parser.add_argument("--load", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.load:
        return load_in_this_process(*args.load)
    if not args.torch_python:
        parser.error("--torch-python is needed")
    pythons = {"kerasft": sys.executable, "transformers": args.torch_python}
    print(f"| checkpoint ({args.dtype}) | weights MB | kerasft s | transformers s | kerasft peak | transformers peak |")
    print("|---|---:|---:|---:|---:|---:|")
    for name in args.models:
        make, sizes = MODELS[name]
        with tempfile.TemporaryDirectory() as temporary:
            folder = pathlib.Path(temporary) / name
            write(folder.with_name(name + ".small"), make, SMALL, args.dtype)
            size = write(folder, make, sizes, args.dtype)
            ours, theirs = measure(folder, pythons, args.runs).values()
        cells = [
            f"{ours['seconds']:.2f}",
            f"{theirs['seconds']:.2f}",
            f"{ours['peak'] / size:.2f}x",
            f"{theirs['peak'] / size:.2f}x",
        ]
        print(f"| {name} | {size / 1e6:.0f} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
