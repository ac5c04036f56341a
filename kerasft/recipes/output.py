"""Output folders of a run (the bundle and its work folder), resuming and overwriting."""

import pathlib
import shutil

import kerasft
from kerasft import locks
from kerasft.errors import bad_argument
from kerasft.recipes.options import TrainingOptions

BEST_WEIGHTS = "best.weights.h5"
RESUME = "resume"
"""Files in a run's folder that exist only until the bundle is written."""

HOW = ("output", "resume", "resume_anyway", "overwrite", "checkpoint_minutes", "checkpoint_steps")
"""Options that do not change the trained model."""


def work_folder(options: TrainingOptions) -> pathlib.Path:
    """Return the folder for a run's logs, checkpoints and report: next to the bundle, with the suffix `.run`.

    Example:

    >>> import types
    >>> work_folder(types.SimpleNamespace(output="saved_models/reviews/")).as_posix()
    'saved_models/reviews.run'
    """
    output = pathlib.Path(options.output)
    return output.parent / f"{output.name}.run"


def reserve(options: TrainingOptions) -> pathlib.Path:
    """Check that a run may write its bundle, and lock its folder until `report_and_save`; return the folder.

    Raises:
        KerasftError: If another run is writing there; see also `check_output`.

    Example:

    >>> from kerasft.demo import tiny
    >>> checkpoint = str(tiny.checkpoint("tiny_bert"))
    >>> reviews_csv = tiny.reviews("reviews.csv")
    >>> from kerasft.recipes.text_classification import Options
    >>> work = reserve(Options(model=checkpoint, train=reviews_csv, output="saved_models/new"))
    >>> locks.unlock_folder(work)
    """
    kerasft.bundles.check_target(options.output, name="output", overwrite=True)  # whether the folder is writable
    work = work_folder(options)
    # Lock first: the files of a run that is still training do not mean that it was interrupted.
    locks.lock_folder(work, name="output", value=options.output)
    try:
        check_output(options)
    except BaseException:
        locks.unlock_folder(work)
        raise
    return work


def check_output(options: TrainingOptions) -> None:
    """Check that a run with these options may write its bundle; changes nothing.

    Raises:
        KerasftError: If the bundle cannot be written, or there is a bundle or an interrupted run and neither `resume` nor
            `overwrite` is set.

    Example:

    >>> from kerasft.demo import tiny
    >>> checkpoint = str(tiny.checkpoint("tiny_bert"))
    >>> reviews_csv = tiny.reviews("reviews.csv")
    >>> from kerasft.recipes.text_classification import Options
    >>> check_output(Options(model=checkpoint, train=reviews_csv, output="saved_models/new"))
    """
    kerasft.bundles.check_target(options.output, name="output", overwrite=may_overwrite(options))
    work = work_folder(options)
    if can_resume(work) and not (options.resume or options.overwrite):
        raise bad_argument(
            "output",
            "a folder without an interrupted run",
            str(options.output),
            f"{work} contains one: add --resume to continue it, or --overwrite to discard it and train from scratch (in Python: "
            "resume=True, overwrite=True).",
        )


def can_resume(work: pathlib.Path) -> bool:
    """Whether a run's folder contains a checkpoint of an interrupted run.

    Example:

    >>> can_resume(pathlib.Path("new.run"))
    False
    """
    return any((work / RESUME).glob("epoch-*-step-*"))


def may_overwrite(options: TrainingOptions) -> bool:
    """Whether the bundle may be replaced: `overwrite` is set, or the resumed run wrote it or had `overwrite` set.

    Example:

    >>> from kerasft.demo import tiny
    >>> checkpoint = str(tiny.checkpoint("tiny_bert"))
    >>> reviews_csv = tiny.reviews("reviews.csv")
    >>> from kerasft.recipes.text_classification import Options
    >>> may_overwrite(Options(model=checkpoint, train=reviews_csv, overwrite=True))
    True
    """
    return options.overwrite or (options.resume and can_resume(work_folder(options)))


def remove_checkpoints(work: pathlib.Path) -> None:
    """Remove the files that an interrupted run is resumed from.

    Example:

    >>> remove_checkpoints(pathlib.Path("new.run"))
    """
    shutil.rmtree(work / RESUME, ignore_errors=True)
    for name in (BEST_WEIGHTS, f"{BEST_WEIGHTS}.json"):
        (work / name).unlink(missing_ok=True)
