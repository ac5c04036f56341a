"""Table with the file and line of each row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from kerasft import security
from kerasft.errors import DataError, bad_data


@dataclass(frozen=True)
class Rows:
    """Table in memory: the result of every reader and of `split`, and a valid `source` for every data function.

    Args:
        columns: Values of each column by name; all columns have the same length.
        files: Names of the sources, for messages.
        file_ids: Index into `files` for each row, int32, (rows,).
        lines: 1-based line (or record) number of each row in its file, int64, (rows,).
        named: False if the source has no column names; then the columns are named "0", "1", ...
        roles: Column assignment (text, second text, label), if known.

    Example:

    >>> rows = Rows.of({"text": ["good", "bad"], "label": ["1", "0"]}, "reviews.csv", lines=[2, 3])
    >>> len(rows), rows.place(1), rows.take([1]).columns
    (2, ('reviews.csv', 3), {'text': ['bad'], 'label': ['0']})
    """

    columns: Mapping[str, list]
    files: tuple[str, ...]
    file_ids: np.ndarray = field(repr=False)
    lines: np.ndarray = field(repr=False)
    named: bool = True
    roles: Mapping[str, object] | None = None

    @classmethod
    def of(
        cls, columns: Mapping[str, list], name: str, *, lines: Sequence[int] | None = None, named: bool = True
    ) -> "Rows":
        """Make rows of one source; default `lines`: 1, 2, ...

        Raises:
            DataError: If the number of columns or the length of cells exceeds the limits in docs/security.md.
        """
        security.check_table(columns, name, lines)
        count = len(next(iter(columns.values()))) if columns else 0
        lines = np.arange(1, count + 1) if lines is None else np.asarray(lines, np.int64)
        return cls(columns, (name,), np.zeros(count, np.int32), lines, named)

    @classmethod
    def concatenate(cls, parts: Sequence["Rows"]) -> "Rows":
        """Concatenate the rows of several files with the same columns.

        Raises:
            DataError: If the columns differ.
        """
        first = parts[0]
        for part in parts[1:]:
            if set(part.columns) != set(first.columns):
                raise bad_data(
                    part.files[0],
                    f"expected the columns of {first.files[0]}: {list(first.columns)}",
                    "Files that are read together must have the same columns.",
                    value=list(part.columns),
                )
        sizes = np.cumsum([0] + [len(part.files) for part in parts])
        return cls(
            {name: [value for part in parts for value in part.columns[name]] for name in first.columns},
            tuple(file for part in parts for file in part.files),
            np.concatenate([part.file_ids + size for part, size in zip(parts, sizes)]).astype(np.int32),
            np.concatenate([part.lines for part in parts]),
            first.named,
        )

    def __len__(self) -> int:
        return len(self.lines)

    @property
    def name(self) -> str:
        """Name of the source; for several files, the first name and the number of other files."""
        return self.files[0] if len(self.files) == 1 else f"{self.files[0]} and {len(self.files) - 1} more"

    def place(self, row: int) -> tuple[str, int]:
        """Return the file and the 1-based line of a row."""
        return self.files[self.file_ids[row]], int(self.lines[row])

    def error(self, row: int, problem: str, *, fix: str, value: object = None, can_skip: bool = True) -> DataError:
        """Return (not raise) the error for a row, with file, line and value, and with a hint on skipping it if `can_skip`."""
        file, line = self.place(row)
        error = bad_data(file, problem, fix, line=line, value=value)
        return error.with_hint() if can_skip else error

    def take(self, indices: Sequence[int] | np.ndarray) -> "Rows":
        """Return the rows at these indices, in this order."""
        indices = np.asarray(indices, np.int64)
        picked = {name: [values[i] for i in indices] for name, values in self.columns.items()}
        return replace(self, columns=picked, file_ids=self.file_ids[indices], lines=self.lines[indices])
