"""The parts of a training that are the same in every recipe: the optimizer, what watches the run, and how it ends."""

import dataclasses
import pathlib
import sys
from collections.abc import Callable
from typing import Any

import kerasft
from kerasft import locks
from kerasft.errors import bad_argument
from kerasft.recipes.options import TrainingOptions, column, defaults_of, names
from kerasft.recipes.output import (
    BEST_WEIGHTS,
    RESUME,
    can_resume,
    may_overwrite,
    remove_checkpoints,
    reserve,
    work_folder,
)
from kerasft.recipes.skipping import skips_invalid
from kerasft.recipes.weights import keep_adapters, merged


def prepare(options: TrainingOptions) -> pathlib.Path:
    """Set seed and arithmetic, and see that the bundle can be written: before a training and not after it.

    The returned folder is locked until `finish`, so that no second run writes there.

    Args:
        options: The recipe's options.

    Returns:
        The folder for logs, checkpoints and the report, beside the bundle's (`reviews.run` for `reviews`).

    Raises:
        KerasftError: If the bundle cannot be written there, a bundle or an interrupted run is there and the options do not
            say what to do about it, or another run writes there.

    Example:

    >>> from kerasft.demo import tiny
    >>> checkpoint = str(tiny.checkpoint("tiny_bert"))
    >>> reviews_csv = tiny.reviews("reviews.csv")
    >>> from kerasft.recipes.text_classification import Options
    >>> prepare(Options(model=checkpoint, train=reviews_csv, output="saved_models/new")).name
    'new.run'
    """
    import keras  # here and not above: `kerasft train --help` reads the recipes' options and must not wait for TensorFlow

    keras.utils.set_random_seed(options.seed)
    keras.config.set_dtype_policy(options.precision)
    return reserve(options)


def read_columns(options: TrainingOptions) -> dict:
    """The columns that the options `text`, `text_pair` and `label` name; a recipe need not have all of them.

    Example:

    >>> from kerasft.recipes.options import option
    >>> @dataclasses.dataclass(frozen=True, kw_only=True)
    ... class Options(TrainingOptions):
    ...     text: str | None = option("column of the text")
    >>> read_columns(Options(model="bert-base-uncased", train="train.csv", text="sentence"))
    {'text': 'sentence'}
    """
    named = {role: column(getattr(options, role, None)) for role in ("text", "text_pair", "label")}
    return {role: name for role, name in named.items() if name is not None}


def settle(path: str, columns: dict | None, **task) -> "kerasft.tasks.task.Settled":
    """Settle the columns of a file, and print those that were guessed.

    Args:
        path: The file.
        columns: The columns that the options name.
        **task: As for `kerasft.tasks.settled`. Of another file than the training's only columns that differ are printed.

    Example:

    >>> from kerasft.demo import tiny
    >>> reviews_csv = tiny.reviews("reviews.csv")
    >>> settle(reviews_csv, {}).columns
    {'text': 'text', 'label': 'label'}
    """
    found = kerasft.tasks.settled(path, columns, **task)
    if found.note and found.columns != task.get("trained"):
        print(found.note, file=sys.stderr)
    return found


@skips_invalid
def read_rows(
    options: TrainingOptions, columns: dict, *, problem: str = "single_label", leave_out: str | None = None, **task
) -> tuple:
    """Read the rows to train on, to validate on and to report on, and the labels.

    Where the options have `label_names`, the numbers in the label columns of all files become these names.

    Args:
        options: The recipe's options.
        columns: Which column is what; see `read_columns`.
        problem: What a label is; see `kerasft.data.collect_labels`.
        leave_out: A label whose rows are no train rows; how many were left out is said. Other parts keep theirs.
        **task: The task, where it is not text-classification.

    Returns:
        The train rows; the dev rows, a part of train where there is no `options.dev`; `("test", rows)` or, without
        `options.test`, `("dev", rows)`; and the `Labels` of the train rows. `options.max_train_rows` changes no other part.

    Example:

    >>> from kerasft.demo import tiny
    >>> reviews_csv = tiny.reviews("reviews.csv")
    >>> options = TrainingOptions(model="bert-base-uncased", train=reviews_csv, max_train_rows=10)
    >>> train, dev, (split, rows), labels = read_rows(options, {})
    >>> len(train), len(dev), split, list(labels)
    (10, 4, 'dev', ['negative', 'positive'])
    """
    train = read_labelled(options, options.train, columns, problem=problem, **task)
    like = {"problem": problem, "trained": train.roles, **task}
    dev, test = (file and read_labelled(options, file, columns, **like) for file in (options.dev, options.test))
    stratified = {"seed": options.seed, "columns": columns, "problem": problem}
    if dev is None:
        train, dev, _ = kerasft.data.split(train, dev=options.dev_fraction, **stratified)
    if leave_out is not None:
        train, left_out = kerasft.data.separate_label(train, leave_out, columns=columns)
        print(f"{len(left_out)} training rows labelled {leave_out!r} are left out of the training.", file=sys.stderr)
    labels = kerasft.data.collect_labels(train, columns=columns, problem=problem)
    if options.max_train_rows is not None:
        train = kerasft.data.sample(train, options.max_train_rows, **stratified)
    return train, dev, ("dev", dev) if test is None else ("test", test), labels


