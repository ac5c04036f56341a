"""Learning rate, epochs and batch size that were not given: chosen by the checkpoint's width, the task and the number of rows.

Small encoders need larger rates than BERT's published ones, and small data needs a floor on the number of steps: three
epochs over 420 rows are 39 steps of 32. The numbers come from `benchmarks/defaults_sweep.py`; docs/results.md has its table.
"""

import dataclasses
import math
import sys
from typing import Any

import kerasft


@dataclasses.dataclass(frozen=True)
class Rule:
    """How a kind of task is trained by default.

    Args:
        rate: Learning rate of a model 768 wide, the width of the published recipes.
        power: The rate changes with (768 / width) to this power.
        least_steps: Epochs are added until there are so many steps,
        least_epochs: but no fewer epochs than this,
        most_epochs: and no more than this.
        small_batch: Rows a step where there are fewer than `MANY_ROWS`,
        batch: and where there are as many or more.

    Example:

    >>> RULES["text"].least_epochs
    3
    """

    rate: float
    power: float = 2.0
    least_steps: int = 200
    least_epochs: int = 3
    most_epochs: int = 20
    small_batch: int = 16
    batch: int = 32


MANY_ROWS = 5000
HIGHEST_RATE = 5e-4  # for models narrower than those of the sweep
LOWEST_RATE = 1e-5
TOKENS_OF_A_ROW = 32  # how many rows fill a token budget is known only after the choice; a typical short text
_WORDS = {"learning_rate": "learning rate {:.0e}", "epochs": "{} epochs", "batch_size": "batch size {}"}
RULES = {
    "text": Rule(rate=4e-5),
    "words": Rule(rate=5e-5, power=2.5, least_steps=400),  # a class for each word: most are rare
    "relations": Rule(rate=4e-5, least_steps=400),  # the markers' vectors are new
    "questions": Rule(rate=5e-5, least_steps=400),  # Devlin et al. 2019, section 4.2
    "embedding": Rule(rate=2.5e-5, power=1.0),
    "few_shot": Rule(rate=2.5e-5, power=1.0, least_steps=0, least_epochs=1, small_batch=32),
    # Documents are no measure of a language model's data, so there is no floor. T5's rate is the same for all its sizes.
    "masked_lm": Rule(rate=5e-5, power=1.0, least_steps=0, small_batch=32),
    "causal_lm": Rule(rate=5e-5, power=1.0, least_steps=0, small_batch=8, batch=8),
    "sequence_to_sequence": Rule(rate=3e-4, power=0.0, small_batch=32),
}


def choose(kind: str, *, width: int, rows: int, batch_size: int | None = None, accumulated: int = 1) -> dict:
    """Return the learning rate, epochs and batch size for a kind of task.

    Args:
        kind: A key of `RULES`.
        width: Numbers that stand for a token in the model, its hidden size.
        rows: Training rows.
        batch_size: Rows of a batch, where they are given: the number of epochs depends on them,
        accumulated: and on how many batches make one step.

    Example:

    >>> choose("text", width=384, rows=420)
    {'learning_rate': 0.0002, 'epochs': 8, 'batch_size': 16}
    >>> choose("text", width=768, rows=67_349)
    {'learning_rate': 4e-05, 'epochs': 3, 'batch_size': 32}
    """
    rule = RULES[kind]
    rate = min(HIGHEST_RATE, max(LOWEST_RATE, rule.rate * (768 / width) ** rule.power))
    rounded = float(f"{rate:.0e}")  # one digit: the sweep does not tell 1.6e-4 from 2e-4
    batch_size = batch_size or (rule.small_batch if rows < MANY_ROWS else rule.batch)
    epochs = math.ceil(rule.least_steps * batch_size * accumulated / max(rows, 1))
    epochs = min(rule.most_epochs, max(rule.least_epochs, epochs))
    return {"learning_rate": rounded, "epochs": epochs, "batch_size": batch_size}


def choose_training(options: Any, model: Any, *, rows: int, kind: str) -> Any:
    """Return the options with learning rate, epochs and batch size filled in where they were not given; print what and why.

    The choice depends on nothing but the options, the checkpoint and the number of rows, so a resumed run makes it again.

    Args:
        options: The recipe's options.
        model: The backbone, or a model with a head.
        rows: Training rows.
        kind: A key of `RULES`.

    Example:

    >>> from kerasft.recipes.options import TrainingOptions
    >>> options = TrainingOptions(model=checkpoint, train=reviews_csv, learning_rate=1e-3)
    >>> options = choose_training(options, backbone, rows=420, kind="text")
    >>> options.learning_rate, options.epochs, options.batch_size
    (0.001, 8, 16)
    """
    missing = [name for name in _WORDS if getattr(options, name) is None]
    if options.token_budget and "batch_size" in missing:
        missing.remove("batch_size")  # the budget stands in for it
    if not missing:
        return options
    width = width_of(model)
    batch_size = options.token_budget // TOKENS_OF_A_ROW if options.token_budget else options.batch_size
    chosen = choose(kind, width=width, rows=rows, batch_size=batch_size, accumulated=options.gradient_accumulation)
    chosen = {name: chosen[name] for name in missing}
    what = ", ".join(_WORDS[name].format(value).replace("e-0", "e-") for name, value in chosen.items())
    size = f"{model.count_params():,} parameters, {width} wide"
    flags = ", ".join("--" + name.replace("_", "-") for name in missing)
    print(f"Chosen for {rows:,} rows and a model of {size}: {what}. Options: {flags}.", file=sys.stderr)
    return dataclasses.replace(options, **chosen)


def width_of(model: Any) -> int:
    """Return the hidden size of a backbone, ours or KerasHub's, or of a model made of one.

    Example:

    >>> width_of(backbone), width_of(model)
    (16, 16)
    """
    config = kerasft.backbones.find_config(model)
    if config is not None:
        return config.hidden_dim
    output = model.output
    return int((output["sequence_output"] if isinstance(output, dict) else output).shape[-1])
