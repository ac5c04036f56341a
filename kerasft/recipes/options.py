"""How a recipe declares its choices, so that the command line and the YAML file can offer the same ones."""

import dataclasses
import json
import math
import os
import re
from typing import Any

from kerasft.errors import bad_argument
from kerasft.files import local_path

TEXT_HELP = "column of the text: a name, or a number from 0 where there is no header (-1: the last)"
LABEL_NAMES_HELP = (
    "names of the labels or tags that the data has as 0, 1, ..., in this order: joined by commas, or a file of one name "
    "a line"
)
SMOOTHING_HELP = "label smoothing factor: the part of the target that is spread evenly over all classes"


def option(
    help: str,
    *,
    default: Any = None,
    choices: tuple | None = None,
    required: bool = False,
    above: float | None = None,
    least: float | None = None,
    below: float | None = None,
) -> Any:
    """A field of a recipe's `Options`: its explanation, default and allowed values, and whether it must be given.

    Args:
        help: What it is, for `--help`.
        default: Its value if it is not given.
        choices: The allowed values, where they can be listed.
        required: Whether it must be given.
        above: A number must be greater than this,
        least: or at least this,
        below: and less than this.

    Example:

    >>> @dataclasses.dataclass
    ... class Options:
    ...     epochs: int = option("passes over the training rows", default=3, least=1)
    >>> Options().epochs
    3
    """
    limits = {"above": above, "least": least, "below": below}
    return dataclasses.field(
        default=default, metadata={"help": help, "choices": choices, "required": required, **limits}
    )


def check_option(field: dataclasses.Field, value: Any) -> None:
    """Raise unless the value of an option is one of its choices, or within its limits.

    Raises:
        KerasftError: Naming the option, what it may be and what it is.

    Example:

    >>> check_option(dataclasses.fields(TrainingOptions)[6], 0)
    Traceback (most recent call last):
    ...
    kerasft.errors.KerasftError: `epochs` must be a whole number >= 1; received: 0. ...
    """
    choices, above, least, below = (field.metadata[name] for name in ("choices", "above", "least", "below"))
    if value is None and (field.default is None or field.metadata["required"]):
        return
    if choices and value not in choices:
        raise bad_argument(field.name, f"one of {choices}", value, "Choose one of them.")
    words = [f"{sign} {limit}" for sign, limit in ((">", above), (">=", least), ("<", below)) if limit is not None]
    if not words:
        return
    whole = "int" in str(field.type)
    kinds = (int,) if whole else (int, float)
    if (
        isinstance(value, bool)
        or not isinstance(value, kinds)
        or not math.isfinite(value)
        or (above is not None and value <= above)
        or (least is not None and value < least)
        or (below is not None and value >= below)
    ):
        expected = f"a {'whole ' if whole else ''}number {' and '.join(words)}"
        raise bad_argument(field.name, expected, value, f"It is: {field.metadata['help']}.")


def column(value: str | None) -> int | str | list[int | str] | None:
    """Read a column as it is typed: a name, a number for files without a header (-1: the last), or several joined by commas.

    Example:

    >>> column("sentence"), column("3"), column("-1"), column("toxic,insult"), column(None)
    ('sentence', 3, -1, ['toxic', 'insult'], None)
    """
    if value is None:
        return None
    parts = [int(part) if re.fullmatch(r"-?\d+", part) else part for part in map(str.strip, str(value).split(","))]
    return parts if len(parts) > 1 else parts[0]


