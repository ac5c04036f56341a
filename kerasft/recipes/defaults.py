"""Default learning rate, epochs and batch size, by model size, task, number of rows and number of classes.

Small encoders need larger learning rates than those published for BERT, and small datasets need a minimum number of steps:
three epochs over 420 rows are 39 steps with batch size 32. More classes need more steps. The values come from the published
recipes for BERT and from `benchmarks/defaults_sweep.py`; see the table in docs/results.md.
"""

import dataclasses
import math
import sys
from typing import Any

import kerasft
from kerasft.recipes.weights import trains_little


@dataclasses.dataclass(frozen=True)
class Rule:
    """Training defaults for a kind of task.

    Args:
        rate: Learning rate for BERT-base (hidden size 768, 12 blocks).
        width_power: Exponent p of the factor (768 / width) ** p.
        depth_power: Exponent p of the factor (12 / blocks) ** p.
        least_steps: Minimum number of steps.
        steps_a_class: Additional steps per class.
        least_epochs: Minimum number of epochs.
        most_epochs: Maximum number of epochs.
        small_batch: Batch size for fewer than `MANY_ROWS` rows.
        batch: Batch size for at least `MANY_ROWS` rows.

    Example:

    >>> RULES["text"].least_epochs
    3
    """

    rate: float
    width_power: float = 1.5
    depth_power: float = 0.5
    least_steps: int = 200
    steps_a_class: int = 8  # BANKING77's 77 classes need more than 300 steps, the first 10 of CLINC150 only 200
    least_epochs: int = 3
    most_epochs: int = 20
    small_batch: int = 16
    batch: int = 32


MANY_ROWS = 5000
HIGHEST_RATE = 5e-4  # for smaller models than those in the sweep
LOWEST_RATE = 1e-5
RATE_OF_FEW = 10  # factor for adapters and heads, which are initialized with zeros or random values
HIGHEST_RATE_OF_FEW = 2e-3
TOKENS_OF_A_ROW = 32  # typical short text, to estimate the rows per batch for a token budget
_WORDS = {"learning_rate": "learning rate {:.0e}", "epochs": "{} epochs", "batch_size": "batch size {}"}
RULES = {
    "text": Rule(rate=4e-5),
    "words": Rule(rate=5e-5, width_power=2.0, least_steps=300),  # one label per word: most labels are rare
    "relations": Rule(rate=4e-5, least_steps=300),  # the marker embeddings are new
    "questions": Rule(rate=5e-5, least_steps=400),  # Devlin et al. 2019, section 4.2
    "embedding": Rule(rate=2e-5, width_power=1.0),
    "few_shot": Rule(rate=2e-5, width_power=1.0, least_steps=0, least_epochs=1, small_batch=32),
    # The number of documents does not determine the amount of text, so there is no minimum. T5's rate is the same for all sizes.
    "masked_lm": Rule(rate=5e-5, width_power=1.0, least_steps=0, small_batch=32),
    "causal_lm": Rule(rate=5e-5, width_power=1.0, least_steps=0, small_batch=8, batch=8),
    "sequence_to_sequence": Rule(rate=3e-4, width_power=0.0, depth_power=0.0, small_batch=32),
}


def choose(
    kind: str,
    *,
    width: int,
    blocks: int,
    rows: int,
    classes: int = 0,
    batch_size: int | None = None,
    accumulated: int = 1,
) -> dict:
    """Return the learning rate, epochs and batch size for a kind of task.

    Args:
        kind: A key of `RULES`.
        width: The model's hidden size.
        blocks: Its number of blocks (layers).
        rows: Training rows.
        classes: Number of classes, tags, or both.
        batch_size: Batch size, if set; the number of epochs depends on it.
        accumulated: Number of batches per step (gradient accumulation).

    Example:

    >>> choose("text", width=384, blocks=6, rows=420, classes=2)
    {'learning_rate': 0.0002, 'epochs': 9, 'batch_size': 16}
    >>> choose("text", width=768, blocks=12, rows=67_349, classes=2)
    {'learning_rate': 4e-05, 'epochs': 3, 'batch_size': 32}
    """
    rule = RULES[kind]
    rate = rule.rate * (768 / width) ** rule.width_power * (12 / blocks) ** rule.depth_power
    rounded = float(
        f"{min(HIGHEST_RATE, max(LOWEST_RATE, rate)):.0e}"
    )  # one digit, since the sweep does not distinguish 1.6e-4 from 2e-4
    batch_size = batch_size or (rule.small_batch if rows < MANY_ROWS else rule.batch)
    steps = rule.least_steps + rule.steps_a_class * classes
    epochs = math.ceil(steps * batch_size * accumulated / max(rows, 1))
    epochs = min(rule.most_epochs, max(rule.least_epochs, epochs))
    return {"learning_rate": rounded, "epochs": epochs, "batch_size": batch_size}


