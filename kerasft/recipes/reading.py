"""A recipe's rows: of which columns, which to train on, to choose the epoch on, and to report on."""

import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import kerasft
from kerasft.errors import bad_argument
from kerasft.recipes.options import TrainingOptions, column, names
from kerasft.recipes.skipping import skips_invalid


class SplitRows(NamedTuple):
    """What a recipe trains on and measures on.

    Args:
        train: The rows to train on.
        dev: The rows that the epoch is chosen by.
        reported: The rows of the report: those of `options.test`, or without it the dev rows.
        split: What the report is on: `"test"` or `"dev"`.
        columns: Which column is what; see `kerasft.tasks.settled`.
        labels: What the outputs stand for, by the rows to train on alone.

    Example:

    >>> rows = SplitRows(["a", "b"], ["c"], ["c"], "dev")
    >>> rows.train, rows.split
    (['a', 'b'], 'dev')
    """

    train: Any
    dev: Any
    reported: Any
    split: str
    columns: Any = None
    labels: Any = None


def read_split(
    options: TrainingOptions, read: Callable, *, hold_out: Callable | None = None, problem: str = "single_label"
) -> SplitRows:
    """Read the files of train, dev and test; without a dev file hold out a part of train.

    Args:
        options: The recipe's options.
        read: Takes a file's path and, of another file than the training's, the columns of that one; returns the file's rows
            and their columns.
        hold_out: Takes the train rows; returns those that stay and the dev rows. By default `kerasft.data.split`.
        problem: What the labels are that `kerasft.data.split` spreads over the parts.

    Example:

    >>> options = TrainingOptions(model="bert-base-uncased", train="train.csv")
    >>> rows = read_split(options, lambda path, trained=None: ([1, 2, 3], {}), hold_out=lambda rows: (rows[1:], rows[:1]))
    >>> rows.train, rows.dev, rows.reported, rows.split
    ([2, 3], [1], [1], 'dev')
    """
    train, columns = read(options.train)
    dev, test = (file and read(file, columns)[0] for file in (options.dev, options.test))
    if dev is None and hold_out is not None:
        train, dev = hold_out(train)
    elif dev is None:
        train, dev, _ = kerasft.data.split(train, dev=options.dev_fraction, seed=options.seed, problem=problem)
    if test is None:
        return SplitRows(train, dev, dev, "dev", columns)
    return SplitRows(train, dev, test, "test", columns)


def read_columns(options: TrainingOptions, *roles: str) -> dict:
    """The columns that the options name, such as `text` and `label`; a recipe need not have all of them.

    Example:

    >>> from kerasft.recipes.options import option
    >>> import dataclasses
    >>> @dataclasses.dataclass(frozen=True, kw_only=True)
    ... class Options(TrainingOptions):
    ...     text: str | None = option("column of the text")
    >>> read_columns(Options(model="bert-base-uncased", train="train.csv", text="sentence"), "text", "label")
    {'text': 'sentence'}
    """
    named = {role: column(getattr(options, role, None)) for role in roles}
    return {role: name for role, name in named.items() if name is not None}


def settle(path: str, columns: dict | None, **task) -> "kerasft.tasks.task.Settled":
    """Assign the columns of a file, and print those that were detected.

    Args:
        path: The file.
        columns: The columns given by the options.
        **task: As for `kerasft.tasks.settled`. For files other than the training file, only differing columns are printed.

    Example:

    >>> from kerasft.demo import tiny
    >>> reviews_csv = tiny.reviews("reviews.csv")
    >>> settle(reviews_csv, {}).columns
    {'text': 'text', 'label': 'label'}
    """
    settled = kerasft.tasks.settled(path, columns, **task)
    if settled.note and settled.columns != task.get("trained"):
        print(settled.note, file=sys.stderr)
    return settled


@skips_invalid
def read_rows(
    options: TrainingOptions, columns: dict, *, problem: str = "single_label", leave_out: str | None = None, **task
) -> SplitRows:
    """Read the rows to train on, to validate on and to report on, and the labels.

    Where the options have `label_names`, the numbers in the label columns of all files become these names.

    Args:
        options: The recipe's options.
        columns: Which column is what; see `read_columns`.
        problem: What a label is; see `kerasft.data.collect_labels`.
        leave_out: A label whose rows are no train rows; how many were left out is said. Other parts keep theirs.
        **task: The task, where it is not text-classification.

    Returns:
        The rows, with the `Labels` of those to train on. `options.max_train_rows` changes no other part.

    Example:

    >>> from kerasft.demo import tiny
    >>> reviews_csv = tiny.reviews("reviews.csv")
    >>> options = TrainingOptions(model="bert-base-uncased", train=reviews_csv, max_train_rows=10)
    >>> rows = read_rows(options, {})
    >>> len(rows.train), len(rows.dev), rows.split, list(rows.labels)
    (10, 4, 'dev', ['negative', 'positive'])
    """

    def read(path: str, trained: dict | None = None) -> tuple:
        rows = read_labelled(options, path, columns, problem=problem, trained=trained, **task)
        return rows, rows.roles

    stratified = {"seed": options.seed, "columns": columns, "problem": problem}
    rows = read_split(
        options, read, hold_out=lambda train: kerasft.data.split(train, dev=options.dev_fraction, **stratified)[:2]
    )
    train = rows.train
    if leave_out is not None:
        train, left_out = kerasft.data.separate_label(train, leave_out, columns=columns)
        print(f"{len(left_out)} rows labeled {leave_out!r} are excluded from training.", file=sys.stderr)
    labels = kerasft.data.collect_labels(train, columns=columns, problem=problem)
    if options.max_train_rows is not None:
        train = kerasft.data.sample(train, options.max_train_rows, **stratified)
    return rows._replace(train=train, labels=labels)


