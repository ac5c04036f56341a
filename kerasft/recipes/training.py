"""The parts of a training that are the same in every recipe: the optimizer and what watches the run."""

import dataclasses
import pathlib

import kerasft
from kerasft.recipes.options import TrainingOptions


def make_optimizer(options: TrainingOptions, steps_per_epoch: int):
    """AdamW with warm-up and decay over all steps of the run.

    Args:
        options: The recipe's options.
        steps_per_epoch: Batches of an epoch, `len(train)`.

    Example:

    >>> options = TrainingOptions(model="bert-base-uncased", train="train.csv", epochs=2)
    >>> make_optimizer(options, steps_per_epoch=100).weight_decay
    0.01
    """
    decay = {
        "linear": kerasft.optimizers.WarmupLinearDecay,
        "cosine": kerasft.optimizers.WarmupCosineDecay,
        "polynomial": kerasft.optimizers.WarmupPolynomialDecay,
    }[options.schedule]
    total_steps = options.epochs * steps_per_epoch  # the schedule counts batches, also when gradients are accumulated
    return kerasft.optimizers.AdamW(
        decay(options.learning_rate, total_steps, warmup=options.warmup),
        weight_decay=options.weight_decay,
        global_clipnorm=options.global_clipnorm or None,
        gradient_accumulation_steps=options.gradient_accumulation if options.gradient_accumulation > 1 else None,
    )


def make_callbacks(options: TrainingOptions, work: pathlib.Path, *, monitor: str, **tensorboard) -> list:
    """What watches the training: stop on NaN, throughput, TensorBoard, best epoch, early stopping, resuming.

    Args:
        options: The recipe's options.
        work: Folder of logs and checkpoints.
        monitor: The task's own choice of `options.monitor`.
        **tensorboard: `validation_data`, `texts` and the like for `kerasft.callbacks.TensorBoard`.

    Example:

    >>> options = TrainingOptions(model="bert-base-uncased", train="train.csv", keep="last")
    >>> [type(callback).__name__ for callback in make_callbacks(options, scratch, monitor="val_loss")]
    ['StopOnNonFinite', 'Throughput', 'TensorBoard']
    """
    monitor = options.monitor or monitor
    chosen = {name: value for name, value in dataclasses.asdict(options).items() if value is not None}
    callbacks = [
        kerasft.callbacks.StopOnNonFinite(),
        kerasft.callbacks.Throughput(),
        kerasft.callbacks.TensorBoard(work / "logs", hyper_parameters=chosen, **tensorboard),
    ]
    if options.keep == "best":
        callbacks.append(kerasft.callbacks.best_checkpoint(work / "best.weights.h5", monitor))
    if options.patience is not None:
        callbacks.append(kerasft.callbacks.early_stopping(monitor, patience=options.patience))
    if options.resume:
        callbacks.append(kerasft.callbacks.resume(work / "resume"))
    return callbacks
