"""Assignment of text, second text and label columns: selected by the user, or detected by name."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

from kerasft.data.readers.label_names import label_key, label_text
from kerasft.data.readers.rows import Rows
from kerasft.errors import KerasftError, bad_argument, bad_data

ROLES = ("text", "text_pair", "label")

TEXT_NAMES = (
    "sentence",
    "utterance",
    "content",
    "review",
    "comment",
    "comment_text",
    "tweet",
    "message",
    "query",
    "sentence1",
    "premise",
    "question1",
    "text1",
    "text_a",
    "question",
    "transcript",
)
"""Detected names of a text column, in addition to "text", which takes precedence."""

PAIR_NAMES = (
    ("sentence1", "sentence2"),
    ("premise", "hypothesis"),
    ("question1", "question2"),
    ("text1", "text2"),
    ("text_a", "text_b"),
    ("question", "sentence"),
    ("query", "passage"),
    ("question", "answer"),
)
"""Detected names of two text columns, in addition to ("text", "text_pair")."""

LABEL_NAMES = (
    "labels",
    "category",
    "class",
    "intent",
    "target",
    "score",
    "sentiment",
    "gold_label",
    "rating",
    "similarity",
)
"""Detected names of a label column, in addition to "label", which takes precedence."""


@dataclass(frozen=True)
class Roles:
    """Column assignment of a table. `label` is empty without labels; `several`: the label columns were given as a list."""

    text: str
    text_pair: str | None = None
    label: tuple[str, ...] = ()
    several: bool = False

    def as_columns(self, *, named: bool = True) -> dict[str, object]:
        """Return the roles in the form of the argument `columns`; with indices if not `named` (for files without header).

        Example:

        >>> Roles("0", label=("1",)).as_columns(named=False)
        {'text': 0, 'label': 1}
        """
        label = list(self.label) if self.several else next(iter(self.label), None)
        roles = {"text": self.text, "text_pair": self.text_pair, "label": label}
        return {role: name if named else _numbers(name) for role, name in roles.items() if name is not None}


def without_header(columns: Mapping[str, object] | None) -> bool:
    """Whether `columns` has indices, which means that the file has no header.

    Raises:
        KerasftError: If a key is unknown, or names and indices are mixed.

    Example:

    >>> without_header({"text": 3, "label": 1}), without_header({"text": "review"}), without_header(None)
    (True, False, False)
    """
    if not columns:
        return False
    if not isinstance(columns, Mapping) or set(columns) - set(ROLES):
        raise bad_argument(
            "columns",
            f"a dictionary with keys among {list(ROLES)}",
            columns,
            'For example: columns={"text": "review", "label": "stars"}, or indices for a file without header.',
        )
    given = [part for value in columns.values() for part in _as_list(value)]
    if any(not isinstance(part, (str, int)) or isinstance(part, bool) for part in given):
        raise bad_argument("columns", "names or 0-based indices", columns, "Use a name or an index for each role.")
    numbers = [isinstance(part, int) for part in given]
    if any(numbers) and not all(numbers):
        raise bad_argument(
            "columns", "either all names or all indices", columns, "Indices mean that the file has no header."
        )
    return any(numbers)


def find_columns(rows: Rows, columns: Mapping[str, object] | None = None, *, need_label: bool = False) -> Roles:
    """Assign the columns of text, second text and label.

    Args:
        rows: The table.
        columns: Columns that the user selects; other roles are taken from `rows.roles`, or detected by column names.
        need_label: Whether a table without a label column is an error.

    Raises:
        DataError: If a column is missing, duplicate or ambiguous; the message lists the table's columns.

    Example:

    >>> find_columns(Rows.of({"Sentence1": ["a"], "Sentence2": ["b"], "label": [1]}, "rte.tsv"))
    Roles(text='Sentence1', text_pair='Sentence2', label=('label',), several=False)
    """
    without_header(columns)
    columns = _merged(rows.roles, columns)
    texts = (_named(rows, columns["text"]), None) if "text" in columns else _find_texts(rows)
    pair = _named(rows, columns["text_pair"]) if columns.get("text_pair") is not None else texts[1]
    label = columns.get("label")
    if label is not None:
        names = tuple(_named(rows, part) for part in _as_list(label))
    else:
        names = _find_label(rows, {texts[0], pair})
    if need_label and not names:
        raise _missing(rows, "label")
    twice = [name for name in (texts[0], pair, *names) if name and [texts[0], pair, *names].count(name) > 1]
    if twice:
        raise bad_data(
            rows.name, "column assigned to two roles", "Use a different column for each role.", value=twice[0]
        )
    roles = Roles(texts[0], pair, names, isinstance(label, (list, tuple)))
    if first := header_in(rows, roles):
        fix = "Use names, not indices, in `columns`; if this is a data row, add a header line above it."
        raise rows.error(0, "this row is a header", fix=fix, value=first, can_skip=False)
    if (row := _later_header(rows, roles)) is not None:
        fix = "Delete the line: concatenated files have headers in the middle."
        cells = [rows.columns[name][row] for name in (roles.text, names[0])]
        raise rows.error(row, "this row is a header", fix=fix, value=cells, can_skip=False)
    return roles


def settle(rows: Rows, columns: Mapping[str, object] | None = None, *, need_label: bool = False) -> Rows:
    """Assign the columns and store the assignment with the rows, so that later calls need not detect it again.

    Args:
        rows: See `find_columns`.
        columns: Columns that the user selects.
        need_label: Whether a table without a label column is an error.

    Returns:
        The rows with `roles` set.

    Raises:
        DataError: See `find_columns`.

    Example:

    >>> settle(Rows.of({"review": ["a"], "stars": [1], "rating": [5]}, "a.csv"), {"label": "stars"}).roles
    {'text': 'review', 'label': 'stars'}
    """
    roles = find_columns(rows, columns, need_label=need_label)
    return replace(rows, roles=roles.as_columns(named=rows.named))


def header_in(rows: Rows, roles: Roles) -> list[str]:
    """Return the cells of the first row of a file without header if they look like a header; otherwise an empty list.

    They look like a header if they are usual column names; if they look like names and the label does not occur in other
    rows, while other labels occur at least twice or are numbers; or if they are numbers and no other text or label is.

    Example:

    >>> rows = Rows.of({"0": ["Transkript", "a", "b"], "1": ["Stern", "1", "2"]}, "a.csv", named=False)
    >>> header_in(rows, Roles("0", label=("1",)))
    ['transkript', 'stern']
    """
    if rows.named or rows.roles or not len(rows) or rows.lines[0] > 2:  # line 2 after a line `sep=;`
        return []
    first = [str(rows.columns[name][0]).strip().lower() for name in (roles.text, *roles.label)]
    if set(first) <= {"text", *TEXT_NAMES, "label", *LABEL_NAMES}:
        return first if len(rows) > 1 else []
    if len(first) == 2 and len(rows) > 1 and all(map(_is_number, first)):
        others = [str(cell) for name in (roles.text, *roles.label) for cell in rows.columns[name][1:]]
        return [] if any(map(_is_number, others)) else first
    if len(first) != 2 or not all(re.fullmatch(r"[^\W\d][\w./-]*( [\w./-]+){0,2}", cell) for cell in first):
        return []
    labels = [str(cell).strip() for cell in rows.columns[roles.label[0]]]
    others = Counter(labels[1:])
    rare = [label for label, count in others.items() if count < 2 and not _is_number(label)]
    return first if others and labels[0] not in others and not rare else []


def _later_header(rows: Rows, roles: Roles) -> int | None:
    """Return the first row after row 0 of a file without header whose text and label are usual column names."""
    if rows.named or rows.roles or not roles.label:
        return None
    usual = {"text", *TEXT_NAMES}, {"label", *LABEL_NAMES}
    cells = zip(rows.columns[roles.text], rows.columns[roles.label[0]])
    headers = (
        row
        for row, pair in enumerate(cells)
        if all(str(cell).strip().lower() in names for cell, names in zip(pair, usual))
    )
    return next((row for row in headers if row), None)


def columns_note(rows: Rows, given: Mapping[str, object] | None = None, *, classes: bool = False) -> str:
    """Describe the column assignment if at least one column was detected; otherwise return an empty string.

    Args:
        rows: Rows with a column assignment.
        given: Columns that the user selected.
        classes: Whether labels are classes, so that their number is shown.

    Example:

    >>> rows = settle(Rows.of({"review": ["a", "b"], "label": [1, 0], "score": [5, 1]}, "a.csv"))
    >>> print(columns_note(rows, classes=True))
    columns of a.csv: text: review, label: label (2 classes)
    note: the label could also be score. Select a column to change this.
    """
    roles = rows.roles or {}
    guessed = [role for role in roles if role not in (given or {})]
    if not guessed or len(rows.columns) == 1:
        return ""
    shown = []
    for role, name in roles.items():
        names = ", ".join(map(str, _as_list(name)))
        if role == "label" and classes and not isinstance(name, list):
            names += f" ({len({label_key(label_text(cell)) for cell in rows.columns[str(name)]})} classes)"
        shown.append(f"{role}: {names}")
    lines = [f"columns of {rows.name}: {', '.join(shown)}"]
    taken = {str(part) for name in roles.values() for part in _as_list(name)}
    for role, names in (("text", TEXT_NAMES), ("label", ("label", *LABEL_NAMES))):
        others = [name for name in rows.columns if name.strip().lower() in names and name not in taken]
        if others and role in guessed and rows.named:
            lines.append(f"note: the {role} could also be {' or '.join(others)}. Select a column to change this.")
    return "\n".join(lines)


def remembered(rows: Rows) -> dict[str, object] | None:
    """Return the column assignment in the form of a bundle's settings: with indices if the file has no header.

    Example:

    >>> remembered(Rows.of({"0": ["a"], "1": ["b"]}, "a.tsv", named=False)) is None
    True
    """
    if not rows.roles:
        return None
    return {role: name if rows.named else _numbers(name) for role, name in rows.roles.items()}


def _merged(roles: Mapping[str, object] | None, columns: Mapping[str, object] | None) -> dict[str, object]:
    """Merge roles with the user's columns, which take precedence; a new text column drops the old second text column."""
    merged = dict(roles or {})
    if "text" in (columns or {}):
        merged.pop("text_pair", None)
    return {**merged, **(columns or {})}


