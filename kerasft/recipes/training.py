"""Common parts of all training recipes: optimizer, callbacks, evaluation and saving."""

import dataclasses
import pathlib
import sys
from collections.abc import Callable
from typing import Any

import kerasft
from kerasft import locks
from kerasft.errors import bad_argument
from kerasft.recipes.options import TrainingOptions, defaults_of
from kerasft.recipes.output import (
    BEST_WEIGHTS,
    HOW,
    RESUME,
    can_resume,
    may_overwrite,
    remove_checkpoints,
    reserve,
    work_folder,
)
from kerasft.recipes.weights import keep_adapters, merged


def prepare(options: TrainingOptions) -> pathlib.Path:
    """Set seed and precision, and check before training that the bundle can be written.

    The returned folder is locked until `report_and_save`, so that no other run writes there.

    Args:
        options: The recipe's options.

    Returns:
        The folder for logs, checkpoints and the report, next to the bundle (`reviews.run` for `reviews`).

    Raises:
        KerasftError: If the bundle cannot be written there, a bundle or an interrupted run exists and neither `resume` nor
            `overwrite` is set, or another run is writing there.

    Example:

    >>> from kerasft.demo import tiny
    >>> checkpoint = str(tiny.checkpoint("tiny_bert"))
    >>> reviews_csv = tiny.reviews("reviews.csv")
    >>> from kerasft.recipes.text_classification import Options
    >>> prepare(Options(model=checkpoint, train=reviews_csv, output="saved_models/new")).name
    'new.run'
    """
    import keras  # imported here: `kerasft train --help` uses the recipes' options and must not wait for TensorFlow

    keras.utils.set_random_seed(options.seed)
    keras.config.set_dtype_policy(options.precision)
    return reserve(options)


def batching(options: TrainingOptions) -> "int | kerasft.data.Batching":
    """Return the `batch_size` of the training dataset: `options.batch_size`, or a `Batching` with `options.token_budget`.

    Example:

    >>> batching(TrainingOptions(model="bert-base-uncased", train="train.csv", batch_size=8))
    8
    """
    return kerasft.data.Batching(tokens=options.token_budget) if options.token_budget else options.batch_size


def make_loss(options: TrainingOptions, labels: "kerasft.Labels", train: Any) -> Any:
    """Return the loss for labels, with focal loss, class weights and label smoothing according to the options.

    Args:
        options: The recipe's options.
        labels: The model's labels.
        train: The training dataset, for computing class weights.

    Example:

    >>> from kerasft.recipes.text_classification import Options
    >>> options = Options(model="bert-base-uncased", train="train.csv", focal_gamma=2.0)
    >>> make_loss(options, kerasft.Labels(["negative", "positive"]), None).gamma
    2.0
    """
    alpha = None
    if options.class_weights:
        several = labels.problem == "multi_label"
        alpha = kerasft.losses.class_weights(train, len(labels), scheme=options.class_weights, multi_label=several)
    return kerasft.losses.for_labels(
        labels, focal_gamma=options.focal_gamma, alpha=alpha, label_smoothing=options.label_smoothing
    )


def make_optimizer(options: TrainingOptions, steps_per_epoch: int):
    """Return AdamW with warm-up and decay over all steps of the run.

    Args:
        options: The recipe's options from `choose_training`: learning rate and epochs are set.
        steps_per_epoch: Batches per epoch, `len(train)`.

    Raises:
        KerasftError: If gradients are accumulated over more batches than there are.

    Example:

    >>> options = TrainingOptions(model="bert-base-uncased", train="train.csv", epochs=2, learning_rate=2e-5)
    >>> make_optimizer(options, steps_per_epoch=100).weight_decay
    0.01
    """
    decay = {
        "linear": kerasft.optimizers.WarmupLinearDecay,
        "cosine": kerasft.optimizers.WarmupCosineDecay,
        "polynomial": kerasft.optimizers.WarmupPolynomialDecay,
    }[options.schedule]
    total_steps = options.epochs * steps_per_epoch  # the schedule counts batches, also when gradients are accumulated
    if options.gradient_accumulation > total_steps:
        raise bad_argument(
            "gradient_accumulation",
            f"at most {total_steps}, the number of batches of the whole run",
            options.gradient_accumulation,
            "Otherwise the weights are never updated.",
        )
    return kerasft.optimizers.AdamW(
        decay(options.learning_rate, total_steps, warmup=options.warmup),
        weight_decay=options.weight_decay,
        global_clipnorm=options.global_clipnorm or None,
        gradient_accumulation_steps=options.gradient_accumulation if options.gradient_accumulation > 1 else None,
    )


