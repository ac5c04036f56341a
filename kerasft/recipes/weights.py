"""Which weights a training starts from, and which of them it trains: all, adapters (LoRA), or those that are not frozen."""

import math
import pathlib
import sys
from collections.abc import Callable
from typing import Any

import kerasft
from kerasft.recipes.options import TrainingOptions

ADAPTERS = "adapters.safetensors"
"""Name in a run's folder."""


def restore_head(model: Any, options: TrainingOptions) -> bool:
    """Continue with a bundle's head too, where `options.model` is a bundle of the same task and labels, and say so.

    Returns:
        Whether the model has the bundle's head.

    Example:

    >>> from kerasft.demo import tiny
    >>> model = tiny.classifier()
    >>> restore_head(model, TrainingOptions(model="bert-base-uncased", train="train.csv"))
    False
    """
    restored = kerasft.checkpoints.restore_head(model, options.model)
    if restored:
        print(f"The task and labels are those of {options.model}: training continues with its head.", file=sys.stderr)
    return restored


def load_with_head(options: TrainingOptions, head: Callable) -> tuple:
    """Load a model of a task without labels: with the checkpoint's or bundle's own head, or a new one where it has none.

    Args:
        options: The recipe's options.
        head: The task's function of `kerasft.heads`, such as `kerasft.heads.masked_lm`.

    Returns:
        The model and its tokenizer.

    Example:

    >>> from kerasft.demo import tiny
    >>> checkpoint = str(tiny.checkpoint("tiny_bert"))
    >>> model, tokenizer = load_with_head(TrainingOptions(model=checkpoint, train="texts.txt"), kerasft.heads.masked_lm)
    >>> model.name
    'masked_lm'
    """
    if kerasft.checkpoints.task_of(options.model) == head.__name__:
        return kerasft.load_task_model(options.model)
    backbone, tokenizer = kerasft.load_pretrained(options.model)
    model = head(backbone)
    model.bundle_settings = getattr(backbone, "bundle_settings", {})  # how a bundle's texts are generated
    model.has_new_head = not restore_head(model, options)
    return model, tokenizer


def limit_trainable(options: TrainingOptions, model: Any, backbone: Any = None) -> None:
    """Put LoRA on a model or freeze a part of it, as the options say, and print how many parameters are trained.

    Compile the model after it.

    Args:
        options: The recipe's options: `lora_rank`, `lora_alpha`, `lora_targets`, `freeze_layers`.
        model: The model that will be trained, complete with its head. Where it `has_new_tokens`, LoRA goes on the token
            embedding too.
        backbone: What `kerasft.load_pretrained` returned, where the head may stand on its pooler.

    Raises:
        KerasftError: If no layer is a target, there are fewer layers than are to be frozen, or nothing is left to train.

    Example:

    >>> from kerasft.demo import tiny
    >>> limited = tiny.classifier()
    >>> limit_trainable(TrainingOptions(model="bert-base-uncased", train="train.csv", freeze_layers="1"), limited)
    >>> any("transformer_layer_0" in weight.path for weight in limited.trainable_weights)
    False
    """
    frozen, new_tokens = options.freeze_layers, getattr(model, "has_new_tokens", False)
    if options.lora_rank is not None:
        new_head = getattr(model, "has_new_head", None) or None
        layers = lora_layers(options.lora_targets)
        if new_tokens:  # trained as a new head is: their embeddings are all alike
            layers += ("token_embedding",)
        kerasft.adapters.enable_lora(
            model, options.lora_rank, alpha=options.lora_alpha, layers=layers, train_head=new_head
        )
    elif frozen == "backbone":
        kerasft.adapters.freeze_backbone(model)
    elif frozen is not None:
        kerasft.adapters.freeze(model, below=0 if frozen == "embeddings" else int(frozen))
    else:
        return
    if new_tokens and frozen is not None:
        print(
            "Warning: the entity markers are new to this checkpoint, and --freeze-layers freezes their embeddings, which are all "
            "alike (the mean of the vocabulary's): use --lora-rank, which trains them, or train all weights.",
            file=sys.stderr,
        )
    if trains_little(options) and _has_random_pooler(model, backbone):
        advice = "give --pooling mean or cls, or train all weights"
        print(
            f"Warning: {options.model} has no pooler, and a random one would not be trained: {advice}.", file=sys.stderr
        )
    trained, total = (sum(math.prod(v.shape) for v in some) for some in (model.trainable_weights, model.weights))
    print(f"Trainable parameters: {trained:,} of {total:,} ({100 * trained / total:.2f} %).", file=sys.stderr)


def _has_random_pooler(model: Any, backbone: Any) -> bool:
    """Whether a model reads the pooler of a checkpoint that has none."""
    report = getattr(backbone, "checkpoint_report", None)
    missing = report is not None and any(name.startswith("pooler.") for name in report.missing)
    return missing and any(layer.name == "pooled_dense" for layer in model.layers)


def lora_layers(targets: str | None) -> tuple[str, ...]:
    """The layers that get adapters, as the command line names them: joined by commas, or `all-linear`.

    Example:

    >>> lora_layers("query,key"), lora_layers(None)
    (('query', 'key'), ('query', 'value', 'query_key_value'))
    """
    if targets is None:
        return kerasft.adapters.DEFAULT_LAYERS
    if targets == "all-linear":
        return kerasft.adapters.ALL_LINEAR
    return tuple(name.strip() for name in targets.split(","))


def trains_little(options: TrainingOptions) -> bool:
    """Whether so few weights are trained that they need a larger learning rate.

    Example:

    >>> trains_little(TrainingOptions(model="bert-base-uncased", train="train.csv", lora_rank=8))
    True
    """
    return options.lora_rank is not None or options.freeze_layers == "backbone"


def keep_adapters(model: Any, work: pathlib.Path) -> dict[str, pathlib.Path]:
    """Write the adapters of a model with LoRA alone too; return their path as a part of a recipe's result.

    Example:

    >>> from kerasft.demo import tiny
    >>> model = tiny.classifier()
    >>> keep_adapters(model, pathlib.Path("."))
    {}
    """
    return (
        {"adapters": kerasft.adapters.save_adapters(model, work / ADAPTERS)} if kerasft.adapters.has_lora(model) else {}
    )


def merged(model: Any) -> Any:
    """The model to save: adapters are added into the kernels, so that every reader of bundles reads it.

    Example:

    >>> from kerasft.demo import tiny
    >>> model = tiny.classifier()
    >>> merged(model) is model
    True
    """
    return kerasft.adapters.merge_lora(model) if kerasft.adapters.has_lora(model) else model