def rate_of_few(rate: float) -> float:
    """Return the learning rate for training only adapters or the head, given the rate for all weights.

    Example:

    >>> rate_of_few(4e-5), rate_of_few(5e-4)
    (0.0004, 0.002)
    """
    return float(f"{min(HIGHEST_RATE_OF_FEW, RATE_OF_FEW * rate):.0e}")


def choose_training(options: Any, model: Any, *, rows: int, kind: str, classes: int = 0) -> Any:
    """Set the default learning rate, epochs and batch size where the options have none; print them.

    The defaults depend only on the options, the checkpoint and the number of rows, so a resumed run has the same ones.

    Args:
        options: The recipe's options.
        model: The backbone, or a model with a head.
        rows: Training rows.
        kind: A key of `RULES`.
        classes: Number of classes, tags, or both; 0 if there are none.

    Example:

    >>> from kerasft.demo import tiny
    >>> backbone = tiny.backbone()
    >>> checkpoint = str(tiny.checkpoint("tiny_bert"))
    >>> reviews_csv = tiny.reviews("reviews.csv")
    >>> from kerasft.recipes.options import TrainingOptions
    >>> options = TrainingOptions(model=checkpoint, train=reviews_csv, learning_rate=1e-3)
    >>> options = choose_training(options, backbone, rows=420, kind="text")
    >>> options.learning_rate, options.epochs, options.batch_size
    (0.001, 8, 16)
    """
    missing = [name for name in _WORDS if getattr(options, name) is None]
    if options.token_budget and "batch_size" in missing:
        missing.remove("batch_size")  # the budget replaces it
    if not missing:
        return options
    width, blocks = size_of(model)
    batch_size = options.token_budget // TOKENS_OF_A_ROW if options.token_budget else options.batch_size
    size = {"width": width, "blocks": blocks, "rows": rows, "classes": classes}
    chosen = choose(kind, **size, batch_size=batch_size, accumulated=options.gradient_accumulation)
    if trains_little(options):
        chosen["learning_rate"] = rate_of_few(chosen["learning_rate"])
    chosen = {name: chosen[name] for name in missing}
    texts = [_WORDS[name].format(value).replace("e-0", "e-") for name, value in chosen.items()]
    if kind == "text" and getattr(options, "pooling", "given") is None:  # the default of the head
        texts.append(f"{kerasft.heads.pooling.default_pooling(model)} pooling")
        missing.append("pooling")
    data = f"{rows:,} rows" + (f" of {classes} classes" if classes > 1 else "")
    flags = ", ".join("--" + name.replace("_", "-") for name in missing)
    parameters = f"{model.count_params():,} parameters ({blocks} blocks, hidden size {width})"
    print(
        f"Defaults for {data} and a model with {parameters}: {', '.join(texts)}. To override: {flags}.", file=sys.stderr
    )
    return dataclasses.replace(options, **chosen)


def size_of(model: Any) -> tuple[int, int]:
    """Return the hidden size and the number of blocks of a backbone (kerasft's or KerasHub's), or of a model with one.

    Example:

    >>> from kerasft.demo import tiny
    >>> backbone = tiny.backbone()
    >>> size_of(backbone)
    (16, 2)
    """
    source = kerasft.backbones.find_config(model) or model  # KerasHub's backbones have these attributes
    return getattr(source, "hidden_dim", 768), getattr(source, "num_layers", 12)
