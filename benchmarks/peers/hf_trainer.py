"""Peer: the Hugging Face Trainer on PyTorch, dynamic padding, batches grouped by length.

Its environment: `pip install torch==2.13.0 transformers accelerate`. Run as `python hf_trainer.py JOB.json`.
"""

import tempfile

import numpy as np
import torch
import transformers
from measure import Clock, Job, report


class StepClock(transformers.TrainerCallback):
    def __init__(self, clock: Clock):
        self.clock = clock

    def on_train_begin(self, *_, **__):
        self.clock.training()

    def on_step_end(self, *_, **__):
        self.clock.step()


class CountingCollator:
    """Pads to the longest row of the batch, and notes what the batch holds; batches come in the order of the steps."""

    def __init__(self, tokenizer):
        self.pad = transformers.DataCollatorWithPadding(tokenizer)
        self.batches: list[tuple[int, int]] = []

    def __call__(self, rows):
        self.batches.append((len(rows), sum(len(row["input_ids"]) for row in rows)))
        return self.pad(rows)


def encode(tokenizer, rows: list[dict], max_length: int) -> list[dict]:
    pairs = [row["text_pair"] for row in rows] if "text_pair" in rows[0] else None
    encoded = tokenizer([row["text"] for row in rows], pairs, truncation=True, max_length=max_length)
    return [
        {**{name: values[i] for name, values in encoded.items()}, "labels": row["label"]} for i, row in enumerate(rows)
    ]


def arguments(job: Job, folder: str) -> transformers.TrainingArguments:
    length = {"max_steps": job.steps} if job.steps else {"num_train_epochs": job.epochs}
    return transformers.TrainingArguments(
        output_dir=folder,
        per_device_train_batch_size=job.batch_size,
        per_device_eval_batch_size=64,
        learning_rate=job.learning_rate,
        weight_decay=job.weight_decay,
        max_grad_norm=job.max_grad_norm,
        lr_scheduler_type="linear",
        warmup_steps=job.warmup,  # a number < 1 is a share of the steps
        train_sampling_strategy="group_by_length",
        seed=job.seed,
        use_cpu=not torch.cuda.is_available(),
        logging_strategy="no",
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        **length,
    )


def scores(job: Job, trainer: transformers.Trainer, dev: list[dict]) -> dict:
    # The Trainer groups these rows by length too, so the gold labels have to come in its order.
    logits, gold, _ = trainer.predict(dev)
    if job.is_regression:
        return {"dev_pearson": float(np.corrcoef(logits[:, 0], gold)[0, 1])}
    return {"dev_accuracy": float((logits.argmax(-1) == gold).mean())}


def main() -> None:
    job = Job.read()
    clock = Clock(job.warm_up_steps)
    transformers.set_seed(job.seed)  # the head's weights, before the Trainer sets it again for the order
    tokenizer = transformers.AutoTokenizer.from_pretrained(job.model)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(job.model, num_labels=job.num_labels)
    clock.phase("load")
    train = encode(tokenizer, job.rows(job.train), job.max_length)
    clock.phase("tokenise")
    collator = CountingCollator(tokenizer)
    with tempfile.TemporaryDirectory() as folder:
        trainer = transformers.Trainer(
            model, arguments(job, folder), data_collator=collator, train_dataset=train, callbacks=[StepClock(clock)]
        )
        loss = trainer.train().training_loss
        clock.phase("train")
        batches, collator.batches = collator.batches, []
        more = {}
        if job.dev:
            more = scores(job, trainer, encode(tokenizer, job.rows(job.dev), job.max_length))
            clock.phase("evaluate")
    versions = {"torch": torch.__version__, "transformers": transformers.__version__}
    report(job, clock, batches, loss=loss, versions=versions, threads=torch.get_num_threads(), **more)


if __name__ == "__main__":
    main()
