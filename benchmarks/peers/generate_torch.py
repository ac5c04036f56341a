"""Tokens a second of `transformers.generate` on PyTorch, eager, greedy, random weights: see `generate.py`.

python benchmarks/peers/generate_torch.py gpt2|t5 BATCH_SIZE PROMPT_LENGTH NEW_TOKENS SIZES_JSON
"""

import json
import sys
import time

import torch
import transformers

KINDS = {"gpt2": transformers.GPT2LMHeadModel, "t5": transformers.T5ForConditionalGeneration}


def main(kind: str, batch_size: int, length: int, num_new: int, sizes: dict) -> dict:
    """Return the seconds of the second run."""
    torch.manual_seed(0)
    start_id = {"decoder_start_token_id": 0} if kind == "t5" else {}
    model = KINDS[kind](KINDS[kind].config_class(**sizes, **start_id)).eval()
    ids = torch.arange(5, 5 + length)[None].repeat(batch_size, 1)
    for _ in range(2):
        start = time.perf_counter()
        with torch.inference_mode():
            model.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=num_new,
                min_new_tokens=num_new,
                do_sample=False,
                pad_token_id=0,
            )
        seconds = time.perf_counter() - start
    return {"seconds": seconds}


if __name__ == "__main__":
    transformers.logging.set_verbosity_error()
    print(json.dumps(main(sys.argv[1], *map(int, sys.argv[2:5]), json.loads(sys.argv[5]))))
