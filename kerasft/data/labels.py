"""Labels: converting label cells (names, numbers, lists, 0/1 columns) to targets, and collecting the labels of a file."""

import re
from collections import Counter
from collections.abc import Iterable

import numpy as np

from kerasft import security
from kerasft.data.label_cells import SEPARATOR, LabelIndex, label_cells, only_column
from kerasft.data.readers.columns import Roles
from kerasft.data.readers.label_names import (
    is_number,
    is_whole_number,
    label_key,
    look_alikes,
    most_alike,
    natural_key,
    visible_name,
)
from kerasft.data.readers.rows import Rows
from kerasft.data.targets import indicators, targets
from kerasft.encoding.token_store import logger
from kerasft.errors import DataError, bad_argument, bad_data
from kerasft.features import MULTI_LABEL, PROBLEMS, REGRESSION, SINGLE_LABEL, Labels, check_number_of_labels

_SHOWN = 10  # labels in a message
# How programs write a missing value, and SNLI a label without consensus.
_MISSING = ("nan", "NaN", "NaT", "<NA>", "#N/A", "N/A", "null", "NULL", "None", "-", "?")
_LIST = re.compile(r"\[.*\]|\(['\"].*\)|\{.*\}|\w+\([\[{(].*\)|[01](?:[\s,;|]+[01])+", re.DOTALL)


def labels_of(rows: Rows, roles: Roles, *, problem: str = SINGLE_LABEL) -> Labels:
    """Return the labels that occur in the rows.

    Different spellings of a number are merged into one label, as are names that differ only in invisible characters,
    whitespace or Unicode normalization. Merged labels are logged, and so are similar names that are not merged.

    Args:
        rows: The table.
        roles: Column assignment of the table; `roles.label` must not be empty.
        problem: `"single_label"`, `"multi_label"` or `"regression"`.

    Returns:
        `Labels` in natural order: numbers by value, names alphabetically with numbers in them by value.

    Raises:
        DataError: If a label is empty, only one class occurs, or a list of labels is invalid.
    """
    if problem not in PROBLEMS:
        raise bad_argument("problem", f"one of {PROBLEMS}", problem, "Choose one of them.")
    if problem == REGRESSION or (problem == MULTI_LABEL and roles.several):
        names = roles.label
        if not rows.named:
            names = ["score"] if len(names) == 1 else [f"label_{name}" for name in names]
        return Labels(names, problem)
    texts = label_cells(rows, roles, problem=problem)
    names = sorted(_names(rows, Counter(text for cell in texts for text in cell)), key=natural_key)
    if problem == MULTI_LABEL:
        _log_how_lists_are_read(rows, roles, texts)
    if problem == SINGLE_LABEL and len(names) < 2:
        raise bad_data(
            rows.name,
            f"all {len(rows)} rows have the same label",
            "Training requires at least two classes; is this the correct label column?",
            value=names[0],
        )
    check_number_of_labels(len(names))
    if not names:
        raise bad_data(rows.name, f"column {roles.label[0]!r} has no labels", "Is this the correct column?")
    _warn_of_odd_names(rows, names, problem)
    return Labels(names, problem)


def encode_labels(rows: Rows, roles: Roles, *, labels: Labels) -> np.ndarray:
    """Convert label cells to targets.

    Args:
        rows: The table.
        roles: Column assignment of the table.
        labels: The model's labels. Values are matched by name. They are indices only if `labels.numbered` is set and no
            name is a number, or if the names are Hugging Face's `LABEL_0`, `LABEL_1`, ...

    Returns:
        int32 (rows,) for single_label, multi-hot float32 (rows, C) for multi_label, float32 (rows, K) for regression.

    Raises:
        DataError: If a label is unknown or missing, or a target is not a finite number.
    """
    if labels.problem == REGRESSION:
        return targets(rows, roles, labels)
    if labels.problem == MULTI_LABEL and roles.several:
        return indicators(rows, roles, labels)
    index_of = LabelIndex(labels)
    cells = label_cells(rows, roles, problem=labels.problem, known=index_of)
    several = labels.problem == MULTI_LABEL
    if several:
        security.check_columns(labels, len(cells), f"{rows.name}, labels")
    y = np.zeros((len(cells), len(labels)), np.float32) if several else np.empty(len(cells), np.int32)
    for row, texts in enumerate(cells):
        for text in texts:
            index = index_of.get(text)
            if index is None:
                raise unknown_label(rows, roles, row=row, cells=cells, index_of=index_of)
            if several:
                y[row, index] = 1.0
            else:
                y[row] = index
    return y


def _names(rows: Rows, counts: Counter) -> list[str]:
    """Return one name per label: the number, or the most frequent spelling of a name."""
    written: dict[str, list[str]] = {}
    for text, _ in counts.most_common():
        written.setdefault(label_key(text), []).append(text)
    whole = all(map(is_whole_number, written))
    names = []
    merged = []
    for key, texts in written.items():
        number = whole or (len(texts) > 1 and is_number(key))
        names.append(key if number else visible_name(texts[0]))
        if len(texts) > 1 or names[-1] != texts[0]:
            merged.append(f"{', '.join(ascii(text) for text in texts)} as {names[-1]!r}")
    if merged:
        logger.warning("%s: labels are merged by value: %s.", rows.name, _shown(merged, "; "))
    return names


