"""Settling a source's columns once, for the task at hand: what was guessed can be printed, and kept with the model."""

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from kerasft.data.annotated_relations import relation_rows
from kerasft.data.causal_lm import COMPLETION_COLUMNS, read_documents
from kerasft.data.columns import columns_note, find_columns, settle
from kerasft.data.invalid_rows import valid_rows
from kerasft.data.plain_texts import text_paths
from kerasft.data.relation_extraction import valid_entity_pairs
from kerasft.data.rows import Rows
from kerasft.data.sequence_to_sequence import SOURCE_NAMES, TARGET_NAMES, read_sources, sources_and_references
from kerasft.data.sources import read_rows
from kerasft.data.tagged_texts import INTENT, LABEL_COLUMNS, TEXT_COLUMNS, find_tag_columns
from kerasft.data.text_classification import text_columns, valid_labelled_rows
from kerasft.data.trained_columns import is_conll, read_as_trained, tags_as_trained
from kerasft.data.word_tables import rows_of_word_table
from kerasft.features import REGRESSION, SINGLE_LABEL

_LABELLED = ("text-classification", "relation-extraction")


class Settled(NamedTuple):
    """A source whose columns are settled.

    Example:

    >>> settled([{"review": "a good film", "label": 1}]).columns
    {'text': 'review', 'label': 'label'}
    """

    source: object
    """Rows with `roles`; or the source as it was, where it has no columns."""
    named: Mapping[str, object] | None
    """What must still be given as `columns` beside it."""
    columns: dict[str, object] | None
    """What a bundle remembers; None without columns."""
    note: str
    """What to print: which columns were guessed; empty if all were named."""


def settled(
    source: object,
    columns: Mapping[str, object] | None = None,
    *,
    task: str = "text-classification",
    trained: Mapping[str, object] | None = None,
    need_label: bool = False,
    classes: bool = False,
    problem: str = SINGLE_LABEL,
) -> Settled:
    """Read a source and settle its columns; within `kerasft.data.skip_invalid`, leave out the rows that the task cannot use.

    Args:
        source: What the task's data function reads.
        columns: What the user names.
        task: The task, as `kerasft.bundles.TASKS` has it.
        trained: The columns of the training data, the usual ones for other files.
        need_label: Whether sentence pairs must have scores; labels of texts and relations must be there anyway.
        classes: Whether labels are names of classes, to count in the note.
        problem: What a text classifier's label is, by which invalid ones are told.

    Raises:
        DataError: If the source cannot be read, or a column is missing or ambiguous.

    Example:

    >>> print(settled([{"review": "a good film", "label": 1}], classes=True).note)
    columns of Python rows: text: review, label: label (1 classes)
    """
    columns = columns or None
    if task == "question-answering" or (task in ("masked-lm", "causal-lm") and text_paths(source)):
        return Settled(source, columns, None, "")
    if task in ("token-classification", "intent-and-slots"):
        return _tags(source, columns, trained)
    rows = read_as_trained(source, trained, columns)
    if task == "sequence-to-sequence":
        rows = valid_rows(read_sources(rows, columns), sources_and_references)
        return Settled(rows, None, rows.roles, _note(rows, _by_role(columns), (SOURCE_NAMES, TARGET_NAMES)))
    if task == "causal-lm":
        return _causal_lm(rows, columns)
    rows = read_rows(rows, columns)
    if task == "relation-extraction":
        rows = relation_rows(rows, columns)
    if task == "masked-lm":
        columns = {**{name: part for name, part in (rows.roles or {}).items() if name == "text"}, **(columns or {})}
        rows = settle(replace(rows, roles=None), columns)
        rows = replace(rows, roles={"text": rows.roles["text"]})  # labels play no part
    else:
        given = {*(rows.roles or {}), *(columns or {})}
        rows = settle(rows, columns, need_label=need_label or task in _LABELLED)
        if task == "sentence-embedding" and not need_label and given & {"text", "text_pair"} and "label" not in given:
            rows.roles.pop("label", None)  # who names the texts would name the scores
    rows = _valid(rows, task, problem)
    return Settled(rows, None, dict(rows.roles), columns_note(rows, columns, classes=classes))


def _causal_lm(rows: object, columns: Mapping[str, object] | None) -> Settled:
    if not isinstance(rows, Rows) and _is_pairs(rows):
        return Settled(rows, columns, None, "")
    rows = read_rows(rows, columns and {"text": next(iter(columns.values()))})
    given = columns or rows.roles or {}
    if "completion" in given or (not given and set(COMPLETION_COLUMNS) <= set(rows.columns)):
        found = {**dict(zip(COMPLETION_COLUMNS, COMPLETION_COLUMNS)), **given}
    else:
        found = {"text": settle(replace(rows, roles=None), given).roles["text"]}
    rows = valid_rows(replace(rows, roles=found), read_documents)
    return Settled(rows, None, found, columns_note(rows, columns))


def _valid(rows: Rows, task: str, problem: str) -> Rows:
    roles = find_columns(rows)
    if task == "relation-extraction":
        return valid_entity_pairs(rows, roles)
    if task == "masked-lm" or not roles.label:
        return valid_rows(rows, lambda one: text_columns(one, roles))
    return valid_labelled_rows(rows, roles, problem=REGRESSION if task == "sentence-embedding" else problem)


def _is_pairs(source: object) -> bool:
    return isinstance(source, list) and bool(source) and all(isinstance(item, tuple) for item in source)


def _by_role(columns: Mapping[str, object] | None) -> dict[str, object]:
    return {{"source": "text", "target": "label"}.get(role, role): name for role, name in (columns or {}).items()}


def _tags(source: object, columns: Mapping[str, object] | None, trained: Mapping[str, object] | None) -> Settled:
    if is_conll(source):
        source, columns = tags_as_trained(source, trained, columns)
        return Settled(source, columns, dict(columns) if columns else None, "")
    if "offsets" in getattr(source, "columns", ()):
        return Settled(source, None, None, "")
    rows = read_rows(read_as_trained(source, trained, columns))
    if (table := rows_of_word_table(rows, columns)) is not None:  # which says itself what it takes
        return Settled(table, None, dict(columns) if columns else None, "")
    roles = find_tag_columns(rows, columns)
    rows = replace(rows, roles=roles)
    return Settled(rows, None, roles, _note(rows, columns, (TEXT_COLUMNS, LABEL_COLUMNS)))


def _note(rows: Rows, columns: Mapping[str, object] | None, usual: tuple) -> str:
    """As `columns_note`, where the first of the usual names is taken."""
    lines = columns_note(rows, columns).split("\n")[:1]
    taken = set(map(str, rows.roles.values()))
    for role, names in zip(("text", "label"), usual):
        others = [name for name in rows.columns if name.strip().lower() in names and name not in taken]
        if lines[0] and others and role not in (columns or {}) and rows.named and role != INTENT:
            lines.append(f"note: the {role} could also be {' or '.join(others)}. Name the column to choose.")
    return "\n".join(lines)
