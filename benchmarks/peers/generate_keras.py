"""Tokens a second of kerasft, or of KerasHub's `GPT2CausalLM.generate`, greedy, random weights: see `generate.py`.

python benchmarks/peers/generate_keras.py kerasft|KerasHub gpt2|t5 BATCH_SIZE PROMPT_LENGTH NEW_TOKENS SIZES_JSON
"""

import json
import sys
import time

import keras_hub
import numpy as np

import kerasft
from kerasft.backbones import GPT2Config, T5Config, gpt2, t5
from kerasft.generation import GenerationOptions, Generator


class NoWords:
    """Stands for a tokenizer: token ids alone are timed, and nothing ends a text early."""

    eos_token_id = None

    def decode(self, token_ids, **_):
        return ""


def model_of(kind: str, sizes: dict):
    """Return a language model of random weights, by Hugging Face's names of the sizes."""
    if kind == "gpt2":
        return kerasft.heads.causal_lm(
            gpt2(
                GPT2Config(
                    vocabulary_size=sizes["vocab_size"],
                    num_layers=sizes["n_layer"],
                    num_heads=sizes["n_head"],
                    hidden_dim=sizes["n_embd"],
                    intermediate_dim=4 * sizes["n_embd"],
                )
            )
        )
    return kerasft.heads.sequence_to_sequence(
        t5(
            T5Config(
                vocabulary_size=sizes["vocab_size"],
                num_layers=sizes["num_layers"],
                num_decoder_layers=sizes["num_layers"],
                num_heads=sizes["num_heads"],
                head_dim=sizes["d_kv"],
                hidden_dim=sizes["d_model"],
                intermediate_dim=sizes["d_ff"],
            )
        )
    )


def ours(kind: str, batch_size: int, length: int, num_new: int, sizes: dict):
    """Return a function that writes one batch."""
    write, prompts = Generator(model_of(kind, sizes), NoWords()), [list(range(5, 5 + length))] * batch_size
    return lambda: write(prompts, GenerationOptions(max_new_tokens=num_new), batch_size=batch_size)


def keras_hubs(kind: str, batch_size: int, length: int, num_new: int, sizes: dict):
    """Return a function that writes one batch."""
    backbone = keras_hub.models.GPT2Backbone(
        vocabulary_size=sizes["vocab_size"],
        num_layers=sizes["n_layer"],
        num_heads=sizes["n_head"],
        hidden_dim=sizes["n_embd"],
        intermediate_dim=4 * sizes["n_embd"],
    )
    model = keras_hub.models.GPT2CausalLM(backbone=backbone, preprocessor=None)
    model.compile(sampler="greedy")
    total = length + num_new
    real = np.tile(np.arange(total) < length, (batch_size, 1))
    ids = np.where(real, 5 + np.arange(total), 0).astype("int32")
    return lambda: model.generate({"token_ids": ids, "padding_mask": real.astype("int32")}, stop_token_ids=None)


def main(peer: str, *job) -> dict:
    """Return the seconds of the second run: the first one compiles."""
    run = (ours if peer == "kerasft" else keras_hubs)(*job)
    for _ in range(2):
        start = time.perf_counter()
        run()
        seconds = time.perf_counter() - start
    return {"seconds": seconds}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:6]), json.loads(sys.argv[6]))))
