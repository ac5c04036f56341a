"""Train a checkpoint on given batches by PyTorch, and print the loss of every step as JSON: see `loss_curves.py`.

python benchmarks/peers/loss_curves_torch.py CHECKPOINT BATCHES.npz RATE
"""

import json
import sys

import numpy as np
import torch
import transformers

NAMES = {
    "token_ids": "input_ids",
    "padding_mask": "attention_mask",
    "encoder_token_ids": "input_ids",
    "encoder_padding_mask": "attention_mask",
    "decoder_token_ids": "decoder_input_ids",
    "decoder_padding_mask": "decoder_attention_mask",
}


def main(checkpoint: str, path: str, rate: float) -> list[float]:
    """Return the losses."""
    config = transformers.AutoConfig.from_pretrained(checkpoint)
    kinds = {"gpt2": transformers.GPT2LMHeadModel, "t5": transformers.T5ForConditionalGeneration}
    model = kinds[config.model_type].from_pretrained(checkpoint).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0)
    losses = []
    batches = np.load(path)
    for step in range(int(batches["steps"])):
        names = [name for name in NAMES if f"{name}_{step}" in batches]
        inputs = {NAMES[name]: torch.tensor(batches[f"{name}_{step}"]).long() for name in names}
        y, weight = torch.tensor(batches[f"y_{step}"]).long(), torch.tensor(batches[f"weight_{step}"])
        logits = model(**inputs).logits
        by_token = torch.nn.functional.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="none")
        loss = (by_token * weight.flatten()).sum() / weight.sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss))
    return losses


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], sys.argv[2], float(sys.argv[3]))))