def _numbers(name: object) -> object:
    return [int(part) for part in name] if isinstance(name, list) else int(name)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _as_list(value: object) -> list:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _named(rows: Rows, wanted: object) -> str:
    """Return the name of a column that is selected by name or index."""
    names = list(rows.columns)
    if isinstance(wanted, int):
        if rows.named:
            raise bad_data(
                rows.name, f"its columns have names: {names}", "Use names, not indices, in `columns`.", value=wanted
            )
        if -len(names) <= wanted < 0:  # from the end, as in Python
            return names[wanted]
        if str(wanted) not in rows.columns:
            fix = f"Valid indices are {names[0]} to {names[-1]}, or -1 to -{len(names)} from the end."
            raise bad_data(
                rows.name, f"no column with this index; the file has {len(names)} columns", fix, value=wanted
            )
        return str(wanted)
    if wanted in rows.columns:
        return wanted
    raise bad_data(
        rows.name,
        f"no column with this name; the columns are {names}",
        "Use one of them, or indices if the file has no header.",
        value=wanted,
    )


def _by_lower_name(rows: Rows) -> dict[str, str]:
    return {name.strip().lower(): name for name in reversed(rows.columns)}


def _find_texts(rows: Rows) -> tuple[str, str | None]:
    if not rows.named:
        names = list(rows.columns)
        if len(names) > 3:
            raise _missing(rows, "text")
        return names[0], (names[1] if len(names) == 3 else None)
    known = _by_lower_name(rows)
    if "text" in known:
        return known["text"], known.get("text_pair")
    pairs = [pair for pair in PAIR_NAMES if pair[0] in known and pair[1] in known]
    singles = [name for name in TEXT_NAMES if name in known and not any(name in pair for pair in pairs)]
    if len(pairs) + len(singles) > 1:
        raise _ambiguous(rows, "text", [known[name] for pair in pairs for name in pair] + [known[n] for n in singles])
    if pairs:
        return known[pairs[0][0]], known[pairs[0][1]]
    if singles:
        return known[singles[0]], None
    raise _missing(rows, "text")


def _find_label(rows: Rows, taken: set[str | None]) -> tuple[str, ...]:
    if not rows.named:
        names = list(rows.columns)
        return (names[-1],) if 1 < len(names) <= 3 and names[-1] not in taken else ()
    known = _by_lower_name(rows)
    if known.get("label") not in (None, *taken):
        return (known["label"],)
    usual = [known[name] for name in LABEL_NAMES if name in known and known[name] not in taken]
    if len(usual) > 1:
        raise _ambiguous(rows, "label", usual)
    return tuple(usual)


def _ambiguous(rows: Rows, role: str, candidates: list[str]) -> KerasftError:
    return bad_data(
        rows.name,
        f"ambiguous {role} column: {candidates}",
        f'Select one: columns={{"{role}": {candidates[0]!r}}}.',
        value=list(rows.columns),
    )


def _missing(rows: Rows, role: str) -> KerasftError:
    return bad_data(
        rows.name,
        f"no column detected as the {role}",
        f'Select it: columns={{"{role}": ...}}; for a file without header, use 0-based indices: {{"text": 0, "label": 1}}.',
        value=list(rows.columns),
    )
