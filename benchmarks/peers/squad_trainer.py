"""Peer: the recipe of transformers' example `run_qa` on PyTorch, by the Hugging Face Trainer, with dynamic padding.

Its environment: `pip install torch==2.13.0 transformers accelerate`. Run as `python squad_trainer.py JOB.json`.
"""

import json
import pathlib
import random
import sys
import tempfile
import time

import numpy as np
import torch
import transformers

N_BEST, MAX_ANSWER_LENGTH = 20, 30


def read(path: str) -> list[dict]:
    rows = []
    for article in json.loads(pathlib.Path(path).read_text("utf-8"))["data"]:
        for paragraph in article["paragraphs"]:
            rows += [{**entry, "context": paragraph["context"]} for entry in paragraph["qas"]]
    return rows


def windows(tokenizer, rows: list[dict], job: dict):
    return tokenizer(
        [row["question"].lstrip() for row in rows],
        [row["context"] for row in rows],
        truncation="only_second",
        max_length=job["max_length"],
        stride=job["stride"],
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
    )


def features(tokenizer, rows: list[dict], job: dict) -> list[dict]:
    """The windows with the answer's tokens, or [CLS] where a window does not hold the answer."""
    encoded, found = windows(tokenizer, rows, job), []
    for number, owner in enumerate(encoded["overflow_to_sample_mapping"]):
        answer = rows[owner]["answers"][0]
        first, last = answer["answer_start"], answer["answer_start"] + len(answer["text"])
        sequence = encoded.sequence_ids(number)
        inside = [i for i, which in enumerate(sequence) if which == 1]
        offsets = encoded["offset_mapping"][number]
        start = end = 0
        if inside and offsets[inside[0]][0] <= first and offsets[inside[-1]][1] >= last:
            start = max(i for i in inside if offsets[i][0] <= first)
            end = min(i for i in inside if offsets[i][1] >= last)
        row = {name: encoded[name][number] for name in tokenizer.model_input_names if name in encoded}
        found.append({**row, "start_positions": start, "end_positions": end})
    return found


@torch.no_grad()
def predict(model, tokenizer, rows: list[dict], job: dict) -> dict[str, str]:
    """Each question's best span of the 20 best starts and ends of every window."""
    encoded = windows(tokenizer, rows, job)
    model.eval()
    best: dict[int, tuple[float, str]] = {}
    order = np.argsort([len(ids) for ids in encoded["input_ids"]])
    for chunk in np.array_split(order, max(1, len(order) // 64)):
        inputs = {name: [encoded[name][i] for i in chunk] for name in tokenizer.model_input_names if name in encoded}
        output = model(**tokenizer.pad(inputs, return_tensors="pt"))
        for i, start_logits, end_logits in zip(chunk, output.start_logits.numpy(), output.end_logits.numpy()):
            owner, sequence = encoded["overflow_to_sample_mapping"][i], encoded.sequence_ids(i)
            offsets = encoded["offset_mapping"][i]
            starts, ends = (np.argsort(scores)[::-1][:N_BEST] for scores in (start_logits, end_logits))
            for start in starts:
                for end in ends:
                    real = max(start, end) < len(sequence) and sequence[start] == 1 and sequence[end] == 1
                    if real and start <= end < start + MAX_ANSWER_LENGTH:
                        text = rows[owner]["context"][offsets[start][0] : offsets[end][1]]
                        score = float(start_logits[start] + end_logits[end])
                        best[owner] = max(best.get(owner, (-np.inf, "")), (score, text))
    return {row["id"]: best.get(number, (0.0, ""))[1] for number, row in enumerate(rows)}


def main() -> None:
    job = json.loads(pathlib.Path(sys.argv[1]).read_text("utf-8"))
    transformers.set_seed(job["seed"])
    tokenizer = transformers.AutoTokenizer.from_pretrained(job["model"])
    model = transformers.AutoModelForQuestionAnswering.from_pretrained(job["model"])
    rows, dev = read(job["train"]), read(job["dev"])
    if job["max_train_rows"] and job["max_train_rows"] < len(rows):
        rows = random.Random(job["seed"]).sample(rows, job["max_train_rows"])  # as kerasft's recipe draws them
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        arguments = transformers.TrainingArguments(
            output_dir=folder,
            num_train_epochs=job["epochs"],
            per_device_train_batch_size=job["batch_size"],
            learning_rate=job["learning_rate"],
            weight_decay=0.01,
            max_grad_norm=1.0,
            lr_scheduler_type="linear",
            warmup_steps=0.1,  # a number < 1 is a share of the steps
            train_sampling_strategy="group_by_length",
            seed=job["seed"],
            use_cpu=not torch.cuda.is_available(),
            logging_strategy="no",
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
        )
        collator = transformers.DataCollatorWithPadding(tokenizer)
        trainer = transformers.Trainer(
            model=model, args=arguments, train_dataset=features(tokenizer, rows, job), data_collator=collator
        )
        trainer.train()
    seconds = time.perf_counter() - start
    result = {"predicted": predict(model, tokenizer, dev, job), "seconds": seconds}
    pathlib.Path(job["out"]).write_text(json.dumps(result), "utf-8")


if __name__ == "__main__":
    main()
