"""Declaration of a recipe's options, for Python, the command line and the YAML file."""

import dataclasses
import json
import math
import os
import re
from typing import Any

from kerasft.errors import bad_argument
from kerasft.files import local_path

TEXT_HELP = "column of the text: a name, or a 0-based index if there is no header (-1: last column)"
LABEL_NAMES_HELP = (
    "names of labels or tags that the data stores as 0, 1, ...: comma-separated, or a file with one name per line"
)
SMOOTHING_HELP = "label smoothing factor"


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
    """Declare a field of a recipe's `Options`: help text, default and allowed values, and whether it is required.

    Args:
        help: Help text for `--help`.
        default: Default value.
        choices: Allowed values.
        required: Whether the option is required.
        above: Exclusive lower bound of a number.
        least: Inclusive lower bound.
        below: Exclusive upper bound.

    Example:

    >>> @dataclasses.dataclass
    ... class Options:
    ...     epochs: int = option("number of epochs", default=3, least=1)
    >>> Options().epochs
    3
    """
    limits = {"above": above, "least": least, "below": below}
    return dataclasses.field(
        default=default, metadata={"help": help, "choices": choices, "required": required, **limits}
    )


def check_option(field: dataclasses.Field, value: Any) -> None:
    """Check that the value of an option is one of its choices, or within its limits.

    Raises:
        KerasftError: If it is not; the message gives the option, the expected and the received value.

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
    limits = [f"{sign} {limit}" for sign, limit in ((">", above), (">=", least), ("<", below)) if limit is not None]
    if not limits:
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
        expected = f"a {'whole ' if whole else ''}number {' and '.join(limits)}"
        raise bad_argument(field.name, expected, value, f"See: {field.metadata['help']}.")


def column(value: str | None) -> int | str | list[int | str] | None:
    """Parse a column option: a name, an index for files without a header (-1: last), or several, comma-separated.

    Example:

    >>> column("sentence"), column("3"), column("-1"), column("toxic,insult"), column(None)
    ('sentence', 3, -1, ['toxic', 'insult'], None)
    """
    if value is None:
        return None
    parts = [int(part) if re.fullmatch(r"-?\d+", part) else part for part in map(str.strip, str(value).split(","))]
    return parts if len(parts) > 1 else parts[0]


def names(value: str) -> list[str]:
    """Read comma-separated names, or a file of names: one per line, or a JSON list, or a JSON object from index to name.

    Raises:
        KerasftError: If the file contains no names.

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
        raise bad_argument("label_names", "comma-separated names, or a file of names", value, f"({error})") from error
    listed = listed.get("id2label", listed) if isinstance(listed, dict) else listed
    if isinstance(listed, dict) and all(str(key).isdecimal() for key in listed):
        listed = [listed[key] for key in sorted(listed, key=int)]
    if not isinstance(listed, list) or not listed or not all(isinstance(name, str) for name in listed):
        fix = 'Write one name per line, or a JSON list: ["O", "B-PER"].'
        raise bad_argument("label_names", "comma-separated names, or a file of names", value, fix)
    return [name.strip() for name in listed]


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """Options of every training recipe. Each is a command-line flag and a key of the `--config` file.

    Example:

    >>> TrainingOptions(model="bert-base-uncased", train="train.csv").schedule
    'linear'
    """

    model: str = option("pretrained checkpoint: a Hugging Face folder or hub id, or a KerasHub preset", required=True)
    train: str = option(
        "training file (.csv .tsv .jsonl .json .parquet .xlsx ...: docs/data_formats.md), or tfds:NAME:SPLIT",
        required=True,
    )
    dev: str | None = option("validation file (default: a random part of --train)")
    test: str | None = option("test file for the final report (default: report on the validation rows)")
    dev_fraction: float = option(
        "fraction of --train to hold out for validation if there is no --dev", default=0.1, above=0, below=1
    )
    max_train_rows: int | None = option("train on a random sample of N rows only, for a quick test", least=1)
    epochs: int | None = option("number of epochs (default: 3; up to 20 for few rows or many classes)", least=1)
    batch_size: int | None = option("global batch size, over all devices (default: 16; 32 from 5,000 rows on)", least=1)
    token_budget: int | None = option("tokens per batch, including padding; replaces --batch-size", least=1)
    learning_rate: float | None = option(
        "peak learning rate of AdamW (default: by task and model size; text classification: 4e-5 for BERT-base, 2e-4 for MiniLM)",
        above=0,
    )
    schedule: str = option(
        "learning rate schedule after the warm-up", default="linear", choices=("linear", "cosine", "polynomial")
    )
    warmup: float = option("fraction of the training steps used for linear warm-up", default=0.1, least=0, below=1)
    weight_decay: float = option("decoupled weight decay, for matrices only", default=0.01, least=0)
    global_clipnorm: float = option("clip gradients to this global norm; 0: no clipping", default=1.0, least=0)
    gradient_accumulation: int = option(
        "number of batches to accumulate gradients over before each update", default=1, least=1
    )
    keep: str = option("keep the weights of the best or of the last epoch", default="best", choices=("best", "last"))
    monitor: str | None = option("metric that selects the best epoch, such as val_f1_macro (default: by task)")
    patience: int | None = option(
        "early stopping: epochs without improvement of --monitor (default: no early stopping)", least=0
    )
    lora_rank: int | None = option(
        "LoRA rank (commonly 8): train adapters and the head, freeze all other weights (default: no LoRA)", least=1
    )
    lora_alpha: float | None = option(
        "LoRA alpha; the adapters are scaled by alpha / rank (default: --lora-rank)", above=0
    )
    lora_targets: str | None = option(
        "layers that get adapters, comma-separated: query, key, value, attention_output, intermediate, feedforward_output (T5: "
        "output), ..., or all-linear (default: query,value; GPT-2: query_key_value)"
    )
    freeze_layers: str | None = option(
        "layers to freeze: embeddings; N (embeddings and the first N transformer layers); backbone (all but the head)"
    )
    precision: str = option(
        "Keras dtype policy", default="float32", choices=("float32", "mixed_bfloat16", "mixed_float16")
    )
    strategy: str = option(
        "distribution strategy", default="auto", choices=("auto", "one_device", "mirrored", "multi_worker", "tpu")
    )
    seed: int = option(
        "seed for splitting, shuffling, weight initialization and dropout", default=0, least=0, below=2**32
    )
    skip_invalid: bool = option(
        "skip invalid rows (no text, no label, malformed); count them and list them in OUTPUT.run",
        default=False,
    )
    resume: bool = option("resume an interrupted run of the same --output from its last checkpoint", default=False)
    resume_anyway: bool = option("with --resume: also if options or data have changed since", default=False)
    checkpoint_minutes: float = option(
        "minutes between two checkpoints to resume from, in addition to one per epoch; 0 for none",
        default=10.0,
        least=0,
    )
    checkpoint_steps: int | None = option("steps between two checkpoints to resume from (default: none)", least=1)
    overwrite: bool = option(
        "overwrite the bundle in --output, and discard an interrupted run of the same --output", default=False
    )

    def __post_init__(self):
        for name in ("model", "train", "dev", "test", "output"):
            if isinstance(path := getattr(self, name, None), str):  # shells do not expand ~ in a --config file
                object.__setattr__(self, name, os.path.expanduser(path))
        for field in dataclasses.fields(self):
            check_option(field, getattr(self, field.name))
        _check_trainable(self)