def make_callbacks(
    options: TrainingOptions, work: pathlib.Path, *, monitor: str, metrics: list = (), evaluation=None, **tensorboard
) -> list:
    """Return the callbacks: stop on NaN, throughput, TensorBoard, best epoch, early stopping, resuming.

    Args:
        options: The recipe's options.
        work: Folder for logs and checkpoints.
        monitor: The task's default for `options.monitor`.
        metrics: The compiled metrics, and the names of the values of `evaluation`; `options.monitor` must be one of
            them, or the loss.
        evaluation: A `kerasft.callbacks.Evaluation`; it runs before all callbacks that use its values.
        **tensorboard: Further arguments of `kerasft.callbacks.TensorBoard`, such as `validation_data` and `texts`.

    Example:

    >>> options = TrainingOptions(model="bert-base-uncased", train="train.csv", keep="last", epochs=1)
    >>> [type(callback).__name__ for callback in make_callbacks(options, pathlib.Path("."), monitor="val_loss")][:3]
    ['StopOnNonFinite', 'Throughput', 'TensorBoard']
    """
    _check_monitor(options.monitor, metrics)
    _clear_old_run(options, work)
    monitor = options.monitor or monitor
    chosen = {name: value for name, value in dataclasses.asdict(options).items() if value is not None}
    callbacks = [
        kerasft.callbacks.StopOnNonFinite(),
        kerasft.callbacks.Throughput(),
        *([evaluation] if evaluation else []),
        kerasft.callbacks.TensorBoard(work / "logs", hyper_parameters=chosen, **tensorboard),
    ]
    if options.keep == "best":
        callbacks.append(kerasft.callbacks.best_checkpoint(work / BEST_WEIGHTS, monitor))
    if options.patience is not None:
        # With keep="best", the best weights are restored from the checkpoint.
        callbacks.append(
            kerasft.callbacks.early_stopping(monitor, patience=options.patience, restore_best_weights=False)
        )
    # Keep the files until the end of the run: steps after the last epoch may fail too.
    callbacks.append(
        kerasft.callbacks.resume(
            work / RESUME,
            every_minutes=options.checkpoint_minutes or None,
            every_steps=options.checkpoint_steps,
            settings={name: value for name, value in chosen.items() if name not in HOW},
            anyway=options.resume_anyway,
            delete_at_end=False,
        )
    )
    if progress() != "auto":
        callbacks.append(kerasft.callbacks.ProgressLines())
    return callbacks


def keep_weights(options: TrainingOptions, model: Any, work: pathlib.Path) -> None:
    """After `fit`: restore the weights of the epoch selected by `options.keep`.

    Args:
        options: The recipe's options.
        model: The trained model, with the last epoch's weights.
        work: The folder passed to `make_callbacks`.

    Example:

    >>> from kerasft.demo import tiny
    >>> model = tiny.classifier()
    >>> keep_weights(TrainingOptions(model="bert-base-uncased", train="train.csv", keep="last"), model, pathlib.Path("."))
    """
    if options.keep == "best":
        kerasft.callbacks.load_best_weights(model, work / BEST_WEIGHTS)


def with_baseline(trained: "kerasft.Bundle", train_rows: Any, **reading) -> "kerasft.pipelines.Pipeline":
    """Return the bundle's pipeline with a baseline in its settings, for comparison here and in `evaluate`.

    Args:
        trained: The bundle.
        train_rows: The training rows, from which the baseline is computed.
        **reading: `columns`, if the pipeline needs them.

    Example:

    >>> from kerasft.demo import tiny
    >>> reviews_csv = tiny.reviews("reviews.csv")
    >>> trained = kerasft.make_bundle(tiny.classifier(), tiny.tokenizer(), max_length=16)
    >>> with_baseline(trained, reviews_csv).baseline == trained.settings["baseline"]
    True
    """
    trained.settings["baseline"] = kerasft.pipelines.load(trained).training_baseline(train_rows, **reading)
    return kerasft.pipelines.load(trained)


