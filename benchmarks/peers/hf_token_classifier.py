"""Peer: transformers' own recipe for named entities (its example `run_ner.py`) on PyTorch, with the Trainer.

Words are tokenised by `is_split_into_words`, the first sub-word has the label and the others -100, batches are padded to their
longest row, AdamW with a linear decay. Its environment: `pip install torch==2.13.0 transformers accelerate`; seqeval is not
needed, the predicted tags go back to the caller. Run as `python hf_token_classifier.py JOB.json`.

A job: model, train, dev, test (JSON-lines files of {"words", "tags"}), labels, batch_size, epochs, max_length, learning_rate,
warmup, weight_decay, seed, out.
"""

import json
import pathlib
import sys
import tempfile
import time

import torch
import transformers

IGNORED = -100


def read(path: str) -> list[dict]:
    """The rows of a JSON-lines file."""
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def encode(tokenizer, rows: list[dict], job: dict) -> list[dict]:
    """Token ids, and a label for the first sub-word of each word."""
    index = {name: number for number, name in enumerate(job["labels"])}
    encoded = tokenizer(
        [row["words"] for row in rows], is_split_into_words=True, truncation=True, max_length=job["max_length"]
    )
    examples = []
    for number, row in enumerate(rows):
        words = encoded.word_ids(number)
        first = [word is not None and (place == 0 or words[place - 1] != word) for place, word in enumerate(words)]
        # A tag that train lacks has no number. Only dev and test have such, whose labels say no more than where words begin.
        labels = [index.get(row["tags"][word], 0) if begins else IGNORED for word, begins in zip(words, first)]
        examples.append({**{name: values[number] for name, values in encoded.items()}, "labels": labels})
    return examples


def predict(trainer, tokenizer, rows: list[dict], job: dict) -> list[list[str]]:
    """The tag of each word; O for a word that the tokenizer drops or the length cuts off."""
    encoded = encode(tokenizer, rows, job)
    logits = trainer.predict(encoded).predictions
    words = tokenizer(
        [row["words"] for row in rows], is_split_into_words=True, truncation=True, max_length=job["max_length"]
    )
    predicted = []
    for number, (row, example) in enumerate(zip(rows, encoded)):
        tags = ["O"] * len(row["words"])
        for place, (word, label) in enumerate(zip(words.word_ids(number), example["labels"])):
            if label != IGNORED:
                tags[word] = job["labels"][int(logits[number, place].argmax())]
        predicted.append(tags)
    return predicted


def main() -> None:
    job = json.loads(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"))
    transformers.set_seed(job["seed"])
    tokenizer = transformers.AutoTokenizer.from_pretrained(job["model"])
    model = transformers.AutoModelForTokenClassification.from_pretrained(job["model"], num_labels=len(job["labels"]))
    train = encode(tokenizer, read(job["train"]), job)
    with tempfile.TemporaryDirectory() as folder:
        arguments = transformers.TrainingArguments(
            output_dir=folder,
            per_device_train_batch_size=job["batch_size"],
            per_device_eval_batch_size=64,
            num_train_epochs=job["epochs"],
            learning_rate=job["learning_rate"],
            weight_decay=job["weight_decay"],
            lr_scheduler_type="linear",
            warmup_steps=job["warmup"],  # a number < 1 is a share of the steps
            seed=job["seed"],
            use_cpu=not torch.cuda.is_available(),
            logging_strategy="no",
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
        )
        collator = transformers.DataCollatorForTokenClassification(tokenizer)
        trainer = transformers.Trainer(model, arguments, data_collator=collator, train_dataset=train)
        start = time.perf_counter()
        loss = trainer.train().training_loss
        seconds = time.perf_counter() - start
        predicted = {split: predict(trainer, tokenizer, read(job[split]), job) for split in ("dev", "test")}
    result = {"predicted": predicted, "loss": loss, "train_seconds": seconds}
    pathlib.Path(job["out"]).write_text(json.dumps(result), encoding="utf-8")


if __name__ == "__main__":
    main()