def read_labelled(options: TrainingOptions, file: str, columns: dict, *, problem: str = "single_label", **task):
    """Read one file's rows, the numbers among its labels replaced by `options.label_names` where the recipe has them.

    Example:

    >>> from kerasft.recipes.text_classification import Options
    >>> _ = pathlib.Path("numbers.csv").write_text("text,label\\nfine,1\\ndull,0\\n")
    >>> options = Options(model="bert-base-uncased", train="numbers.csv", label_names="negative,positive")
    >>> read_labelled(options, "numbers.csv", {}).columns["label"]
    ['positive', 'negative']
    """
    rows = settle(file, columns, classes=problem == "single_label", problem=problem, **task).source
    if getattr(options, "label_names", None) is None:
        return rows
    return kerasft.data.name_labels(rows, names(options.label_names), problem=problem)


def make_optimizer(options: TrainingOptions, steps_per_epoch: int):
    """AdamW with warm-up and decay over all steps of the run.

    Args:
        options: The recipe's options, as `choose_training` returns them: the rate and the epochs are numbers.
        steps_per_epoch: Batches of an epoch, `len(train)`.

    Raises:
        KerasftError: If more batches are to be accumulated than there are.

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
            f"at most {total_steps}, the batches of the whole run",
            options.gradient_accumulation,
            "With more, the weights would never change.",
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
    """What watches the training: stop on NaN, throughput, TensorBoard, best epoch, early stopping, resuming.

    Args:
        options: The recipe's options.
        work: Folder of logs and checkpoints.
        monitor: The task's own choice of `options.monitor`.
        metrics: The metrics that the model is compiled with, and the names of the numbers that `evaluation` gives;
            `options.monitor` must be one of them, or the loss.
        evaluation: A `kerasft.callbacks.Evaluation`, to stand before all that use its numbers.
        **tensorboard: `validation_data`, `texts` and the like for `kerasft.callbacks.TensorBoard`.

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
        # The best weights, where they are wanted, are those of the checkpoint.
        callbacks.append(
            kerasft.callbacks.early_stopping(monitor, patience=options.patience, restore_best_weights=False)
        )
    # Kept to the end of the run: what comes after the last epoch may fail too.
    callbacks.append(kerasft.callbacks.resume(work / RESUME, delete_at_end=False))
    if progress() != "auto":
        callbacks.append(kerasft.callbacks.ProgressLines())
    return callbacks


def keep_weights(options: TrainingOptions, model: Any, work: pathlib.Path) -> None:
    """After `fit`: give the model the weights of the epoch that `options.keep` names.

    Args:
        options: The recipe's options.
        model: The trained model, with the last epoch's weights.
        work: The folder that `make_callbacks` was given.

    Example:

    >>> from kerasft.demo import tiny
    >>> model = tiny.classifier()
    >>> keep_weights(TrainingOptions(model="bert-base-uncased", train="train.csv", keep="last"), model, pathlib.Path("."))
    """
    if options.keep == "best":
        kerasft.callbacks.load_best_weights(model, work / BEST_WEIGHTS)