def names(value: str) -> list[str]:
    """Read names as they are typed: joined by commas; or a file's: one a line, or a JSON list or object of them by number.

    Raises:
        KerasftError: If the file holds no names.

    Example:

    >>> names("negative, positive")
    ['negative', 'positive']
    """
    path = local_path(value)
    if path.suffix.lower() not in (".txt", ".json") or not path.is_file():
        return [name.strip() for name in value.split(",")]
    try:
        text = path.read_text("utf-8-sig")
        listed = (
            json.loads(text) if path.suffix.lower() == ".json" else [line for line in text.splitlines() if line.strip()]
        )
    except (OSError, ValueError, RecursionError) as error:
        raise bad_argument("label_names", "names joined by commas, or a file of them", value, f"({error})") from error
    listed = listed.get("id2label", listed) if isinstance(listed, dict) else listed
    if isinstance(listed, dict) and all(str(key).isdecimal() for key in listed):
        listed = [listed[key] for key in sorted(listed, key=int)]
    if not isinstance(listed, list) or not listed or not all(isinstance(name, str) for name in listed):
        fix = 'Write one name a line, or a JSON list: ["O", "B-PER"].'
        raise bad_argument("label_names", "names joined by commas, or a file of them", value, fix)
    return [name.strip() for name in listed]


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """The choices that every training recipe offers. Each is a flag of the command line and a key of `--config`.

    Example:

    >>> TrainingOptions(model="bert-base-uncased", train="train.csv").schedule
    'linear'
    """

    model: str = option("checkpoint: a Hugging Face folder or hub id, or a KerasHub preset", required=True)
    train: str = option(
        "training file (.csv .tsv .jsonl .json .parquet .xlsx ...: docs/data_formats.md), or tfds:NAME:SPLIT",
        required=True,
    )
    dev: str | None = option("file to validate on after each epoch; without it a part of --train is held out")
    test: str | None = option("file to report on; without it the report is on the dev rows")
    dev_fraction: float = option(
        "part of --train that is held out where there is no --dev", default=0.1, above=0, below=1
    )
    max_train_rows: int | None = option("train on this many rows only, drawn by the seed (a quick try)", least=1)
    epochs: int | None = option(
        "passes over the training rows; default: 3, and up to 20 where rows are few or classes many", least=1
    )
    batch_size: int | None = option(
        "texts a step, over all devices together; default: 16, from 5,000 rows on 32", least=1
    )
    token_budget: int | None = option("instead of --batch-size: padded tokens a step", least=1)
    learning_rate: float | None = option(
        "peak learning rate of AdamW; default: by task and model size (texts: 4e-5 for BERT-base, 2e-4 for MiniLM)",
        above=0,
    )
    schedule: str = option("decay after the warm-up", default="linear", choices=("linear", "cosine", "polynomial"))
    warmup: float = option("part of the steps over which the learning rate warms up", default=0.1, least=0, below=1)
    weight_decay: float = option("decoupled weight decay of the matrices", default=0.01, least=0)
    global_clipnorm: float = option("global norm to which the gradients are clipped; 0 for none", default=1.0, least=0)
    gradient_accumulation: int = option("batches whose gradients are averaged into one step", default=1, least=1)
    keep: str = option("which epoch's weights to keep", default="best", choices=("best", "last"))
    monitor: str | None = option("metric that says which epoch is best, such as val_f1_macro")
    patience: int | None = option("stop when --monitor has not improved for this many epochs", least=0)
    lora_rank: int | None = option(
        "LoRA rank (8 is usual): train adapters and a new head, and freeze all other weights", least=1
    )
    lora_alpha: float | None = option("scale of the adapters is alpha / rank; default: --lora-rank", above=0)
    lora_targets: str | None = option(
        "layers that get adapters, joined by commas: query, key, value, attention_output, intermediate, feedforward_output (T5: "
        "output), ..., or all-linear; default: query,value (GPT-2: query_key_value)"
    )
    freeze_layers: str | None = option(
        "layers to freeze: embeddings; a number N: the embeddings and the first N transformer layers; backbone: all but the head"
    )
    precision: str = option("arithmetic", default="float32", choices=("float32", "mixed_bfloat16", "mixed_float16"))
    strategy: str = option("devices", default="auto", choices=("auto", "one_device", "mirrored", "multi_worker", "tpu"))
    seed: int = option("seed of the split, the order, the new weights and the dropout", default=0, least=0, below=2**32)
    skip_invalid: bool = option(
        "leave out rows that cannot be used (no text, no label, broken), count them and list them in OUTPUT.run",
        default=False,
    )
    resume: bool = option("continue an interrupted run of the same --output after its last whole epoch", default=False)
    overwrite: bool = option(
        "replace the bundle that --output holds, and discard an interrupted run of the same --output", default=False
    )

    def __post_init__(self):
        for name in ("model", "train", "dev", "test", "output"):
            if isinstance(path := getattr(self, name, None), str):  # no shell has seen the values of a --config file
                object.__setattr__(self, name, os.path.expanduser(path))
        for field in dataclasses.fields(self):
            check_option(field, getattr(self, field.name))
        _check_trainable(self)


def _check_trainable(options: TrainingOptions) -> None:
    """Refuse what contradicts, before anything is loaded."""
    for name in ("lora_alpha", "lora_targets"):
        if options.lora_rank is None and (value := getattr(options, name)) is not None:
            raise bad_argument(name, "left out without lora_rank", value, "Add --lora-rank 8 (lora_rank=8).")
    frozen = options.freeze_layers
    if frozen is None:
        return
    if frozen not in ("embeddings", "backbone") and not re.fullmatch(r"0*[1-9]\d*", str(frozen)):
        raise bad_argument(
            "freeze_layers", "embeddings, backbone or a whole number >= 1", frozen, "Give 4, for example."
        )
    if options.lora_rank is not None:
        fix = "LoRA freezes all other weights already; limit where adapters go by --lora-targets (lora_targets=...)."
        raise bad_argument("freeze_layers", "left out with lora_rank", frozen, fix)


def defaults_of(options: TrainingOptions) -> dict[str, Any]:
    """The defaults of a recipe's options, by name; those that must be given have none.

    Example:

    >>> defaults_of(TrainingOptions(model="bert-base-uncased", train="train.csv", schedule="cosine"))["schedule"]
    'linear'
    """
    return {field.name: field.default for field in dataclasses.fields(options) if not field.metadata["required"]}
