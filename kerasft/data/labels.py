"""Labels: from label cells (names, numbers, lists, 0/1 columns) to targets, and collecting the labels of a file."""

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
# As programs write a missing value, or SNLI a label that nobody agreed on.
_MISSING = ("nan", "NaN", "NaT", "<NA>", "#N/A", "N/A", "null", "NULL", "None", "-", "?")
_LIST = re.compile(r"\[.*\]|\(['\"].*\)|\{.*\}|\w+\([\[{(].*\)|[01](?:[\s,;|]+[01])+", re.DOTALL)


def labels_of(rows: Rows, roles: Roles, *, problem: str = SINGLE_LABEL) -> Labels:
    """The labels that occur in the rows.

    Equal numbers are one label, however they are written, and so are names that differ in invisible characters, in white
    space or in Unicode's normal form; what was merged is logged, and so are names that look alike and are not merged.

    Args:
        rows: The table.
        roles: Its columns; `roles.label` must not be empty.
        problem: `"single_label"`, `"multi_label"` or `"regression"`.

    Returns:
        `Labels` in natural order: numbers by value, names by alphabet with the numbers inside them by value.

    Raises:
        DataError: If a label is empty, or only one class occurs, or a cell of several labels cannot be read.
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
        _say_how_lists_are_read(rows, roles, texts)
    if problem == SINGLE_LABEL and len(names) < 2:
        raise bad_data(
            rows.name,
            f"all {len(rows)} rows have the same label",
            "Training requires at least two classes; is this the right label column?",
            value=names[0],
        )
    check_number_of_labels(len(names))
    if not names:
        raise bad_data(rows.name, f"column {roles.label[0]!r} has no labels", "Is this the right column?")
    _warn_of_odd_names(rows, names, problem)
    return Labels(names, problem)


def encode_labels(rows: Rows, roles: Roles, *, labels: Labels) -> np.ndarray:
    """The label cells as numbers.

    Args:
        rows: The table.
        roles: Its columns.
        labels: What the model knows. A value is matched by its name. It is an index only where `labels.numbered` says so
            and no name is a number itself, or where the names are Hugging Face's `LABEL_0`, `LABEL_1`, ...

    Returns:
        int32 (rows,) for single_label, float32 (rows, C) of 0 and 1 for multi_label, float32 (rows, K) for regression.

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
    """One name for all texts that say one label: the number or, of names, the most frequent way of writing it."""
    written: dict[str, list[str]] = {}
    for text, _ in counts.most_common():
        written.setdefault(label_key(text), []).append(text)
    whole = all(map(is_whole_number, written))
    names, merged = [], []
    for key, texts in written.items():
        number = whole or (len(texts) > 1 and is_number(key))
        names.append(key if number else visible_name(texts[0]))
        if len(texts) > 1 or names[-1] != texts[0]:
            merged.append(f"{', '.join(ascii(text) for text in texts)} as {names[-1]!r}")
    if merged:
        logger.warning("%s: labels are merged by value: %s.", rows.name, _shown(merged, "; "))
    return names


def _say_how_lists_are_read(rows: Rows, roles: Roles, texts: list[list[str]]) -> None:
    """Log one cell and its labels, where cells are not simply separated by "|"."""
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
    """Log names that are probably several: "a/b" beside "a" and "b", or vectors such as 010 in one piece."""
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
    """The names that are several others joined by a vertical bar, a semicolon or a comma: each part is in another name too.

    Example:

    >>> joined_labels(["sad", "angry", "sad|angry"]), joined_labels(["Paris, France", "Lyon, France"])
    (['sad|angry'], [])
    """
    names = list(names)
    for separator in (SEPARATOR, ";", ","):
        parts = {name: [part.strip() for part in name.split(separator) if part.strip()] for name in names}
        counts = Counter(part for found in parts.values() for part in set(found))
        joined = [
            name for name, found in parts.items() if len(set(found)) > 1 and all(counts[part] > 1 for part in found)
        ]
        if joined:
            return joined
    return []


def unknown_label(rows: Rows, roles: Roles, *, row: int, cells: list[list[str]], index_of: LabelIndex) -> DataError:
    """Return (not raise) the error of a label that the model does not know: it names both lists, and what may be meant."""
    labels = index_of.labels
    text = next(text for text in cells[row] if text not in index_of)
    value = text if labels.problem == MULTI_LABEL else only_column(rows, roles)[row]
    here = sorted({visible_name(text) for texts in cells for text in texts}, key=natural_key)
    strange = [name for name in here if name not in index_of]
    alike = most_alike(text, labels)
    if alike is not None:
        fix = f"Did you mean {alike!r}?"
    elif are_numbers_for_names(strange, labels):
        fix = (
            "Numbers are not used as label indices, since the order may differ: write the names, or define the numbers "
            "0, 1, ...: --label-names NAME,NAME (kerasft.data.name_labels)."
        )
    else:
        fix = (
            "Correct it, or collect the labels from a file with all labels. If it is correct but missing in the training rows, "
            "--unseen-labels count (unseen_labels=) scores it as an error."
        )
    return rows.error(
        row,
        f"unknown label; expected one of: {_shown(labels)}",
        fix=f"Labels in this file: {_shown(here)}. {fix}",
        value=value,
        can_skip=False,
    )


def are_numbers_for_names(strange: Iterable[str], labels: Iterable[str]) -> bool:
    """Whether unknown labels are all numbers and the model's are names, or the other way round.

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
