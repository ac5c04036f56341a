"""Fine-tune a model for a task; write the bundle, TensorBoard logs and a report."""

import argparse
import contextlib
import dataclasses
import json
import math
import pathlib
import shlex
import statistics
import sys

import kerasft
from kerasft import locks
from kerasft.cli.flags import add_options, read_options
from kerasft.cli.table import print_table, print_warnings
from kerasft.errors import whole_number
from kerasft.files import file_written_aside
from kerasft.recipes import (
    causal_lm,
    few_shot,
    intent_and_slots,
    masked_lm,
    output,
    question_answering,
    relation_extraction,
    sentence_embedding,
    sequence_to_sequence,
    text_classification,
    token_classification,
    training,
)
from kerasft.recipes.options import defaults_of

_TASKS = {
    "causal-lm": causal_lm,
    "few-shot": few_shot,
    "intent-and-slots": intent_and_slots,
    "masked-lm": masked_lm,
    "question-answering": question_answering,
    "relation-extraction": relation_extraction,
    "sentence-embedding": sentence_embedding,
    "sequence-to-sequence": sequence_to_sequence,
    "text-classification": text_classification,
    "token-classification": token_classification,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add one subcommand per task, each with the flags of its recipe.

    Example:

    >>> parser = argparse.ArgumentParser()
    >>> add_arguments(parser)
    >>> parser.parse_args(["text-classification", "--epochs", "2"]).epochs
    2
    """
    tasks = parser.add_subparsers(dest="task", required=True, metavar="TASK")
    for task, recipe in _TASKS.items():
        summary = recipe.__doc__.split("\n", 1)[0]
        usage = f"kerasft train {task} --model MODEL --train FILE [options]"
        subparser = tasks.add_parser(task, help=summary, description=summary, usage=usage)
        subparser.add_argument("--config", metavar="FILE", help="YAML file with the same options; flags override it")
        subparser.add_argument(
            "--seeds",
            type=int,
            default=1,
            metavar="N",
            help="train with N seeds; report mean and confidence interval (default: 1)",
        )
        subparser.add_argument(
            "--debug", action="store_true", default=argparse.SUPPRESS, help="show the full traceback of errors"
        )
        add_options(subparser, recipe.Options)


def run(args: argparse.Namespace) -> int:
    """Train once, or `--seeds` times; print the metrics and the paths of the written files.

    Example:

    >>> args = argparse.Namespace(task="text-classification", config=None, seeds=0)
    >>> run(args)
    Traceback (most recent call last):
    ...
    kerasft.errors.KerasftError: `--seeds` must be a whole number >= 1; received: 0. ...
    """
    whole_number("--seeds", args.seeds, "5 gives a usable confidence interval.")
    recipe = _TASKS[args.task]
    options = read_options(args, recipe.Options, args.config)
    runs = [options]
    if args.seeds > 1:
        folder = pathlib.Path(options.output)
        seeds = range(options.seed, options.seed + args.seeds)
        runs = [dataclasses.replace(options, seed=seed, output=str(folder / f"seed_{seed}")) for seed in seeds]
    results = [_finished(run) for run in runs]
    with contextlib.ExitStack() as reserved:
        for run, result in zip(runs, results):
            if result is None:  # reserve all folders now, to fail before training rather than after
                reserved.callback(locks.unlock_folder, output.reserve(run))
        for number, run in enumerate(runs):
            if args.seeds > 1:
                print(f"Seed {run.seed} ({number + 1} of {args.seeds})", file=sys.stderr)
            if results[number] is None:
                results[number] = _train(args, recipe, run)
    if args.seeds == 1:
        _print_one(results[0])
    else:
        _print_spread(results, pathlib.Path(options.output))
    return 0


def _train(args: argparse.Namespace, recipe, options) -> dict:
    """Train; on failure, store the command that resumes the run in `args`."""
    try:
        return recipe.main(options)
    except BaseException:
        if output.can_resume(output.work_folder(options)):
            argv = [arg for arg in args.argv if arg not in ("--resume", "--no-resume", "--overwrite")]
            args.continuation = shlex.join(["kerasft", *argv, "--resume"])
        raise


def _finished(options) -> dict | None:
    """With --resume, return the result of a finished run with these options (bundle and report exist); otherwise None."""
    folder = pathlib.Path(options.output)
    work = output.work_folder(options)
    if not options.resume or output.can_resume(work) or not (folder / kerasft.bundles.MODEL_FILE).is_file():
        return None
    metadata = kerasft.bundles.read_metadata(folder)
    requested = json.loads(json.dumps(dataclasses.asdict(options)))
    # Options that were added after the run have their default values.
    before = defaults_of(options) | metadata.get("provenance", {}).get("options", {})
    # Options that were not given then were chosen by recipes/defaults.py.
    same = all(
        before.get(name) == value for name, value in requested.items() if name not in output.HOW and value is not None
    )
    measured = dict(metadata.get("metrics", {}))
    split = next((name for name in ("test", "dev") if name in measured), None)
    if not same or split is None:
        return None
    print(f"{folder} is finished: nothing left to train.", file=sys.stderr)
    paths = {"bundle": folder, "report": work / "report" / "report.html", "logs": work / "logs"}
    chosen_on = training.epoch_chosen_on(options)
    return {"metrics": measured.pop(split), "split": split, "best_epoch_chosen_on": chosen_on, **measured, **paths}


def _print_one(result: dict) -> None:
    rows = kerasft.reports.score_rows(result["metrics"], result.get("baseline"), result.get("undefined"))
    print_table((f"measured on {result['split']}", "value", "baseline"), rows)
    print_warnings(result.get("baseline_answer", ""), result.get("warnings", ()))
    _warn_of_selection([result])
    for name in ("bundle", "report", "logs"):
        print(f"{name + ':':<8}{result[name]}")
    if "adapters" in result:
        print(f"The adapters are merged into the bundle's weights; a separate copy is in {result['adapters']}")


def _print_spread(results: list[dict], folder: pathlib.Path) -> None:
    """Print and write to `seeds.json` the mean, standard deviation and confidence interval over the seeds."""
    from scipy.stats import t  # imported here, because it would slow down `kerasft --help` by half a second

    headlines = [kerasft.reports.headline(result["metrics"]) for result in results]
    summary = {}
    # Some runs may lack a metric: each holds out different rows, which may not include unanswerable questions.
    for name in [name for name in headlines[0] if all(name in headline for headline in headlines)]:
        values = [headline[name] for headline in headlines]
        mean, deviation = statistics.fmean(values), statistics.stdev(values)
        half = float(t.ppf(0.975, len(values) - 1)) * deviation / math.sqrt(len(values))
        summary[name] = {
            "mean": mean,
            "standard_deviation": deviation,
            "ci95": [mean - half, mean + half],
            "values": values,
        }
        baselines = [result["baseline"][name] for result in results if name in result.get("baseline", {})]
        if baselines:
            summary[name]["baseline"] = statistics.fmean(baselines)
    rows = [
        (
            name,
            f"{row['mean']:.4f}",
            f"{row['standard_deviation']:.4f}",
            f"{row['ci95'][0]:.4f} to {row['ci95'][1]:.4f}",
            f"{row['baseline']:.4f}" if "baseline" in row else "",
        )
        for name, row in summary.items()
    ]
    split = f"{len(results)} seeds, {results[0]['split']}"
    print_table((split, "mean", "std", "95 % interval of the mean", "baseline"), rows)
    print_warnings(results[0].get("baseline_answer", ""), _by_seed([result.get("warnings", ()) for result in results]))
    _warn_of_selection(results)
    path = folder / "seeds.json"
    with file_written_aside(path) as temporary:
        temporary.write_text(json.dumps(summary, indent=2) + "\n", "utf-8")
    print(f"bundles: {folder}/seed_*\nmetrics: {path}")


def _by_seed(warnings: list[list[str]]) -> list[str]:
    """Prefix each warning with the number of its run."""
    return [f"run {number}: {line}" for number, lines in enumerate(warnings, 1) for line in lines]


def _warn_of_selection(results: list[dict]) -> None:
    if results[0]["best_epoch_chosen_on"] == results[0]["split"]:
        print(
            f"Note: the best epoch was selected on the same {results[0]['split']} rows that these metrics are measured on, so "
            "they are slightly optimistic. Use --test FILE for an unbiased estimate, or --keep last.",
            file=sys.stderr,
        )