def _check_trainable(options: TrainingOptions) -> None:
    """Reject contradicting options before anything is loaded."""
    for name in ("lora_alpha", "lora_targets"):
        if options.lora_rank is None and (value := getattr(options, name)) is not None:
            raise bad_argument(name, "omitted without lora_rank", value, "Add --lora-rank 8 (lora_rank=8).")
    frozen = options.freeze_layers
    if frozen is None:
        return
    if frozen not in ("embeddings", "backbone") and not re.fullmatch(r"0*[1-9]\d*", str(frozen)):
        raise bad_argument("freeze_layers", "embeddings, backbone or a whole number >= 1", frozen, "For example: 4.")
    if options.lora_rank is not None:
        fix = (
            "LoRA already freezes all other weights; select the adapted layers with --lora-targets (lora_targets=...)."
        )
        raise bad_argument("freeze_layers", "omitted with lora_rank", frozen, fix)


def defaults_of(options: TrainingOptions) -> dict[str, Any]:
    """Return the default values of a recipe's options by name, without required options.

    Example:

    >>> defaults_of(TrainingOptions(model="bert-base-uncased", train="train.csv", schedule="cosine"))["schedule"]
    'linear'
    """
    return {field.name: field.default for field in dataclasses.fields(options) if not field.metadata["required"]}