def finish(
    options: TrainingOptions,
    trained: "kerasft.Bundle",
    *,
    measure: Callable[[], "kerasft.reports.Report"],
    split: str,
    history: dict,
) -> dict:
    """Measure, save the bundle, write the report, and only then remove what an interrupted run is resumed from.

    Args:
        options: The recipe's options.
        trained: The model with its tokenizer and settings. `measure` may still change the settings.
        measure: Tunes what is tuned on dev rows, evaluates, and returns the report. If it fails, the bundle is saved
            without numbers before the error goes on.
        split: What is measured on: `"dev"` or `"test"`.
        history: Keras' own, by epoch.

    Returns:
        What a recipe returns: `metrics`, `split`, `best_epoch_chosen_on`; of the report `baseline`, `baseline_answer`,
        `undefined` and `warnings`; and the paths `bundle`, `report`, `logs`, with LoRA also `adapters`.

    Example:

    >>> from kerasft.demo import tiny
    >>> model, tokenizer = tiny.classifier(), tiny.tokenizer()
    >>> checkpoint = str(tiny.checkpoint("tiny_bert"))
    >>> reviews_csv = tiny.reviews("reviews.csv")
    >>> from kerasft.recipes.text_classification import Options
    >>> options = Options(model=checkpoint, train=reviews_csv, output="finished", epochs=1)
    >>> trained = kerasft.make_bundle(model, tokenizer, max_length=16)
    >>> evaluate = kerasft.pipelines.load(trained).evaluate
    >>> result = finish(options, trained, measure=lambda: evaluate(reviews_csv), split="dev", history={})
    >>> result["bundle"].name, result["report"].name
    ('finished', 'report.html')
    """
    work = work_folder(options)
    try:
        report = measure()
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
    """Write the scores with their baseline, and what must be known of them, to TensorBoard's texts."""
    import tensorflow as tf  # here and not above: `kerasft train --help` must not wait for TensorFlow

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
            "kept_epoch": _kept(options, trained.model, history),
        },
        overwrite=may_overwrite(options),
    )


def _kept(options: TrainingOptions, model: Any, history: dict) -> int | None:
    """The epoch of `history`, from 1, whose weights the model has; None for one that is not in it: one before a --resume."""
    if options.keep != "best":
        return max(map(len, history.values()), default=0) or None
    best = kerasft.callbacks.best_epoch(work_folder(options) / BEST_WEIGHTS)
    past = getattr(model, "history", None)  # Keras counts epochs from 0, and after a --resume from those that were done
    first = past.epoch[0] if past is not None and past.epoch else 0
    return best - first if best is not None and best > first else None


def progress() -> str | int:
    """What `fit` is given as `verbose`: "auto", a progress bar, at a terminal or in a notebook; else 2, a line an epoch.

    Example:

    >>> progress()
    2
    """
    ipython = sys.modules.get("IPython")  # it can be imported where no notebook runs
    return "auto" if sys.stdout.isatty() or (ipython and ipython.get_ipython()) else 2


def epoch_chosen_on(options: TrainingOptions) -> str | None:
    """Which rows decide which epoch's weights are kept: numbers measured on the same rows are a little too good.

    Returns:
        `"dev"`, or None where the last epoch is kept anyway.

    Example:

    >>> epoch_chosen_on(TrainingOptions(model="bert-base-uncased", train="train.csv", epochs=3))
    'dev'
    """
    chosen = options.epochs != 1 and (options.keep == "best" or options.patience is not None)
    return "dev" if chosen else None


def _check_monitor(monitor: str | None, metrics: list) -> None:
    """A name that nothing has is an error now, and not after the first epoch."""
    names = ["loss", *(getattr(metric, "name", metric) for metric in metrics)]
    known = [prefix + name for name in names for prefix in ("", "val_")]
    if monitor is not None and monitor not in known:
        raise bad_argument("monitor", f"one of {', '.join(known)}", monitor, "Those with val_ are of the dev rows.")


def _clear_old_run(options: TrainingOptions, work: pathlib.Path) -> None:
    """Make the folder, and remove what an earlier run left there for resuming, unless this run resumes it."""
    work.mkdir(parents=True, exist_ok=True)
    if options.resume:
        if not can_resume(work):
            print(f"Nothing to resume in {work}: training starts from scratch.", file=sys.stderr)
        return
    remove_checkpoints(work)
