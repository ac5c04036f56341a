"""Reading of a recipe's rows: columns, and rows for training, validation and the report."""

import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import kerasft
from kerasft.errors import bad_argument
from kerasft.recipes.options import TrainingOptions, column, names
from kerasft.recipes.skipping import skips_invalid


class SplitRows(NamedTuple):
    """Rows for training and evaluation.

    Args:
        train: The training rows.
        dev: The validation rows, which select the best epoch.
        reported: The rows for the report: those of `options.test`, or the validation rows.
        split: The split of the report: `"test"` or `"dev"`.
        columns: Column assignment; see `kerasft.tasks.settled`.
        labels: The labels of the training rows.

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
    """Read the train, dev and test files; without a dev file, hold out a part of the training rows.

    Args:
        options: The recipe's options.
        read: A function of a path and, except for the training file, of the training file's columns; returns the rows and
            their columns.
        hold_out: A function of the training rows that returns train and dev rows. Default: `kerasft.data.split`.
        problem: Problem type, for the stratification by `kerasft.data.split`.

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
    """Return the columns that the options select, such as `text` and `label`; a recipe need not have all of these options.

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
        columns: The columns that the options select.
        **task: See `kerasft.tasks.settled`. For files other than the training file, only differing columns are printed.

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
    """Read the rows for training, validation and the report, and the labels.

    If the options have `label_names`, they replace the numbers in the label columns of all files.

    Args:
        options: The recipe's options.
        columns: Column assignment; see `read_columns`.
        problem: Problem type; see `kerasft.data.collect_labels`.
        leave_out: A label to exclude from the training rows only; the number of excluded rows is printed.
        **task: The task, if it is not text-classification.

    Returns:
        The rows, with the `Labels` of the training rows. `options.max_train_rows` does not change other splits.

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
        train, excluded = kerasft.data.separate_label(train, leave_out, columns=columns)
        print(f"{len(excluded)} rows labeled {leave_out!r} are excluded from training.", file=sys.stderr)
    labels = kerasft.data.collect_labels(train, columns=columns, problem=problem)
    if options.max_train_rows is not None:
        train = kerasft.data.sample(train, options.max_train_rows, **stratified)
    return rows._replace(train=train, labels=labels)


def read_labelled(options: TrainingOptions, file: str, columns: dict, *, problem: str = "single_label", **task):
    """Read the rows of a file, with numbers replaced by `options.label_names` if these are set.

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
    """Read the sampled examples, the rows for the report, the columns, and the labels of all training rows.

    Raises:
        KerasftError: If there are no rows for the report.

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
    # Fail now if rows are invalid, not after training.
    kerasft.data.texts_and_labels(reported, labels=labels, columns=columns)
    return SplitRows(few, reported, reported, "test" if options.test else "dev", columns, labels)


@skips_invalid
def read_text_pairs(options: TrainingOptions) -> SplitRows:
    """Read pairs of texts, with similarity scores if the options require them or the training file has them.

    Returns:
        The rows, with standard column names and scores divided by `options.max_score`. They have scores if `columns` has
        `"label"`.

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
        has_scores = scored if trained is None else "label" in trained
        task = {"task": kerasft.tasks.SENTENCE_EMBEDDING.name, "trained": trained, "need_label": bool(has_scores)}
        settled = settle(path, columns, **task)
        has_scores = "label" in settled.columns if has_scores is None else has_scores
        pairs, scores = kerasft.data.read_pairs(settled.source, scored=has_scores, max_score=options.max_score)
        known = {role: name for role, name in settled.columns.items() if role != "label" or has_scores}
        texts = {"text": [first for first, _ in pairs], "text_pair": [second for _, second in pairs]}
        return kerasft.data.read_rows(texts if scores is None else texts | {"label": scores.tolist()}), known

    return _sampled(options, read_split(options, read, problem="regression"))


@skips_invalid
def read_source_target(options: TrainingOptions) -> SplitRows:
    """Read source and target texts; with several references, the first one or one row per reference.

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

    rows = _sampled(options, read_split(options, read, problem="regression"))
    return rows._replace(train=kerasft.data.each_reference(rows.train)) if options.references == "all" else rows


def _sampled(options: TrainingOptions, rows: SplitRows) -> SplitRows:
    """Sample `options.max_train_rows` of the training rows."""
    if options.max_train_rows is None:
        return rows
    sampled = kerasft.data.sample(rows.train, options.max_train_rows, seed=options.seed, problem="regression")
    return rows._replace(train=sampled)
