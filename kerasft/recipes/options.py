"""How a recipe declares its choices, so that the command line and the YAML file can offer the same ones."""

import dataclasses
from typing import Any


def option(help: str, *, default: Any = None, choices: tuple | None = None, required: bool = False) -> Any:
    """A field of a recipe's `Options`: its explanation, default and allowed values, and whether it must be given.

    Example:

    >>> @dataclasses.dataclass
    ... class Options:
    ...     epochs: int = option("passes over the training rows", default=3)
    >>> Options().epochs
    3
    """
    return dataclasses.field(default=default, metadata={"help": help, "choices": choices, "required": required})


def column(value: str | None) -> int | str | list[int | str] | None:
    """Read a column as it is typed: a name, a number for files without a header, or several joined by commas.

    Example:

    >>> column("sentence"), column("3"), column("toxic,insult"), column(None)
    ('sentence', 3, ['toxic', 'insult'], None)
    """
    if value is None:
        return None
    parts = [int(part) if part.strip().isdigit() else part.strip() for part in str(value).split(",")]
    return parts if len(parts) > 1 else parts[0]


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """The choices that every training recipe offers. Each is a flag of the command line and a key of `--config`.

    Example:

    >>> TrainingOptions(model="bert-base-uncased", train="train.csv").learning_rate
    2e-05
    """

    model: str = option("checkpoint: a Hugging Face folder or hub id, or a KerasHub preset", required=True)
    train: str = option("training file (.csv .tsv .jsonl .parquet .tfrecord), or tfds:NAME:SPLIT", required=True)
    dev: str | None = option("file to validate on after each epoch; without it a part of --train is held out")
    test: str | None = option("file to report on; without it the report is on the dev rows")
    dev_fraction: float = option("part of --train that is held out where there is no --dev", default=0.1)
    max_train_rows: int | None = option("train on this many rows only, drawn by the seed (a quick try)")
    epochs: int = option("passes over the training rows", default=3)
    batch_size: int = option("texts a step, over all devices together", default=32)
    token_budget: int | None = option("instead of --batch-size: padded tokens a step")
    learning_rate: float = option("peak rate of AdamW", default=2e-5)
    schedule: str = option("decay after the warm-up", default="linear", choices=("linear", "cosine", "polynomial"))
    warmup: float = option("part of the steps in which the rate rises", default=0.1)
    weight_decay: float = option("decoupled weight decay of the matrices", default=0.01)
    global_clipnorm: float = option("largest norm of all gradients together; 0 for none", default=1.0)
    gradient_accumulation: int = option("batches whose gradients are averaged into one step", default=1)
    keep: str = option("which epoch's weights to keep", default="best", choices=("best", "last"))
    monitor: str | None = option("metric that says which epoch is best, such as val_f1_macro")
    patience: int | None = option("stop when --monitor has not improved for this many epochs")
    precision: str = option("arithmetic", default="float32", choices=("float32", "mixed_bfloat16", "mixed_float16"))
    strategy: str = option("devices", default="auto", choices=("auto", "one_device", "mirrored", "multi_worker", "tpu"))
    seed: int = option("seed of the split, the order, the new weights and the dropout", default=0)
    resume: bool = option("go on with a run of the same --output that was interrupted", default=False)
