"""Initial weights of a training run, and its trainable weights: all, LoRA adapters, or all that are not frozen."""

import math
import pathlib
import sys
from collections.abc import Callable
from typing import Any

import kerasft
from kerasft.recipes.options import TrainingOptions

ADAPTERS = "adapters.safetensors"
"""File name in a run's folder."""


def restore_head(model: Any, options: TrainingOptions) -> bool:
    """Keep a bundle's head if `options.model` is a bundle with the same task and labels, and print a message.

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
        print(f"{options.model} has the same task and labels: training continues with its head.", file=sys.stderr)
    return restored


def load_with_head(options: TrainingOptions, head: Callable) -> tuple:
    """Load a model for a task without labels, with the head of the checkpoint or bundle, or a new one.

    Args:
        options: The recipe's options.
        head: The task's function in `kerasft.heads`, such as `kerasft.heads.masked_lm`.

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
    model.bundle_settings = getattr(backbone, "bundle_settings", {})  # the bundle's generation settings
    model.has_new_head = not restore_head(model, options)
    return model, tokenizer


def limit_trainable(options: TrainingOptions, model: Any, backbone: Any = None) -> None:
    """Enable LoRA or freeze layers, according to the options, and print the number of trainable parameters.

    Compile the model afterwards.

    Args:
        options: The recipe's options: `lora_rank`, `lora_alpha`, `lora_targets`, `freeze_layers`.
        model: The complete model to train, with its head. If it `has_new_tokens`, LoRA also applies to the token embedding.
        backbone: The result of `kerasft.load_pretrained`, if the head may use its pooler.

    Raises:
        KerasftError: If no layer is a target, there are fewer layers than `freeze_layers`, or nothing is trainable.

    Example:

    >>> from kerasft.demo import tiny
    >>> limited = tiny.classifier()
    >>> limit_trainable(TrainingOptions(model="bert-base-uncased", train="train.csv", freeze_layers="1"), limited)
    >>> any("transformer_layer_0" in weight.path for weight in limited.trainable_weights)
    False
    """
    frozen = options.freeze_layers
    new_tokens = getattr(model, "has_new_tokens", False)
    if options.lora_rank is not None:
        new_head = getattr(model, "has_new_head", None) or None
        layers = lora_layers(options.lora_targets)
        if new_tokens:  # like a new head: their embeddings are all equal
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
            "Warning: the entity markers are new, and --freeze-layers freezes their embeddings, which are all equal (the mean of "
            "the vocabulary): use --lora-rank, which trains them, or train all weights.",
            file=sys.stderr,
        )
    if trains_little(options) and _has_random_pooler(model, backbone):
        advice = "use --pooling mean or cls, or train all weights"
        print(
            f"Warning: {options.model} has no pooler, and its random weights would stay frozen: {advice}.",
            file=sys.stderr,
        )
    trained, total = (sum(math.prod(v.shape) for v in weights) for weights in (model.trainable_weights, model.weights))
    print(f"Trainable parameters: {trained:,} of {total:,} ({100 * trained / total:.2f} %).", file=sys.stderr)


def _has_random_pooler(model: Any, backbone: Any) -> bool:
    """Whether a model uses a pooler that the checkpoint does not have."""
    report = getattr(backbone, "checkpoint_report", None)
    missing = report is not None and any(name.startswith("pooler.") for name in report.missing)
    return missing and any(layer.name == "pooled_dense" for layer in model.layers)


def lora_layers(targets: str | None) -> tuple[str, ...]:
    """Parse the layers that get adapters: comma-separated, or `all-linear`.

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
    """Whether only a few weights are trained, which requires a larger learning rate.

    Example:

    >>> trains_little(TrainingOptions(model="bert-base-uncased", train="train.csv", lora_rank=8))
    True
    """
    return options.lora_rank is not None or options.freeze_layers == "backbone"


def keep_adapters(model: Any, work: pathlib.Path) -> dict[str, pathlib.Path]:
    """Also save the adapters of a model with LoRA separately; return their path as part of a recipe's result.

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
    """Return the model to save, with adapters merged into the kernels, so that all bundle readers can load it.

    Example:

    >>> from kerasft.demo import tiny
    >>> model = tiny.classifier()
    >>> merged(model) is model
    True
    """
    return kerasft.adapters.merge_lora(model) if kerasft.adapters.has_lora(model) else model
