"""Invalid rows: by default, the first one raises an error; on request, they are skipped, counted and listed."""

import contextlib
import contextvars
import json
import logging
import os
import pathlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

from kerasft.data.readers.rows import Rows
from kerasft.errors import DataError, bad_data
from kerasft.files import file_written_aside
from kerasft.silence import silenced

logger = logging.getLogger("kerasft")

LIST_FILE = "skipped_rows.jsonl"
"""File name of the list of skipped rows."""

_SHOWN = 5
_current: contextvars.ContextVar["Skipped | None"] = contextvars.ContextVar("skipped", default=None)


class SkippedRow(NamedTuple):
    """A skipped row.

    Example:

    >>> str(SkippedRow("train.csv", 7, "the text is empty; received: ''"))
    "train.csv, line 7: the text is empty; received: ''"
    """

    file: str
    line: int | None
    """1-based; None for files without lines, such as SQuAD's JSON, where `file` includes the question."""
    reason: str

    def __str__(self) -> str:
        return f"{self.file}{'' if self.line is None else f', line {self.line}'}: {self.reason}"


class Skipped:
    """The skipped rows, without duplicates, in order.

    Example:

    >>> with skip_invalid() as skipped:
    ...     skip(bad_data("train.csv", "the text is empty", "Fill it in.", line=7, value=""))
    >>> len(skipped), skipped.rows[0].line
    (1, 7)
    """

    def __init__(self):
        self._rows: dict[tuple[str, int | None], SkippedRow] = {}

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def rows(self) -> list[SkippedRow]:
        """The skipped rows, with reasons."""
        return list(self._rows.values())

    def add(self, error: DataError) -> None:
        """Add the row of an error; since a file may be read several times, only the first reason is kept."""
        file, line = error.place or ("data", None)
        self._rows.setdefault((file, line), SkippedRow(file, line, error.problem or str(error)))

    def report(self, folder: str | os.PathLike) -> str:
        """Write the rows to `skipped_rows.jsonl` in a folder, and return the summary; without rows, write nothing, return ""."""
        path = pathlib.Path(folder) / LIST_FILE
        if not self._rows:
            path.unlink(missing_ok=True)  # from an earlier run
            return ""
        path.parent.mkdir(parents=True, exist_ok=True)
        with file_written_aside(path) as temporary:
            temporary.write_text("".join(json.dumps(row._asdict()) + "\n" for row in self.rows), "utf-8")
        return self.summary(path)

    def summary(self, listed_in: object = None) -> str:
        """Return the number of skipped rows and the first few of them; "" if there are none."""
        if not self._rows:
            return ""
        count = len(self._rows)
        lines = [f"{count} {'row was' if count == 1 else 'rows were'} skipped (--skip-invalid):"]
        lines += [f"  {row}" for row in self.rows[:_SHOWN]]
        if count > _SHOWN:
            lines.append(f"  ... and {count - _SHOWN} more")
        if listed_in is not None:
            lines.append(f"All skipped rows are listed in {listed_in}")
        return "\n".join(lines)


@contextlib.contextmanager
def skip_invalid() -> Iterator[Skipped]:
    """Context manager that skips invalid rows instead of raising an error for the first one.

    It applies to all readers of files and to `kerasft.tasks.settled`, `text_classification`, `texts_and_labels`,
    `collect_labels`, `read_tags` and `read_squad`. Rows with labels that a model does not have are not invalid.

    Example:

    >>> import kerasft
    >>> with kerasft.data.skip_invalid() as skipped:
    ...     labels = kerasft.data.collect_labels([("fine", "b"), ("", "a"), ("good", "a")])
    >>> print(skipped.summary())
    1 row was skipped (--skip-invalid):
      Python rows, line 2: the text in column 'text' is empty; received: ''
    """
    skipped = Skipped()
    token = _current.set(skipped)
    try:
        yield skipped
    finally:
        _current.reset(token)


def skip(error: DataError) -> None:
    """Record an invalid row within `skip_invalid`; otherwise raise the error, with a hint on how to skip the row.

    Example:

    >>> skip(bad_data("train.csv", "invalid JSON", "Correct it.", line=7))
    Traceback (most recent call last):
    ...
    kerasft.errors.DataError: train.csv, line 7: invalid JSON. Correct it. To skip invalid rows: --skip-invalid ...
    """
    skipped = _current.get()
    if skipped is None:
        raise error if error.can_skip else error.with_hint()
    skipped.add(error)


def valid_rows(rows: Rows, check: Callable[[Rows], object], *, allow_none: bool = False) -> Rows:
    """Within `skip_invalid`, return the rows that pass a check; otherwise return all rows, unchecked.

    Args:
        rows: The table.
        check: Raises a `DataError` for an invalid row; called with a table of one row.
        allow_none: Whether to return an empty table if no row is valid; otherwise it is an error.

    Raises:
        DataError: If no row is valid, unless `allow_none`; or for errors that do not concern a row.

    Example:

    >>> def check(one):
    ...     if not one.columns["text"][0]:
    ...         raise one.error(0, "the text is empty", fix="Fill it in.")
    >>> with skip_invalid() as skipped:
    ...     len(valid_rows(Rows.of({"text": ["good", "", "bad"]}, "train.csv"), check)), len(skipped)
    (2, 1)
    """
    skipped = _current.get()
    if skipped is None:
        return rows
    kept = []
    with silenced(logger):  # warnings are logged when the whole table is read
        for row in range(len(rows)):
            try:
                check(rows.take([row]))
            except DataError as error:
                if not error.can_skip:
                    raise
                skipped.add(error)
            else:
                kept.append(row)
    if not kept and not allow_none:
        first = skipped.rows[-1] if len(skipped) else "none"
        raise bad_data(
            rows.name, f"none of {len(rows)} rows is valid; the last error: {first}", "Is this the correct file?"
        )
    return rows if len(kept) == len(rows) else rows.take(kept)