def _log_how_lists_are_read(rows: Rows, roles: Roles, texts: list[list[str]]) -> None:
    """Log one cell with its labels if they are not simply separated by "|"."""
    for value, names in zip(only_column(rows, roles), texts):
        if isinstance(value, str) and SEPARATOR not in value and value.strip() and names != [value.strip()]:
            logger.warning("%s: labels %r are read as %s.", rows.name, value, names)
            return


def _warn_of_odd_names(rows: Rows, names: list[str], problem: str) -> None:
    groups = [" and ".join(map(repr, group)) for group in look_alikes(names)]
    if groups:
        logger.warning("%s: these labels look similar but are different classes: %s.", rows.name, _shown(groups, "; "))
    missing = [name for name in names if name in _MISSING]
    if missing:
        logger.warning(
            "%s: these labels look like missing values but are used as classes: %s. Delete their rows if the label is missing.",
            *(rows.name, _shown(map(repr, missing))),
        )
    if problem == MULTI_LABEL:
        _warn_of_joined_names(rows, names)
    joined = joined_labels(names) if problem == SINGLE_LABEL else []
    if joined:
        logger.warning(
            "%s: %d labels look like several labels, such as %r, but each is one class. For several labels per text, "
            'use --problem multi_label (problem="multi_label").',
            *(rows.name, len(joined), joined[0]),
        )
    lists = [name for name in names if problem == SINGLE_LABEL and _LIST.fullmatch(name)]
    if lists:
        logger.warning(
            '%s: %d labels look like lists, such as %r, but each is one class. For multi-label data, use problem="multi_label".',
            *(rows.name, len(lists), lists[0]),
        )


def _warn_of_joined_names(rows: Rows, names: list[str]) -> None:
    """Log names that probably contain several labels: "a/b" if "a" and "b" occur too, or multi-hot vectors such as 010."""
    known = set(names)
    parts = {name: re.split(r"\s*[/+&]\s*|\s+", name) for name in names}
    joined = [name for name in names if len(parts[name]) > 1 and known.issuperset(parts[name])]
    if joined:
        logger.warning(
            '%s: these labels are combinations of others, but each is one class: %s. Write several labels as "a|b".',
            *(rows.name, _shown(map(repr, joined))),
        )
    if len(names) > 1 and len(set(map(len, names))) == 1 and all(re.fullmatch("[01]{2,}", name) for name in names):
        logger.warning(
            "%s: labels such as %r look like multi-hot vectors, but each is one class. Use one 0/1 column per label.",
            *(rows.name, names[0]),
        )


def joined_labels(names: Iterable[str]) -> list[str]:
    """Return names that look like several labels joined by a vertical bar, semicolon or comma: each part occurs in other names.

    Example:

    >>> joined_labels(["sad", "angry", "sad|angry"]), joined_labels(["Paris, France", "Lyon, France"])
    (['sad|angry'], [])
    """
    names = list(names)
    for separator in (SEPARATOR, ";", ","):
        parts = {name: [part.strip() for part in name.split(separator) if part.strip()] for name in names}
        counts = Counter(part for own in parts.values() for part in set(own))
        joined = [name for name, own in parts.items() if len(set(own)) > 1 and all(counts[part] > 1 for part in own)]
        if joined:
            return joined
    return []


def unknown_label(rows: Rows, roles: Roles, *, row: int, cells: list[list[str]], index_of: LabelIndex) -> DataError:
    """Return (not raise) the error for an unknown label: it lists the labels of model and file, and suggests a fix."""
    labels = index_of.labels
    text = next(text for text in cells[row] if text not in index_of)
    value = text if labels.problem == MULTI_LABEL else only_column(rows, roles)[row]
    labels_in_file = sorted({visible_name(text) for texts in cells for text in texts}, key=natural_key)
    unknown = [name for name in labels_in_file if name not in index_of]
    similar = most_alike(text, labels)
    if similar is not None:
        fix = f"Did you mean {similar!r}?"
    elif are_numbers_for_names(unknown, labels):
        fix = (
            "Numbers are not used as label indices, because the order may differ: write the names, or name the numbers "
            "0, 1, ...: --label-names NAME,NAME (kerasft.data.name_labels)."
        )
    else:
        fix = (
            "Correct it, or collect the labels from a file with all labels. If it is correct but does not occur in the training "
            "rows, --unseen-labels count (unseen_labels=) counts it as an error."
        )
    return rows.error(
        row,
        f"unknown label; expected one of: {_shown(labels)}",
        fix=f"Labels in this file: {_shown(labels_in_file)}. {fix}",
        value=value,
        can_skip=False,
    )


def are_numbers_for_names(strange: Iterable[str], labels: Iterable[str]) -> bool:
    """Whether all unknown labels are numbers and the model's labels are names, or vice versa.

    Example:

    >>> are_numbers_for_names(["0", "1"], ["no", "yes"]), are_numbers_for_names(["maybe"], ["no", "yes"])
    (True, False)
    """
    unknown, known = {is_number(name) for name in strange}, {is_number(name) for name in labels}
    return len(unknown) == len(known) == 1 and unknown != known


def _shown(names: Iterable[str], separator: str = ", ") -> str:
    names = list(names)
    more = f"{separator}... ({len(names)} in total)" if len(names) > _SHOWN else ""
    return separator.join(names[:_SHOWN]) + more
