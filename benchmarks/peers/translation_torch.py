"""Peer: transformers' T5 on PyTorch on given batches; then greedy translations. Run as `python translation_torch.py JOB.json`.

Its environment: `pip install torch==2.13.0 transformers`.
"""

import json
import pathlib
import sys
import time

import numpy as np
import torch
from transformers import AutoTokenizer, T5ForConditionalGeneration


def train(model, arrays, job: dict) -> list[float]:
    """Every batch once, AdamW that spares vectors, the norm of all gradients clipped; the losses of the steps."""
    matrices = [weight for weight in model.parameters() if weight.ndim > 1]
    vectors = [weight for weight in model.parameters() if weight.ndim < 2]
    groups = [{"params": matrices, "weight_decay": job["weight_decay"]}, {"params": vectors, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=0.0, eps=1e-8)
    model.train()
    losses = []
    for step, rate in enumerate(arrays["rates"]):
        batch = {name: torch.from_numpy(arrays[f"{name}_{step}"]).long() for name in NAMES}
        y, weight = torch.from_numpy(arrays[f"y_{step}"]).long(), torch.from_numpy(arrays[f"weight_{step}"])
        logits = model(
            input_ids=batch["encoder_token_ids"],
            attention_mask=batch["encoder_padding_mask"],
            decoder_input_ids=batch["decoder_token_ids"],
            use_cache=False,
        ).logits
        labels = torch.where(weight > 0, y, -100)
        loss = torch.nn.functional.cross_entropy(
            logits.flatten(0, 1), labels.flatten(), label_smoothing=job["label_smoothing"]
        )
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), job["max_grad_norm"])
        for group in optimizer.param_groups:
            group["lr"] = float(rate)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        losses.append(loss.item())
    return losses


@torch.no_grad()
def write(model, tokenizer, job: dict) -> list[str]:
    """Greedy translations, 64 sources of similar length at a time."""
    model.eval()
    order = sorted(range(len(job["sources"])), key=lambda row: len(job["sources"][row]))
    texts = {}
    for start in range(0, len(order), 64):
        rows = order[start : start + 64]
        sources = [job["sources"][row] for row in rows]
        batch = tokenizer(sources, padding=True, truncation=True, max_length=job["max_length"], return_tensors="pt")
        ids = model.generate(**batch, do_sample=False, num_beams=1, max_new_tokens=job["max_length"])
        decoded = tokenizer.batch_decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        texts.update(zip(rows, decoded))
    return [texts[row] for row in range(len(order))]


NAMES = ("encoder_token_ids", "encoder_padding_mask", "decoder_token_ids")


def main() -> None:
    job = json.loads(pathlib.Path(sys.argv[1]).read_text("utf-8"))
    torch.manual_seed(job["seed"])
    arrays = np.load(job["batches"])
    model, report = T5ForConditionalGeneration.from_pretrained(job["model"], output_loading_info=True)
    if report["missing_keys"] or report["unexpected_keys"]:
        sys.exit(f"the checkpoint does not fit: {report}")
    tokenizer = AutoTokenizer.from_pretrained(job["model"])
    start = time.perf_counter()
    losses = train(model, arrays, job)
    seconds = time.perf_counter() - start
    start = time.perf_counter()
    texts = write(model, tokenizer, job)
    result = {"texts": texts, "losses": losses, "seconds": seconds, "writing": time.perf_counter() - start}
    pathlib.Path(job["out"]).write_text(json.dumps(result), "utf-8")


if __name__ == "__main__":
    main()