def read_labelled(options: TrainingOptions, file: str, columns: dict, *, problem: str = "single_label", **task):
    """Read one file's rows, the numbers among its labels replaced by `options.label_names` where the recipe has them.

    Example:

    >>> from kerasft.recipes.text_classification import Options
    >>> import pathlib
    >>> _ = pathlib.Path("numbers.csv").write_text("text,label\\nfine,1\\ndull,0\\n")
    >>> options = Options(model="bert-base-uncased", train="numbers.csv", label_names="negative,positive")
    >>> read_labelled(options, "numbers.csv", {}).columns["label"]
    ['positive', 'negative']
    """
    rows = settle(file, columns, classes=problem == "single_label", problem=problem, **task).source
    if getattr(options, "label_names", None) is None:
        return rows
    return kerasft.data.name_labels(rows, names(options.label_names), problem=problem)


@skips_invalid
def read_examples(options: TrainingOptions) -> SplitRows:
    """Read the column names, the sampled examples, the split to report with its rows, and the labels of all train rows.

    Raises:
        KerasftError: If there are no rows to report on.

    Example:

    >>> from kerasft.recipes.few_shot import Options
    >>> from kerasft.demo import tiny
    >>> reviews_csv = tiny.reviews("reviews.csv")
    >>> rows = read_examples(Options(model="bert-base-uncased", train=reviews_csv, examples_per_class=2))
    >>> len(rows.train), rows.split
    (4, 'dev')
    """
    columns = read_columns(options, "text", "label")
    train = read_labelled(options, options.train, columns)
    labels = kerasft.data.collect_labels(train, columns=columns)
    few, rest = kerasft.data.draw_examples(
        train, per_class=options.examples_per_class, columns=columns, seed=options.seed
    )
    if options.max_train_rows is not None:
        few = kerasft.data.sample(few, options.max_train_rows, columns=columns, seed=options.seed)
    path = options.test or options.dev
    reported = read_labelled(options, path, columns, trained=train.roles) if path else rest
    if not len(reported):
        raise bad_argument("test", "given if all rows of --train are examples", None, "Add a --test file.")
    # Fail on invalid rows now, not at the end.
    kerasft.data.texts_and_labels(reported, labels=labels, columns=columns)
    return SplitRows(few, reported, reported, "test" if options.test else "dev", columns, labels)


@skips_invalid
def read_text_pairs(options: TrainingOptions) -> SplitRows:
    """Read pairs of texts, rated where the options want it or the train file has a score.

    Returns:
        The rows, with columns by our names and scores divided by `options.max_score`, so that nothing need be told again.
        They are rated if `columns` has `"label"`.

    Example:

    >>> from kerasft.recipes.sentence_embedding import Options
    >>> import pathlib
    >>> import pathlib
    >>> _ = pathlib.Path("pairs.csv").write_text("text,text_pair\\n" + "good,great\\n" * 20)
    >>> rows = read_text_pairs(Options(model="bert-base-uncased", train="pairs.csv"))
    >>> len(rows.train), rows.columns
    (18, {'text': 'text', 'text_pair': 'text_pair'})
    """
    columns = read_columns(options, "text", "text_pair", "label")
    scored = {"auto": None, "cosine": True, "ranking": False}[options.loss]

    def read(path: str, trained: dict | None = None) -> tuple:
        rated = scored if trained is None else "label" in trained
        task = {"task": kerasft.tasks.SENTENCE_EMBEDDING.name, "trained": trained, "need_label": bool(rated)}
        settled = settle(path, columns, **task)
        rated = "label" in settled.columns if rated is None else rated
        pairs, scores = kerasft.data.read_pairs(settled.source, scored=rated, max_score=options.max_score)
        known = {role: name for role, name in settled.columns.items() if role != "label" or rated}
        texts = {"text": [first for first, _ in pairs], "text_pair": [second for _, second in pairs]}
        return kerasft.data.read_rows(texts if scores is None else texts | {"label": scores.tolist()}), known

    return _drawn(options, read_split(options, read, problem="regression"))


@skips_invalid
def read_source_target(options: TrainingOptions) -> SplitRows:
    """Read texts with the texts to be written for them, of several references the first or each.

    Example:

    >>> from kerasft.recipes.sequence_to_sequence import Options
    >>> import pathlib
    >>> import pathlib
    >>> _ = pathlib.Path("texts.csv").write_text("source,target\\n" + "a good film,good\\n" * 20)
    >>> rows = read_source_target(Options(model="t5-small", train="texts.csv"))
    >>> len(rows.train), len(rows.dev)
    (18, 2)
    """
    columns = read_columns(options, "source", "target")

    def read(path: str, trained: dict | None = None) -> tuple:
        settled = settle(path, columns, task=kerasft.tasks.SEQUENCE_TO_SEQUENCE.name, trained=trained)
        return settled.source, settled.columns

    rows = _drawn(options, read_split(options, read, problem="regression"))
    return rows._replace(train=kerasft.data.each_reference(rows.train)) if options.references == "all" else rows


def _drawn(options: TrainingOptions, rows: SplitRows) -> SplitRows:
    """Keep `options.max_train_rows` of the rows to train on."""
    if options.max_train_rows is None:
        return rows
    drawn = kerasft.data.sample(rows.train, options.max_train_rows, seed=options.seed, problem="regression")
    return rows._replace(train=drawn)