def report_and_save(
    options: TrainingOptions,
    trained: "kerasft.Bundle",
    *,
    measure: Callable[[dict], "kerasft.reports.Report"],
    split: str,
    history: dict,
) -> dict:
    """Evaluate, save the bundle, write the report, and then remove the files for resuming.

    Args:
        options: The recipe's options.
        trained: The model with its tokenizer and settings; `measure` may change the settings.
        measure: Tunes settings on dev rows, evaluates, and returns the report. Its argument has facts for the report's
            header: the model and the data. If it fails, the bundle is saved without metrics, and the error is raised again.
        split: The split of the report: `"dev"` or `"test"`.
        history: Keras' training history.

    Returns:
        The recipe's result: `metrics`, `split`, `best_epoch_chosen_on`; `baseline`, `baseline_answer`, `undefined` and
        `warnings` of the report; and the paths `bundle`, `report`, `logs`, and with LoRA `adapters`.

    Example:

    >>> from kerasft.demo import tiny
    >>> model, tokenizer = tiny.classifier(), tiny.tokenizer()
    >>> checkpoint = str(tiny.checkpoint("tiny_bert"))
    >>> reviews_csv = tiny.reviews("reviews.csv")
    >>> from kerasft.recipes.text_classification import Options
    >>> options = Options(model=checkpoint, train=reviews_csv, output="finished", epochs=1)
    >>> trained = kerasft.make_bundle(model, tokenizer, max_length=16)
    >>> evaluate = kerasft.pipelines.load(trained).evaluate
    >>> measure = lambda about: evaluate(reviews_csv, about=about)
    >>> result = report_and_save(options, trained, measure=measure, split="dev", history={})
    >>> result["bundle"].name, result["report"].name
    ('finished', 'report.html')
    """
    work = work_folder(options)
    about = {"model": options.model, "data": options.test or options.dev or f"{split} part of {options.train}"}
    try:
        report = measure(about)
    except Exception:
        bundle = _save(options, trained, metrics={}, history=history)
        print(f"There is no report, but the trained model is saved in {bundle}.", file=sys.stderr)
        raise
    compared = {name: getattr(report, name) for name in ("baseline", "baseline_answer", "undefined", "warnings")}
    bundle = _save(options, trained, metrics={split: report.metrics, **compared}, history=history)
    report = kerasft.reports.with_training(report, kerasft.bundles.read_metadata(bundle), defaults=defaults_of(options))
    page = report.write(work / "report")
    if (work / "logs").is_dir():
        _log_scores(work / "logs", report)
    remove_checkpoints(work)
    locks.unlock_folder(work)
    paths = {"bundle": bundle, "report": page, "logs": work / "logs", **keep_adapters(trained.model, work)}
    chosen_on = epoch_chosen_on(options)
    return {"metrics": report.metrics, "split": split, "best_epoch_chosen_on": chosen_on, **compared, **paths}


def _log_scores(logs: pathlib.Path, report: "kerasft.reports.Report") -> None:
    """Write the metrics, with baseline and warnings, to TensorBoard as text."""
    import tensorflow as tf  # imported here, because `kerasft train --help` must not import TensorFlow

    rows = kerasft.reports.score_rows(report.metrics, report.baseline, report.undefined)
    table = ["| score | value | baseline |", "|---|---|---|", *(f"| {' | '.join(row)} |" for row in rows)]
    facts = [f"baseline: {report.baseline_answer}", *(f"**Warning**: {line}" for line in report.warnings)]
    with tf.summary.create_file_writer(str(logs)).as_default():
        tf.summary.text("report", "\n".join([*table, "", "\n\n".join(facts)]), step=0)


def _save(options: TrainingOptions, trained: "kerasft.Bundle", *, metrics: dict, history: dict) -> pathlib.Path:
    return kerasft.save_bundle(
        options.output,
        merged(trained.model),
        trained.tokenizer,
        max_length=trained.max_length,
        pair=trained.metadata["pair"],
        settings=trained.settings,
        metrics=metrics,
        provenance={
            "options": dataclasses.asdict(options),
            "history": history,
            "kept_epoch": _kept_epoch(options, history),
        },
        overwrite=may_overwrite(options),
    )


def _kept_epoch(options: TrainingOptions, history: dict) -> int | None:
    """The epoch of `history`, from 1, whose weights the model has."""
    if options.keep == "best":
        return kerasft.callbacks.best_epoch(work_folder(options) / BEST_WEIGHTS)
    return max(map(len, history.values()), default=0) or None


def progress() -> str | int:
    """Return `verbose` for `fit`: "auto" (progress bar) in a terminal or notebook; otherwise 2 (one line per epoch).

    Example:

    >>> progress()
    2
    """
    ipython = sys.modules.get("IPython")  # may be imported outside of notebooks
    return "auto" if sys.stdout.isatty() or (ipython and ipython.get_ipython()) else 2


def epoch_chosen_on(options: TrainingOptions) -> str | None:
    """Return the split that selects the best epoch: metrics on the same rows are slightly optimistic.

    Returns:
        `"dev"`, or None if the last epoch is kept.

    Example:

    >>> epoch_chosen_on(TrainingOptions(model="bert-base-uncased", train="train.csv", epochs=3))
    'dev'
    """
    chosen = options.epochs != 1 and (options.keep == "best" or options.patience is not None)
    return "dev" if chosen else None


def _check_monitor(monitor: str | None, metrics: list) -> None:
    """Raise an error for an unknown name now, not after the first epoch."""
    names = ["loss", *(getattr(metric, "name", metric) for metric in metrics)]
    known = [prefix + name for name in names for prefix in ("", "val_")]
    if monitor is not None and monitor not in known:
        raise bad_argument(
            "monitor", f"one of {', '.join(known)}", monitor, "Names with val_ are measured on the validation rows."
        )


def _clear_old_run(options: TrainingOptions, work: pathlib.Path) -> None:
    """Create the folder, and remove the files of an interrupted run, unless this run resumes it."""
    work.mkdir(parents=True, exist_ok=True)
    if options.resume:
        if not can_resume(work):
            print(f"Nothing to resume in {work}: training starts from scratch.", file=sys.stderr)
        return
    remove_checkpoints(work)
